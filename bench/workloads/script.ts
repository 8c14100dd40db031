/** What the shortest programs cost: a process that connects, executes ten statements, and ends. */
import type { Workload } from "./workload.ts";

/** Its program is `script.ts`, which starts those of `programs.ts`, and checks by itself. */
export const script: Workload = {
  title: () => "A whole process: connecting over TCP, ten selects, closing",
  pinned: false,
  base: "**pyro**",
  transports: ["tcp"],
  check: () => true,
};
