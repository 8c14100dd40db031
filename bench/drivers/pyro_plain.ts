/** pyro with promises, giving plainer values: a Date for dates and times, as its peers do, and numbers for int8. */
import { Conn } from "../../mod.ts";
import type { Driver } from "../driver.ts";
import { MIXED } from "../workloads/mixed.ts";
import { optsOf } from "./pyro_opts.ts";

export const driver: Driver = async (target) => {
  const conn = await Conn.connect(optsOf(target).int8("number").dates("date"));
  return { mixed: () => conn.exec(MIXED) };
};
