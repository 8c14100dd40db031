/** Keeps downloads in a directory inside the repository that git ignores. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

/** The directory. */
export const CACHE: string = new URL("../../../.cache", import.meta.url).pathname;

/**
 * A directory in the cache. If it does not exist, `make` gets an empty directory to work in, and
 * returns the part of it to keep. Several processes may do the same at once.
 */
export function cached(name: string, make: (staging: string) => string): string {
  const target = join(CACHE, name);
  if (existsSync(target)) return target;
  console.error(`Installing ${name}`);
  mkdirSync(CACHE, { recursive: true });
  const staging = mkdtempSync(join(CACHE, "staging-"));
  try {
    moveUnlessThere(make(staging), target);
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
  return target;
}

/** Installs packages from npm into a directory, without running their scripts. */
export function npmInstall(directory: string, packages: readonly string[], options: readonly string[] = []): void {
  const quiet = ["--no-save", "--ignore-scripts", "--no-audit", "--no-fund"];
  const args = ["install", "--prefix", directory, ...quiet, ...options, ...packages];
  const result = spawnSync("npm", args, { encoding: "utf8" });
  if (result.status !== 0) throw new Error(`npm install ${packages.join(" ")} failed:\n${result.stderr}`);
}

/** Another process may have made it first. */
function moveUnlessThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!existsSync(to)) throw error;
  }
}
