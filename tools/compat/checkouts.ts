/** The repositories with the suites, which no package registry has: given by the caller, or cloned. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { CACHE } from "../../tests/support/installed/cache.ts";

/** The repositories, by the name of their folder, in the releases of the packages that are tried. */
const REPOSITORIES = {
  "node-postgres": { owner: "brianc", tag: "pg@8.23.0" },
  "kysely": { owner: "kysely-org", tag: "v0.29.5" },
  "drizzle-orm": { owner: "drizzle-team", tag: "0.45.2" },
} as const;

/** The name of a repository, and of its folder. */
export type Repository = keyof typeof REPOSITORIES;

/** The folder of a repository: below `from`, or below the cache, where it is cloned unless it is there. */
export function checkout(name: Repository, from: string | undefined): string {
  const parent = from ?? join(CACHE, "compat", "checkouts");
  const directory = join(parent, name);
  if (existsSync(directory)) return directory;
  const { owner, tag } = REPOSITORIES[name];
  const clone = ["clone", "--depth=1", `--branch=${tag}`, `https://github.com/${owner}/${name}.git`];
  if (from === undefined) {
    mkdirSync(parent, { recursive: true });
    const { status } = spawnSync("git", [...clone, directory], { stdio: "inherit", timeout: CLONE_TIMEOUT });
    if (status === 0) return directory;
  }
  throw new Error(
    `${directory} is missing: get it with "git ${clone.join(" ")}", and name the folder that it is in by --from`,
  );
}

/** Milliseconds. */
const CLONE_TIMEOUT = 300_000;
