/** pyro's pool. */
import { Pool } from "../../mod.ts";
import { type Driver, POINT, POOL_SIZE, selectAll } from "../driver.ts";
import { optsOf } from "./pyro_opts.ts";

// deno-lint-ignore require-await -- drivers give promises
export const driver: Driver = async (target) => {
  const pool = new Pool(optsOf(target), { poolMaxConcurrency: POOL_SIZE });
  return { pool: () => selectAll((id) => pool.execFirst(POINT, [id])) };
};
