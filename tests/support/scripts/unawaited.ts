/**
 * A transaction with a call that fails and that nobody awaits. Arguments: a URL; `observed` for a process that listens to
 * unhandled rejections. Prints what the transaction and the listener were told.
 */
import process from "node:process";
import { Conn, PyroError } from "../../../mod.ts";

const [url, observed] = process.argv.slice(2);
const unhandled: unknown[] = [];
if (observed === "observed") process.on("unhandledRejection", (reason) => void unhandled.push(reason));
const conn = await Conn.connect(url!);
const told = await conn.tx((tx) => {
  void tx.exec("select 1 / 0");
}).then(() => undefined, (error: unknown) => error);
await new Promise((resolve) => setTimeout(resolve, 50));
await conn.close();
console.log(JSON.stringify([codeOf(told), codeOf((told as Error).cause), unhandled.map(codeOf)]));

function codeOf(error: unknown): unknown {
  return error instanceof PyroError && "code" in error ? error.code : String(error);
}
