/** pyro with promises, inserting arrays, as one has to with pg. */
import { Conn } from "../../mod.ts";
import type { Driver } from "../driver.ts";
import { batches, columnsOf, INSERT_ARRAYS } from "../workloads/insert.ts";
import { optsOf } from "./pyro_opts.ts";

export const driver: Driver = async (target) => {
  const conn = await Conn.connect(optsOf(target));
  return {
    insert_batch: async () => {
      let inserted = 0;
      for (const batch of batches(target.sizes)) inserted += await conn.execDrop(INSERT_ARRAYS, columnsOf(batch));
      return inserted;
    },
  };
};
