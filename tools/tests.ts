/** The tests on all three runtimes, against servers that are started once for all of them. */
import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { CACHE } from "../tests/support/installed/cache.ts";
import type { Major, PostgresServer } from "../tests/support/installed/postgres.ts";
import { skipCount } from "../tests/support/suite/skips.ts";
import { startTestServer } from "../tests/support/installed/test_server.ts";
import { POSTGRES, RUNTIMES as PACKAGES } from "../tests/support/installed/versions.ts";
import { writeExamples } from "./examples.ts";
import { LAYERS } from "./layers.ts";
import { writeGroups } from "./node_groups.ts";
import { REPORT, runAll, type Step, type Tally } from "./steps.ts";

/** Runs the tests below `paths` on the runtimes named; `tests/support/suite/extent.ts` says what is left out of a short run. */
export async function runTests(
  runtimes: readonly string[],
  paths: readonly string[],
  extent: Extent = "whole",
): Promise<Tally> {
  const servers = await startServers();
  try {
    const infos = servers.map(({ major, port, socketDirectories }) => ({ major, port, socketDirectories }));
    const newest = infos.toSorted((a, b) => b.major - a.major).slice(0, 1);
    return await runAll(
      steps(paths, extent).filter(({ runtime }) => runtimes.includes(runtime)).map((step) => ({
        ...step,
        // To permissions servers are all the same.
        env: {
          DENO_JOBS: String(JOBS),
          // Compiling what test files import takes longer than most of them.
          NODE_COMPILE_CACHE: join(CACHE, "node-compile"),
          PYRO_TEST_EXTENT: extent,
          PYRO_TEST_SERVERS: JSON.stringify(step.runtime === "deno-net" ? newest : infos),
        },
      })),
    );
  } finally {
    for (const server of servers) await server[Symbol.asyncDispose]();
  }
}

/** How much of the tests is run. */
export type Extent = "short" | "whole";

/** The names that {@linkcode runTests} takes. */
export const RUNTIMES = ["deno", "deno-net", "bun", "node"] as const;

/** What has examples. Not the programs for other clients, which Deno does not find. */
const DOCUMENTED: readonly string[] = [
  ...["mod.ts", "sync.ts", "async.ts", "src", "README.md"],
  ...readdirSync("docs").filter((name) => name !== "peers").map((name) => `docs/${name}`),
];

/** Runs the examples in the documentation. */
export async function runDocTests(): Promise<Tally> {
  const [server] = await startServers([18]);
  try {
    return await runAll([{
      name: "types of the examples",
      command: [process.execPath, "check", "--doc", ...DOCUMENTED],
    }, {
      name: "examples in the documentation",
      command: [
        process.execPath,
        "test",
        "-A",
        "--no-check",
        "--parallel",
        `--junit-path=${REPORT}`,
        ...writeExamples(DOCUMENTED),
      ],
      env: {
        DENO_JOBS: String(JOBS),
        PGHOST: "127.0.0.1",
        PGPORT: String(server!.port),
        PGUSER: "test",
        PGPASSWORD: "1234",
        PGDATABASE: "test_db",
      },
      skips: 0,
    }]);
  } finally {
    await server![Symbol.asyncDispose]();
  }
}

async function startServers(
  majors: readonly Major[] = Object.keys(POSTGRES).map((major) => Number(major) as Major),
): Promise<PostgresServer[]> {
  return await Promise.all(majors.map(startTestServer));
}

function steps(paths: readonly string[], extent: Extent): (Step & { readonly runtime: string })[] {
  // Pure layers use nothing of the runtime, and Deno has the same engine as Node.
  const nodePaths = paths.flatMap((path) => path === "tests" && extent === "short" ? impureTests() : [path]);
  const nodeFiles = nodePaths.filter((path) => path.endsWith(".ts"));
  const nodeGroups = writeGroups(nodePaths.filter((path) => !path.endsWith(".ts")));
  const skips = (setting: Parameters<typeof skipCount>[0]): number | "some" =>
    paths.includes("tests") ? skipCount(setting) : "some";
  // What needs more permissions than net is not conformance.
  const conformance = extent === "whole"
    ? ["tests/conformance"]
    : NET.map((name) => `tests/conformance/${name}_test.ts`);
  const netPaths = paths.flatMap((path) => path === "tests" ? conformance : path.includes("conformance") ? [path] : []);
  const all = [
    {
      runtime: "deno",
      name: "tests on Deno",
      command: [process.execPath, "test", "-A", "--parallel", "--no-check", `--junit-path=${REPORT}`, ...paths],
      skips: skips("deno"),
    },
    {
      runtime: "deno-net",
      name: "tests on Deno with no permission but net",
      command: [
        process.execPath,
        "test",
        "--no-prompt",
        "--allow-net",
        "--allow-env=PYRO_TEST_SERVERS,PYRO_TEST_EXTENT",
        "--parallel",
        "--no-check",
        `--junit-path=${REPORT}`,
        ...netPaths,
      ],
      skips: skips("deno-net"),
    },
    {
      runtime: "bun",
      name: "tests on Bun",
      command: [
        "npx",
        "-y",
        PACKAGES.bun,
        "test",
        "--timeout",
        "120000",
        `--parallel=${JOBS}`,
        "--reporter=junit",
        `--reporter-outfile=${REPORT}`,
        ...paths.map((path) => `./${path}`),
      ],
      skips: skips("bun"),
    },
    {
      runtime: "node",
      name: "tests on Node",
      command: [
        "npx",
        "-y",
        PACKAGES.node,
        "--test",
        "--test-timeout=120000",
        `--test-concurrency=${JOBS}`,
        "--test-reporter=spec",
        "--test-reporter-destination=stdout",
        "--test-reporter=junit",
        `--test-reporter-destination=${REPORT}`,
        ...nodeFiles,
        ...nodeGroups,
      ],
      skips: skips("node"),
    },
  ];
  return netPaths.length > 0 ? all : all.filter(({ runtime }) => runtime !== "deno-net");
}

/** What a short run tries with no permission but net: what differs in how it connects, waits and ends. */
const NET = [
  "cancel",
  "connect",
  "copy_in",
  "exec",
  "listen",
  "pool",
  "stream",
  "timeout",
  "transaction",
];

/** The folders of tests whose layer is not pure. */
function impureTests(): string[] {
  const folders = readdirSync("tests", { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return folders.filter(({ name }) => LAYERS[name]?.pure !== true).map(({ name }) => `tests/${name}`);
}

/** How many test files run at a time: most of what they do is waiting. */
const JOBS = 2 * availableParallelism();
