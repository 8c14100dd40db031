/** A web server whose handler makes one query. */
import { setup } from "./people.ts";
import { SERVERS_WARM_UP } from "./pool.ts";
import type { Workload } from "./workload.ts";

/** Connections of its clients, which are kept alive. */
export const CLIENTS = 64;

export const http: Workload = {
  title: ({ requests }) =>
    `An HTTP request answered with a row of 6 columns as JSON (of ${requests}, ${CLIENTS} connections, pool of 10)`,
  units: ({ requests }) => requests,
  pinned: false,
  warmUp: SERVERS_WARM_UP,
  base: "**pyro**",
  transports: ["unix"],
  setup,
  check: (_, right, { requests }) => right === requests,
};
