/** Runs scripts in a namespace of their own, in which another file is `/etc/hosts`. Needs Linux and `unshare`. */
import { execFile, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { runtime } from "../suite/runtime.ts";

/** Whether a process may have a file system of its own here. */
export function canMount(): boolean {
  return spawnSync("unshare", ["-rm", "true"]).status === 0;
}

/** The configuration of getaddrinfo. Source: Linux manual, gai.conf(5). */
const ORDER = "/etc/gai.conf";

/** Whether the order of a name's addresses can be chosen: by the C library's configuration. */
export const ordersAddresses: boolean = existsSync(ORDER);

/**
 * The output of a script of `tests/support/scripts`, which on Deno has these permissions. The resolver gives IPv4
 * addresses first, if it can be told so.
 */
export async function runWithHosts(
  hosts: string,
  name: string,
  args: readonly string[],
  permissions: readonly string[] = ["-A"],
): Promise<string> {
  const script = join(import.meta.dirname!, "../scripts", name);
  const run = runtime === "deno" ? ["run", "--no-prompt", "--no-check", ...permissions] : [];
  const order = `${hosts}.order`;
  await writeFile(order, "precedence ::ffff:0:0/96 100\n");
  const { stdout } = await promisify(execFile)(
    "unshare",
    ["-rm", "sh", "-c", MOUNT, "sh", hosts, order, process.execPath, ...run, ...nodeOptions(), script, ...args],
    { timeout: LIMIT, env: { ...process.env, NO_COLOR: "1" } },
  );
  return stdout;
}

/** Node has FFI only if it is told so, as the process of the tests was. */
function nodeOptions(): readonly string[] {
  return runtime === "node" ? process.execArgv.filter((option) => /ffi|warning/.test(option)) : [];
}

const MOUNT = ordersAddresses
  ? `mount --bind "$1" /etc/hosts && mount --bind "$2" ${ORDER} && shift 2 && exec "$@"`
  : 'mount --bind "$1" /etc/hosts && shift 2 && exec "$@"';
const LIMIT = 60_000;
