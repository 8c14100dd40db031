/** pyro with promises, with names of columns in camel case. */
import { Conn } from "../../mod.ts";
import type { Driver } from "../driver.ts";
import { ROWS } from "../workloads/rows.ts";
import { optsOf } from "./pyro_opts.ts";

export const driver: Driver = async (target) => {
  const conn = await Conn.connect(optsOf(target).names("camel"));
  return { rows: () => conn.exec(ROWS) };
};
