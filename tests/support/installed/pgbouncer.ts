/** Runs PgBouncer for tests, from Debian's package. */
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { account } from "./account.ts";
import { installDebian } from "./debian.ts";
import { ended } from "../processes/process_end.ts";
import { freePort } from "./postgres.ts";

/** The options of a PgBouncer. */
export interface PgBouncerOptions {
  /**
   * The server behind it, in PgBouncer's syntax: `host=127.0.0.2 port=5432 user=test`; or a server for
   * each database name.
   */
  readonly server: string | Readonly<Record<string, string>>;
  /** The port to listen on, on 127.0.0.1. Default: a free one. */
  readonly port?: number;
  /** When a server connection is given to the next client. Default: "session". */
  readonly mode?: "session" | "transaction" | "statement";
  /** Further lines of its configuration. */
  readonly settings?: readonly string[];
}

/** A running PgBouncer that lets everybody in. */
export class PgBouncer implements AsyncDisposable {
  readonly port: number;
  readonly #process: ChildProcess;
  readonly #directory: string;

  private constructor(port: number, process: ChildProcess, directory: string) {
    this.port = port;
    this.#process = process;
    this.#directory = directory;
  }

  /** Starts one and waits until it accepts connections. */
  static async start({ server, port, mode = "session", settings = [] }: PgBouncerOptions): Promise<PgBouncer> {
    const program = installDebian("pgbouncer", "usr/sbin/pgbouncer", [
      ["libevent-2.1-7", "libevent-2.1-7t64"],
      ["libc-ares2", "libcares2"],
    ]);
    const directory = mkdtempSync(join(tmpdir(), "pyro-pgbouncer-"));
    chmodSync(directory, 0o755);
    const actualPort = port ?? await freePort();
    const config = join(directory, "pgbouncer.ini");
    writeFileSync(
      config,
      [
        "[databases]",
        ...Object.entries(typeof server === "string" ? { "*": server } : server).map((entry) => entry.join(" = ")),
        "[pgbouncer]",
        "listen_addr = 127.0.0.1",
        `listen_port = ${actualPort}`,
        "unix_socket_dir =",
        "auth_type = any",
        `pool_mode = ${mode}`,
        ...settings,
        "",
      ].join("\n"),
    );
    const child = spawn(program.path, [config], {
      cwd: tmpdir(),
      env: { ...program.env, PATH: process.env.PATH ?? "" },
      stdio: ["ignore", "ignore", "pipe"],
      ...account,
    });
    let log = "";
    await new Promise<void>((ready, reject) => {
      child.stderr!.on("data", (chunk) => {
        log += chunk;
        if (/process up/.test(log)) ready();
      });
      child.once("error", reject);
      child.once("exit", (code) => reject(new Error(`pgbouncer ended with ${code}:\n${log}`)));
    });
    return new PgBouncer(actualPort, child, directory);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await ended(this.#process);
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
