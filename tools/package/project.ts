/** Projects in which the built packages are installed from their tarballs, as users do. */
import assert from "node:assert/strict";
import { spawnSync, type SpawnSyncReturns } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { cached, npmInstall } from "../../tests/support/installed/cache.ts";
import type { PostgresServer } from "../../tests/support/installed/postgres.ts";
import { startTestServer } from "../../tests/support/installed/test_server.ts";
import { RUNTIMES } from "../../tests/support/installed/versions.ts";

type ToolName =
  | "esbuild"
  | "rollup"
  | "@rollup/plugin-node-resolve"
  | "tsx"
  | `typescript${5 | 7}`
  | `node${20 | 22 | 24 | 26}`;

/** The tools with which people use the packages. Each release of Node is a package with nothing but its binary. */
export const TOOLS: Readonly<Record<ToolName, string>> = {
  "esbuild": "0.28.2",
  "rollup": "4.68.8",
  "@rollup/plugin-node-resolve": "16.0.3",
  "tsx": "4.23.15",
  "typescript5": "npm:typescript@5.9.3",
  "typescript7": "npm:typescript@7.0.2",
  "node20": nodeOf("20.19.5"),
  "node22": nodeOf("22.15.0"),
  "node24": nodeOf("24.22.3"),
  "node26": nodeOf(RUNTIMES.node.split("@")[1]!),
};

function nodeOf(version: string): string {
  return `npm:node-${process.platform}-${process.arch}@${version}`;
}

/** The arguments of `npx` that run Bun. */
export const BUN: readonly string[] = ["-y", RUNTIMES.bun];

/** A project with the programs, and a server that they connect to. */
export class Project implements AsyncDisposable {
  readonly directory: string;
  readonly #server: PostgresServer;
  readonly #tools: string;

  private constructor(server: PostgresServer) {
    this.#server = server;
    this.directory = newProject();
    this.#tools = cached(`package-tools-${Object.values(TOOLS).join("-").replaceAll(/[^\w.-]/g, "")}`, (staging) => {
      npmInstall(staging, Object.entries(TOOLS).map(([name, version]) => `${name}@${version}`));
      return staging;
    });
  }

  /** A project with what `build` makes packed into a tarball. */
  static async make(build: (directory: string) => Promise<void>): Promise<Project> {
    const project = new Project(await startTestServer(18));
    const built = join(project.directory, "built");
    try {
      await build(built);
      project.spawn("npm", ["pack", "--silent", "--pack-destination", project.directory], built);
      return project;
    } catch (error) {
      await project[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The packed package. */
  get tarball(): string {
    return join(this.directory, readdirSync(this.directory).find((name) => name.endsWith(".tgz"))!);
  }

  /** Writes a file. */
  write(name: string, text: string): void {
    writeFileSync(join(this.directory, name), text);
  }

  /** Runs a command in the project, or in another directory; fails with what it printed. */
  spawn(command: string, args: readonly string[], cwd: string = this.directory): SpawnSyncReturns<string> {
    const { PATH, HOME } = process.env;
    const URL = `pg://test:1234@127.0.0.1:${this.#server.port}/test_db`;
    const result = spawnSync(command, args, {
      cwd,
      encoding: "utf8",
      timeout: 120_000,
      env: { PATH, HOME, npm_config_update_notifier: "false", NO_COLOR: "1", URL },
    });
    const printed = `${result.error ?? ""}${result.stdout}${result.stderr}`;
    assert.equal(result.status, 0, `${command} ${args.join(" ")}:\n${printed}`);
    return result;
  }

  /** The value that a program has printed in the end. */
  printed(command: string, ...args: string[]): unknown {
    return JSON.parse(this.spawn(command, args).stdout.trim().split("\n").at(-1)!);
  }

  /** A file of the tools. */
  tool(...path: string[]): string {
    return join(this.#tools, "node_modules", ...path);
  }

  /** A release of Node. */
  node(major: 20 | 22 | 24 | 26): string {
    return this.tool(`node${major}`, "bin", "node");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    rmSync(this.directory, { recursive: true, force: true });
    await this.#server[Symbol.asyncDispose]();
  }
}

/** The directory of a project as `npm init` makes it, with the programs. Only there are the packages that they import. */
export function newProject(): string {
  const directory = mkdtempSync(join(tmpdir(), "pyro-package-"));
  writeFileSync(join(directory, "package.json"), `{ "name": "a-project", "type": "module" }`);
  cpSync(join(import.meta.dirname!, "programs"), directory, { recursive: true });
  return directory;
}
