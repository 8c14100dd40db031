/** The floor: the program over libpq in C, and pg-native, whose addon is compiled too. */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { cached } from "../tests/support/installed/cache.ts";
import { install } from "../tests/support/installed/postgres.ts";
import { PG_NATIVE } from "../tests/support/installed/versions.ts";

/** What runs something, and with what in the environment. */
export interface Program {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Compiles the floor against the libpq that comes with the server; why not, where that cannot be. */
export function compileFloor(directory: string): Program | string {
  const libraries = join(install(18), "lib");
  const command = join(directory, "libpq");
  const folder = join(import.meta.dirname!, "floor");
  const sources = readdirSync(folder).filter((name) => name.endsWith(".c")).map((name) => join(folder, name));
  const args = ["-O2", "-o", command, ...sources, join(libraries, "libpq.so.5")];
  const result = spawnSync("cc", args, { encoding: "utf8" });
  if (result.error !== undefined) return `there is no C compiler: ${result.error.message}`;
  if (result.status !== 0) return `cc failed:\n${result.stderr}`;
  return { command: [command], env: { LD_LIBRARY_PATH: libraries } };
}

/**
 * Builds pg-native for the Node that npm runs on, which may be older than the one that is measured otherwise, and
 * than types in the source; why not, where that cannot be.
 */
export function buildPgNative(directory: string, bun: string): Program | string {
  const node = run("node", ["-p", "process.version"]);
  if (node.status !== 0) return "there is no node";
  let installed: string;
  try {
    installed = cached(`pg-native-${PG_NATIVE}-${node.stdout.trim()}`, (staging) => {
      // Unlike others it has to run its script, which compiles it.
      const args = ["install", "--prefix", staging, "--no-save", "--no-audit", "--no-fund", `pg-native@${PG_NATIVE}`];
      const { status, stderr } = run("npm", args);
      if (status !== 0) throw new Error(stderr.split("\n").filter((line) => /err/i.test(line)).slice(0, 12).join("\n"));
      const tried = run("node", ["-e", "require('pg-native')"], staging);
      if (tried.status !== 0) throw new Error(tried.stderr);
      return staging;
    });
  } catch (error) {
    return `it cannot be built (it needs libpq's headers and Node's):\n${(error as Error).message}`;
  }
  const bundle = join(directory, "pg_native.mjs");
  const bundled = run(bun, [
    "build",
    "--target=node",
    `--outfile=${bundle}`,
    join(import.meta.dirname!, "measure_pg_native.ts"),
  ]);
  if (bundled.status !== 0) return `it cannot be bundled:\n${bundled.stderr}`;
  return { command: ["node", bundle], env: { PYRO_BENCH_PG_NATIVE: join(installed, "x.js") } };
}

/** Whether psql can be run; why not. */
export function findPsql(): string | undefined {
  return run("psql", ["--version"]).status === 0 ? undefined : "there is no psql";
}

function run(program: string, args: readonly string[], cwd: string = process.cwd()): {
  status: number | null;
  stdout: string;
  stderr: string;
} {
  return spawnSync(program, args, { encoding: "utf8", cwd });
}
