/**
 * Prints an error of the server's whose message has control characters. Arguments: a URL, the world, and how it is
 * printed: `console` in each way that leaves the process running, or one of those that end it.
 */
import process from "node:process";
import { inspect } from "node:util";
import * as awaiting from "../../../mod.ts";
import * as blocking from "../../../sync.ts";

const [url, world, how] = process.argv.slice(2);
const RAISE =
  String.raw`do $$ begin raise exception using message = E'red \x1b[31m bell \x07 line\r\x7f' || chr(155), ` +
  String.raw`detail = E'detail \x1b[31m'; end $$`;
const MESSAGE = "red \x1b[31m bell \x07 line\r\x7f\x9b";

async function refused(): Promise<Error> {
  try {
    if (world === "sync") {
      using conn = new blocking.Conn(url!);
      conn.query(RAISE);
    } else {
      await using conn = await awaiting.Conn.connect(url!);
      await conn.query(RAISE);
    }
  } catch (error) {
    return error as Error;
  }
  throw new Error("the server raises an error");
}

const error = await refused();
const runtime = globalThis as unknown as { Deno?: { inspect: typeof inspect }; Bun?: { inspect: typeof inspect } };
const ENDS: Readonly<Record<string, () => unknown>> = {
  throw: () => {
    throw error;
  },
  "throw later": () => {
    setTimeout(() => {
      throw error;
    });
  },
  reject: () => void Promise.reject(error),
  "throw with a cause": () => {
    throw new Error("outer", { cause: error });
  },
};
if (how !== "console") ENDS[how!]!();
else {
  console.log(error);
  console.error("it:", { nested: [error] });
  console.log(new Error("outer", { cause: error }));
  console.log(new AggregateError([error], "several"));
  console.log(error.stack);
  console.log(inspect(error), inspect(error, { showHidden: true }));
  console.log((runtime.Deno ?? runtime.Bun ?? { inspect }).inspect(error));
  console.log(JSON.stringify(error));
  console.log(new awaiting.ConnectionError(`lost: ${error.message}`, { cause: error }));
  const read = [error.message, Reflect.get(error, "message"), `${error}`.slice("ServerError: ".length)];
  console.log(read.every((text) => text === MESSAGE) ? "scripts read all of it" : "scripts do not read all of it");
}
