/** Runs PgBouncer for tests, from Debian's package: it is unpacked into the cache, so that no rights are needed. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { account } from "./account.ts";
import { cached } from "./cache.ts";
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
    const root = installPgBouncer();
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
    const child = spawn(join(root, "usr/sbin/pgbouncer"), [config], {
      cwd: tmpdir(),
      env: { LD_LIBRARY_PATH: libraries(root), PATH: process.env.PATH ?? "" },
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

/** Unpacks PgBouncer and its libraries, unless they are in the cache. Returns their directory. */
function installPgBouncer(): string {
  return cached("pgbouncer", (staging) => {
    const download = (name: string): boolean => spawnSync("apt-get", ["download", name], { cwd: staging }).status === 0;
    if (!download("pgbouncer")) {
      throw new Error("apt-get cannot download pgbouncer: run `apt-get update` as root first");
    }
    // The libraries' names carry their version, which differs between releases.
    for (const names of [["libevent-2.1-7", "libevent-2.1-7t64"], ["libc-ares2", "libcares2"]]) names.some(download);
    for (const file of readdirSync(staging).filter((name) => name.endsWith(".deb"))) {
      spawnSync("dpkg", ["-x", join(staging, file), join(staging, "root")]);
    }
    const root = join(staging, "root");
    const version = spawnSync(join(root, "usr/sbin/pgbouncer"), ["--version"], {
      env: { LD_LIBRARY_PATH: libraries(root) },
      encoding: "utf8",
    });
    if (version.status !== 0) throw new Error(`pgbouncer does not run here: ${version.stderr ?? version.error}`);
    return root;
  });
}

function libraries(root: string): string {
  const base = join(root, "usr/lib");
  return existsSync(base) ? readdirSync(base).map((name) => join(base, name)).join(":") : "";
}
