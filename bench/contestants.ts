/** Who is measured: each driver on each runtime that it runs on. */
import { join } from "node:path";
import type { WorkloadName } from "./driver.ts";
import { buildPgNative, compileFloor, findPsql } from "./floor.ts";
import type { ProgramName } from "./programs.ts";
import type { Runtimes } from "./runtimes.ts";

/** A driver on a runtime. */
export interface Contestant {
  readonly name: string;
  /** Undefined where nothing is waited for. */
  readonly world: "promises" | "blocking" | undefined;
  readonly workloads: readonly WorkloadName[];
  readonly runtime: "Bun" | "Deno" | "Node" | "C";
  /** What runs `measure.ts` or the floor's program; what it is to measure follows. */
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Whether it is the floor's program, which is told in another way. */
  readonly isFloor?: boolean;
}

/** All of them; who cannot take part is named on stderr. `directory` is for what is compiled. */
export function contestants(runtimes: Runtimes, directory: string): Contestant[] {
  const run = new Everywhere(runtimes, directory);
  return [
    ...floor(directory),
    ...psql(runtimes),
    ...run.driver("raw loop, libc through FFI", "blocking", "raw_blocking", RAW, FFI),
    ...run.driver("**pyro**, FFI", "blocking", "pyro_blocking", ALL.filter(isClear), FFI, blocking("ffi")),
    ...run.driver("**pyro**, worker", "blocking", "pyro_blocking", ALL, [], blocking("worker")),
    ...pgNative(runtimes, directory),
    ...run.driver("raw loop, the runtime's sockets", "promises", "raw_async", [...RAW, "in_flight"]),
    ...run.driver("**pyro**", "promises", "pyro_async", ALL),
    ...run.driver('**pyro**, `names("camel")`', "promises", "pyro_camel", ["rows"]),
    ...run.driver("**pyro**, a function in `as`", "promises", "pyro_mapped", ["rows"]),
    ...run.driver("**pyro**, numbers and Dates", "promises", "pyro_plain", ["mixed"]),
    ...run.driver("**pyro**, arrays to unnest", "promises", "pyro_arrays", ["insert_batch"]),
    ...run.driver("**pyro**, `copyRows`", "promises", "pyro_rows", ["insert_batch", "copy_in"]),
    ...run.driver("**pyro**, `pipeline()`", "promises", "pyro_pipelined", ["in_flight"]),
    run.onBun("Bun.SQL", "bun_sql", ALL.filter((name) => !isCopy(name))),
    ...run.driver("postgres.js", "promises", "postgres_js", ALL),
    ...run.driver("pg", "promises", "pg", ALL),
    ...run.driver("pg, `pipeline: true`", "promises", "pg_pipelined", ["insert_batch", "in_flight"]),
    ...run.driver("**pyro**", "promises", "pool_pyro", POOLED),
    run.onBun("Bun.SQL", "pool_bun_sql", POOLED),
    ...run.driver("postgres.js", "promises", "pool_postgres_js", POOLED),
    ...run.driver("pg", "promises", "pool_pg", POOLED),
    ...run.startOfPackage("**pyro**", "promises", "index"),
    ...run.startOfPackage("**pyro**", "blocking", "sync"),
    ...run.start("**pyro**, its sources", "promises", "pyro").filter(({ runtime }) => runtime === "Deno"),
    ...run.start("**pyro**, its sources", "blocking", "pyro/sync").filter(({ runtime }) => runtime === "Deno"),
    ...run.start("postgres.js", "promises", "postgres"),
    ...run.start("pg", "promises", "pg"),
    ...run.script("**pyro**", "promises", "pyro"),
    ...run.script("**pyro**, without the upgrade", "promises", "pyro_without_upgrade"),
    ...run.script("**pyro**, its sources", "promises", "pyro_sources").filter(({ runtime }) => runtime === "Deno"),
    ...run.script("**pyro**, blocking", "blocking", "pyro_blocking"),
    ...run.script("postgres.js", "promises", "postgres_js"),
    ...run.script("pg", "promises", "pg"),
    ...run.script("Bun.SQL", "promises", "bun_sql").filter(({ runtime }) => runtime === "Bun"),
    ...run.driver("a decoder of that very row, by hand", undefined, "decode_by_hand", ["decode"]),
    ...run.driver("**pyro**'s row reader", undefined, "decode_pyro", ["decode"]),
  ];
}

const PREPARED: readonly WorkloadName[] = [
  "ping",
  "select_1",
  "select_10",
  "select_100",
  "select_1000",
  "insert",
  "rows",
  "mixed",
];
const RAW: readonly WorkloadName[] = ["ping", "select_1", "select_10"];
const CONNECTING: readonly WorkloadName[] = [
  "connect_default",
  "connect_trust",
  "connect_scram",
  "connect_tls",
];
const COPY: readonly WorkloadName[] = ["copy_in", "copy_out"];
const IN_FLIGHT: readonly WorkloadName[] = ["insert_batch", "in_flight"];
const ALL: readonly WorkloadName[] = [...PREPARED, ...IN_FLIGHT, "stream", ...COPY, ...CONNECTING, "fresh"];
const POOLED: readonly WorkloadName[] = ["pool", "http"];
const FFI = ["--experimental-ffi", "--no-warnings"];

/** FFI has no TLS. */
function isClear(name: WorkloadName): boolean {
  return name !== "connect_tls";
}

function isCopy(name: WorkloadName): boolean {
  return COPY.includes(name);
}

function blocking(through: "ffi" | "worker"): Record<string, string> {
  return { PYRO_BENCH_BLOCKING: through };
}

/** Contestants on the three runtimes. */
class Everywhere {
  readonly #runtimes: Runtimes;
  readonly #directory: string;

  constructor(runtimes: Runtimes, directory: string) {
    this.#runtimes = runtimes;
    this.#directory = directory;
  }

  driver(
    name: string,
    world: Contestant["world"],
    driver: string,
    workloads: readonly WorkloadName[],
    nodeFlags: readonly string[] = [],
    env: Readonly<Record<string, string>> = {},
  ): Contestant[] {
    const { bun, deno, node } = this.#runtimes;
    const common = { name, world, workloads, env };
    return [
      { ...common, runtime: "Bun", command: [bun, MEASURE, driver] },
      { ...common, runtime: "Deno", command: [deno, ...DENO_FLAGS, MEASURE, driver] },
      { ...common, runtime: "Node", command: [node, ...nodeFlags, MEASURE, driver] },
    ];
  }

  onBun(name: string, driver: string, workloads: readonly WorkloadName[]): Contestant {
    return { name, world: "promises", workloads, runtime: "Bun", command: [this.#runtimes.bun, MEASURE, driver] };
  }

  /** A program of `programs.ts`, which another process times. */
  script(name: string, world: Contestant["world"], program: ProgramName): Contestant[] {
    const { bun, deno, node } = this.#runtimes;
    const file = join(this.#directory, `${program}.js`);
    const timer = [deno, ...DENO_FLAGS, SCRIPT];
    const common = { name, world, workloads: ["script"] } as const;
    return [
      { ...common, runtime: "Bun", command: [...timer, JSON.stringify([bun]), file] },
      { ...common, runtime: "Deno", command: [...timer, JSON.stringify([deno, ...DENO_FLAGS]), file] },
      { ...common, runtime: "Node", command: [...timer, JSON.stringify([node]), file] },
    ];
  }

  /** Importing an entry point of the package, which `programs.ts` puts there. */
  startOfPackage(name: string, world: Contestant["world"], entry: string): Contestant[] {
    const directory = join(this.#directory, "node_modules", "@x", "pyro");
    return this.start(name, world, "").map((contestant) => {
      const file = join(directory, contestant.runtime === "Deno" ? "deno" : "", `${entry}.js`);
      return { ...contestant, command: contestant.command.with(-1, file) };
    });
  }

  start(name: string, world: Contestant["world"], driver: string): Contestant[] {
    return this.driver(name, world, driver, ["import"]).map((contestant) => ({
      ...contestant,
      command: contestant.command.with(-2, START),
    }));
  }
}

function floor(directory: string): Contestant[] {
  const program = compileFloor(directory);
  if (typeof program === "string") return without("libpq in C", program);
  const common = { world: "blocking", runtime: "C", isFloor: true, ...program } as const;
  return [
    { name: "libpq", workloads: [...PREPARED, "stream", ...COPY, ...CONNECTING], ...common },
    { name: "libpq, pipeline mode", workloads: IN_FLIGHT, ...common },
  ];
}

function psql({ deno }: Runtimes): Contestant[] {
  const refusal = findPsql();
  if (refusal !== undefined) return without("psql", refusal);
  const command = [deno, ...DENO_FLAGS, MEASURE, "psql"];
  return [{ name: "`psql`, `\\copy`", world: undefined, runtime: "C", workloads: COPY, command }];
}

function pgNative({ bun }: Runtimes, directory: string): Contestant[] {
  const program = buildPgNative(directory, bun);
  if (typeof program === "string") return without("pg-native", program);
  const workloads = [...PREPARED, "insert_batch", "stream", ...CONNECTING, "fresh"] as const;
  return [{ name: "pg-native", world: "blocking", runtime: "Node", workloads, ...program }];
}

function without(who: string, refusal: string): [] {
  console.error(`WITHOUT ${who}: ${refusal}`);
  return [];
}

const DENO_FLAGS = ["run", "-A", "--no-check"];
const MEASURE = join(import.meta.dirname!, "measure.ts");
const START = join(import.meta.dirname!, "start.ts");
const SCRIPT = join(import.meta.dirname!, "script.ts");
