/** node-pg-migrate: migrations up and down, one of which fails. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deepEqual, equal, errorOf, load, type Loaded, part, url } from "./program.ts";

const { runner } = await load("node-pg-migrate");
const { default: pg } = await load("pg");
const dir = mkdtempSync(join(tmpdir(), "pyro-migrations-"));
const log = (): void => {};
const logger = { debug: log, info: log, warn: log, error: log };
const options = { databaseUrl: url, dir, migrationsTable: "migrations", logger, count: Infinity };
const client = new pg.Client(url);
await client.connect();

/** The tables of the schema, but for the one of migrations. */
async function tables(): Promise<string[]> {
  const { rows } = await client.query(
    "select tablename from pg_tables where schemaname = 'public' and tablename <> 'migrations' order by 1",
  );
  return rows.map(({ tablename }: Loaded) => tablename);
}

await part("write", async () => {
  writeFileSync(
    join(dir, "1700000000001_people.cjs"),
    `exports.up = (pgm) => {
       pgm.createTable("people", { id: "id", name: { type: "text", notNull: true, unique: true } });
       pgm.sql("insert into people (name) values ('Ada'), ('Bob')");
     };
     exports.down = (pgm) => pgm.dropTable("people");`,
  );
  writeFileSync(
    join(dir, "1700000000002_pets.cjs"),
    `exports.up = (pgm) => pgm.createTable("pets", { id: "id", owner: { type: "integer", references: "people" } });`,
  );
  const done = await runner({ ...options, direction: "up" });
  deepEqual(done.map(({ name }: Loaded) => name), ["1700000000001_people", "1700000000002_pets"]);
  deepEqual(await tables(), ["people", "pets"]);
});

await part("read", async () => {
  deepEqual(await runner({ ...options, direction: "up" }), []);
  deepEqual((await client.query("select name from people order by id")).rows, [{ name: "Ada" }, { name: "Bob" }]);
});

await part("a client of the caller's", async () => {
  await runner({ ...options, databaseUrl: undefined, dbClient: client, direction: "down", count: 1 });
  deepEqual(await tables(), ["people"]);
});

await part("error", async () => {
  writeFileSync(
    join(dir, "1700000000003_wrong.cjs"),
    `exports.up = (pgm) => { pgm.createTable("left", { id: "id" }); pgm.sql("select nothing"); };`,
  );
  equal((await errorOf(runner({ ...options, direction: "up" }))).code, "42703");
  // Each migration is a transaction of its own.
  deepEqual(await tables(), ["people", "pets"]);
});

await client.end();
rmSync(dir, { recursive: true });
