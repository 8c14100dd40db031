/** The drivers that pyro is measured beside: installed from npm, or compiled. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { CACHE, cached, npmInstall } from "../tests/support/cache.ts";
import { install } from "../tests/support/postgres.ts";

/** Their versions. */
export const PEERS = { postgres: "3.4.9", pg: "8.23.1" } as const;

/** Installs those from npm, if they are not there yet; where they are. */
export function installPeers(): string {
  return cached(`peers-${Object.values(PEERS).join("-")}`, (staging) => {
    npmInstall(staging, Object.entries(PEERS).map(([name, version]) => `${name}@${version}`));
    return staging;
  });
}

/** The module of one, in the way that the runtime has for npm packages. */
export async function importPeer<Module>(name: keyof typeof PEERS): Promise<Module> {
  if ("Deno" in globalThis) return await import(`npm:${name}@${PEERS[name]}`) as Module;
  return await import(pathToFileURL(createRequire(join(installPeers(), "x.js")).resolve(name)).href) as Module;
}

/** Compiles the floor in C against the libpq that comes with the server; why not, where that cannot be. */
export function compileFloor(): { readonly command: string; readonly env: Record<string, string> } | string {
  const libraries = join(install(18), "lib");
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
