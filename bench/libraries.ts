/** Libraries on drivers, each installed as a program would install it: once beside pg, and once with pyro in its place. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CACHE } from "../tests/support/installed/cache.ts";
import { KYSELY_POSTGRES_JS, LIBRARIES, PEERS } from "../tests/support/installed/versions.ts";
import { buildAll } from "../tools/compat/build.ts";
import { DRIVERS, makeTree } from "../tools/compat/trees.ts";
import type { Contestant } from "./contestants.ts";
import type { WorkloadName } from "./driver.ts";
import type { Runtimes } from "./runtimes.ts";
import { LOADER, TREE, UNDER } from "./trees.ts";

/** Contestants that are compared with each other: those of one library, and the name of the one on pg. */
export interface Group {
  readonly base: string;
  readonly contestants: readonly Contestant[];
}

/** Makes the directories with their packages. Who takes part in which workload is what the programs can do. */
export async function libraries(runtimes: Runtimes): Promise<Group[]> {
  const built = join(CACHE, "bench-built");
  mkdirSync(built, { recursive: true });
  await buildAll(built);
  const versions = { ...PEERS, ...LIBRARIES, "kysely-postgres-js": KYSELY_POSTGRES_JS };
  const [pg, pyro] = DRIVERS.map((driver) => {
    const { directory } = makeTree("libraries", driver, versions, built);
    writeFileSync(join(directory, LOADER), "export const load = (name) => import(name);\n");
    return directory;
  });
  const on = (name: string, driver: string, workloads: readonly WorkloadName[], tree: string, under: string) =>
    everywhere(runtimes, { name, driver, workloads, tree, under });
  return [
    {
      base: "pg",
      contestants: [
        ...on("pg", "pg", PG, pg!, "pg"),
        ...on("**pyro** in pg's place", "pg", PG, pyro!, "pyro"),
        ...on("pg", "pool_pg", POOLED, pg!, "pg"),
        ...on("**pyro** in pg's place", "pool_pg", POOLED, pyro!, "pyro"),
      ],
    },
    ...(["Kysely", "Drizzle"] as const).map((library) => {
      const driver = library.toLowerCase();
      const workloads = library === "Kysely" ? [...BUILT, "stream"] as const : BUILT;
      return {
        base: `${library} on pg`,
        contestants: [
          ...on(`${library} on pg`, driver, workloads, pg!, "pg"),
          ...on(`${library} on postgres.js`, driver, workloads, pg!, "postgres"),
          ...on(`${library} on **pyro**`, driver, workloads, pyro!, "pyro"),
        ],
      };
    }),
  ];
}

const MEASURE = join(import.meta.dirname!, "measure.ts");

const SELECTS = ["select_1", "select_10", "select_100", "select_1000"] as const;
const BUILT: readonly WorkloadName[] = [...SELECTS, "insert", "insert_batch", "rows", "pool"];
const POOLED: readonly WorkloadName[] = ["pool", "http"];
const PG: readonly WorkloadName[] = [
  "ping",
  ...SELECTS,
  "insert",
  "insert_batch",
  "in_flight",
  "rows",
  "mixed",
  "stream",
  "copy_in",
  "copy_out",
  "connect_default",
  "connect_trust",
  "connect_scram",
  "connect_tls",
  "fresh",
];

/** A driver of this folder on the three runtimes, with the packages of a directory. */
function everywhere(
  { bun, deno, node }: Runtimes,
  { name, driver, workloads, tree, under }: {
    readonly name: string;
    readonly driver: string;
    readonly workloads: readonly WorkloadName[];
    readonly tree: string;
    readonly under: string;
  },
): Contestant[] {
  const common = { name, world: "promises", workloads, env: { [TREE]: tree, [UNDER]: under } } as const;
  const denoFlags = ["run", "-A", "--no-check", "--config", join(tree, "deno.json")];
  return [
    { ...common, runtime: "Bun", command: [bun, MEASURE, driver] },
    { ...common, runtime: "Deno", command: [deno, ...denoFlags, MEASURE, driver] },
    { ...common, runtime: "Node", command: [node, MEASURE, driver] },
  ];
}
