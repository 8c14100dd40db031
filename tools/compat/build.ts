/** pyro's packages, as they are published. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { buildPackage } from "../build.ts";
import { buildPgPackage } from "../build_pg.ts";

/** Builds them into a directory: `pyro`, and `pyro-pg`, which goes in pg's place. */
export async function buildAll(directory: string): Promise<string> {
  rmSync(directory, { recursive: true, force: true });
  await buildPackage(join(directory, "pyro"));
  await buildPgPackage(join(directory, "pyro-pg"));
  return directory;
}
