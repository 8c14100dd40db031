/** Kysely's query builder and a pool: pg's with pg-cursor, postgres.js, or pyro's. */
import type { Dialect, Generated, Kysely, RawBuilder, Sql } from "kysely";
import type { Driver, Operation, Target } from "../driver.ts";
import { importFromTree, under } from "../trees.ts";
import { COLUMNS, type Person } from "../workloads/people.ts";
import { POOL_SIZE, selectAll } from "../workloads/pool.ts";
import { after } from "../workloads/select.ts";
import { FETCHED, Tally } from "../workloads/stream.ts";
import { builtOperations } from "./built.ts";
import { placeOf } from "./place.ts";

/** The tables. */
interface Tables {
  readonly bench: People;
  readonly inserted: People;
}

type People = Omit<Person, "id"> & { readonly id: Generated<number> };

/** The part of the module that is used here. */
interface Module {
  readonly Kysely: new (config: { readonly dialect: Dialect }) => Kysely<Tables>;
  readonly PostgresDialect: new (config: object) => Dialect;
  readonly sql: Sql;
}

export const driver: Driver = async (target) => {
  const { sizes } = target;
  const { Kysely, PostgresDialect, sql } = (await importFromTree<Module>("kysely"))!;
  const db = new Kysely({ dialect: await dialectFor(target, PostgresDialect) });
  const people = db.selectFrom("bench").select(["id", ...COLUMNS]);

  const select = (rows: number): Operation => (i) =>
    people.where("id", ">", after(i)).orderBy("id").limit(rows).execute();

  async function insert(rows: readonly Omit<Person, "id">[]): Promise<number> {
    const [result] = await db.insertInto("inserted").values(rows).execute();
    return Number(result!.numInsertedOrUpdatedRows);
  }

  return {
    ...builtOperations({ select, insert }, sizes),
    rows: () => people.execute(),
    pool: () => selectAll((id) => people.where("id", "=", id).executeTakeFirst()),
    stream: async () => {
      const tally = new Tally();
      const times: RawBuilder<unknown> = sql`generate_series(1, ${sql.lit(Math.ceil(sizes.streamed / sizes.rows))})`;
      const streamed = people.crossJoin(times.as("times")).limit(sizes.streamed);
      for await (const row of streamed.stream(FETCHED)) tally.add(row);
      return tally;
    },
  };
};

async function dialectFor(target: Target, PostgresDialect: Module["PostgresDialect"]): Promise<Dialect> {
  const options = { ...placeOf(target), max: POOL_SIZE };
  switch (under()) {
    case "pg": {
      const { default: pg } = (await importFromTree<{ default: { Pool: new (options: object) => object } }>("pg"))!;
      const { default: cursor } = (await importFromTree<{ default: unknown }>("pg-cursor"))!;
      return new PostgresDialect({ pool: new pg.Pool(options), cursor });
    }
    case "postgres": {
      const { PostgresJSDialect } = (await importFromTree<
        { PostgresJSDialect: new (config: object) => Dialect }
      >("kysely-postgres-js"))!;
      const { default: postgres } = (await importFromTree<{ default: (options: object) => object }>("postgres"))!;
      return new PostgresJSDialect({ postgres: postgres(options) });
    }
    case "pyro": {
      const { PyroDialect } = (await importFromTree<
        { PyroDialect: new (config: object) => Dialect }
      >("@x/pyro/kysely"))!;
      return new PyroDialect({ pool: await pyroPool(target) });
    }
  }
}

/** pyro's pool, of the package in the tree. */
export async function pyroPool(target: Target): Promise<object> {
  const { Pool } = (await importFromTree<{ Pool: new (url: string, options: object) => object }>("@x/pyro"))!;
  const { host, port, user, database } = placeOf(target);
  const url = `pg://${user}@${encodeURIComponent(host)}:${port}/${database}?sslmode=disable`;
  return new Pool(url, { poolMaxConcurrency: POOL_SIZE });
}
