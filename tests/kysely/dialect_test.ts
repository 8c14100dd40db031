/** Kysely's queries, streams, transactions and migrations on pyro's dialect, beside those on pg. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { DatabaseConnection, Kysely } from "kysely";
import { UsageError } from "../../mod.ts";
import { test } from "../support/suite/test.ts";
import { comparing, type Database, failureOf, library, openSides, poolOf, pyro, type Side } from "./sides.ts";

const { CompiledQuery, sql } = library;
const { PyroDialect } = pyro;
const sides = await openSides();
const [, ours] = sides;
const compare = comparing(sides);

compare("selects, joins and aggregates", async ({ db }) => [
  await db.selectFrom("person").selectAll().orderBy("id").execute(),
  await db.selectFrom("person").innerJoin("pet", "pet.owner_id", "person.id")
    .select(["person.name", "pet.name as pet"]).where("pet.name", "in", ["Puff", "Tom"]).orderBy("pet.id").execute(),
  await db.selectFrom("pet").select(({ fn }) => ["owner_id", fn.countAll().as("pets"), fn.sum("id").as("ids")])
    .groupBy("owner_id").orderBy("owner_id").execute(),
  await db.selectFrom("person").select("id").where("name", "=", "nobody").executeTakeFirst() ?? "none",
  await db.selectFrom("person").select(sql<number[]>`array_agg(id order by id)`.as("ids")).execute(),
], ([all]) => {
  assert.equal((all as { score: string }[])[0]!.score, "9007199254740993");
  assert.ok((all as { born: unknown }[])[0]!.born instanceof Date);
});

compare("inserts, updates and deletes, and how many rows they change", async ({ db }) => {
  const insert = db.insertInto("person");
  return [
    await insert.values([{ name: "Alan", born: new Date(0), score: 1n }, { name: "Barbara", score: 2 }]).execute(),
    await insert.values({ name: "Alan" }).onConflict((oc) => oc.column("name").doUpdateSet({ score: "3" }))
      .returningAll().execute(),
    await insert.values({ name: "Alan" }).onConflict((oc) => oc.doNothing()).executeTakeFirst(),
    await db.updateTable("person").set({ score: null }).where("name", "in", ["Alan", "Barbara"]).executeTakeFirst(),
    await db.mergeInto("person").using("pet", "pet.name", "person.name").whenMatched().thenDelete()
      .whenNotMatched().thenInsertValues(({ ref }) => ({ name: ref("pet.name") })).executeTakeFirst(),
    await db.deleteFrom("person").where("id", ">", 3).returning(["name"]).execute(),
    await db.deleteFrom("person").where("id", ">", 3).executeTakeFirst(),
  ];
});

compare("raw SQL: several statements, none, and what returns no rows", async ({ db }) => [
  await sql`create table temporary (n int4)`.execute(db),
  (await sql`insert into temporary values (1); drop table temporary;`.execute(db)).numAffectedRows,
  (await sql`select ';' as semicolon;`.execute(db)).rows,
  (await sql`values (${1}::int4), (2)`.execute(db)).rows,
  (await sql``.execute(db)).rows,
  (await db.executeQuery(CompiledQuery.raw("select $1::text as a", ["x"]))).rows,
]);

test("kysely: the rows of the last of several statements are the result", async () => {
  const { rows } = await sql`select 1 as a; select 2 as a`.execute(ours.db);
  assert.deepEqual(rows, [{ a: 2 }]);
});

compare("errors of the server", async (side) => {
  const failures: object[] = [];
  for (
    const call of [
      () => side.db.insertInto("person").values({ name: "Ada" }).execute(),
      () => side.db.insertInto("person").values({ name: null as never }).execute(),
      () => sql`selec 1`.execute(side.db),
      () => sql`select ${"x"}::int4`.execute(side.db),
      () => sql`select ${1.5}::int4`.execute(side.db),
      () => sql`select 1 / ${0}::int4`.execute(side.db),
    ]
  ) await call().then(() => failures.push({ resolved: true }), (error) => failures.push(failureOf(error, side)));
  await side.db.deleteFrom("person").where("id", ">", 3).execute();
  return failures;
}, (failures) => assert.deepEqual((failures[0] as { code: string }).code, "23505"));

compare("transactions, and what is logged of them", async ({ db, log }) => {
  log.length = 0;
  const inserted = await db.transaction().execute(async (trx) => {
    await trx.insertInto("person").values({ name: "Kept" }).execute();
    return await trx.selectFrom("person").select("name").where("name", "=", "Kept").execute();
  });
  const undone = await db.transaction().setIsolationLevel("serializable").execute(async (trx) => {
    await trx.insertInto("person").values({ name: "Undone" }).execute();
    throw new Error("undo");
  }).catch((error) => error.message);
  const modes = await db.transaction().setIsolationLevel("repeatable read").setAccessMode("read only").execute(
    async (trx) => [
      (await sql`show transaction_isolation`.execute(trx)).rows,
      (await sql`show transaction_read_only`.execute(trx)).rows,
    ],
  );
  const names = await db.selectFrom("person").select("name").where("id", ">", 3).execute();
  await db.deleteFrom("person").where("id", ">", 3).execute();
  return [inserted, undone, modes, names, log.slice()];
}, ([, , , names, log]) => {
  assert.deepEqual(names, [{ name: "Kept" }]);
  assert.ok((log as string[]).includes("start transaction isolation level repeatable read read only"));
});

compare("savepoints of a controlled transaction", async ({ db, log }) => {
  log.length = 0;
  const trx = await db.startTransaction().execute();
  await trx.insertInto("person").values({ name: "First" }).execute();
  const inner = await trx.savepoint('in "ner').execute();
  await inner.insertInto("person").values({ name: "Second" }).execute();
  await inner.insertInto("person").values({ name: "First" }).execute().catch(() => {});
  const outer = await inner.rollbackToSavepoint('in "ner').execute();
  const again = await outer.savepoint("again").execute();
  await again.insertInto("person").values({ name: "Third" }).execute();
  await (await again.releaseSavepoint("again").execute()).commit().execute();
  const names = await db.selectFrom("person").select("name").where("id", ">", 3).orderBy("id").execute();
  await db.deleteFrom("person").where("id", ">", 3).execute();
  return [names, log.slice()];
}, ([names]) => assert.deepEqual(names, [{ name: "First" }, { name: "Third" }]));

compare("a commit that the server answers with a rollback, and one that fails", async (side) => {
  const { db } = side;
  const aborted = await db.transaction().execute(async (trx) => {
    await sql`select 1 / 0`.execute(trx).catch(() => {});
  }).catch((error) => [error.name, error.message, error instanceof library.AbortedTransactionError]);
  const deferred = await db.transaction().execute(async (trx) => {
    await trx.insertInto("pet").values({ owner_id: 1_000_000, name: "Nobody's" }).execute();
  }).catch((error) => failureOf(error, side));
  return [aborted, deferred, await db.selectFrom("pet").select("name").execute()];
}, ([aborted]) => assert.ok((aborted as unknown[])[2]));

/** The numbers 10 / (n - divisor) for n from 1 to 10. */
function quotients({ db }: Side, divisor: number): AsyncIterableIterator<{ n: number }> {
  return db.selectFrom(sql<{ n: number }>`generate_series(1, 10)`.as("n"))
    .select(sql<number>`10 / (n - ${divisor}::int4)`.as("n")).stream(3);
}

compare("streams in chunks, to their end and left early", async (side) => {
  const all: unknown[] = [];
  for await (const row of quotients(side, -1)) all.push(row);
  const some: unknown[] = [];
  for await (const row of quotients(side, -1)) if (some.push(row) === 4) break;
  const none: unknown[] = [];
  for await (const row of side.db.selectFrom("person").selectAll().where("id", "<", 0).stream()) none.push(row);
  const inside = await side.db.transaction().execute(async (trx) => {
    const names: string[] = [];
    for await (const { name } of trx.selectFrom("person").select("name").orderBy("id").stream(2)) names.push(name);
    return [names, await trx.selectFrom("pet").select("id").execute()];
  });
  return [all, some, none, inside];
}, ([all]) => assert.equal((all as unknown[]).length, 10));

test("kysely: a stream in chunks of no possible size", async () => {
  for (const size of [0, -1, 1.5]) {
    const read = async (): Promise<void> => {
      for await (const _ of ours.db.selectFrom("person").select("id").stream(size));
    };
    await assert.rejects(read(), { message: "chunkSize must be a positive integer" });
  }
});

// pg-cursor does not always close after an error.
test("kysely: a stream that fails, in the middle or at once", async () => {
  const rows: unknown[] = [];
  const read = async (stream: AsyncIterable<unknown>): Promise<void> => {
    for await (const row of stream) rows.push(row);
  };
  await assert.rejects(read(quotients(ours, 5)), { code: "22012" });
  assert.equal(rows.length, 3);
  await assert.rejects(read(ours.db.selectFrom("nothing" as "pet").selectAll().stream()), { code: "42P01" });
  assert.equal((await ours.db.selectFrom("person").select("id").execute()).length, 3);
});

compare("one connection for several queries", async ({ db }) => {
  return await db.connection().execute(async (one) => {
    await one.selectFrom("person").select("name").where("id", "=", 1).execute();
    const pid = () =>
      sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(one).then(({ rows }) => rows[0]!.pid);
    const first = await pid();
    await sql`select set_config('application_name', 'kysely-test', false)`.execute(one);
    const name = await sql`select current_setting('application_name') as name`.execute(one);
    return [first === await pid(), name.rows];
  });
}, ([same]) => assert.equal(same, true));

compare("tables as the introspector sees them", async ({ db, schema }) => {
  const tables = await db.introspection.getTables();
  return tables.filter((table) => table.schema === schema).map((table) => ({ ...table, schema: "its own" }));
}, (tables) => assert.deepEqual(tables.map(({ name }) => name), ["person", "pet"]));

const { Migrator } = await import("kysely/migration");

compare("migrations, up, down and failing", async ({ db, schema }) => {
  const failing = { up: async (db: Kysely<unknown>) => void await sql`selec 1`.execute(db) };
  const first = {
    up: (db: Kysely<unknown>) => db.schema.createTable("book").addColumn("id", "serial").execute(),
    down: (db: Kysely<unknown>) => db.schema.dropTable("book").execute(),
  };
  const migrate = (migrations: Record<string, typeof first | typeof failing>) =>
    new Migrator({ db, provider: { getMigrations: () => Promise.resolve(migrations) }, migrationTableSchema: schema });
  const show = ({ error, results }: { error?: unknown; results?: readonly unknown[] | undefined }): unknown => [
    (error as { code?: string } | undefined)?.code,
    results,
  ];
  return [
    show(await migrate({ first }).migrateToLatest()),
    show(await migrate({ first, second: failing }).migrateToLatest()),
    (await migrate({ first }).getMigrations()).map(({ name, executedAt }) => [name, executedAt instanceof Date]),
    show(await migrate({ first }).migrateDown()),
    (await db.introspection.getTables()).filter((table) => table.schema === schema).map(({ name }) => name),
  ];
}, ([first]) => assert.equal((first as unknown[])[0], undefined));

/** How many statements wait on a server, besides the one that asks. */
async function sleeping(): Promise<number> {
  const { rows } = await sql<{ n: string }>`
    select count(*) as n from pg_stat_activity where query like ${"%pg_sleep(47%"} and state = 'active'
      and pid <> pg_backend_pid()`.execute(ours.db);
  return Number(rows[0]!.n);
}

for (const inflightQueryAbortStrategy of ["cancel query", "kill session"] as const) {
  test(`kysely: ${inflightQueryAbortStrategy} stops the query on the server`, async () => {
    const quiet = console.error;
    // Kysely reports the error of the stopped query there.
    console.error = () => {};
    try {
      const { db } = ours;
      const controller = new AbortController();
      const long = sql`select pg_sleep(47)`.execute(db, { signal: controller.signal, inflightQueryAbortStrategy });
      while (await sleeping() === 0) await sleep(10);
      controller.abort(new Error("enough"));
      await assert.rejects(long, /enough/);
      while (await sleeping() > 0) await sleep(10);
      // All connections can be used again.
      const four = await Promise.all(Array.from({ length: 8 }, (_, n) => sql`select ${n}::int4 as n`.execute(db)));
      assert.deepEqual(four.map(({ rows }) => rows[0]), Array.from({ length: 8 }, (_, n) => ({ n })));
    } finally {
      console.error = quiet;
    }
  });
}

test("kysely: connections are told of when they are made and when they are taken", async () => {
  const pool = poolOf(ours.schema, (opts) => opts.poolMaxConcurrency(2));
  const created: number[] = [];
  const reserved: number[] = [];
  const pidOf = async (connection: DatabaseConnection): Promise<number> => {
    const { rows } = await connection.executeQuery<{ pid: number }>(
      CompiledQuery.raw("select pg_backend_pid() as pid"),
    );
    return rows[0]!.pid;
  };
  const db = new library.Kysely<Database>({
    dialect: new PyroDialect({
      pool: () => pool,
      onCreateConnection: async (connection) => void created.push(await pidOf(connection)),
      onReserveConnection: async (connection) => void reserved.push(await pidOf(connection)),
    }),
  });
  await db.selectFrom("person").select("id").execute();
  await db.connection().execute(() => sql`select 1`.execute(db));
  await db.selectFrom("person").select("id").execute();
  assert.equal(created.length, 2);
  assert.equal(new Set(created).size, 2);
  assert.equal(reserved.length, 4);
  assert.deepEqual(new Set(reserved), new Set(created));
  await db.destroy();
  assert.ok(pool.closed);
});

test("kysely: a hook that fails gives the connection back", async () => {
  let fails = true;
  const db = new library.Kysely<Database>({
    dialect: new PyroDialect({
      pool: poolOf(ours.schema, (opts) => opts.poolMaxConcurrency(1)),
      onReserveConnection: () => fails ? Promise.reject(new Error("not now")) : Promise.resolve(),
    }),
  });
  await assert.rejects(db.selectFrom("person").select("id").execute(), /not now/);
  fails = false;
  assert.equal((await db.selectFrom("person").select("id").execute()).length, 3);
  await db.destroy();
});

test("kysely: a transaction that is abandoned is rolled back when its connection is released", async () => {
  await ours.db.connection().execute(async (one) => {
    await sql`begin`.execute(one);
    await one.insertInto("person").values({ name: "Abandoned" }).execute();
  });
  assert.deepEqual(await ours.db.selectFrom("person").select("id").where("name", "=", "Abandoned").execute(), []);
});

test("kysely: a lost connection is replaced", async () => {
  const { db } = ours;
  // Kysely on pg has that code too.
  await assert.rejects(sql`select pg_terminate_backend(pg_backend_pid())`.execute(db), { code: "57P01" });
  assert.equal((await db.selectFrom("person").select("id").execute()).length, 3);
});

test("kysely: COPY as a query is refused, and says what to use", async () => {
  await assert.rejects(sql`copy person to stdout`.execute(ours.db), /use copyOut\(\)/);
  await assert.rejects(sql`copy person from stdin`.execute(ours.db), /use copyIn\(\)/);
  assert.equal((await ours.db.selectFrom("person").select("id").execute()).length, 3);
});

test("kysely: the dialect is one for PostgreSQL, and refuses what is no pool of pyro's", () => {
  const pool = poolOf(ours.schema);
  assert.ok(new PyroDialect({ pool }) instanceof library.PostgresDialect);
  assert.throws(() => new PyroDialect({ pool: {} as never }), UsageError);
  assert.throws(() => new PyroDialect({ pool, types: "both" as never }), UsageError);
});
