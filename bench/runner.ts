/** Runs contestants, each in a process of its own. */
import { spawn } from "node:child_process";
import process from "node:process";
import type { Contestant } from "./contestants.ts";
import { PASSWORD, SCRAM_USER, type Target, type Transport, USER, type WorkloadName } from "./driver.ts";
import type { Measurement } from "./measuring.ts";
import { WORKLOADS } from "./workloads/all.ts";

/** A workload over a transport. */
export interface Item {
  readonly workload: WorkloadName;
  readonly transport: Transport;
}

/** How they are run. */
export interface Conditions {
  readonly target: Omit<Target, "transport">;
  readonly seconds: number;
  /** The core that pinned workloads get; undefined where none is to be pinned. */
  readonly core: string | undefined;
  /** The command that makes HTTP requests; a port follows. */
  readonly load: readonly string[];
}

/** Has a contestant measured at some items, most in one process where its program can; failures are told on stderr. */
export async function run(
  contestant: Contestant,
  items: readonly Item[],
  conditions: Conditions,
): Promise<Measurement[]> {
  // Peaks of memory are a process's, and pg on Deno cannot copy out where it has done something else.
  const isAlone = ({ workload }: Item): boolean => contestant.isFloor === true || WORKLOADS[workload].once === true;
  const together = items.filter((item) => !isAlone(item));
  const measurements: Measurement[] = [];
  if (together.length > 0) {
    measurements.push(...await start(contestant, together, argumentsOf(together, conditions), conditions));
  }
  for (const item of items.filter(isAlone)) {
    const args = contestant.isFloor ? floorArguments(item, conditions) : argumentsOf([item], conditions);
    const [measurement] = await start(contestant, [item], args, conditions);
    if (measurement !== undefined) measurements.push({ ...measurement, ...item });
  }
  return measurements;
}

async function start(
  { name, runtime, command, env }: Contestant,
  items: readonly Item[],
  args: readonly string[],
  { core, load }: Conditions,
): Promise<Measurement[]> {
  const pinned = core !== undefined && items.every(({ workload }) => WORKLOADS[workload].pinned);
  const [program, ...rest] = [...(pinned ? ["taskset", "-c", core] : []), ...command, ...args];
  const { stdout, stderr } = await output(program!, rest, { ...env, PYRO_BENCH_LOAD: JSON.stringify(load) });
  const lines = stdout.split("\n").filter((line) => line.startsWith("{"));
  if (lines.length < items.length) {
    const { workload, transport } = items[lines.length]!;
    console.error(`FAILED: ${name} on ${runtime} at ${workload} over ${transport}\n${stderr || stdout}`);
  }
  return lines.map((line) => JSON.parse(line) as Measurement);
}

function argumentsOf(items: readonly Item[], { target, seconds }: Conditions): string[] {
  const words = items.map(({ workload, transport }) => `${workload}:${transport}`);
  return [JSON.stringify(target), String(seconds), ...words];
}

function floorArguments({ workload, transport }: Item, { target, seconds }: Conditions): string[] {
  const { access, once, units, statement } = WORKLOADS[workload];
  const conninfo = [
    `host=${transport === "unix" ? target.directory : "127.0.0.1"} port=${target.port} dbname=postgres`,
    access === "scram" ? `user=${SCRAM_USER} password=${PASSWORD}` : `user=${USER}`,
    `sslmode=${access === "tls" ? "require" : "disable"} gssencmode=disable`,
  ].join(" ");
  const { sizes } = target;
  return [workload, conninfo, once ? "0" : String(seconds), String(units?.(sizes) ?? 1), statement!(sizes)];
}

function output(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: LIMIT,
      killSignal: "SIGKILL",
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk) => stdout += chunk);
    child.stderr.on("data", (chunk) => stderr += chunk);
    child.on("error", (error) => stderr += error.message);
    child.on("close", (code, signal) => {
      if (code !== 0) stderr += `\nIt ended with ${code ?? signal}`;
      resolve({ stdout, stderr });
    });
  });
}

/** Against hangs; less than that of the checks that run this. */
const LIMIT = 3 * 60_000;
