/** Servers that are processes of their own, run by Node: they print their address, and end with their input. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { RUNTIMES } from "../installed/versions.ts";
import { ended } from "./process_end.ts";

/** A running server. */
export class ListeningProcess implements AsyncDisposable {
  /** The address that it has printed: `127.0.0.1:1234`. */
  readonly address: string;
  readonly #process: ChildProcess;

  private constructor(address: string, process: ChildProcess) {
    this.address = address;
    this.#process = process;
  }

  /** Starts a script of `tests/support/scripts`, and waits until it listens. It ends with this process, if not before. */
  static async start(name: string, ...args: readonly string[]): Promise<ListeningProcess> {
    const script = join(import.meta.dirname!, "../scripts", name);
    // The end of its input ends it, also through npx, and when this process ends abruptly.
    const child = spawn("npx", ["-y", RUNTIMES.node, script, ...args], { stdio: ["pipe", "pipe", "pipe"] });
    let log = "";
    const address = await new Promise<string>((ready, reject) => {
      child.stdout.on("data", (chunk) => {
        log += chunk;
        const address = /^listening on (.+)$/m.exec(log)?.[1];
        if (address !== undefined) ready(address);
      });
      child.stderr.on("data", (chunk) => log += chunk);
      child.once("error", reject);
      child.once("close", (code) => reject(new Error(`${name} ended with ${code}:\n${log}`)));
    });
    return new ListeningProcess(address, child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.stdin!.end();
    await ended(this.#process);
  }
}
