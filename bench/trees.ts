/** What the launcher gives a process that measures a library: a directory with packages, and what to use it on. */
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";

/** The variable with the directory. */
export const TREE = "PYRO_BENCH_TREE";

/** The variable with what a library is used on. */
export const UNDER = "PYRO_BENCH_UNDER";

/** The file in the directory that imports packages as a program there would. */
export const LOADER = "loader.mjs";

/** A module of the packages that this process was given; undefined where it was given none. */
export async function importFromTree<Module>(name: string): Promise<Module | undefined> {
  const tree = process.env[TREE];
  if (tree === undefined) return undefined;
  const { load } = await import(pathToFileURL(join(tree, LOADER)).href) as { load(name: string): Promise<Module> };
  return await load(name);
}

/** What a library is to be used on in this process. */
export function under(): "pg" | "postgres" | "pyro" {
  return process.env[UNDER] as "pg" | "postgres" | "pyro";
}
