/**
 * PGlite for tests: PostgreSQL compiled to WebAssembly, from npm, with pgvector, which the other
 * servers do not have. It serves one connection at a time, and all of them are the same session.
 */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { cached, npmInstall } from "./cache.ts";
import type { PgliteDatabase } from "../../../src/pglite/mod.ts";
import { ListeningProcess } from "../processes/listening.ts";
import { packages, PGLITE } from "./versions.ts";

/** A running PGlite with an empty database. */
export class Pglite implements AsyncDisposable {
  /** Its URL, for one connection at a time. */
  readonly url: string;
  readonly #process: ListeningProcess;

  private constructor(process: ListeningProcess) {
    this.url = `pg://postgres@${process.address}/postgres?sslmode=disable&upgrade_to_unix_socket=no`;
    this.#process = process;
  }

  /** Starts one and waits until it accepts connections. It ends with this process, if not before. */
  static async start(): Promise<Pglite> {
    return new Pglite(await ListeningProcess.start("pglite.ts", installPglite()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
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
