/** Runs Pgpool-II for tests, from Debian's package. */
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as pause } from "node:timers/promises";
import { account } from "./account.ts";
import { installDebian } from "./debian.ts";
import { ended } from "../processes/process_end.ts";
import { freePort } from "./postgres.ts";

/** The options of a Pgpool. */
export interface PgpoolOptions {
  /** The ports of the servers behind it, on 127.0.0.1: the primary, and its standbys. */
  readonly backends: readonly number[];
  /** How many clients it serves at a time. Default: 8. */
  readonly clients?: number;
  /** Further settings. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A running Pgpool that lets everybody in whom the servers let in. */
export class Pgpool implements AsyncDisposable {
  readonly port: number;
  readonly #process: ChildProcess;
  readonly #directory: string;
  #log = "";

  private constructor(port: number, process: ChildProcess, directory: string) {
    this.port = port;
    this.#process = process;
    this.#directory = directory;
    process.stderr!.on("data", (chunk) => this.#log += chunk);
  }

  /** What it has logged. */
  get log(): string {
    return this.#log;
  }

  /** Starts one and waits until it accepts connections. */
  static async start({ backends, clients = 8, settings = {} }: PgpoolOptions): Promise<Pgpool> {
    // libldap and what it needs are on most machines already.
    const program = installDebian("pgpool2", "usr/sbin/pgpool", [
      ["libpgpool2"],
      ["libmemcached11", "libmemcached11t64"],
      ["libhashkit2", "libhashkit2t64"],
      ["libldap-2.5-0", "libldap2"],
      ["libsasl2-2"],
      ["libpq5"],
    ]);
    const directory = mkdtempSync(join(tmpdir(), "pyro-pgpool-"));
    const logs = join(directory, "log");
    mkdirSync(logs);
    for (const path of [directory, logs]) {
      chmodSync(path, 0o755);
      if (account !== undefined) chownSync(path, account.uid, account.gid);
    }
    const port = await freePort();
    const config = join(directory, "pgpool.conf");
    writeFileSync(
      config,
      configuration(directory, port, await freePort(), backends, { num_init_children: `${clients}`, ...settings }),
    );
    const files = ["pcp.conf", "pool_hba.conf", "pool_key"].map((name) => join(directory, name));
    for (const file of files) writeFileSync(file, "");
    const [pcp, hba, key] = files;
    const child = spawn(program.path, ["-n", "-f", config, "-F", pcp!, "-a", hba!, "-k", key!], {
      cwd: tmpdir(),
      env: { ...program.env, PATH: process.env.PATH ?? "" },
      stdio: ["ignore", "ignore", "pipe"],
      ...account,
    });
    const pool = new Pgpool(port, child, directory);
    for (let attempt = 0; !await accepts(port); attempt++) {
      if (child.exitCode !== null || attempt === 300) {
        await pool[Symbol.asyncDispose]();
        throw new Error(`pgpool does not start:\n${pool.#log}`);
      }
      await pause(50);
    }
    return pool;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // It ends its children.
    this.#process.kill("SIGINT");
    await Promise.race([ended(this.#process), pause(5000, undefined, { ref: false })]);
    this.#process.kill("SIGKILL");
    await ended(this.#process);
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function configuration(
  directory: string,
  port: number,
  controlPort: number,
  backends: readonly number[],
  settings: Readonly<Record<string, string>>,
): string {
  const servers = backends.flatMap((backend, i) => [
    [`backend_hostname${i}`, "127.0.0.1"],
    [`backend_port${i}`, String(backend)],
    [`backend_weight${i}`, "1"],
    [`backend_flag${i}`, i === 0 ? "ALWAYS_PRIMARY|DISALLOW_TO_FAILOVER" : "DISALLOW_TO_FAILOVER"],
  ]);
  const all = Object.entries({
    listen_addresses: "127.0.0.1",
    port: String(port),
    socket_dir: directory,
    pcp_listen_addresses: "127.0.0.1",
    pcp_port: String(controlPort),
    pcp_socket_dir: directory,
    pid_file_name: join(directory, "pgpool.pid"),
    logdir: join(directory, "log"),
    backend_clustering_mode: "streaming_replication",
    load_balance_mode: "on",
    sr_check_period: "0",
    health_check_period: "0",
    ...settings,
  });
  return [...servers, ...all].map(([name, value]) => `${name} = '${value}'\n`).join("");
}

/** Whether something listens on a port. */
async function accepts(port: number): Promise<boolean> {
  const socket = new Socket();
  try {
    return await new Promise<boolean>((resolve) => {
      socket.once("error", () => resolve(false));
      socket.connect(port, "127.0.0.1", () => resolve(true));
    });
  } finally {
    socket.destroy();
  }
}
