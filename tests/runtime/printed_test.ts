/** What a server puts into its messages must not command the terminal on which an error is printed. */
import assert from "node:assert/strict";
import { ConnectionError, ServerError } from "../../mod.ts";
import { runScript } from "../support/processes/child.ts";
import { newest } from "../support/suite/servers.ts";
import { test } from "../support/suite/test.ts";

// deno-lint-ignore no-control-regex
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/;

/** What the script prints, which has no control characters. */
async function printed(world: string, way: string): Promise<string> {
  const { stdout, stderr } = await runScript("print_error.ts", [newest.fast, world, way]);
  assert.doesNotMatch(stdout + stderr, CONTROLS, `${way}: ${JSON.stringify(stdout + stderr)}`);
  return stdout + stderr;
}

const ESCAPED = /red \\x1b\[31m bell \\x07 line\\x0d\\x7f\\x9b/;

for (const world of ["async", "sync"]) {
  test(`printed: control characters of a server's message are escaped on the console (${world})`, async () => {
    const text = await printed(world, "console");
    assert.ok(text.split(ESCAPED).length > 9, text);
    assert.match(text, /^scripts read all of it$/m);
  });
}

test("printed: control characters of a server's message are escaped when nobody catches the error", async () => {
  for (const way of ["throw", "throw later", "reject", "throw with a cause"]) {
    assert.match(await printed("async", way), ESCAPED, way);
  }
});

test("printed: the message keeps what the server sent, also when the stack is taken anew", () => {
  const raw = "a\x1b[2Jb";
  const error = new ServerError({ severity: "ERROR", code: "XX000", message: raw });
  const outer = new ConnectionError(`Cannot connect: ${error.message}`, { cause: error });
  assert.equal(error.message, raw);
  assert.equal(outer.message, `Cannot connect: ${raw}`);
  assert.equal([error].map(({ message }) => message)[0], raw);
  for (const { stack } of [error, outer]) {
    assert.doesNotMatch(stack!, CONTROLS);
    assert.ok(stack!.includes("a\\x1b[2Jb") && stack!.includes("printed_test.ts"), stack);
  }
  assert.deepEqual(Object.keys(error), ["connectionLost", "safeToRetry", "severity", "code"]);
});

test("printed: an ordinary message, with lines and tabs, is an ordinary property", () => {
  const error = new ServerError({ severity: "ERROR", code: "XX000", message: "é\n\tline" });
  assert.equal(Object.getOwnPropertyDescriptor(error, "message")?.value, "é\n\tline");
  assert.ok(error.stack!.includes("é\n\tline"));
});

test("printed: whatever the program does to stacks, scripts get the whole message", () => {
  const { stackTraceLimit, prepareStackTrace } = Error;
  const error = new ServerError({ severity: "ERROR", code: "XX000", message: "\x1b" });
  try {
    Error.stackTraceLimit = 0;
    Error.prepareStackTrace = () => "mine";
    assert.equal(error.message, "\x1b");
    assert.equal(Error.stackTraceLimit, 0);
    assert.equal(Error.prepareStackTrace(new Error(), []), "mine");
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    Error.prepareStackTrace = prepareStackTrace;
  }
});
