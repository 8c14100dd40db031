/** postgres.js, from npm. */
import { type Driver, USER } from "../driver.ts";
import { importPeer } from "../peers.ts";

/** The part of it that is used here. */
type Sql = (strings: TemplateStringsArray, ...values: unknown[]) => PromiseLike<Record<string, unknown>[]>;

export const driver: Driver = async ({ transport, port, directory }) => {
  const { default: postgres } = await importPeer<{ default: (options: object) => Sql }>("postgres");
  const host = transport === "unix" ? directory : "127.0.0.1";
  const sql = postgres({ host, port, user: USER, database: "postgres", max: 1, ssl: false });
  return {
    ping: async (i) => (await sql`select ${i}::int4 as value`)[0]!["value"],
    mixed: () => sql`select * from mixed`,
  };
};
