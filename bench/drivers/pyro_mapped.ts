/** pyro with promises, with a function that is called with each row. */
import { Conn } from "../../mod.ts";
import type { Driver } from "../driver.ts";
import type { Person } from "../workloads/people.ts";
import { ROWS } from "../workloads/rows.ts";
import { optsOf } from "./pyro_opts.ts";

export const driver: Driver = async (target) => {
  const conn = await Conn.connect(optsOf(target));
  const as = (row: Person): Person => row;
  return { rows: () => conn.exec(ROWS, { as }) };
};
