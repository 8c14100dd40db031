/** The pool of Bun.SQL, Bun's own client. */
import { join } from "node:path";
import { type Driver, POOL_SIZE, selectAll, USER } from "../driver.ts";

/** The part of it that is used here. */
type Sql = (strings: TemplateStringsArray, ...values: unknown[]) => PromiseLike<Record<string, unknown>[]>;

export const driver: Driver = async ({ transport, port, directory }) => {
  const { SQL } = Reflect.get(globalThis, "Bun") as { SQL: new (options: object) => Sql };
  const place = transport === "unix"
    ? { path: join(directory, `.s.PGSQL.${port}`) }
    : { hostname: "127.0.0.1", port, tls: false };
  const sql = new SQL({ adapter: "postgres", ...place, username: USER, database: "postgres", max: POOL_SIZE });
  await sql`select 1`;
  return {
    pool: () =>
      selectAll(async (id) =>
        (await sql`select id, name, age, email, score, description from point where id = ${id}`)[0]
      ),
  };
};
