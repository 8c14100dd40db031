/** pyro with promises, inserting through COPY, in binary. */
import { Conn } from "../../mod.ts";
import type { Driver } from "../driver.ts";
import { BLOCK_ROWS } from "../workloads/copy.ts";
import { batches } from "../workloads/insert.ts";
import { COLUMNS, person } from "../workloads/people.ts";
import { optsOf } from "./pyro_opts.ts";

export const driver: Driver = async (target) => {
  const { sizes } = target;
  const conn = await Conn.connect(optsOf(target));
  const block = Array.from({ length: BLOCK_ROWS }, (_, k) => person(k + 1));

  function* rows(): Generator<readonly unknown[]> {
    for (let k = 0; k < sizes.copied; k++) yield block[k % BLOCK_ROWS]!;
  }

  return {
    insert_batch: async () => {
      let inserted = 0;
      for (const batch of batches(sizes)) inserted += await conn.copyRows("inserted", COLUMNS, batch);
      return inserted;
    },
    copy_in: () => conn.copyRows("copied", COLUMNS, rows()),
  };
};
