/** Statements that the server no longer has, or whose rows are no longer those that were learned. */
import assert from "node:assert/strict";
import { AsyncLink } from "../../src/run/async_link.ts";
import { ServerError } from "../../src/errors.ts";
import type { Context } from "../../src/statements/context.ts";
import { execute, query } from "../../src/statements/execute.ts";
import type { StatementReference } from "../../src/statements/statement_source.ts";
import { prepare } from "../../src/statements/prepare.ts";
import { callback, type Op, perform } from "../../src/protocol/request.ts";
import { Ping } from "../../src/protocol/ping.ts";
import { AllRows } from "../../src/rows/collectors.ts";
import {
  bindComplete,
  closeComplete,
  commandComplete,
  concat,
  dataRow,
  errorResponse,
  parseComplete,
  readyForQuery,
  rowDescription,
} from "../support/scripted/backend.ts";
import {
  callOf,
  contextOf,
  inBothDrivers,
  int4,
  learned,
  namesIn,
  rows,
  SOCKET,
  textRows,
  wire,
} from "../support/scripted/links.ts";
import { ManualAsync, settled } from "../support/scripted/manual_transports.ts";
import type { Step } from "../support/scripted/scripted_server.ts";
import { test } from "../support/suite/test.ts";

const FIRST = "Parse Describe Sync";
const KNOWN = "Bind Execute Sync";
const AT_ONCE = "Parse Describe Bind Execute Sync";
const UNNAMED = "Parse Bind Describe Execute Sync";

const LEARNED = concat(learned(), readyForQuery());
const MISSING = errorResponse("26000", 'prepared statement "p1" does not exist');

/** What the server says of a statement that it still has, but no longer as it was. */
const CHANGED: readonly (readonly [name: string, error: Uint8Array])[] = [
  ["other columns", errorResponse("0A000", "cached plan must not change result type")],
  ["a type that was dropped", errorResponse("XX000", "cache lookup failed for type 16400")],
  [
    "parameters of another type",
    errorResponse("42804", 'column "n" is of type date but expression is of type integer'),
  ],
];

/** The first two executions of a string with a parameter; the second is refused. */
function refusedBy(error: Uint8Array, status: "I" | "E" = "I"): readonly Step[] {
  return [[FIRST, LEARNED], [KNOWN, rows(1)], [KNOWN, concat(error, readyForQuery(status))]];
}

function exec(context: Context, value: number): Op<unknown[]> {
  return execute("a $1", [value], new AllRows("object"), context);
}

function execHandle(context: Context, handle: StatementReference, value: number): Op<unknown[]> {
  return execute(handle, [value], new AllRows("object"), context);
}

function unnamedRow(n: number): Uint8Array {
  return concat(
    parseComplete(),
    bindComplete(),
    rowDescription({ n: 23 }, 1),
    dataRow(int4(n)),
    commandComplete("SELECT 1"),
    readyForQuery(),
  );
}

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof ServerError && error.code === code;
}

for (const [name, error] of CHANGED) {
  inBothDrivers(`${name}: the statement is prepared again, and its string keeps a name`, [
    ...refusedBy(error),
    [`Close ${FIRST}`, concat(closeComplete(), LEARNED)],
    [KNOWN, rows(2)],
    [KNOWN, rows(3)],
  ], async (connection) => {
    const context = contextOf(connection.link);
    for (const n of [1, 2, 3]) assert.deepEqual(await connection.run(exec(context, n)), [{ n }]);
    assert.deepEqual(namesIn(connection, "Parse"), ["p1", "p2"]);
    assert.deepEqual(namesIn(connection, "Close"), ["p1"]);
    assert.deepEqual(namesIn(connection, "Bind"), ["p1", "p1", "p2", "p2"]);
  });

  inBothDrivers(`${name}: a statement of the caller's is prepared again, and executed under its new name`, [
    [FIRST, LEARNED],
    [KNOWN, concat(error, readyForQuery())],
    [`Close ${FIRST}`, concat(closeComplete(), LEARNED)],
    [KNOWN, rows(2)],
    [KNOWN, rows(3)],
  ], async (connection) => {
    const context = contextOf(connection.link);
    const handle: StatementReference = { prepared: await connection.run(prepare("a $1", context)) };
    for (const n of [2, 3]) assert.deepEqual(await connection.run(execHandle(context, handle, n)), [{ n }]);
    assert.equal(handle.prepared.name, "p2");
    assert.deepEqual(namesIn(connection, "Close"), ["p1"]);
    assert.deepEqual(namesIn(connection, "Bind"), ["p1", "p2", "p2"]);
  });

  inBothDrivers(`${name} in a transaction: the error surfaces, and the next execution learns anew`, [
    ...refusedBy(error, "E"),
    ["Sync", readyForQuery("I")],
    [`Close ${FIRST}`, concat(closeComplete(), LEARNED)],
    [KNOWN, rows(3)],
  ], async (connection) => {
    const { run, link } = connection;
    const context = contextOf(link);
    await run(exec(context, 1));
    await assert.rejects(run(exec(context, 2)), ServerError);
    assert.deepEqual(namesIn(connection, "Parse"), ["p1"], "nothing is sent into the failed transaction");
    await run(perform(new Ping()));
    assert.deepEqual(await run(exec(context, 3)), [{ n: 3 }]);
  });

  test(`${name}, and something was called behind it: the error surfaces, and the next execution learns anew`, async () => {
    const connection = wire("async", [
      ...refusedBy(error),
      ["Sync", readyForQuery()],
      [`Close ${FIRST}`, concat(closeComplete(), LEARNED)],
      [KNOWN, rows(3)],
    ]);
    const context = contextOf(connection.link);
    await connection.run(exec(context, 1));
    const [second, ping] = await Promise.allSettled([
      connection.run(exec(context, 2)),
      connection.run(perform(new Ping())),
    ]);
    assert.ok(second.status === "rejected" && second.reason instanceof ServerError);
    assert.equal(ping.status, "fulfilled");
    assert.deepEqual(await connection.run(exec(context, 3)), [{ n: 3 }]);
    assert.ok(connection.server.finished);
  });

  inBothDrivers(`${name}, and the same once more: it is prepared again only once`, [
    ...refusedBy(error),
    [`Close ${FIRST}`, concat(closeComplete(), LEARNED)],
    [KNOWN, concat(error, readyForQuery())],
  ], async ({ run, link }) => {
    const context = contextOf(link);
    await run(exec(context, 1));
    await assert.rejects(run(exec(context, 2)), ServerError);
    assert.ok(link.session.idle);
  });
}

/** An awaiting connection whose second execution was sent and not yet answered. */
async function underWay(): Promise<{ transport: ManualAsync; link: AsyncLink; second: Promise<unknown> }> {
  const transport = new ManualAsync();
  const link = new AsyncLink(transport, SOCKET);
  const context = contextOf(link);
  const first = link.run(callOf(exec(context, 1)));
  transport.arrive(LEARNED);
  await settled();
  transport.arrive(rows(1));
  await first;
  const second = link.run(callOf(exec(context, 2)));
  await settled();
  transport.writes.length = 0;
  return { transport, link, second };
}

test("a call made while the statement is prepared again comes behind its execution", async () => {
  const { transport, link, second } = await underWay();
  transport.arrive(concat(CHANGED[0]![1], readyForQuery()));
  await settled();
  const ping = link.run(callOf(perform(new Ping())));
  await settled();
  assert.equal(typesIn(transport), "C");
  transport.arrive(concat(closeComplete(), LEARNED));
  await settled();
  assert.equal(typesIn(transport), "CBS");
  transport.arrive(rows(2), readyForQuery());
  assert.deepEqual(await second, [{ n: 2 }]);
  await ping;
});

test("a call that has the turn when the statement is refused comes first: the error surfaces", async () => {
  const { transport, link, second } = await underWay();
  const gate = Promise.withResolvers<void>();
  const other = link.run(callOf(function* (): Op<void> {
    yield* callback(() => gate.promise);
    yield* perform(new Ping());
  }()));
  const refusal = assert.rejects(second, hasCode("0A000"));
  transport.arrive(concat(CHANGED[0]![1], readyForQuery()));
  await settled();
  assert.equal(typesIn(transport), "");
  gate.resolve();
  await settled();
  transport.arrive(readyForQuery());
  await Promise.all([refusal, other]);
  assert.equal(typesIn(transport), "S");
});

/** What was written, as the type of the first message of each write. */
function typesIn({ writes }: ManualAsync): string {
  return writes.map((bytes) => String.fromCharCode(bytes[0]!)).join("");
}

inBothDrivers("a statement that the server does not have: it is prepared again, and none has a name any more", [
  [FIRST, LEARNED],
  ...refusedBy(MISSING),
  [FIRST, LEARNED],
  [UNNAMED, unnamedRow(2)],
  [UNNAMED, unnamedRow(3)],
  [AT_ONCE, concat(learned(0), textRows(4))],
  [FIRST, LEARNED],
  [UNNAMED, unnamedRow(5)],
], async (connection) => {
  const { run, link } = connection;
  const context = contextOf(link);
  const handle: StatementReference = { prepared: await run(prepare("mine $1", context)) };
  for (const n of [1, 2, 3]) assert.deepEqual(await run(exec(context, n)), [{ n }]);
  assert.deepEqual(await run(execute("other", [], new AllRows("object"), context)), [{ n: 4 }]);
  assert.deepEqual(await run(execHandle(context, handle, 5)), [{ n: 5 }]);
  assert.equal(context.statements.named, false);
  assert.deepEqual(namesIn(connection, "Parse").filter((name) => name !== ""), ["p1", "p2"]);
  assert.deepEqual(namesIn(connection, "Close"), [], "on this server connection a name may be another's");
});

inBothDrivers("a statement of the caller's that the server does not have turns names off too", [
  [FIRST, LEARNED],
  [KNOWN, concat(MISSING, readyForQuery())],
  [FIRST, LEARNED],
  [UNNAMED, unnamedRow(1)],
], async (connection) => {
  const context = contextOf(connection.link);
  const handle: StatementReference = { prepared: await connection.run(prepare("mine $1", context)) };
  assert.deepEqual(await connection.run(execHandle(context, handle, 1)), [{ n: 1 }]);
  assert.deepEqual(namesIn(connection, "Parse"), ["p1", "", ""]);
});

inBothDrivers("a missing statement in a transaction: the error surfaces, and names are off from then on", [
  ...refusedBy(MISSING, "E"),
  ["Sync", readyForQuery()],
  [FIRST, LEARNED],
  [UNNAMED, unnamedRow(3)],
], async (connection) => {
  const { run, link } = connection;
  const context = contextOf(link);
  await run(exec(context, 1));
  await assert.rejects(run(exec(context, 2)), hasCode("26000"));
  await run(perform(new Ping()));
  assert.deepEqual(await run(exec(context, 3)), [{ n: 3 }]);
  assert.deepEqual(namesIn(connection, "Parse"), ["p1", "", ""]);
});

test("a missing statement, and something was called behind it: the error surfaces, and names are off", async () => {
  const connection = wire("async", [
    ...refusedBy(MISSING),
    ["Sync", readyForQuery()],
    [FIRST, LEARNED],
    [UNNAMED, unnamedRow(3)],
  ]);
  const context = contextOf(connection.link);
  await connection.run(exec(context, 1));
  const second = connection.run(exec(context, 2));
  await Promise.all([assert.rejects(second, hasCode("26000")), connection.run(perform(new Ping()))]);
  assert.deepEqual(await connection.run(exec(context, 3)), [{ n: 3 }]);
  assert.deepEqual(namesIn(connection, "Parse"), ["p1", "", ""]);
});

for (
  const [how, first, values] of [["learned", FIRST, [1]], ["executed at once", AT_ONCE, []]] as const
) {
  inBothDrivers(`a name that is taken when a string is to be ${how}: names are off from then on`, [
    [first, concat(errorResponse("42P05", 'prepared statement "p1" already exists'), readyForQuery())],
    [first, values.length === 0 ? concat(learned(0), textRows(1)) : LEARNED],
    ...(values.length === 0 ? [] : [[UNNAMED, unnamedRow(1)] as const]),
  ], async (connection) => {
    const context = contextOf(connection.link);
    const run = () => connection.run(execute("a", values, new AllRows("object"), context));
    // Whether this call is tried again, or only the next, is not what this is about.
    assert.deepEqual(await run().catch(run), [{ n: 1 }]);
    assert.deepEqual(namesIn(connection, "Parse").filter((name) => name !== ""), ["p1"]);
  });
}

for (const sql of ["DISCARD ALL", "deallocate all"]) {
  inBothDrivers(`${sql}: statements are prepared again before they are executed, and keep names`, [
    [FIRST, LEARNED],
    [FIRST, LEARNED],
    [KNOWN, rows(1)],
    ["Query", concat(commandComplete("DISCARD ALL"), readyForQuery())],
    [FIRST, LEARNED],
    [KNOWN, rows(2)],
    [FIRST, LEARNED],
    [KNOWN, rows(3)],
  ], async (connection) => {
    const { run, link } = connection;
    const context = contextOf(link);
    const handle: StatementReference = { prepared: await run(prepare("mine $1", context)) };
    assert.deepEqual(await run(exec(context, 1)), [{ n: 1 }]);
    await run(query(sql, new AllRows("object"), context));
    assert.deepEqual(await run(exec(context, 2)), [{ n: 2 }]);
    assert.deepEqual(await run(execHandle(context, handle, 3)), [{ n: 3 }]);
    assert.deepEqual(namesIn(connection, "Parse"), ["p1", "p2", "p3", "p4"]);
    assert.deepEqual(namesIn(connection, "Close"), []);
  });
}

test("a string that is executed behind a DISCARD ALL is prepared behind it, and names stay on", async () => {
  const connection = wire("async", [
    [FIRST, LEARNED],
    [KNOWN, rows(1)],
    ["Query", concat(commandComplete("DISCARD ALL"), readyForQuery())],
    [`Close ${FIRST}`, concat(closeComplete(), LEARNED)],
    [KNOWN, rows(2)],
  ]);
  const context = contextOf(connection.link);
  await connection.run(exec(context, 1));
  const discard = connection.run(query("discard all", new AllRows("object"), context));
  assert.deepEqual(await connection.run(exec(context, 2)), [{ n: 2 }]);
  await discard;
  assert.deepEqual(namesIn(connection, "Parse"), ["p1", "p2"]);
  assert.ok(connection.server.finished);
});

for (
  const [code, words] of [["0A000", "cannot insert into view"], ["XX000", "could not read block"], ["22012", "zero"]]
) {
  inBothDrivers(`a refusal with ${code} for another reason is the caller's, and the statement stays`, [
    ...refusedBy(errorResponse(code, words)),
    [KNOWN, rows(3)],
  ], async ({ run, link }) => {
    const context = contextOf(link);
    await run(exec(context, 1));
    await assert.rejects(run(exec(context, 2)), hasCode(code!));
    assert.deepEqual(await run(exec(context, 3)), [{ n: 3 }]);
  });
}

inBothDrivers("a value that does not fit: the types are asked for, and if they are as before, it is not sent again", [
  ...refusedBy(errorResponse("22P02", 'invalid input value for enum mood: "sad"')),
  [`Close ${FIRST}`, concat(closeComplete(), LEARNED)],
  [KNOWN, rows(3)],
], async ({ run, link }) => {
  const context = contextOf(link);
  await run(exec(context, 1));
  await assert.rejects(run(exec(context, 2)), hasCode("22P02"));
  assert.deepEqual(await run(exec(context, 3)), [{ n: 3 }]);
});

// The server looks for the statement, and at its plan, when it binds. What comes later is about something
// that the statement itself does, and a procedure may have committed before: CALL, EXECUTE, a function.
for (const [name, error] of [...CHANGED, ["a missing statement", MISSING]] as const) {
  inBothDrivers(`${name}, said after BindComplete: it is not executed again, and stays under its name`, [
    ...refusedBy(concat(bindComplete(), error)),
    [KNOWN, rows(3)],
  ], async ({ run, link }) => {
    const context = contextOf(link);
    await run(exec(context, 1));
    await assert.rejects(run(exec(context, 2)), ServerError);
    assert.deepEqual(await run(exec(context, 3)), [{ n: 3 }]);
    assert.equal(context.statements.named, true);
  });
}
