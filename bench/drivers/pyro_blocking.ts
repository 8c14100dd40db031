/** pyro, blocking; `PYRO_BENCH_BLOCKING` says through what. */
import process from "node:process";
import { Conn } from "../../sync.ts";
import { type Driver, MIXED, PING } from "../driver.ts";
import { optsOf } from "./pyro_opts.ts";

export const driver: Driver = (target) => {
  const conn = new Conn(optsOf(target).blockingTransport(process.env.PYRO_BENCH_BLOCKING as "ffi" | "worker"));
  return Promise.resolve({
    ping: (i) => conn.exec(PING, [i])[0]!["value"],
    mixed: () => conn.exec(MIXED),
  });
};
