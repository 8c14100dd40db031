/** Runs a test file in a process of its own, with a time limit. */
import { spawn, spawnSync } from "node:child_process";
import process from "node:process";
import { RUNTIMES } from "../../tests/support/installed/versions.ts";

/** The runtimes. */
export const RUNTIME_NAMES = ["deno", "bun", "node"] as const;

/** A runtime. */
export type Runtime = typeof RUNTIME_NAMES[number];

/** What to run. */
export interface Program {
  readonly runtime: Runtime;
  /** The file and its arguments. */
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Milliseconds. */
  readonly limit: number;
}

/** How a process ended. */
export interface Ended {
  /** Both of its outputs. */
  readonly output: string;
  /** What is wrong with its end; undefined if it ended by itself with 0. */
  readonly problem: string | undefined;
}

/** Runs it to its end, or to the limit. */
export function runFile({ runtime, args, cwd, env, limit }: Program): Promise<Ended> {
  const [program, ...first] = programOf(runtime);
  return new Promise((resolve) => {
    const child = spawn(program, [...first, ...args], {
      cwd,
      env: { PATH: process.env.PATH, HOME: process.env.HOME, NO_COLOR: "1", ...env },
      stdio: ["ignore", "pipe", "pipe"],
      // A group of its own, so that what it starts ends with it.
      detached: true,
    });
    let output = "";
    let timedOut = false;
    const end = (): void => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      } catch {
        // It has ended.
      }
    };
    const timer = setTimeout(() => {
      timedOut = true;
      end();
    }, limit);
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => output += chunk);
    child.on("error", (error) => output += error.message);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      end();
      const problem = timedOut ? `it did not end within ${limit / 1000} s` : `it ended with ${code ?? signal}`;
      resolve({ output, problem: code === 0 && !timedOut ? undefined : problem });
    });
  });
}

/** The program of a runtime, which `npx` would take a second to find each time. */
export function programOf(runtime: Runtime): readonly [string, ...string[]] {
  if (runtime === "deno") return [process.execPath, "run", "-A", "--no-prompt"];
  let path = paths.get(runtime);
  if (path === undefined) {
    const { stdout } = spawnSync("npx", ["-y", RUNTIMES[runtime], "-p", "process.execPath"], { encoding: "utf8" });
    path = stdout.trim().split("\n").at(-1)!;
    paths.set(runtime, path);
  }
  return [path];
}

const paths = new Map<Runtime, string>();
