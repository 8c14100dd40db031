/** What a run found, for people and for programs. */
import { readFileSync } from "node:fs";
import { cpus, release, totalmem, type } from "node:os";
import { PEERS, PG_NATIVE, POSTGRES } from "../tests/support/installed/versions.ts";
import type { Contestant } from "./contestants.ts";
import type { Transport, WorkloadName } from "./driver.ts";
import type { Size } from "./size.ts";
import type { Sizes } from "./sizes.ts";

/** A run, as it is written to a file. */
export interface Report {
  /** When it was, as ISO 8601. */
  readonly date: string;
  readonly machine: {
    readonly processor: string;
    readonly cores: number;
    readonly memory: string;
    readonly system: string;
  };
  readonly versions: readonly string[];
  readonly rounds: number;
  /** Of a measurement, after as long or a multiple of it to warm up. */
  readonly seconds: number;
  readonly sizes: Sizes;
  readonly results: Result[];
  /** Of the drivers' code. */
  readonly code: readonly Size[];
}

/** How a contestant did at a workload. */
export interface Result {
  readonly workload: WorkloadName;
  readonly title: string;
  readonly transport: Transport;
  readonly pinned: boolean;
  /** Whom the others are compared with. */
  readonly base: string;
  readonly contestant: string;
  readonly world: Contestant["world"] | null;
  readonly runtime: Contestant["runtime"];
  /** Nanoseconds of a unit: the median of the rounds, and each. */
  readonly median: number;
  readonly rounds: readonly number[];
  /** The most bytes by which its memory grew, where that is measured. */
  readonly growth?: number;
}

/** The machine that this runs on. */
export function machine(): Report["machine"] {
  return {
    processor: cpus()[0]?.model ?? "an unknown processor",
    cores: cpus().length,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    system: `${type()} ${release()}`,
  };
}

/** All versions but the runtimes', which say theirs. */
export function versions(): string[] {
  const { version } = JSON.parse(readFileSync(new URL("../deno.json", import.meta.url), "utf8")) as { version: string };
  const packages = Object.entries({ ...PEERS, "pg-native": PG_NATIVE });
  return [
    `pyro ${version}`,
    `PostgreSQL ${POSTGRES[18].split("-")[0]}`,
    ...packages.map(([name, version]) => `${name} ${version}`),
  ];
}

/** Under which conditions it was, in a line. */
export function conditions({ date, machine, versions, rounds, seconds }: Report): string {
  return `${date.slice(0, 10)}: ${versions.join(", ")}; ${machine.processor}, ${machine.cores} cores, ` +
    `${machine.memory}, ${machine.system}; medians of ${rounds} rounds of ${seconds} s each.`;
}
