import assert from "node:assert/strict";
import type { Context } from "../../src/statements/context.ts";
import { execute, query } from "../../src/statements/execute.ts";
import type { Op } from "../../src/protocol/request.ts";
import { Prepared } from "../../src/protocol/prepared.ts";
import { AllRows } from "../../src/rows/collectors.ts";
import {
  bindComplete,
  closeComplete,
  commandComplete,
  concat,
  copyData,
  copyDone,
  copyResponse,
  errorResponse,
  noData,
  parameterDescription,
  parseComplete,
  readyForQuery,
} from "../support/scripted/backend.ts";
import {
  contextOf,
  inBothDrivers,
  learned,
  namesIn,
  number,
  registry,
  rows,
  textRows,
  wire,
} from "../support/scripted/links.ts";
import { test } from "../support/suite/test.ts";

const FIRST = "Parse Describe Sync";
const KNOWN = "Bind Execute Sync";
const AT_ONCE = "Parse Describe Bind Execute Sync";

function exec(context: Context, sql: string, values: readonly unknown[] = []): Op<unknown[]> {
  return execute(sql, values, new AllRows("object"), context);
}

function simple(context: Context, sql: string): Op<unknown[]> {
  return query(sql, new AllRows("object"), context);
}

test("two first executions of a string at once: the second does not rely on the first one's statement", async () => {
  const connection = wire("async", [
    [AT_ONCE, concat(learned(0), textRows(1))],
    [AT_ONCE, concat(learned(0), textRows(2))],
    [KNOWN, rows(3)],
  ]);
  const context = contextOf(connection.link);
  const both = [connection.run(exec(context, "a")), connection.run(exec(context, "a"))];
  assert.deepEqual(await Promise.all(both), [[{ n: 1 }], [{ n: 2 }]]);
  assert.deepEqual(await connection.run(exec(context, "a")), [{ n: 3 }]);
  assert.deepEqual(connection.server.writes, [`${AT_ONCE} ${AT_ONCE}`, KNOWN]);
  assert.deepEqual(namesIn(connection, "Parse"), ["p1", ""]);
  assert.deepEqual(namesIn(connection, "Bind"), ["p1", "", "p1"]);
});

test("two first executions of a string at once: the second succeeds even if the first cannot be parsed", async () => {
  const connection = wire("async", [
    [AT_ONCE, concat(errorResponse("42P01", "relation does not exist"), readyForQuery())],
    [AT_ONCE, concat(learned(0), textRows(2))],
    [AT_ONCE, concat(learned(0), textRows(3))],
  ]);
  const context = contextOf(connection.link);
  const [first, second] = await Promise.allSettled([
    connection.run(exec(context, "a")),
    connection.run(exec(context, "a")),
  ]);
  assert.equal(first.status, "rejected");
  assert.deepEqual(second, { status: "fulfilled", value: [{ n: 2 }] });
  assert.deepEqual(await connection.run(exec(context, "a")), [{ n: 3 }]);
  assert.deepEqual(namesIn(connection, "Parse"), ["p1", "", "p2"]);
});

test("two executions of a string with parameters at once: it is learned once", async () => {
  const connection = wire("async", [
    [FIRST, concat(learned(), readyForQuery())],
    [KNOWN, rows(1)],
    [KNOWN, rows(2)],
  ]);
  const context = contextOf(connection.link);
  const both = [connection.run(exec(context, "a $1", [1])), connection.run(exec(context, "a $1", [2]))];
  assert.deepEqual(await Promise.all(both), [[{ n: 1 }], [{ n: 2 }]]);
  assert.deepEqual(namesIn(connection, "Parse"), ["p1"]);
});

inBothDrivers("a prepared statement of the caller's is executed as it is", [[KNOWN, rows(1)]], async (connection) => {
  const columns = [{ name: "n", typeOid: 23, typeSize: 4, typeModifier: -1, tableOid: 0, columnNumber: 0 }];
  const context = contextOf(connection.link);
  const prepared = new Prepared(context.statements.newName(), "select $1", [23], columns, registry);
  assert.deepEqual(
    await connection.run(execute({ prepared }, [1], new AllRows("array"), context)),
    [[1]],
  );
  assert.deepEqual(namesIn(connection, "Bind"), ["p1"]);
});

test("nothing is written behind a query that may be a COPY before it has ended", async () => {
  const connection = wire("async", [
    ["Query", copyResponse("G")],
    ["CopyFail", concat(errorResponse("57014", "COPY failed: pyro: this call has no data to copy"), readyForQuery())],
    ["Query", number(2)],
  ]);
  const context = contextOf(connection.link);
  const results = await Promise.allSettled([
    connection.run(simple(context, "COPY t from stdin")),
    connection.run(simple(context, "select 2")),
  ]);
  assert.equal(results[0].status === "rejected" && results[0].reason.name, "UsageError");
  assert.deepEqual(results[1], { status: "fulfilled", value: [{ n: 2 }] });
  assert.deepEqual(connection.server.writes, ["Query", "CopyFail", "Query"]);
});

test("nothing is written behind an execution that may be a COPY before it has ended", async () => {
  const copied = concat(copyResponse("H"), copyData("1\n"), copyDone(), commandComplete("COPY 1"));
  const first = concat(parseComplete(), parameterDescription(), noData(), bindComplete(), copied);
  const later = concat(bindComplete(), copied);
  const connection = wire("async", [
    ["Parse Describe Bind Execute Flush", first],
    ["Sync", readyForQuery()],
    ["Query", number(2)],
    ["Bind Execute Flush", later],
    ["Sync", readyForQuery()],
    ["Query", number(4)],
    ["Bind Execute Flush", later],
    ["Sync", readyForQuery()],
    ["Query", number(6)],
  ]);
  const context = contextOf(connection.link);
  const mine = new Prepared(context.statements.newName(), "copy t to stdout", [], undefined, registry);
  const results = await Promise.allSettled([
    connection.run(exec(context, "copy t to stdout")),
    connection.run(simple(context, "select 2")),
    connection.run(exec(context, "copy t to stdout")),
    connection.run(simple(context, "select 4")),
    connection.run(execute({ prepared: mine }, [], new AllRows("object"), context)),
    connection.run(simple(context, "select 6")),
  ]);
  assert.deepEqual(results.map((result) => result.status === "fulfilled" ? result.value : result.reason.name), [
    "UsageError",
    [{ n: 2 }],
    "UsageError",
    [{ n: 4 }],
    "UsageError",
    [{ n: 6 }],
  ]);
  const known = ["Bind Execute Flush", "Sync", "Query"];
  assert.deepEqual(connection.server.writes, [
    "Parse Describe Bind Execute Flush",
    "Sync",
    "Query",
    ...known,
    ...known,
  ]);
});

for (
  const sql of ["select $1 as copyright", "/* copy */ select $1 -- copy", "select $1, 'copy t from stdin', \"copy\""]
) {
  test(`what only mentions a COPY holds nothing back: ${sql}`, async () => {
    const connection = wire("async", [
      [FIRST, concat(learned(1), readyForQuery())],
      [KNOWN, rows(1)],
      [KNOWN, rows(2)],
      [KNOWN, rows(3)],
    ]);
    const context = contextOf(connection.link);
    await connection.run(exec(context, sql, [1]));
    await Promise.all([2, 3].map((n) => connection.run(exec(context, sql, [n]))));
    assert.deepEqual(connection.server.writes.slice(-1), [`${KNOWN} ${KNOWN}`]);
  });
}

test("what only mentions a change leaves the statements prepared", async () => {
  const connection = wire("async", [
    [FIRST, concat(learned(1), readyForQuery())],
    [KNOWN, rows(1)],
    ["Query", number(2)],
    [KNOWN, rows(3)],
  ]);
  const context = contextOf(connection.link);
  await connection.run(exec(context, "a $1", [1]));
  await connection.run(simple(context, "select 'create' as \"drop\", alter from discard_all -- ; set search_path = x"));
  assert.deepEqual(await connection.run(exec(context, "a $1", [3])), [{ n: 3 }]);
});

test("what is called behind a change is prepared behind it, in the same write where it can", async () => {
  const connection = wire("async", [
    [AT_ONCE, concat(learned(0), textRows(1))],
    ["Query", number(2)],
    [`Close ${AT_ONCE}`, concat(closeComplete(), learned(0), textRows(3))],
  ]);
  const context = contextOf(connection.link);
  await connection.run(exec(context, "a"));
  const calls = [connection.run(simple(context, "alter table t add c int")), connection.run(exec(context, "a"))];
  assert.deepEqual(await Promise.all(calls), [[{ n: 2 }], [{ n: 3 }]]);
  assert.deepEqual(connection.server.writes.slice(-1), [`Query Close ${AT_ONCE}`]);
});

test("a string that cannot be a COPY does not hold back those behind it", async () => {
  const connection = wire("async", [["Query", number(1)], ["Query", number(2)]]);
  const context = contextOf(connection.link);
  await Promise.all([
    connection.run(simple(context, "select 'cop' || 'y'")),
    connection.run(simple(context, "select 2")),
  ]);
  assert.deepEqual(connection.server.writes, ["Query Query"]);
});
