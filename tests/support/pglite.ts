/**
 * PGlite for tests: PostgreSQL compiled to WebAssembly, from npm, with pgvector, which the other
 * servers have not. It serves one connection at a time, and all of them are the same session.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { cached, npmInstall } from "./cache.ts";
import { ended } from "./ended.ts";
import { packages, PGLITE, RUNTIMES } from "./versions.ts";

/** A running PGlite with an empty database. */
export class Pglite implements AsyncDisposable {
  /** Where it is, for one connection after the other. */
  readonly url: string;
  readonly #process: ChildProcess;

  private constructor(address: string, process: ChildProcess) {
    this.url = `pg://postgres@${address}/postgres?sslmode=disable&upgrade_to_unix_socket=no`;
    this.#process = process;
  }

  /** Starts one and waits until it accepts connections. It ends with this process at the latest. */
  static async start(): Promise<Pglite> {
    const script = join(import.meta.dirname!, "scripts", "pglite.ts");
    // Its input is what ends it, also through npx, and when this process has no time to say so.
    const child = spawn("npx", ["-y", RUNTIMES.node, script, installPglite()], { stdio: ["pipe", "pipe", "pipe"] });
    let log = "";
    const address = await new Promise<string>((ready, reject) => {
      child.stdout.on("data", (chunk) => {
        log += chunk;
        const address = /^listening on (.+)$/m.exec(log)?.[1];
        if (address !== undefined) ready(address);
      });
      child.stderr.on("data", (chunk) => log += chunk);
      child.once("error", reject);
      child.once("close", (code) => reject(new Error(`pglite ended with ${code}:\n${log}`)));
    });
    return new Pglite(address, child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.stdin!.end();
    await ended(this.#process);
  }
}

/** Installs the packages, if that was not done yet; where they are. */
function installPglite(): string {
  return cached(`pglite-${Object.values(PGLITE).join("-")}`, (staging) => {
    // The socket package has extensions for peers that nobody asks for here.
    npmInstall(staging, packages(PGLITE), ["--legacy-peer-deps"]);
    return staging;
  });
}
