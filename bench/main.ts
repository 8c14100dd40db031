/**
 * `deno task bench`: pyro beside its peers and beside the floor, on a server of its own.
 *
 * Each measurement is a process of its own; the contestants take turns, several rounds long, and the
 * median of the rounds counts. Client and server share one core where the system can pin them.
 *
 * Usage: deno task bench [--quick] [--rounds=N] [--seconds=N] [workloads] [words that the contestants' names contain]
 */
import { spawnSync } from "node:child_process";
import { cpus } from "node:os";
import process from "node:process";
import { parseArgs } from "node:util";
import { Conn, Opts } from "../mod.ts";
import { PostgresServer, VERSIONS } from "../tests/support/postgres.ts";
import { type Contestant, CONTESTANTS } from "./contestants.ts";
import { type Target, type Transport, USER, type WorkloadName, WORKLOADS } from "./driver.ts";
import { compileFloor, installPeers, PEERS, removeFloor } from "./peers.ts";
import { median, table } from "./table.ts";

const { values: options, positionals: words } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    rounds: { type: "string" },
    seconds: { type: "string" },
  },
});
const rounds = Number(options.rounds ?? (options.quick ? 1 : 5));
const seconds = Number(options.seconds ?? (options.quick ? 0.2 : 1));
const CORE = "0";
const OVER: Readonly<Record<Transport, string>> = { unix: ", over the Unix socket", tcp: ", over TCP", none: "" };
const ALL_CORES = `0-${cpus().length - 1}`;

installPeers();
const floor = compileFloor();
if (typeof floor === "string") console.error(`Without the floor in C: ${floor}`);
const canPin = spawnSync("taskset", ["-c", CORE, "true"]).status === 0;
if (!canPin) console.error("Not pinned to a core, since taskset does not work here: figures are those of waking cores");

await using server = await PostgresServer.start({ major: 18 });

const named = words.filter((word) => word in WORKLOADS) as WorkloadName[];
const workloads = named.length > 0 ? named : Object.keys(WORKLOADS) as WorkloadName[];
const wanted = [...floorContestants(), ...CONTESTANTS].filter(({ name, runtime }) =>
  words.filter((word) => !(word in WORKLOADS))
    .every((word) => `${name} ${runtime}`.toLowerCase().includes(word.toLowerCase()))
);
const versions = new Set<string>();
let failed = 0;
try {
  for (const workload of workloads) {
    const { setup, transports } = WORKLOADS[workload];
    if (setup !== undefined) await prepare(setup);
    for (const transport of transports) await compare(workload, transport);
  }
} finally {
  if (typeof floor !== "string") removeFloor(floor.command);
}
console.log(
  `PostgreSQL ${VERSIONS[18].split("-")[0]}, ${[...versions].sort().join(", ")}, ${
    Object.entries(PEERS).map(([name, version]) => `${name} ${version}`).join(", ")
  }; ${
    cpus()[0]?.model ?? "an unknown processor"
  }, ${cpus().length} cores; medians of ${rounds} rounds of ${seconds} s each.`,
);
process.exitCode = failed === 0 ? 0 : 1;

/** Runs SQL as the superuser. */
async function prepare(sql: string): Promise<void> {
  await using conn = await Conn.connect(new Opts().host(server.socketDirectories[0]!).port(server.port).user(USER));
  for (const statement of sql.split(";")) await conn.queryDrop(statement);
}

/** Lets all contestants do one workload, and prints how they did. */
async function compare(workload: WorkloadName, transport: Transport): Promise<void> {
  const { title, base, pinned } = WORKLOADS[workload];
  // Connections inherit it.
  if (canPin) spawnSync("taskset", ["-a", "-c", "-p", pinned ? CORE : ALL_CORES, String(server.pid)]);
  const taking = wanted.filter(({ workloads }) => workloads.includes(workload));
  const results = new Map<Contestant, number[]>(taking.map((contestant) => [contestant, []]));
  for (let round = 1; round <= rounds; round++) {
    console.error(`${workload} over ${transport}, round ${round} of ${rounds} …`);
    for (const [contestant, costs] of results) {
      const cost = measure(contestant, workload, transport);
      if (cost !== undefined) costs.push(cost);
      // Lets the server's output be read, which would otherwise fill its pipe.
      await new Promise((resolve) => setTimeout(resolve));
    }
  }
  console.log(`## ${title}${OVER[transport]}${canPin && pinned ? ", on one core" : ""}\n`);
  console.log(table([...results].map(([contestant, costs]) => ({ contestant, cost: median(costs) })), base));
}

/** Nanoseconds of an operation, in a process of its own. */
function measure(contestant: Contestant, workload: WorkloadName, transport: Transport): number | undefined {
  const target: Target = { port: server.port, directory: server.socketDirectories[0]!, transport };
  const rest = contestant.runtime === "C"
    ? [workload, transport === "unix" ? target.directory : "127.0.0.1", String(target.port), USER, String(seconds)]
    : [workload, JSON.stringify(target), String(seconds)];
  const [program, ...args] = [
    ...(canPin && WORKLOADS[workload].pinned ? ["taskset", "-c", CORE] : []),
    ...contestant.command,
    ...rest,
  ];
  const result = spawnSync(program!, args, {
    encoding: "utf8",
    env: { ...process.env, ...contestant.env },
    timeout: 60_000 + seconds * 2000,
  });
  try {
    const { nanoseconds, version } = JSON.parse(result.stdout) as { nanoseconds: number; version: string };
    versions.add(version);
    return nanoseconds;
  } catch {
    failed += 1;
    console.error(`${contestant.name} on ${contestant.runtime} failed at ${workload} over ${transport}:`);
    console.error(result.stderr || result.stdout || String(result.error));
    return undefined;
  }
}

function floorContestants(): Contestant[] {
  if (typeof floor === "string") return [];
  const { command, env } = floor;
  return [{ name: "libpq", world: "blocking", workloads: ["ping", "mixed"], runtime: "C", command: [command], env }];
}
