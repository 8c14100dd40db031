/** `PYRO_TRACE`, in processes of their own. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runScript } from "../support/processes/child.ts";
import { runtime } from "../support/suite/runtime.ts";
import { newest } from "../support/suite/servers.ts";
import { testInTurn } from "../support/suite/test.ts";

const URL = newest.url({ user: "auth_scram", password: "secret", query: "upgrade_to_unix_socket=no" });

/** A directory that is gone afterwards. */
class Directory implements Disposable {
  readonly path: string = mkdtempSync(join(tmpdir(), "pyro-trace-"));

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true });
  }
}

/** Checks that it is the trace of one session. */
function isSession(text: string): void {
  const lines = text.trimEnd().split("\n");
  for (const line of lines) assert.match(line, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}\t[FB]\t(\d+|NN)\t\w+/);
  const names = lines.map((line) => line.split("\t").slice(3).join("\t"));
  assert.equal(names[0], "SSLRequest\t 1234 5679");
  for (const name of ["AuthenticationOk", "ReadyForQuery\t I"]) assert.ok(names.includes(name), text);
  assert.equal(names.filter((name) => name.startsWith("StartupMessage\t 3 0")).length, 1);
  assert.ok(names.some((name) => name.includes("select 1")), text);
  assert.equal(names.at(-1), "Terminate");
  assert.doesNotMatch(text, /secret/);
}

for (const world of ["async", "sync"]) {
  testInTurn(`PYRO_TRACE: appends to a file that only its owner may read (${world})`, async () => {
    using directory = new Directory();
    const file = join(directory.path, "trace.txt");
    const run = async (): Promise<string> => {
      const { code, stdout, stderr } = await runScript("transport.ts", [world, URL], ["-A"], { PYRO_TRACE: file });
      assert.equal(code, 0, stderr);
      assert.equal(JSON.parse(stdout).one, 1, stdout);
      return readFileSync(file, "utf8");
    };
    const first = await run();
    isSession(first);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    const both = await run();
    assert.ok(both.startsWith(first));
    isSession(both.slice(first.length));
  });

  testInTurn(`PYRO_TRACE: - is standard error (${world})`, async () => {
    const { code, stdout, stderr } = await runScript("transport.ts", [world, URL], ["-A"], { PYRO_TRACE: "-" });
    assert.equal(code, 0, stderr);
    assert.equal(JSON.parse(stdout).one, 1);
    // Runtimes may have warnings of their own.
    isSession(stderr.split("\n").filter((line) => line.includes("\t")).join("\n"));
  });

  testInTurn(`PYRO_TRACE: empty is as if it were not set (${world})`, async () => {
    const { code, stdout, stderr } = await runScript("transport.ts", [world, URL], ["-A"], { PYRO_TRACE: "" });
    assert.equal(code, 0, stderr);
    assert.equal(JSON.parse(stdout).one, 1);
    assert.doesNotMatch(stderr, /\t/);
  });

  testInTurn(`PYRO_TRACE: a file that cannot be written is an error that says so (${world})`, async () => {
    using directory = new Directory();
    writeFileSync(join(directory.path, "file"), "");
    for (const name of [directory.path, join(directory.path, "none", "x"), join(directory.path, "file", "x")]) {
      const { code, stdout, stderr } = await runScript("transport.ts", [world, URL], ["-A"], { PYRO_TRACE: name });
      assert.equal(code, 0, stderr);
      const { error } = JSON.parse(stdout);
      assert.ok(error.startsWith(`UsageError: Cannot write the trace to "${name}", which PYRO_TRACE names: E`), stdout);
      assert.ok(error.endsWith("; name a file, or - for standard error"), stdout);
    }
  });

  // Bun and Node have no such permissions.
  if (runtime === "deno") {
    testInTurn(`PYRO_TRACE: needs what Deno was granted before, and asks for nothing (${world})`, async () => {
      using directory = new Directory();
      const file = join(directory.path, "trace.txt");
      const net = `--allow-net=127.0.0.1:${newest.port}`;
      const run = async (...permissions: string[]): Promise<{ one?: number; error?: string }> => {
        const { code, stdout, stderr } = await runScript("transport.ts", [world, URL], [net, ...permissions], {
          PYRO_TRACE: file,
        });
        assert.equal(code, 0, stderr);
        return JSON.parse(stdout);
      };
      assert.equal((await run()).one, 1, "the variable may not be read, so it is not seen");
      assert.match(
        (await run("--allow-env=PYRO_TRACE")).error!,
        /^UsageError: .*Deno's write permission is not granted \(--allow-write\)/,
      );
      assert.equal(existsSync(file), false);
      assert.equal((await run("--allow-env=PYRO_TRACE", `--allow-write=${file}`)).one, 1);
      isSession(readFileSync(file, "utf8"));
    });
  }
}
