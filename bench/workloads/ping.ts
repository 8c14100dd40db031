/** The round trip. */
import type { Workload } from "./workload.ts";

/** Its statement. */
export const PING = "select $1::int4 as value";

export const ping: Workload = {
  title: () => "Round trip of a prepared `select $1::int4`",
  pinned: true,
  warmUp: 2,
  base: "libpq",
  transports: ["unix", "tcp"],
  statement: () => PING,
  check: (i, result) => result === i,
};
