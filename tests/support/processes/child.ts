/** Runs scripts in separate processes, on the runtime of the tests. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { runtime } from "../suite/runtime.ts";

/** The outcome of a process. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a script of `tests/support/scripts` to its end; `permissions` are Deno's, all by default, `env`
 * adds variables. A script that takes longer than `limit` milliseconds is ended.
 */
export function runScript(
  name: string,
  args: readonly string[],
  permissions: readonly string[] = ["-A"],
  env: Readonly<Record<string, string>> = {},
  limit: number = LIMIT,
): Promise<Ended> {
  const script = join(import.meta.dirname!, "../scripts", name);
  return runtime === "deno"
    ? runDeno(["run", "--no-prompt", "--no-check", ...permissions, script, ...args], env, limit)
    : runNode([script, ...args], env, limit);
}

/** Runs the tests of a script with Deno's test runner. */
export function runDenoTests(name: string, args: readonly string[]): Promise<Ended> {
  const script = join(import.meta.dirname!, "../scripts", name);
  return runDeno(["test", "-A", "--no-check", script, "--", ...args], {}, LIMIT);
}

/** Uses `Deno.Command`, since Deno's `node:child_process` adds permissions to every Deno that it starts. */
async function runDeno(args: string[], env: Readonly<Record<string, string>>, limit: number): Promise<Ended> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    env: { NO_COLOR: "1", ...env },
    signal: AbortSignal.timeout(limit),
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

function runNode(args: readonly string[], env: Readonly<Record<string, string>>, limit: number): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, NO_COLOR: "1", ...env },
      timeout: limit,
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk) => stdout += chunk);
    child.stderr.on("data", (chunk) => stderr += chunk);
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}

/** Milliseconds that a process may take: less than its test, so that what it has said is shown. */
const LIMIT = 100_000;
