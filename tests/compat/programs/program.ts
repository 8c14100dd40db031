/** What the programs share. Each is run in a tree of packages with pg, and in one with pyro in pg's place. */
import { deepEqual, equal } from "node:assert/strict";
import process from "node:process";
import { report } from "../../../tools/compat/in_tree/report.ts";

/** The database, which is empty. */
export const url: string = process.env.DATABASE_URL!;

/** A package's module. Its types are not there where this is checked. */
// deno-lint-ignore no-explicit-any
export type Loaded = any;

/** Loads a package from the tree. */
export async function load(name: string): Promise<Loaded> {
  return await import(name);
}

/** Runs a part of a program, and reports it by its name; the next parts run also if it fails. */
export async function part(name: string, body: () => Promise<void>): Promise<void> {
  try {
    await body();
    report(name, "passed");
  } catch (error) {
    report(name, "failed", error);
    process.exitCode = 1;
  }
}

/** Waits until a condition holds; fails after some seconds. */
export async function until(condition: () => boolean): Promise<void> {
  for (let attempt = 0; !condition(); attempt++) {
    if (attempt === 400) throw new Error(`it has not come: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The error with which a promise must be rejected. */
export async function errorOf(promise: PromiseLike<unknown>): Promise<Loaded> {
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    return error;
  }
  throw new Error(`it was not rejected, but gave ${JSON.stringify(value)}`);
}

export { deepEqual, equal };
