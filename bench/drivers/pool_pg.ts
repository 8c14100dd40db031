/** The pool of pg (node-postgres), from npm. */
import type { Driver } from "../driver.ts";
import { underLoad } from "../http/serve.ts";
import { importPeer } from "../peers.ts";
import { POINT } from "../workloads/people.ts";
import { POOL_SIZE, selectAll } from "../workloads/pool.ts";
import { placeOf } from "./place.ts";

/** The part of it that is used here. */
interface Pool {
  query(query: object): Promise<{ rows: Record<string, unknown>[] }>;
}

export const driver: Driver = async (target) => {
  const { default: pg } = await importPeer<{ default: { Pool: new (options: object) => Pool } }>("pg");
  const pool = new pg.Pool({ ...placeOf(target), max: POOL_SIZE });
  const point = { name: "point", text: POINT };
  const select = async (id: number): Promise<unknown> => (await pool.query({ ...point, values: [id] })).rows[0];
  return { pool: () => selectAll(select), http: underLoad(target, select) };
};
