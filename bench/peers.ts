/** The drivers that pyro is measured beside: installed from npm, or compiled. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { CACHE, install, VERSIONS } from "../tests/support/postgres.ts";

/** Their versions. */
export const PEERS = { postgres: "3.4.9", pg: "8.23.1" } as const;

const DIRECTORY = join(CACHE, `peers-${Object.values(PEERS).join("-")}`);

/** Installs those from npm, if they are not there yet. */
export function installPeers(): void {
  if (existsSync(DIRECTORY)) return;
  mkdirSync(CACHE, { recursive: true });
  const staging = mkdtempSync(join(CACHE, "staging-"));
  const packages = Object.entries(PEERS).map(([name, version]) => `${name}@${version}`);
  const result = spawnSync(
    "npm",
    ["install", "--prefix", staging, "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", ...packages],
    { encoding: "utf8" },
  );
  if (result.status !== 0) throw new Error(`npm install ${packages.join(" ")} failed:\n${result.stderr}`);
  renameSync(staging, DIRECTORY);
}

/** The module of one, in the way that the runtime has for npm packages. */
export async function importPeer<Module>(name: keyof typeof PEERS): Promise<Module> {
  if ("Deno" in globalThis) return await import(`npm:${name}@${PEERS[name]}`) as Module;
  return await import(pathToFileURL(createRequire(join(DIRECTORY, "x.js")).resolve(name)).href) as Module;
}

/** Compiles the floor in C against the libpq that comes with the server; why not, where that cannot be. */
export function compileFloor(): { readonly command: string; readonly env: Record<string, string> } | string {
  install(18);
  const libraries = join(CACHE, `postgres-${VERSIONS[18]}`, "lib");
  const command = join(mkdtempSync(join(CACHE, "floor-")), "libpq");
  const source = join(import.meta.dirname!, "drivers", "libpq.c");
  const result = spawnSync("cc", ["-O2", "-o", command, source, join(libraries, "libpq.so.5")], { encoding: "utf8" });
  if (result.error !== undefined) return `there is no C compiler: ${result.error.message}`;
  if (result.status !== 0) return `cc failed:\n${result.stderr}`;
  return { command, env: { LD_LIBRARY_PATH: libraries } };
}

/** Removes what {@linkcode compileFloor} made. */
export function removeFloor(command: string): void {
  rmSync(join(command, ".."), { recursive: true, force: true });
}
