/** Runs scripts in a namespace of their own, in which another file is `/etc/hosts`. Needs Linux and `unshare`. */
import { execFile, spawnSync } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { runtime } from "../suite/runtime.ts";

/** Whether a process may have a file system of its own here. */
export function canMount(): boolean {
  return spawnSync("unshare", ["-rm", "true"]).status === 0;
}

/** The output of a script of `tests/support/scripts`. */
export async function runWithHosts(hosts: string, name: string, args: readonly string[]): Promise<string> {
  const script = join(import.meta.dirname!, "../scripts", name);
  const run = runtime === "deno" ? ["run", "--no-prompt", "--no-check", "-A"] : [];
  const { stdout } = await promisify(execFile)(
    "unshare",
    ["-rm", "sh", "-c", MOUNT, "sh", hosts, process.execPath, ...run, ...nodeOptions(), script, ...args],
    { timeout: LIMIT, env: { ...process.env, NO_COLOR: "1" } },
  );
  return stdout;
}

/** Node has FFI only if it is told so, as the process of the tests was. */
function nodeOptions(): readonly string[] {
  return runtime === "node" ? process.execArgv.filter((option) => /ffi|warning/.test(option)) : [];
}

const MOUNT = 'mount --bind "$1" /etc/hosts && shift && exec "$@"';
const LIMIT = 60_000;
