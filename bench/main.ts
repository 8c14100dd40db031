/**
 * `deno task bench`: pyro beside its peers and beside the floor, on a server of its own.
 *
 * Each measurement is a process of its own; the contestants take turns, several rounds long, and the
 * median of the rounds counts. `NOTES.md` says more. With --quick everything is run once, a driver's workloads in one
 * process, to see that it works: the figures mean nothing. With --libraries it is pg's interface, Kysely and Drizzle
 * that are measured, on pyro, on pg and on postgres.js.
 *
 * Usage: deno task bench [--quick] [--libraries] [--rounds=N] [--seconds=N] [--json=FILE] [workloads] [words that the
 * contestants' names contain]
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { Conn, Opts } from "../mod.ts";
import { CACHE } from "../tests/support/installed/cache.ts";
import { PostgresServer } from "../tests/support/installed/postgres.ts";
import { argumentsOf } from "../tools/arguments.ts";
import { type Contestant, contestants } from "./contestants.ts";
import { HBA, USER, type WorkloadName } from "./driver.ts";
import type { Measurement } from "./measuring.ts";
import { installPeers } from "./peers.ts";
import { makePrograms } from "./programs.ts";
import { conditions, machine, type Report, versions } from "./report.ts";
import { type Conditions, type Item, run } from "./runner.ts";
import { findRuntimes } from "./runtimes.ts";
import { sizes as codeSizes, sizeTable } from "./size.ts";
import { FULL, QUICK } from "./sizes.ts";
import { growthTable, headingOf, median, type Outcome, table } from "./table.ts";
import { WORKLOADS } from "./workloads/all.ts";

const USAGE = "deno task bench [--quick] [--libraries] [--rounds=N] [--seconds=N] [--json=FILE] [workloads] [words]";
const { values: options, positionals: words } = argumentsOf(USAGE, {
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    libraries: { type: "boolean", default: false },
    rounds: { type: "string" },
    seconds: { type: "string" },
    json: { type: "string" },
  },
});
const rounds = options.quick ? 1 : Number(options.rounds ?? 5);
const seconds = Number(options.seconds ?? (options.quick ? 0.02 : 1));
const sizes = options.quick ? QUICK : FULL;
const CORE = "0";
const ALL_CORES = `0-${cpus().length - 1}`;

const names = Object.keys(WORKLOADS) as WorkloadName[];
const named = names.filter((name) => words.includes(name));
const workloads = named.length > 0 ? named : names;

mkdirSync(CACHE, { recursive: true });
const directory = mkdtempSync(join(CACHE, "bench-"));
installPeers();
const runtimes = findRuntimes();
const groups = [
  ...(options.libraries ? [] : [{ base: undefined, contestants: contestants(runtimes, directory) }]),
  ...(options.libraries || options.quick ? await (await import("./libraries.ts")).libraries(runtimes) : []),
].map(({ base, contestants }) => ({ base, wanted: contestants.filter(isWanted) }));
const canPin = spawnSync("taskset", ["-c", CORE, "true"]).status === 0;
if (!canPin) console.error("Not pinned to a core, since taskset does not work here: figures are those of waking cores");

await using server = await PostgresServer.start({ major: 18, hba: HBA, tls: true });

const given: Conditions = {
  target: { port: server.port, directory: server.socketDirectories[0]!, sizes },
  seconds,
  core: canPin && !options.quick ? CORE : undefined,
  load: [runtimes.node, join(import.meta.dirname!, "http", "clients.ts")],
};
const told = new Set<string>();
const report: Report = {
  date: new Date().toISOString(),
  machine: machine(),
  versions: [],
  rounds,
  seconds,
  sizes,
  results: [],
  code: named.length === 0 || named.includes("import") ? codeSizes(runtimes.bun) : [],
};
let failed = 0;
try {
  if (workloads.includes("script") || workloads.includes("import")) makePrograms(directory);
  const setups = workloads.flatMap((workload) => WORKLOADS[workload].setup?.(sizes) ?? []);
  for (const setup of new Set(setups)) await execute(setup);
  if (options.quick) await tryAll();
  else {
    for (const workload of workloads) {
      for (const transport of WORKLOADS[workload].transports) {
        for (const { base, wanted } of groups) await compare({ workload, transport }, wanted, base);
      }
    }
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
const finished: Report = { ...report, versions: [...versions(), ...[...told].sort()] };
if (finished.code.length > 0) console.log(`## Size of the code that an import brings\n\n${sizeTable(finished.code)}`);
console.log(conditions(finished));
if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(finished, undefined, 1)}\n`);
process.exitCode = failed === 0 ? 0 : 1;

/** Whether all words that are no workloads are in its name. */
function isWanted({ name, runtime }: Contestant): boolean {
  return words.filter((word) => !(word in WORKLOADS))
    .every((word) => `${name} ${runtime}`.toLowerCase().includes(word.toLowerCase()));
}

/** Runs SQL as the superuser. */
async function execute(sql: string): Promise<void> {
  await using conn = await Conn.connect(new Opts().host(server.socketDirectories[0]!).port(server.port).user(USER));
  for (const statement of sql.split(";")) await conn.queryDrop(statement);
}

/** Lets contestants do one workload, and prints how they did; `given` is who they are compared with. */
async function compare(item: Item, wanted: readonly Contestant[], given?: string): Promise<void> {
  const { title, pinned, before } = WORKLOADS[item.workload];
  const base = given ?? WORKLOADS[item.workload].base;
  // Connections inherit it.
  if (canPin) spawnSync("taskset", ["-a", "-c", "-p", pinned ? CORE : ALL_CORES, String(server.pid)]);
  const taking = wanted.filter(({ workloads }) => workloads.includes(item.workload));
  if (taking.length === 0) return;
  const found = new Map<Contestant, Measurement[]>(taking.map((contestant) => [contestant, []]));
  for (let round = 1; round <= rounds; round++) {
    console.error(`${item.workload} over ${item.transport}, round ${round} of ${rounds} …`);
    for (const [contestant, measurements] of found) {
      if (before !== undefined) await execute(before);
      measurements.push(...await measure(contestant, [item]));
    }
  }
  const outcomes = [...found].map(([contestant, measurements]) => note(item, base, contestant, measurements));
  console.log(`## ${headingOf({ ...item, title: title(sizes), pinned: canPin && pinned })}\n`);
  console.log(table(outcomes, base));
  const growth = growthTable(outcomes);
  if (growth !== "") console.log(`Growth of memory at its peak:\n\n${growth}`);
}

/**
 * Runs everything once, two contestants at a time: nobody looks at the figures. The programs of peers, and those that
 * block, are the same on every runtime, and are run on the first of them.
 */
async function tryAll(): Promise<void> {
  const wanted = groups.flatMap(({ wanted }) => wanted);
  const isFirst = (one: Contestant): boolean =>
    one === wanted.find(({ name, workloads }) => name === one.name && workloads === one.workloads);
  const left = wanted.filter((contestant) => {
    return (contestant.name.includes("pyro") && contestant.world !== "blocking") || isFirst(contestant);
  });
  const work = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) await tryOne(next);
  };
  await Promise.all([work(), work()]);
}

async function tryOne(contestant: Contestant): Promise<void> {
  const items = workloads.filter((workload) => contestant.workloads.includes(workload)).flatMap((workload) =>
    WORKLOADS[workload].transports.map((transport) => ({ workload, transport }))
  );
  if (items.length === 0) return;
  for (const before of new Set(items.flatMap(({ workload }) => WORKLOADS[workload].before ?? []))) {
    await execute(before);
  }
  const begun = performance.now();
  const measurements = await measure(contestant, items);
  for (const item of items) {
    note(item, WORKLOADS[item.workload].base, contestant, measurements.filter((found) => isOf(item, found)));
  }
  const duration = ((performance.now() - begun) / 1000).toFixed(1);
  console.log(`${contestant.name}, ${contestant.runtime}: ${measurements.length} of ${items.length}, ${duration} s`);
}

async function measure(contestant: Contestant, items: readonly Item[]): Promise<Measurement[]> {
  const measurements = await run(contestant, items, given);
  failed += items.length - measurements.length;
  for (const { version } of measurements) told.add(version);
  return measurements;
}

function isOf({ workload, transport }: Item, measurement: Measurement): boolean {
  return measurement.workload === workload && measurement.transport === transport;
}

/** Keeps what was found of a contestant at a workload. */
function note(item: Item, base: string, contestant: Contestant, measurements: readonly Measurement[]): Outcome {
  const { title, pinned } = WORKLOADS[item.workload];
  const costs = measurements.map(({ nanoseconds }) => nanoseconds);
  const cost = median(costs);
  const growths = measurements.flatMap(({ growth }) => growth ?? []);
  const growth = growths.length === 0 ? undefined : Math.max(...growths);
  if (cost !== undefined) {
    report.results.push({
      ...item,
      title: title(sizes),
      pinned: given.core !== undefined && pinned,
      base,
      contestant: contestant.name,
      world: contestant.world ?? null,
      runtime: contestant.runtime,
      median: cost,
      rounds: costs,
      ...(growth === undefined ? {} : { growth }),
    });
  }
  return { contestant, cost, growth };
}
