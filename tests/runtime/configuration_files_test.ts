/** libpq's password file and service file, as files. */
import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runScript } from "../support/processes/child.ts";
import { runtime } from "../support/suite/runtime.ts";
import { newest } from "../support/suite/servers.ts";
import { isTurnOf } from "../support/suite/extent.ts";
import { test } from "../support/suite/test.ts";

/** A user that is asked for a password, by the newest server. */
const TARGET = `host=127.0.0.1 port=${newest.port} dbname=test_db user=auth_scram`;
const LINE = `127.0.0.1:${newest.port}:test_db:auth_scram:secret\n`;

/** A home directory for the time of the test. */
async function withHome(body: (home: string) => Promise<void>): Promise<void> {
  const home = await mkdtemp(join(tmpdir(), "pyro-home-"));
  try {
    await body(home);
  } finally {
    await rm(home, { recursive: true });
  }
}

/** Connects in a process with that home directory. */
async function connectIn(
  home: string,
  world: string,
  text: string,
  { permissions = ["-A"], env = {} }: { permissions?: readonly string[]; env?: Readonly<Record<string, string>> } = {},
): Promise<{ one?: number; error?: string; stderr: string }> {
  const { code, stdout, stderr } = await runScript("transport.ts", [world, text], permissions, { HOME: home, ...env });
  assert.equal(code, 0, stderr);
  return { ...JSON.parse(stdout), stderr };
}

/** In a short run each on one runtime only, since processes take long to start. */
function inTurn(name: string, body: () => Promise<void>): void {
  if (isTurnOf(name)) test(name, body);
}

for (const world of ["async", "sync"]) {
  inTurn(`password file: in the home directory, or named (${world})`, () =>
    withHome(async (home) => {
      assert.match((await connectIn(home, world, TARGET)).error!, /password/);
      const own = join(home, "own");
      await writeFile(own, LINE, { mode: 0o600 });
      assert.equal((await connectIn(home, world, `${TARGET} passfile='${own}'`)).one, 1);
      assert.equal((await connectIn(home, world, TARGET, { env: { PGPASSFILE: own } })).one, 1);
      await writeFile(join(home, ".pgpass"), LINE, { mode: 0o600 });
      assert.equal((await connectIn(home, world, TARGET)).one, 1);
    }));

  inTurn(
    `password file: one that others may read is not used, and the process is warned (${world})`,
    () =>
      withHome(async (home) => {
        const path = join(home, ".pgpass");
        await writeFile(path, LINE);
        await chmod(path, 0o640);
        const { error, stderr } = await connectIn(home, world, TARGET);
        assert.match(error!, /password/);
        assert.match(stderr, /The password file .* is not used: its group or others have access/);
        assert.doesNotMatch(stderr, /secret/);
        await rm(path);
        await mkdir(path);
        assert.match((await connectIn(home, world, TARGET)).stderr, /is not used: it must be a plain file/);
      }),
  );

  inTurn(`service file: completes the options (${world})`, () =>
    withHome(async (home) => {
      const section = `[s]\n${TARGET.replaceAll(" ", "\n")}\npassword=secret\n`;
      await writeFile(join(home, ".pg_service.conf"), section);
      assert.equal((await connectIn(home, world, "service=s")).one, 1);
      assert.equal((await connectIn(home, world, "pg://?service=s", { env: { PGUSER: "nobody" } })).one, 1);
      assert.match(
        (await connectIn(home, world, "service=t")).error!,
        /^UsageError: Cannot use service "t": no service/,
      );
    }));

  // Bun and Node have no such permissions.
  if (runtime === "deno") {
    test(`files: Deno asks for none, and a file that was named needs its permission (${world})`, () =>
      withHome(async (home) => {
        const path = join(home, ".pgpass");
        await writeFile(path, LINE, { mode: 0o600 });
        const net = `--allow-net=127.0.0.1:${newest.port}`;
        const without = await connectIn(home, world, TARGET, { permissions: [net, "--allow-env=HOME"] });
        assert.match(without.error!, /^(Connection|Usage|Server)Error: .*password/);
        const named = await connectIn(home, world, `${TARGET} passfile='${path}'`, { permissions: [net] });
        assert.equal(
          named.error,
          `UsageError: Cannot read the password file "${path}": Deno needs --allow-read=${path}`,
        );
        for (const permissions of [[net, "--allow-env=HOME", `--allow-read=${path}`], [net, "--allow-sys=homedir"]]) {
          const { one } = await connectIn(home, world, TARGET, { permissions });
          assert.equal(one, permissions.length === 3 ? 1 : undefined);
        }
        const service = await connectIn(home, world, "service=s", { permissions: [net, "--allow-env=HOME"] });
        assert.match(
          service.error!,
          /^UsageError: Cannot use service "s": .*Deno does not permit reading .*--allow-read$/,
        );
      }));
  }
}
