/** Drizzle's query builder and a pool: pg's, postgres.js, or pyro's. */
import type { PgDatabase, PgQueryResultHKT } from "drizzle-orm/pg-core";
import type { Driver, Operation, Target } from "../driver.ts";
import { importFromTree, under } from "../trees.ts";
import type { Person } from "../workloads/people.ts";
import { POOL_SIZE, selectAll } from "../workloads/pool.ts";
import { after } from "../workloads/select.ts";
import { builtOperations } from "./built.ts";
import { pyroPool } from "./kysely.ts";
import { placeOf } from "./place.ts";

/** A database of Drizzle's. */
type Database = PgDatabase<PgQueryResultHKT>;

/** A driver's function that makes one. */
interface Module {
  drizzle(config: { readonly client: object }): Database;
}

/** The result of an INSERT; each driver names the number of rows differently. */
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

  async function insert(rows: readonly Omit<Person, "id">[]): Promise<number> {
    const result = await db.insert(inserted).values([...rows]) as Affected;
    return result.rowCount ?? result.count ?? 0;
  }

  return {
    ...builtOperations({ select, insert }, sizes),
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
