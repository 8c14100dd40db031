/** Bun.SQL, Bun's own client. */
import { join } from "node:path";
import { type Driver, USER } from "../driver.ts";

/** The part of it that is used here. */
type Sql = (strings: TemplateStringsArray, ...values: unknown[]) => PromiseLike<Record<string, unknown>[]>;

export const driver: Driver = async ({ transport, port, directory }) => {
  const { SQL } = Reflect.get(globalThis, "Bun") as { SQL: new (options: object) => Sql };
  const place = transport === "unix"
    ? { path: join(directory, `.s.PGSQL.${port}`) }
    : { hostname: "127.0.0.1", port, tls: false };
  const sql = new SQL({ adapter: "postgres", ...place, username: USER, database: "postgres", max: 1 });
  await sql`select 1`;
  return {
    ping: async (i) => (await sql`select ${i}::int4 as value`)[0]!["value"],
    mixed: () => sql`select * from mixed`,
  };
};
