/**
 * Kysely and Drizzle, and the drivers that they are used with otherwise, from npm. Once this module is loaded, the
 * libraries can be imported by their names. So tests load what imports them after it, by a dynamic import: and that of a
 * module of theirs with static imports, since Deno may not find a package that a dynamic import names.
 */
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { runtime } from "../suite/runtime.ts";
import { cached, npmInstall } from "./cache.ts";
import { LIBRARIES, packages, PEERS } from "./versions.ts";

/**
 * The module of a driver: of a package, or of a library's own part for it. Not by its name, since drivers that Deno
 * knows would be peer dependencies of the libraries.
 */
export function requireDriver<Module>(specifier: string): Module {
  const isLibrary = specifier.split("/")[0]! in LIBRARIES;
  const path = isLibrary ? join(directory, "node_modules", specifier, "index.cjs") : specifier;
  return createRequire(join(directory, "x.js"))(path);
}

/** Lets modules outside of the cache import the packages by their names, as in a project that has installed them. */
async function resolveFromCache(): Promise<void> {
  if (runtime === "bun") {
    const { Bun } = globalThis as unknown as { readonly Bun: BunModules };
    const setup = (build: BunBuild): void => {
      for (const specifier of SPECIFIERS) {
        const path = Bun.resolveSync(specifier, directory);
        build.module(specifier, async () => ({ exports: await import(path), loader: "object" }));
      }
    };
    return Bun.plugin({ name: "libraries", setup });
  }
  const { registerHooks } = await import("node:module") as unknown as NodeModules;
  const parentURL = pathToFileURL(join(directory, "x.js")).href;
  registerHooks({
    resolve: (specifier, context, next) =>
      next(specifier, SPECIFIERS.includes(specifier) ? { ...context, parentURL } : context),
  });
}

/** The members of Bun that are used. */
interface BunModules {
  plugin(plugin: { readonly name: string; setup(build: BunBuild): void }): void;
  resolveSync(specifier: string, parent: string): string;
}

interface BunBuild {
  module(specifier: string, load: () => Promise<{ readonly exports: object; readonly loader: "object" }>): void;
}

/** The members of `node:module` that are used. */
interface NodeModules {
  registerHooks(hooks: { resolve(specifier: string, context: object, next: typeof nextResolve): unknown }): void;
}

declare function nextResolve(specifier: string, context: object): unknown;

const { postgres, pg, "pg-cursor": cursor } = PEERS;
const DRIVERS = { postgres, pg, "pg-cursor": cursor } as const;

/** What pyro and its tests import of the libraries. */
const SPECIFIERS: readonly string[] = [
  "kysely",
  "kysely/migration",
  "drizzle-orm",
  "drizzle-orm/cache/core/cache",
  "drizzle-orm/migrator",
  "drizzle-orm/pg-core",
  "drizzle-orm/utils",
];

const ALL = { ...LIBRARIES, ...DRIVERS };
const directory = cached(`libraries-${Object.values(ALL).join("-")}`, (staging) => {
  // Drizzle has peer dependencies on all drivers.
  npmInstall(staging, packages(ALL), ["--legacy-peer-deps"]);
  return staging;
});
if (runtime !== "deno") await resolveFromCache();
