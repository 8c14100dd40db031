// Types that users of Kysely and Drizzle write.
import { Pool, type Transaction } from "@x/pyro";
import { drizzle, migrate, type PyroDatabase } from "@x/pyro/drizzle";
import { pgTypes, PyroDialect } from "@x/pyro/kysely";
import { eq, relations, sql } from "drizzle-orm";
import { integer, pgTable, text } from "drizzle-orm/pg-core";
import { type Generated, Kysely, type PostgresDialect } from "kysely";

interface Database {
  person: { id: Generated<number>; name: string };
}

const pool = new Pool("pg://");
const dialect: PostgresDialect = new PyroDialect({ pool: () => Promise.resolve(pool), types: (oid) => pgTypes(oid) });
export const kysely = new Kysely<Database>({ dialect });
export async function names(): Promise<string[]> {
  for await (const row of kysely.selectFrom("person").select("name").stream()) console.log(row.name.length);
  // @ts-expect-error: there is no such column.
  await kysely.selectFrom("person").select("nothing").execute();
  return (await kysely.selectFrom("person").select("name").execute()).map(({ name }) => name);
}

const person = pgTable("person", { id: integer().primaryKey(), name: text().notNull() });
const pet = pgTable("pet", { id: integer().primaryKey(), ownerId: integer() });
const petRelations = relations(pet, ({ one }) => ({
  owner: one(person, { fields: [pet.ownerId], references: [person.id] }),
}));
const schema = { person, pet, petRelations };
const db: PyroDatabase<typeof schema> & { $client: Pool } = drizzle({ client: pool, schema, casing: "snake_case" });
export const others = [drizzle("pg://"), drizzle(pool, { logger: true }), drizzle({ connection: "pg://" })];
export const inTransaction = (tx: Transaction) => drizzle(tx).$client.execPortal("select 1");
export async function first(): Promise<string | undefined> {
  await migrate(db, { migrationsFolder: "drizzle" });
  const { rows, rowCount } = await db.execute<{ n: number }>(sql`select 1 as n`);
  console.log(rows[0]?.n.toFixed(), rowCount === null);
  const found = await db.query.pet.findFirst({ with: { owner: true } });
  const [row] = await db.transaction((tx) => tx.select().from(person).where(eq(person.id, 1)), {
    accessMode: "read only",
  });
  // @ts-expect-error: there is no such column.
  console.log(row?.nothing);
  return found?.owner?.name ?? row?.name;
}
