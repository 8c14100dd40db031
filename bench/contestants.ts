/** Who is measured: each driver on each runtime that it runs on. */
import process from "node:process";
import type { WorkloadName } from "./driver.ts";

/** A driver on a runtime. */
export interface Contestant {
  readonly name: string;
  /** Undefined where nothing is waited for. */
  readonly world: "promises" | "blocking" | undefined;
  readonly workloads: readonly WorkloadName[];
  readonly runtime: "Bun" | "Deno" | "Node" | "C";
  /** What runs `measure.ts` or the floor's program; the workload and the rest follow. */
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const BUN = ["npx", "-y", "bun@1.4"];
const DENO = [process.execPath, "run", "-A", "--no-check"];
const NODE = ["npx", "-y", "node@26"];
const FFI = ["--experimental-ffi", "--no-warnings"];
const MEASURE = new URL("measure.ts", import.meta.url).pathname;

/** All but the floor, which is known once it is compiled. */
export const CONTESTANTS: readonly Contestant[] = [
  ...everywhere("raw loop, libc through FFI", "blocking", "raw_blocking", ["ping"], FFI),
  ...everywhere("**pyro**, FFI", "blocking", "pyro_blocking", ["ping", "mixed"], FFI, { PYRO_BENCH_BLOCKING: "ffi" }),
  ...everywhere("**pyro**, worker", "blocking", "pyro_blocking", ["ping"], [], { PYRO_BENCH_BLOCKING: "worker" }),
  ...everywhere("raw loop, the runtime's sockets", "promises", "raw_async", ["ping"]),
  ...everywhere("**pyro**", "promises", "pyro_async", ["ping", "mixed"]),
  {
    name: "Bun.SQL",
    world: "promises",
    runtime: "Bun",
    workloads: ["ping", "mixed"],
    command: [...BUN, MEASURE, "bun_sql"],
  },
  ...everywhere("postgres.js", "promises", "postgres_js", ["ping", "mixed"]),
  ...everywhere("pg", "promises", "pg", ["ping", "mixed"]),
  ...everywhere("**pyro**", "promises", "pool_pyro", ["pool"]),
  {
    name: "Bun.SQL",
    world: "promises",
    runtime: "Bun",
    workloads: ["pool"],
    command: [...BUN, MEASURE, "pool_bun_sql"],
  },
  ...everywhere("postgres.js", "promises", "pool_postgres_js", ["pool"]),
  ...everywhere("pg", "promises", "pool_pg", ["pool"]),
  ...everywhere("a decoder of that very row, by hand", undefined, "decode_by_hand", ["decode"]),
  ...everywhere("**pyro**'s row reader", undefined, "decode_pyro", ["decode"]),
];

function everywhere(
  name: string,
  world: Contestant["world"],
  driver: string,
  workloads: readonly WorkloadName[],
  nodeFlags: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Contestant[] {
  return [
    { name, world, workloads, runtime: "Bun", command: [...BUN, MEASURE, driver], env },
    { name, world, workloads, runtime: "Deno", command: [...DENO, MEASURE, driver], env },
    { name, world, workloads, runtime: "Node", command: [...NODE, ...nodeFlags, MEASURE, driver], env },
  ];
}
