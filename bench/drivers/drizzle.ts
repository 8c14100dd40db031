/** Drizzle's query builder and a pool: pg's, postgres.js, or pyro's. */
import type { PgDatabase, PgQueryResultHKT } from "drizzle-orm/pg-core";
import type { Driver, Operation, Target } from "../driver.ts";
import { importFromTree, under } from "../trees.ts";
import { batches } from "../workloads/insert.ts";
import { person } from "../workloads/people.ts";
import { POOL_SIZE, selectAll } from "../workloads/pool.ts";
import { after } from "../workloads/select.ts";
import { pyroPool, rowOf } from "./kysely.ts";
import { placeOf } from "./place.ts";

/** A database of Drizzle's. */
type Database = PgDatabase<PgQueryResultHKT>;

/** A driver's function that makes one. */
interface Module {
  drizzle(config: { readonly client: object }): Database;
}

/** What drivers tell of an INSERT. */
interface Affected {
  readonly rowCount?: number | null;
  readonly count?: number;
}

export const driver: Driver = async (target) => {
  const { sizes } = target;
  const db = await databaseFor(target);
  const { eq, gt } = (await importFromTree<typeof import("drizzle-orm")>("drizzle-orm"))!;
  const { doublePrecision, integer, pgTable, serial, text } =
    (await importFromTree<typeof import("drizzle-orm/pg-core")>("drizzle-orm/pg-core"))!;
  const columns = () => ({
    id: serial().primaryKey(),
    name: text().notNull(),
    age: integer().notNull(),
    email: text().notNull(),
    score: doublePrecision().notNull(),
    description: text().notNull(),
  });
  const bench = pgTable("bench", columns());
  const inserted = pgTable("inserted", columns());

  const select = (rows: number): Operation => (i) =>
    db.select().from(bench).where(gt(bench.id, after(i))).orderBy(bench.id).limit(rows);

  async function insert(rows: readonly (readonly unknown[])[]): Promise<number> {
    const result = await db.insert(inserted).values(rows.map(rowOf)) as Affected;
    return result.rowCount ?? result.count ?? 0;
  }

  return {
    select_1: select(1),
    select_10: select(10),
    select_100: select(100),
    select_1000: select(1000),
    insert: (i) => insert([person(i)]),
    insert_batch: async () => {
      let count = 0;
      for (const batch of batches(sizes)) count += await insert(batch);
      return count;
    },
    rows: () => db.select().from(bench),
    pool: () => selectAll(async (id) => (await db.select().from(bench).where(eq(bench.id, id)))[0]),
  };
};

async function databaseFor(target: Target): Promise<Database> {
  const options = { ...placeOf(target), max: POOL_SIZE };
  switch (under()) {
    case "pg": {
      const { default: pg } = (await importFromTree<{ default: { Pool: new (options: object) => object } }>("pg"))!;
      return (await importFromTree<Module>("drizzle-orm/node-postgres"))!.drizzle({ client: new pg.Pool(options) });
    }
    case "postgres": {
      const { default: postgres } = (await importFromTree<{ default: (options: object) => object }>("postgres"))!;
      return (await importFromTree<Module>("drizzle-orm/postgres-js"))!.drizzle({ client: postgres(options) });
    }
    case "pyro":
      return (await importFromTree<Module>("@x/pyro/drizzle"))!.drizzle({ client: await pyroPool(target) });
  }
}
