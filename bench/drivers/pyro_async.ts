/** pyro with promises. */
import { Conn } from "../../mod.ts";
import { type Driver, MIXED, PING } from "../driver.ts";
import { optsOf } from "./pyro_opts.ts";

export const driver: Driver = async (target) => {
  const conn = await Conn.connect(optsOf(target));
  return {
    ping: async (i) => (await conn.exec(PING, [i]))[0]!["value"],
    mixed: () => conn.exec(MIXED),
  };
};
