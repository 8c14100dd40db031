/** Traced transports: each byte is shown once, in order, and what passes is what passed without a trace. */
import assert from "node:assert/strict";
import { connectAsync } from "../../src/run/connect_async.ts";
import { connectSync } from "../../src/run/connect_sync.ts";
import { tracedAsync, tracedSync } from "../../src/trace/traced_transport.ts";
import { query } from "../../src/statements/execute.ts";
import { dial, discard, type Handshake, readByte, run, startTls } from "../../src/connect/handshake.ts";
import type { Connected } from "../../src/connect/upgrade.ts";
import { perform } from "../../src/protocol/request.ts";
import { Startup } from "../../src/protocol/startup.ts";
import { FirstValue } from "../../src/rows/collectors.ts";
import { sslRequest } from "../../src/wire/frontend.ts";
import { authentication, backendKeyData, concat, readyForQuery } from "../support/scripted/backend.ts";
import { AsyncDials, connected, SyncDials } from "../support/scripted/dialers.ts";
import { contextOf, number, SOCKET } from "../support/scripted/links.ts";
import { ScriptedAsync, ScriptedSync, type Step } from "../support/scripted/scripted_server.ts";
import { test } from "../support/suite/test.ts";

const STEPS: readonly Step[] = [
  ["SslRequest", new TextEncoder().encode("S")],
  ["Startup", authentication(3)],
  ["Password", concat(authentication(0), backendKeyData(42), readyForQuery())],
  ["Query", number(7)],
];

const LINES = [
  "F\t8\tSSLRequest\t 1234 5679",
  "B\t1\tSSLResponse\t S",
  'F\t18\tStartupMessage\t 3 0 "user" "ada"',
  "B\t8\tAuthenticationCleartextPassword",
  "F\tNN\tPasswordMessage\t ***",
  "B\t8\tAuthenticationOk",
  "B\t12\tBackendKeyData\t 42 ***",
  "B\t5\tReadyForQuery\t I",
  'F\t13\tQuery\t "select 7"',
  'B\t26\tRowDescription\t 1 "n" 0 0 23 65535 -1 0',
  "B\t11\tDataRow\t 1 1 '7'",
  'B\t13\tCommandComplete\t "SELECT 1"',
  "B\t5\tReadyForQuery\t I",
  "F\t4\tTerminate",
];

/** TLS, a password, a query and the end. */
function* conversation(values: unknown[]): Handshake<Connected> {
  const link = yield* dial(SOCKET, true, Infinity);
  sslRequest(link.session.outbox);
  assert.equal(yield* readByte(link, Infinity), 0x53);
  yield* startTls(link, { serverName: "a" }, Infinity);
  const parameters = [["user", "ada"]] as const;
  const options = { user: "ada", password: "SECRET", parameters, nonce: () => "n" };
  yield* run(link, perform(new Startup(options, link.session)), Infinity);
  values.push(yield* run(link, query("select 7", new FirstValue(), contextOf(link)), Infinity));
  yield* discard(link);
  return connected(link);
}

/** What was told, without the times. */
function listening(): { lines: string[]; listener: (line: string) => void } {
  const lines: string[] = [];
  return {
    lines,
    listener: (line) => {
      assert.match(line, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}\t/);
      lines.push(line.slice(line.indexOf("\t") + 1));
      throw new Error("which is ignored");
    },
  };
}

for (const chunk of [1, 3, Infinity]) {
  test(`traced: an awaiting connection, ${chunk} bytes at a time`, async () => {
    const server = new ScriptedAsync(STEPS, { chunk });
    const { lines, listener } = listening();
    const values: unknown[] = [];
    await connectAsync(conversation(values), tracedAsync(new AsyncDials(server), listener), undefined);
    assert.deepEqual(lines, LINES);
    assert.deepEqual([values, server.finished, server.closed, server.tls], [[7], true, true, { serverName: "a" }]);
  });

  test(`traced: a blocking connection, ${chunk} bytes at a time`, () => {
    const server = new ScriptedSync(STEPS, { chunk });
    const { lines, listener } = listening();
    const values: unknown[] = [];
    connectSync(conversation(values), tracedSync(new SyncDials(server), listener));
    assert.deepEqual(lines, LINES);
    assert.deepEqual([values, server.finished, server.closed, server.tls], [[7], true, true, { serverName: "a" }]);
  });
}

test("traced: without a listener there is nothing in between", () => {
  const [awaiting, blocking] = [new AsyncDials(), new SyncDials()];
  assert.equal(tracedAsync(awaiting, undefined), awaiting);
  assert.equal(tracedSync(blocking, undefined), blocking);
});
