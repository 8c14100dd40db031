/** pg (node-postgres), from npm. */
import { type Driver, MIXED, PING, USER } from "../driver.ts";
import { importPeer } from "../peers.ts";

/** The part of it that is used here. */
interface Client {
  connect(): Promise<void>;
  query(query: object): Promise<{ rows: Record<string, unknown>[] }>;
}

export const driver: Driver = async ({ transport, port, directory }) => {
  const { default: pg } = await importPeer<{ default: { Client: new (options: object) => Client } }>("pg");
  const host = transport === "unix" ? directory : "127.0.0.1";
  const client = new pg.Client({ host, port, user: USER, database: "postgres" });
  await client.connect();
  const ping = { name: "ping", text: PING };
  const mixed = { name: "mixed", text: MIXED };
  return {
    ping: async (i) => (await client.query({ ...ping, values: [i] })).rows[0]!["value"],
    mixed: async () => (await client.query(mixed)).rows,
  };
};
