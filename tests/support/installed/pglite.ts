/**
 * PGlite for tests: PostgreSQL compiled to WebAssembly, from npm, with pgvector, which the other
 * servers do not have. It serves one connection at a time, and all of them are the same session.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { cached, npmInstall } from "./cache.ts";
import type { PgliteDatabase } from "../../../src/pglite/mod.ts";
import { ended } from "../processes/process_end.ts";
import { packages, PGLITE, RUNTIMES } from "./versions.ts";

/** A running PGlite with an empty database. */
export class Pglite implements AsyncDisposable {
  /** Its URL, for one connection at a time. */
  readonly url: string;
  readonly #process: ChildProcess;

  private constructor(address: string, process: ChildProcess) {
    this.url = `pg://postgres@${address}/postgres?sslmode=disable&upgrade_to_unix_socket=no`;
    this.#process = process;
  }

  /** Starts one and waits until it accepts connections. It ends with this process, if not before. */
  static async start(): Promise<Pglite> {
    const script = join(import.meta.dirname!, "../scripts", "pglite.ts");
    // The end of its input ends it, also through npx, and when this process ends abruptly.
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

/** PGlite in this process. */
export async function createPglite(): Promise<PgliteInProcess> {
  const directory = join(installPglite(), "node_modules/@electric-sql/pglite/dist");
  const { PGlite } = await import(pathToFileURL(join(directory, "index.js")).href);
  return await PGlite.create();
}

/** The members of PGlite's class that tests use. */
export interface PgliteInProcess extends Required<PgliteDatabase> {
  query(sql: string): Promise<{ readonly rows: unknown[] }>;
  listen(channel: string, listener: (payload: string) => void): Promise<unknown>;
  close(): Promise<void>;
}

/** Installs the packages, unless they are in the cache. Returns their directory. */
function installPglite(): string {
  return cached(`pglite-${Object.values(PGLITE).join("-")}`, (staging) => {
    // The socket package has peer dependencies on extensions that are not needed here.
    npmInstall(staging, packages(PGLITE), ["--legacy-peer-deps"]);
    return staging;
  });
}
