/** Who is measured: each driver on each runtime that it runs on. */
import process from "node:process";

/** A driver on a runtime. */
export interface Contestant {
  readonly name: string;
  readonly world: "promises" | "blocking";
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
  ...everywhere("raw loop, libc through FFI", "blocking", "raw_blocking", FFI),
  ...everywhere("**pyro**, FFI", "blocking", "pyro_blocking", FFI, { PYRO_BENCH_BLOCKING: "ffi" }),
  ...everywhere("**pyro**, worker", "blocking", "pyro_blocking", [], { PYRO_BENCH_BLOCKING: "worker" }),
  ...everywhere("raw loop, the runtime's sockets", "promises", "raw_async"),
  ...everywhere("**pyro**", "promises", "pyro_async"),
  { name: "Bun.SQL", world: "promises", runtime: "Bun", command: [...BUN, MEASURE, "bun_sql"] },
  ...everywhere("postgres.js", "promises", "postgres_js"),
  ...everywhere("pg", "promises", "pg"),
];

function everywhere(
  name: string,
  world: Contestant["world"],
  driver: string,
  nodeFlags: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Contestant[] {
  return [
    { name, world, runtime: "Bun", command: [...BUN, MEASURE, driver], env },
    { name, world, runtime: "Deno", command: [...DENO, MEASURE, driver], env },
    { name, world, runtime: "Node", command: [...NODE, ...nodeFlags, MEASURE, driver], env },
  ];
}
