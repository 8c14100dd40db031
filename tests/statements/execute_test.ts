import assert from "node:assert/strict";
import { EncodeError, ServerError, UsageError } from "../../src/errors.ts";
import type { Context } from "../../src/statements/context.ts";
import { execute, query } from "../../src/statements/execute.ts";
import type { Op } from "../../src/protocol/request.ts";
import { AllRows } from "../../src/rows/collectors.ts";
import {
  bindComplete,
  closeComplete,
  commandComplete,
  concat,
  dataRow,
  emptyQueryResponse,
  errorResponse,
  noData,
  parameterDescription,
  parseComplete,
  readyForQuery,
  rowDescription,
} from "../support/scripted/backend.ts";
import {
  contextOf,
  inBothDrivers,
  int4,
  inWholeWrites,
  learned,
  namesIn,
  number,
  rows,
  textRows,
  wire,
} from "../support/scripted/links.ts";
import { test } from "../support/suite/test.ts";

const FIRST = "Parse Describe Sync";
const KNOWN = "Bind Execute Sync";
const AT_ONCE = "Parse Describe Bind Execute Sync";
const UNNAMED = "Parse Bind Describe Execute Sync";

function exec(context: Context, sql: string, values: readonly unknown[] = []): Op<unknown[]> {
  return execute(sql, values, new AllRows("object"), context);
}

inBothDrivers("query: one round trip in the simple protocol", [["Query", number(1)]], async ({ link, run, server }) => {
  assert.deepEqual(await run(query("select 1 as n", new AllRows("object"), contextOf(link))), [{ n: 1 }]);
  assert.equal(new TextDecoder().decode(server.messages[0]!.body), "select 1 as n\0");
});

inWholeWrites("exec with parameters: learned first, then one round trip each", [
  [FIRST, concat(learned(), readyForQuery())],
  [KNOWN, rows(1)],
  [KNOWN, rows(2, 3)],
], async (wire) => {
  const context = contextOf(wire.link);
  assert.deepEqual(await wire.run(exec(context, "select $1", [7])), [{ n: 1 }]);
  assert.deepEqual(await wire.run(exec(context, "select $1", [8])), [{ n: 2 }, { n: 3 }]);
  assert.deepEqual(wire.server.writes, [FIRST, KNOWN, KNOWN]);
  assert.deepEqual(namesIn(wire, "Parse"), ["p1"]);
  assert.deepEqual(namesIn(wire, "Describe"), ["p1"]);
  // No portal name, statement p1, one parameter format (binary), one value of four bytes, results in binary.
  const bind = wire.server.messages.find(({ name }) => name === "Bind")!.body;
  assert.deepEqual([...bind], [0, 0x70, 0x31, 0, 0, 1, 0, 1, 0, 1, 0, 0, 0, 4, 0, 0, 0, 7, 0, 1, 0, 1]);
});

inWholeWrites("exec without parameters: one round trip, the first time too", [
  [AT_ONCE, concat(learned(0), textRows(5))],
  [KNOWN, rows(5)],
], async (wire) => {
  const context = contextOf(wire.link);
  assert.deepEqual(await wire.run(exec(context, "select 5")), [{ n: 5 }]);
  assert.deepEqual(await wire.run(exec(context, "select 5")), [{ n: 5 }]);
  assert.deepEqual(wire.server.writes, [AT_ONCE, KNOWN]);
  const [first, second] = wire.server.messages.filter(({ name }) => name === "Bind");
  // Nothing is known of the rows the first time, so they are asked for as text.
  assert.deepEqual([...first!.body], [0, 0x70, 0x31, 0, 0, 0, 0, 0, 0, 0]);
  assert.deepEqual([...second!.body], [0, 0x70, 0x31, 0, 0, 0, 0, 0, 0, 1, 0, 1]);
});

inBothDrivers("exec: a string has one statement, however often it is executed", [
  [AT_ONCE, concat(learned(0), textRows(1))],
  [FIRST, concat(learned(), readyForQuery())],
  [KNOWN, rows(2)],
  [KNOWN, rows(3)],
  [KNOWN, rows(4)],
], async (wire) => {
  const context = contextOf(wire.link);
  const results = [];
  for (const [sql, values] of [["a", []], ["b $1", [1]], ["a", []], ["b $1", [2]]] as const) {
    results.push(await wire.run(exec(context, sql, values)));
  }
  assert.deepEqual(results, [[{ n: 1 }], [{ n: 2 }], [{ n: 3 }], [{ n: 4 }]]);
  assert.deepEqual(namesIn(wire, "Parse"), ["p1", "p2"]);
});

const unnamedRow = (n: number) =>
  concat(
    parseComplete(),
    bindComplete(),
    rowDescription({ n: 23 }, 1),
    dataRow(int4(n)),
    commandComplete("SELECT 1"),
    readyForQuery(),
  );

inWholeWrites("without a cache: unnamed statements, whose types are remembered", [
  [FIRST, concat(learned(), readyForQuery())],
  [UNNAMED, unnamedRow(1)],
  [UNNAMED, unnamedRow(2)],
  [AT_ONCE, concat(learned(0), textRows(3))],
  [UNNAMED, unnamedRow(4)],
], async (wire) => {
  const context = contextOf(wire.link, 0);
  assert.deepEqual(await wire.run(exec(context, "select $1", [1])), [{ n: 1 }]);
  assert.deepEqual(await wire.run(exec(context, "select $1", [2])), [{ n: 2 }]);
  assert.deepEqual(await wire.run(exec(context, "select 3")), [{ n: 3 }]);
  assert.deepEqual(await wire.run(exec(context, "select 3")), [{ n: 4 }]);
  assert.deepEqual(wire.server.writes, [FIRST, UNNAMED, UNNAMED, AT_ONCE, UNNAMED]);
  assert.deepEqual(namesIn(wire, "Parse"), ["", "", "", "", ""]);
  const known = wire.server.messages.filter(({ name }) => name === "Parse")[1]!.body;
  assert.deepEqual([...known.subarray(-6)], [0, 1, 0, 0, 0, 23], "the learned type goes with the text");
});

inBothDrivers("without a cache: rows that changed since they were learned are read as they come", [
  [FIRST, concat(learned(), readyForQuery())],
  [UNNAMED, unnamedRow(1)],
  [
    UNNAMED,
    concat(
      parseComplete(),
      bindComplete(),
      rowDescription({ m: 25 }),
      dataRow("x"),
      commandComplete("SELECT 1"),
      readyForQuery(),
    ),
  ],
], async ({ link, run }) => {
  const context = contextOf(link, 0);
  await run(exec(context, "select $1", [1]));
  assert.deepEqual(await run(exec(context, "select $1", [1])), [{ m: "x" }]);
});

inWholeWrites("an evicted statement is closed in the write that learns the next", [
  [AT_ONCE, concat(learned(0), textRows(1))],
  [`Close ${AT_ONCE}`, concat(closeComplete(), learned(0), textRows(2))],
  [`Close ${FIRST}`, concat(closeComplete(), learned(), readyForQuery())],
  [KNOWN, rows(3)],
], async (wire) => {
  const context = contextOf(wire.link, 1);
  assert.deepEqual(await wire.run(exec(context, "a")), [{ n: 1 }]);
  assert.deepEqual(await wire.run(exec(context, "b")), [{ n: 2 }]);
  assert.deepEqual(await wire.run(exec(context, "c $1", [1])), [{ n: 3 }]);
  assert.deepEqual(wire.server.writes, [AT_ONCE, `Close ${AT_ONCE}`, `Close ${FIRST}`, KNOWN]);
  assert.deepEqual(namesIn(wire, "Close"), ["p1", "p2"]);
  assert.deepEqual(namesIn(wire, "Parse"), ["p1", "p2", "p3"]);
});

inBothDrivers("a string whose first execution fails is remembered all the same", [
  [AT_ONCE, concat(learned(0), bindComplete(), errorResponse("22012", "division by zero"), readyForQuery())],
  [KNOWN, rows(1)],
], async ({ link, run }) => {
  const context = contextOf(link);
  await assert.rejects(
    run(exec(context, "select 1/x")),
    (error) => error instanceof ServerError && error.code === "22012",
  );
  assert.deepEqual(await run(exec(context, "select 1/x")), [{ n: 1 }]);
});

inBothDrivers("a string that the server cannot parse is not remembered", [
  [AT_ONCE, concat(errorResponse("42601"), readyForQuery())],
  [FIRST, concat(errorResponse("42601"), readyForQuery())],
  [AT_ONCE, concat(learned(0), textRows(1))],
], async (wire) => {
  const context = contextOf(wire.link);
  await assert.rejects(wire.run(exec(context, "selct")), (error) => {
    return error instanceof ServerError && error.code === "42601" && error.query === "selct";
  });
  await assert.rejects(wire.run(exec(context, "selct", [1])), ServerError);
  assert.deepEqual(await wire.run(exec(context, "selct")), [{ n: 1 }]);
  assert.deepEqual(namesIn(wire, "Parse"), ["p1", "p2", "p3"]);
  assert.deepEqual(namesIn(wire, "Close"), []);
});

inBothDrivers("parameters that are missing the first time: a UsageError that counts them", [
  [AT_ONCE, concat(learned(2), errorResponse("08P01", "bind message supplies 0 parameters"), readyForQuery())],
  [KNOWN, rows(1)],
], async ({ link, run }) => {
  const context = contextOf(link);
  const wrong = (error: unknown) =>
    error instanceof UsageError && /0 parameters: the statement has 2/.test(error.message);
  await assert.rejects(run(exec(context, "select $1, $2")), wrong);
  await assert.rejects(run(exec(context, "select $1, $2")), wrong, "without asking the server");
  assert.deepEqual(await run(exec(context, "select $1, $2", [1, 2])), [{ n: 1 }]);
});

inBothDrivers("a parameter that cannot be encoded: nothing is sent, and the next call asks again what fits", [
  [FIRST, concat(learned(), readyForQuery())],
  [`Close ${FIRST}`, concat(closeComplete(), learned(), readyForQuery())],
  [KNOWN, rows(1)],
], async ({ run, server, link }) => {
  const context = contextOf(link);
  await assert.rejects(run(exec(context, "select $1", ["x".repeat(3), 2])), UsageError);
  await assert.rejects(
    run(exec(context, "select $1", [2 ** 40])),
    (error) => error instanceof EncodeError && !error.safeToRetry,
  );
  assert.equal(server.messages.length, 3);
  assert.equal(link.session.outbox.size, 0);
  assert.deepEqual(await run(exec(context, "select $1", [1])), [{ n: 1 }]);
});

inBothDrivers("an empty string gives no rows", [
  [
    AT_ONCE,
    concat(parseComplete(), parameterDescription(), noData(), bindComplete(), emptyQueryResponse(), readyForQuery()),
  ],
], async ({ link, run }) => {
  assert.deepEqual(await run(exec(contextOf(link), "")), []);
});

test("a string that is learned twice at once leaves one statement, and the other is closed", async () => {
  const connection = wire("async", [
    ["Parse Describe Bind Execute Sync", concat(learned(), errorResponse("08P01"), readyForQuery())],
    ["Parse Describe Sync", concat(learned(), readyForQuery())],
    [
      "Parse Bind Describe Execute Sync",
      concat(parseComplete(), bindComplete(), noData(), commandComplete("DO"), readyForQuery()),
    ],
    ["Close Parse Describe Bind Execute Sync", concat(closeComplete(), learned(0), textRows(3))],
  ]);
  const context = contextOf(connection.link, 1);
  const exec = (sql: string, values: unknown[]): Promise<unknown> =>
    connection.run(execute(sql, values, new AllRows("object"), context));
  await Promise.allSettled([exec("a $1", []), exec("a $1", [1])]);
  await exec("b", []);
  assert.deepEqual(namesIn(connection, "Close").length, 1);
});

test("first executions at once keep no more statements than there is room for", async () => {
  const connection = wire(
    "async",
    [0, 1, 2, 3].map((i) => ["Parse Describe Bind Execute Sync", concat(learned(0), textRows(i))] as const),
  );
  const context = contextOf(connection.link, 2);
  await Promise.all(
    [0, 1, 2, 3].map((i) => connection.run(execute(`s${i}`, [], new AllRows("object"), context))),
  );
  assert.equal(namesIn(connection, "Parse").filter((name) => name !== "").length, 2);
});
