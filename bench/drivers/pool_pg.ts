/** The pool of pg (node-postgres), from npm. */
import { type Driver, POINT, POOL_SIZE, selectAll, USER } from "../driver.ts";
import { importPeer } from "../peers.ts";

/** The part of it that is used here. */
interface Pool {
  query(query: object): Promise<{ rows: Record<string, unknown>[] }>;
}

export const driver: Driver = async ({ transport, port, directory }) => {
  const { default: pg } = await importPeer<{ default: { Pool: new (options: object) => Pool } }>("pg");
  const host = transport === "unix" ? directory : "127.0.0.1";
  const pool = new pg.Pool({ host, port, user: USER, database: "postgres", max: POOL_SIZE });
  const select = { name: "point", text: POINT };
  return { pool: () => selectAll(async (id) => (await pool.query({ ...select, values: [id] })).rows[0]) };
};
