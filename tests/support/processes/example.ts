/** Runs the servers of `docs/examples` as processes, each on its runtime. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import process from "node:process";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { runtime } from "../suite/runtime.ts";

/** A running server of `docs/examples`: the one for the runtime of the tests. */
export class Example implements AsyncDisposable {
  /** Its URL, without a slash at the end. */
  readonly url: string;
  readonly #child: Child;

  private constructor(url: string, child: Child) {
    this.url = url;
    this.#child = child;
  }

  /** Starts it and waits until it listens. `deadline`: milliseconds for a request. */
  static async start(database: string, deadline: number): Promise<Example> {
    const child = spawnExample({ DATABASE_URL: database, PORT: "0", DEADLINE: String(deadline), NO_COLOR: "1" });
    let output = "";
    for await (const chunk of child.stdout) {
      output += new TextDecoder().decode(chunk);
      const url = /^Listening on (http:\S+)\/$/m.exec(output)?.[1];
      if (url !== undefined) return new Example(url.replace("localhost", "127.0.0.1"), child);
    }
    throw new Error(`The example ended with ${await child.ended} before it listened: ${output}${await child.log}`);
  }

  /** Asks it to stop, and resolves to its exit code. */
  async stop(): Promise<number | null> {
    this.#child.kill("SIGTERM");
    return await this.#child.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.ended;
  }
}

interface Child {
  readonly stdout: AsyncIterable<Uint8Array>;
  /** Its output to standard error, at its end. */
  readonly log: Promise<string>;
  readonly ended: Promise<number | null>;
  kill(signal: "SIGTERM" | "SIGKILL"): void;
}

function spawnExample(env: Readonly<Record<string, string>>): Child {
  const file = (name: string): string => join(import.meta.dirname!, "../../../docs/examples", name);
  if (runtime !== "deno") {
    const child = spawn(process.execPath, [file(runtime === "bun" ? "bun_serve.ts" : "node_http.ts")], {
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const ended = once(child, "exit").then(([code]) => code as number | null);
    return {
      stdout: keptOpen(child.stdout),
      log: text(child.stderr),
      ended,
      kill: (signal) => void child.kill(signal),
    };
  }
  // Uses `Deno.Command`, since Deno's `node:child_process` adds permissions to every Deno that it starts.
  const permissions = ["--allow-net", "--allow-env", `--allow-read=${file("page.html")}`];
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-check", "--unstable-no-legacy-abort", ...permissions, file("deno_serve.ts")],
    env,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let isOver = false;
  const ended = child.status.then(({ code, signal }) => {
    isOver = true;
    return signal === null ? code : null;
  });
  return {
    stdout: child.stdout.values({ preventCancel: true }),
    log: new Response(child.stderr).text(),
    ended: ended.finally(() => child.stdout.cancel()),
    kill: (signal) => void (isOver || child.kill(signal)),
  };
}

/** The chunks of a stream. Leaving the loop does not close it, which would end the process at its next line. */
function keptOpen(stream: Readable): AsyncIterable<Uint8Array> {
  return stream.iterator({ destroyOnReturn: false });
}
