/** pyro's pool. */
import { Pool } from "../../mod.ts";
import type { Driver } from "../driver.ts";
import { underLoad } from "../http/serve.ts";
import { POINT } from "../workloads/people.ts";
import { POOL_SIZE, selectAll } from "../workloads/pool.ts";
import { optsOf } from "./pyro_opts.ts";

export const driver: Driver = (target) => {
  const pool = new Pool(optsOf(target), { poolMaxConcurrency: POOL_SIZE });
  const select = (id: number): Promise<unknown> => pool.execFirst(POINT, [id]);
  return Promise.resolve({ pool: () => selectAll(select), http: underLoad(target, select) });
};
