/** Types: that programs which hand pg's objects to a library compile, with TypeScript's own compiler. */
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Outcomes } from "./outcomes.ts";
import type { Tree } from "./trees.ts";

/** Compiles each program in a tree; pyro's package has its types itself, those for pg are in `@types`. */
export function compilePrograms({ driver, directory }: Tree): Outcomes {
  const folder = join(directory, "types");
  mkdirSync(folder, { recursive: true });
  if (driver === "pyro") rmSync(join(directory, "node_modules", "@types", "pg"), { recursive: true, force: true });
  for (const [name, source] of Object.entries(PROGRAMS)) writeFileSync(join(folder, `${name}.mts`), source);
  const options = {
    strict: true,
    target: "es2022",
    module: "nodenext",
    lib: ["es2023", "dom", "esnext.disposable"],
    noEmit: true,
    skipLibCheck: true,
    types: ["node"],
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions: options, include: ["*.mts"] }));
  const tsc = join(directory, "node_modules", "typescript", "bin", "tsc");
  const { stdout, stderr } = spawnSync("node", [tsc, "-p", folder, "--pretty", "false"], {
    cwd: folder,
    encoding: "utf8",
    timeout: LIMIT,
  });
  return new Map(
    Object.keys(PROGRAMS).map((name) => {
      const errors = `${stdout}${stderr}`.split("\n").filter((line) => line.startsWith(`${name}.mts`));
      return [
        `types > ${name}`,
        errors.length === 0 ? { state: "passed" } : { state: "failed", message: errors.join("\n") },
      ];
    }),
  );
}

/** By the library whose types they meet. */
const PROGRAMS: Readonly<Record<string, string>> = {
  pg: `
import pg, { Client, type ClientConfig, DatabaseError, type PoolClient, Pool, type QueryResult, types } from "pg";

const config: ClientConfig = { connectionString: "postgres://", ssl: { rejectUnauthorized: false } };
export const client: Client = new pg.Client(config);
export const pool = new Pool({ ...config, max: 3, idleTimeoutMillis: 1000 });
types.setTypeParser(20, (text: string) => BigInt(text));
types.setTypeParser(types.builtins.DATE, (text) => text);
pool.on("error", (error, of) => console.log(error.message, of));
client.on("notification", ({ channel, payload }) => console.log(channel, payload?.length));
client.on("notice", (notice) => console.log(notice.message));
export async function rows(lent: PoolClient): Promise<string[]> {
  const result: QueryResult<{ name: string }> = await lent.query<{ name: string }>("select name from t where id = $1", [1]);
  const arrays = await pool.query<[string, number]>({ text: "select 1", rowMode: "array" });
  client.query("select 1", (error, { rows }) => console.log(error?.message, rows.length));
  try {
    await pool.query({ name: "a", text: "select $1::int", values: [1] });
  } catch (error) {
    if (error instanceof DatabaseError) console.log(error.code, error.constraint, error.detail);
  }
  lent.release(true);
  return [...result.rows.map(({ name }) => name), arrays.rows[0]![0], String(result.rowCount ?? 0), result.fields[0]!.name];
}
// @ts-expect-error: there is no such member.
pool.nothing();
`,
  kysely: `
import { Kysely, PostgresDialect } from "kysely";
import { Pool } from "pg";
import Cursor from "pg-cursor";

export const db = new Kysely<{ t: { id: number } }>({ dialect: new PostgresDialect({ pool: new Pool(), cursor: Cursor }) });
`,
  drizzle: `
import { drizzle } from "drizzle-orm/node-postgres";
import { Client, Pool } from "pg";

export const dbs = [drizzle(new Pool()), drizzle(new Client()), drizzle({ client: new Pool() })];
`,
  cursors: `
import { Client } from "pg";
import Cursor from "pg-cursor";
import QueryStream from "pg-query-stream";

const client = new Client();
const cursor = client.query(new Cursor<{ n: number }>("select 1 as n"));
export const stream = client.query(new QueryStream("select 1", [], { batchSize: 5 }));
cursor.read(10, (_error, rows) => console.log(rows[0]!.n));
stream.on("data", () => {});
`,
  prisma: `
import { PrismaPg } from "@prisma/adapter-pg";
import { Pool } from "pg";

export const adapter = new PrismaPg(new Pool());
`,
  better_auth: `
import { betterAuth } from "better-auth";
import { Pool } from "pg";

export const auth = betterAuth({ database: new Pool() });
`,
  graphile_worker: `
import { run } from "graphile-worker";
import { Pool } from "pg";

export const runner = run({ pgPool: new Pool(), taskList: { a: (_payload, helpers) => void helpers.query("select 1") } });
`,
  node_pg_migrate: `
import { runner } from "node-pg-migrate";
import { Client } from "pg";

export const done = runner({ dbClient: new Client(), dir: ".", direction: "up", migrationsTable: "m" });
`,
  connect_pg_simple: `
import connect from "connect-pg-simple";
import session from "express-session";
import { Pool } from "pg";

const Store = connect(session);
export const store = new Store({ pool: new Pool() });
`,
  typeorm: `
import { DataSource } from "typeorm";
import pg from "pg";

export const source = new DataSource({ type: "postgres", driver: pg, poolErrorHandler: (error: Error) => console.log(error) });
`,
  sequelize: `
import pg from "pg";
import { Sequelize } from "sequelize";

export const db = new Sequelize("postgres://", { dialectModule: pg });
`,
  pgvector: `
import { Client } from "pg";
import pgvector from "pgvector/pg";

await pgvector.registerTypes(new Client());
`,
};

const LIMIT = 300_000;
