/**
 * Modules of the runtime that only some programs need. Each is loaded when it is first used, since loading them
 * can take longer than loading all of pyro.
 *
 * Source: Node.js documentation, "Process", `process.getBuiltinModule`.
 */

/** The modules, by the last word of their names. */
export const builtin = {
  get asyncHooks(): typeof import("node:async_hooks") {
    return process.getBuiltinModule("node:async_hooks");
  },
  get crypto(): typeof import("node:crypto") {
    return process.getBuiltinModule("node:crypto");
  },
  get dns(): typeof import("node:dns") {
    return process.getBuiltinModule("node:dns");
  },
  get fs(): typeof import("node:fs") {
    return process.getBuiltinModule("node:fs");
  },
  get net(): typeof import("node:net") {
    return process.getBuiltinModule("node:net");
  },
  get os(): typeof import("node:os") {
    return process.getBuiltinModule("node:os");
  },
  get stream(): typeof import("node:stream") {
    return process.getBuiltinModule("node:stream");
  },
  get tls(): typeof import("node:tls") {
    return process.getBuiltinModule("node:tls");
  },
  get workerThreads(): typeof import("node:worker_threads") {
    return process.getBuiltinModule("node:worker_threads");
  },
};
