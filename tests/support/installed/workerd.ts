/** Cloudflare's workerd for tests, from npm: a Worker that is bundled from sources, behind HTTP. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { ended } from "../processes/process_end.ts";
import { cached, npmInstall } from "./cache.ts";
import { freePort } from "./postgres.ts";
import { packages, WORKERD } from "./versions.ts";

/** A running Worker. */
export class Worker implements AsyncDisposable {
  readonly #url: string;
  readonly #process: ChildProcess;
  readonly #directory: string;

  private constructor(url: string, process: ChildProcess, directory: string) {
    this.#url = url;
    this.#process = process;
    this.#directory = directory;
  }

  /**
   * Starts a Worker that calls `respond` of a script of `tests/support/scripts` with a request and the platform's
   * `connect`. It trusts these certificates, in PEM, and no others.
   */
  static async start(script: string, certificates: readonly string[]): Promise<Worker> {
    const programs = installWorkerd();
    const directory = mkdtempSync(join(tmpdir(), "pyro-worker-"));
    const path = join(import.meta.dirname!, "../scripts", script);
    writeFileSync(join(directory, "entry.js"), ENTRY.replace("SCRIPT", JSON.stringify(path)));
    bundle(programs, directory);
    const port = await freePort();
    writeFileSync(join(directory, "config.capnp"), configuration(port, certificates));
    const child = spawn(programOf(programs), ["serve", join(directory, "config.capnp")], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let log = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => log += chunk);
    const worker = new Worker(`http://127.0.0.1:${port}/`, child, directory);
    process.once("exit", () => child.kill("SIGKILL"));
    for (let attempt = 0;; attempt++) {
      if (child.exitCode !== null || attempt > 600) {
        await worker[Symbol.asyncDispose]();
        throw new Error(`workerd has not started:\n${log}`);
      }
      try {
        await (await fetch(worker.#url)).text();
        return worker;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }

  /** What it answers to parameters. */
  async ask(parameters: Readonly<Record<string, string>>): Promise<string> {
    const response = await fetch(`${this.#url}?${new URLSearchParams(parameters)}`);
    return await response.text();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await ended(this.#process);
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** Installs the packages, unless they are in the cache. Returns the directory with them. */
function installWorkerd(): string {
  const directory = cached(`workerd-${Object.values(WORKERD).join("-")}`, (staging) => {
    npmInstall(staging, packages(WORKERD));
    return staging;
  });
  return join(directory, "node_modules");
}

/** The program itself; the package's own command is a script that starts it. */
function programOf(programs: string): string {
  const scope = join(programs, "@cloudflare");
  const [platform] = readdirSync(scope).filter((name) => name.startsWith("workerd-"));
  return join(scope, platform!, "bin/workerd");
}

function bundle(programs: string, directory: string): void {
  const { status, stderr } = spawnSync(join(programs, ".bin/esbuild"), [
    join(directory, "entry.js"),
    "--bundle",
    "--format=esm",
    "--platform=neutral",
    "--external:node:*",
    "--external:cloudflare:*",
    `--outfile=${join(directory, "worker.js")}`,
  ], { encoding: "utf8" });
  if (status !== 0) throw new Error(`esbuild failed:\n${stderr}`);
}

function configuration(port: number, certificates: readonly string[]): string {
  const trusted = certificates.map((text) => JSON.stringify(text)).join(", ");
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (modules = [(name = "worker.js", esModule = embed "worker.js")], compatibilityDate = "2026-11-01")),
    (name = "internet", network = (allow = ["private", "public", "local"], tlsOptions = (trustedCertificates = [${trusted}]))),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
`;
}

const ENTRY = `import { connect } from "cloudflare:sockets";
import { respond } from SCRIPT;
export default { fetch: (request) => respond(request, connect) };
`;
