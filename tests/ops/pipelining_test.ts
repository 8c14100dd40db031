import assert from "node:assert/strict";
import { ServerError } from "../../src/errors.ts";
import { execute, executePrepared, query } from "../../src/ops/execute.ts";
import { StatementCache } from "../../src/ops/statements.ts";
import type { Op } from "../../src/protocol/exchange.ts";
import { Prepared } from "../../src/protocol/prepared.ts";
import { AllRows } from "../../src/protocol/sink.ts";
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
} from "../support/backend.ts";
import { inBothDrivers, learned, namesIn, number, registry, rows, textRows, wire } from "../support/links.ts";
import { test } from "../support/test.ts";

const FIRST = "Parse Describe Sync";
const KNOWN = "Bind Execute Sync";
const AT_ONCE = "Parse Describe Bind Execute Sync";

function exec(cache: StatementCache, sql: string, values: readonly unknown[] = []): Op<unknown[]> {
  return execute(sql, values, new AllRows("object"), cache, registry);
}

function simple(sql: string): Op<unknown[]> {
  return query(sql, new AllRows("object"), registry);
}

test("two first executions of a string at once: the second does not rely on the first one's statement", async () => {
  const connection = wire("async", [
    [AT_ONCE, concat(learned(0), textRows(1))],
    [AT_ONCE, concat(learned(0), textRows(2))],
    [KNOWN, rows(3)],
  ]);
  const cache = new StatementCache("p", 8);
  const both = [connection.run(exec(cache, "a")), connection.run(exec(cache, "a"))];
  assert.deepEqual(await Promise.all(both), [[{ n: 1 }], [{ n: 2 }]]);
  assert.deepEqual(await connection.run(exec(cache, "a")), [{ n: 3 }]);
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
  const cache = new StatementCache("p", 8);
  const [first, second] = await Promise.allSettled([
    connection.run(exec(cache, "a")),
    connection.run(exec(cache, "a")),
  ]);
  assert.equal(first.status, "rejected");
  assert.deepEqual(second, { status: "fulfilled", value: [{ n: 2 }] });
  assert.deepEqual(await connection.run(exec(cache, "a")), [{ n: 3 }]);
  assert.deepEqual(namesIn(connection, "Parse"), ["p1", "", "p2"]);
});

test("two executions of a string with parameters at once: it is learned once", async () => {
  const connection = wire("async", [
    [FIRST, concat(learned(), readyForQuery())],
    [KNOWN, rows(1)],
    [KNOWN, rows(2)],
  ]);
  const cache = new StatementCache("p", 8);
  const both = [connection.run(exec(cache, "a $1", [1])), connection.run(exec(cache, "a $1", [2]))];
  assert.deepEqual(await Promise.all(both), [[{ n: 1 }], [{ n: 2 }]]);
  assert.deepEqual(namesIn(connection, "Parse"), ["p1"]);
});

for (
  const [code, words] of [["0A000", "cached plan must not change result type"], ["26000", "does not exist"]] as const
) {
  inBothDrivers(`a statement that is refused with ${code} is learned anew by the next execution`, [
    [FIRST, concat(learned(), readyForQuery())],
    [KNOWN, rows(1)],
    [KNOWN, concat(errorResponse(code, words), readyForQuery())],
    [`Close ${FIRST}`, concat(closeComplete(), learned(), readyForQuery())],
    [KNOWN, rows(3)],
  ], async (connection) => {
    const { run } = connection;
    const cache = new StatementCache("p", 8);
    assert.deepEqual(await run(exec(cache, "a $1", [1])), [{ n: 1 }]);
    await assert.rejects(run(exec(cache, "a $1", [2])), (error) => error instanceof ServerError && error.code === code);
    assert.deepEqual(await run(exec(cache, "a $1", [3])), [{ n: 3 }]);
    assert.deepEqual(namesIn(connection, "Parse"), ["p1", "p2"]);
    assert.deepEqual(namesIn(connection, "Close"), ["p1"]);
  });
}

inBothDrivers("a statement that fails for any other reason stays", [
  [FIRST, concat(learned(), readyForQuery())],
  [KNOWN, concat(errorResponse("22012", "division by zero"), readyForQuery())],
  [KNOWN, rows(2)],
], async ({ run }) => {
  const cache = new StatementCache("p", 8);
  await assert.rejects(run(exec(cache, "a $1", [1])), ServerError);
  assert.deepEqual(await run(exec(cache, "a $1", [2])), [{ n: 2 }]);
});

inBothDrivers("a prepared statement of the caller's is executed as it is", [[KNOWN, rows(1)]], async (connection) => {
  const columns = [{ name: "n", typeOid: 23, typeModifier: -1, tableOid: 0, columnNumber: 0 }];
  const statement = new Prepared("mine", "select $1", [23], columns, registry);
  assert.deepEqual(await connection.run(executePrepared(statement, [1], new AllRows("array"), registry)), [[1]]);
  assert.deepEqual(namesIn(connection, "Bind"), ["mine"]);
});

test("nothing is written behind a query that may be a COPY before it has ended", async () => {
  const connection = wire("async", [
    ["Query", copyResponse("G")],
    ["CopyFail", concat(errorResponse("57014", "COPY failed: pyro: this call has no data to copy"), readyForQuery())],
    ["Query", number(2)],
  ]);
  const results = await Promise.allSettled([
    connection.run(simple("COPY t from stdin")),
    connection.run(simple("select 2")),
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
  const cache = new StatementCache("p", 8);
  const mine = new Prepared("mine", "copy t to stdout", [], undefined, registry);
  const results = await Promise.allSettled([
    connection.run(exec(cache, "copy t to stdout")),
    connection.run(simple("select 2")),
    connection.run(exec(cache, "copy t to stdout")),
    connection.run(simple("select 4")),
    connection.run(executePrepared(mine, [], new AllRows("object"), registry)),
    connection.run(simple("select 6")),
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

test("a string that cannot be a COPY does not hold back those behind it", async () => {
  const connection = wire("async", [["Query", number(1)], ["Query", number(2)]]);
  await Promise.all([connection.run(simple("select 'cop' || 'y'")), connection.run(simple("select 2"))]);
  assert.deepEqual(connection.server.writes, ["Query Query"]);
});
