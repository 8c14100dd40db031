/** The pool of Bun.SQL, Bun's own client. */
import type { Driver } from "../driver.ts";
import { underLoad } from "../http/serve.ts";
import { POINT } from "../workloads/people.ts";
import { POOL_SIZE, selectAll } from "../workloads/pool.ts";
import { open } from "./bun_sql.ts";
import { tagged } from "./tagged.ts";

export const driver: Driver = async (target) => {
  const sql = open(target, POOL_SIZE);
  await sql`select 1`;
  const point = tagged(sql, POINT);
  const select = async (id: number): Promise<unknown> => (await point(id))[0];
  return { pool: () => selectAll(select), http: underLoad(target, select) };
};
