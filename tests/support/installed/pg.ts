/**
 * pg and pyro in its place, in one process. The packages that `src/pg` imports are resolved in the directory where pg is
 * installed: Deno finds them by itself, but Node and Bun look for them beside the sources.
 */
import * as nodeModule from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type * as PyroPg from "../../../src/pg/mod.ts";
import { runtime } from "../suite/runtime.ts";
import { cached, npmInstall } from "./cache.ts";
import { packages, PG } from "./versions.ts";

/** What both modules have. */
export type PgModule = Omit<typeof PyroPg, "default">;

/** A file beside the packages, which need not exist. */
const beside = join(
  cached(`pg-${Object.values(PG).join("-")}`, (staging) => {
    npmInstall(staging, packages(PG));
    return staging;
  }),
  "x.js",
);
const require = nodeModule.createRequire(beside);

/** The packages that `src/pg` imports. */
const IMPORTED: readonly string[] = ["pg-connection-string", "pg-types"];

/** A module of pg's, or of a package for it. */
export function requirePg<T>(name: string): T {
  return require(name) as T;
}

/** A module of `src/pg`, by its name. */
export async function importPg<T = PgModule>(name: string = "mod"): Promise<T> {
  resolvePackages();
  return await import(new URL(`../../../src/pg/${name}.ts`, import.meta.url).href) as T;
}

let isResolving = runtime === "deno";

/** Lets the runtime find the packages. */
function resolvePackages(): void {
  if (isResolving) return;
  isResolving = true;
  if (runtime === "node") {
    const { registerHooks } = nodeModule as unknown as { registerHooks(hooks: NodeHooks): void };
    const parentURL = pathToFileURL(beside).href;
    registerHooks({
      resolve: (specifier, context, next) =>
        next(specifier, IMPORTED.includes(specifier) ? { ...context, parentURL } : context),
    });
    return;
  }
  const loaded = new Map(IMPORTED.map((name) => [name, require(name) as Record<string, unknown>]));
  const { Bun } = globalThis as unknown as { Bun: { plugin(plugin: BunPlugin): void } };
  Bun.plugin({
    name: "packages of src/pg",
    setup(build) {
      for (const [name, exported] of loaded) {
        build.module(name, () => ({ loader: "object", exports: { ...exported, default: exported } }));
      }
    },
  });
}

interface BunPlugin {
  readonly name: string;
  setup(build: {
    module(name: string, load: () => { loader: "object"; exports: Record<string, unknown> }): void;
  }): void;
}

interface NodeHooks {
  resolve(specifier: string, context: object, next: (specifier: string, context: object) => unknown): unknown;
}
