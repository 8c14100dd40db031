/** Node's permissions: what `docs/permissions.md` says of them. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { runtime } from "../support/suite/runtime.ts";
import { newest } from "../support/suite/servers.ts";
import { test } from "../support/suite/test.ts";

const ROOT = join(import.meta.dirname!, "../..");
const SCRIPT = join(ROOT, "tests/support/scripts/transport.ts");

async function report(
  world: string,
  url: string,
  flags: readonly string[],
): Promise<{ one?: number; tls?: boolean; error?: string }> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--permission", `--allow-fs-read=${ROOT}`, ...flags, SCRIPT, world, url],
    { env: { ...process.env, HOME: "/somewhere", NO_COLOR: "1" }, timeout: 60_000 },
  );
  return JSON.parse(stdout.trim().split("\n").at(-1)!);
}

// Bun has no permissions, and Deno others.
if (runtime === "node") {
  for (const [world, ...flags] of [["async", "--allow-net"], ["sync", "--allow-net", "--allow-worker"]] as const) {
    test(`Node's permissions: default files that may not be read are absent (${world})`, async () => {
      const { tls, one, error } = await report(world, newest.url({ query: "sslmode=require" }), flags);
      assert.deepEqual([tls, one, error], [true, 1, undefined]);
      const withoutPassword = await report(world, newest.url({ password: "" }), flags);
      assert.match(withoutPassword.error!, /no password is given/);
    });

    test(`Node's permissions: the error about a file that is named says what is needed (${world})`, async () => {
      const failures = [
        ["sslmode=require&sslrootcert=/etc/ca.pem", 'root certificate "/etc/ca.pem": Node needs --allow-fs-read='],
        ["passfile=/etc/pass", 'password file "/etc/pass": Node needs --allow-fs-read=/etc/pass'],
        ["service=s&servicefile=/etc/s", 'service file "/etc/s": Node needs --allow-fs-read=/etc/s'],
        ["service=s", "Node does not permit reading /somewhere/.pg_service.conf: it needs --allow-fs-read"],
      ] as const;
      for (const [query, expected] of failures) {
        const { error } = await report(world, newest.url({ password: "", query }), flags);
        assert.ok(error?.includes(expected), error);
      }
    });
  }

  test("Node's permissions: without them, connecting says which are missing", async () => {
    assert.match((await report("async", newest.url(), [])).error!, /--allow-net/);
    assert.match((await report("sync", newest.url(), ["--allow-net"])).error!, /--allow-worker/);
    const url = newest.url({ query: "blocking_transport=ffi&sslmode=disable&upgrade_to_unix_socket=off" });
    assert.match((await report("sync", url, [])).error!, /Node's ffi permission is not granted \(--allow-ffi\)/);
  });
}
