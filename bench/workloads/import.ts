/** What it costs to have a driver at all. */
import type { Workload } from "./workload.ts";

/** Its program is `start.ts`, which checks by itself. */
export const importing: Workload = {
  title: () => "Importing the driver, in a process of its own",
  pinned: true,
  base: "**pyro**",
  transports: ["none"],
  check: () => true,
};
