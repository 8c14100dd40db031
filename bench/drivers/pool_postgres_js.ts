/** The pool of postgres.js, from npm. */
import { type Driver, POOL_SIZE, selectAll, USER } from "../driver.ts";
import { importPeer } from "../peers.ts";

/** The part of it that is used here. */
type Sql = (strings: TemplateStringsArray, ...values: unknown[]) => PromiseLike<Record<string, unknown>[]>;

export const driver: Driver = async ({ transport, port, directory }) => {
  const { default: postgres } = await importPeer<{ default: (options: object) => Sql }>("postgres");
  const host = transport === "unix" ? directory : "127.0.0.1";
  const sql = postgres({ host, port, user: USER, database: "postgres", max: POOL_SIZE, ssl: false });
  return {
    pool: () =>
      selectAll(async (id) =>
        (await sql`select id, name, age, email, score, description from point where id = ${id}`)[0]
      ),
  };
};
