import assert from "node:assert/strict";
import { PreparedStatement } from "../../src/async/prepared_statement.ts";
import { OPTIONS_OF } from "../../src/connection/call_options.ts";
import type { CallContext } from "../../src/connection/call_context.ts";
import * as sessionCalls from "../../src/connection/session_calls.ts";
import * as statementCalls from "../../src/connection/statement_calls.ts";
import type { AsyncLink } from "../../src/run/async_link.ts";
import { ConnectionError, UsageError } from "../../src/errors.ts";
import type { Call } from "../../src/protocol/request.ts";
import { Prepared } from "../../src/protocol/prepared.ts";
import { collectors } from "../../src/rows/collector_factories.ts";
import {
  closeComplete,
  commandComplete,
  concat,
  dataRow,
  readyForQuery,
  rowDescription,
} from "../support/scripted/backend.ts";
import {
  callContextOf,
  inBothDrivers,
  learned,
  namesIn,
  number,
  registry,
  rows,
  textRows,
  type Wire,
} from "../support/scripted/links.ts";

const KNOWN = "Bind Execute Sync";
const AT_ONCE = "Parse Describe Bind Execute Sync";

/** A statement as callers hold it; its own `close` works with the awaiting driver only. */
function statementOf(context: CallContext, link: Wire["link"]): PreparedStatement {
  const columns = [{ name: "n", typeOid: 23, typeSize: 4, typeModifier: -1, tableOid: 0, columnNumber: 0 }];
  const prepared = new Prepared(context.state.statements.newName(), "select $1", [23], columns, registry);
  return new PreparedStatement(context, link as AsyncLink, prepared);
}

/** That calls are refused before they send anything. */
async function refuses(
  wire: Wire,
  kind: typeof UsageError | typeof ConnectionError,
  ...calls: [Call<unknown>, RegExp][]
): Promise<void> {
  for (const [call, words] of calls) {
    await assert.rejects(wire.run(call), (error) => {
      assert.ok(error instanceof kind, `a ${kind.name}, not ${error}`);
      assert.match(error.message, words);
      return true;
    });
  }
  assert.equal(wire.server.messages.length, 0);
  assert.equal(wire.link.session.outbox.size, 0);
  assert.ok(wire.link.session.idle);
}

inBothDrivers("rows come as objects, or as arrays where that is asked for", [
  ["Query", number(1)],
  ["Query", number(2)],
  [AT_ONCE, concat(learned(0), textRows(3))],
  [KNOWN, rows(4)],
  [KNOWN, rows(5)],
  [KNOWN, rows(6)],
], async (wire) => {
  const context = callContextOf(wire.link);
  assert.deepEqual(await wire.run(statementCalls.query(context, "q", undefined, collectors.allRows, OPTIONS_OF.rows)), [
    { n: 1 },
  ]);
  assert.deepEqual(
    await wire.run(statementCalls.query(context, "q", { rows: "array" }, collectors.allRows, OPTIONS_OF.rows)),
    [[
      2,
    ]],
  );
  assert.deepEqual(
    await wire.run(
      statementCalls.exec(context, "e", undefined, { rows: "array" }, collectors.allRows, OPTIONS_OF.rows),
    ),
    [[3]],
  );
  assert.deepEqual(
    await wire.run(
      statementCalls.exec(context, "e", { rows: "array" }, undefined, collectors.allRows, OPTIONS_OF.rows),
    ),
    [[4]],
  );
  assert.deepEqual(
    await wire.run(statementCalls.exec(context, "e", [], { rows: "object" }, collectors.allRows, OPTIONS_OF.rows)),
    [{ n: 5 }],
  );
  assert.deepEqual(
    await wire.run(
      statementCalls.exec(context, "e", { rows: undefined }, undefined, collectors.allRows, OPTIONS_OF.rows),
    ),
    [{
      n: 6,
    }],
  );
});

inBothDrivers("options and parameters that are none are refused", [], async (wire) => {
  const context = callContextOf(wire.link);
  const exec = (params: unknown, options?: unknown) =>
    statementCalls.exec(context, "e", params as never, options as never, collectors.allRows, OPTIONS_OF.rows);
  const query = (options: unknown) =>
    statementCalls.query(context, "q", options as never, collectors.allRows, OPTIONS_OF.rows);
  await refuses(
    wire,
    UsageError,
    [exec({ row: "array" }), /option "row": there are rows, nest, as, types, timeout/],
    [exec([], { rows: "tuple" }), /rows to "tuple".*"object" or "array"/],
    [exec([], { rows: null }), /rows to null/],
    [exec([], "array"), /options/],
    [exec(5), /parameters must be an array/],
    [exec("x"), /parameters must be an array/],
    [exec(null), /parameters must be an array/],
    [exec({ 0: 1, length: 1 }, {}), /parameters: they must be in an array/],
    [exec(new Uint8Array(1), { rows: "array" }), /must be in an array/],
    [query({ timeout: -1 }), /timeout to -1: .*milliseconds/],
    [query({ timeout: "5" }), /timeout to "5": .*milliseconds/],
    [query({ timeout: NaN }), /timeout to NaN: .*milliseconds/],
    [
      query({ signal: {} }),
      wire.driver === "async" ? /signal to an object: it must be an AbortSignal/ : /"signal": .*blocking.*use timeout/,
    ],
    [query({ nest: 1 }), /nest to 1: it must be true or false/],
    [query({ batch: 5 }), /option "batch"/],
    [sessionCalls.ping(context, { rows: "array" } as never), /option "rows"/],
    [
      statementCalls.exec(context, "e", { rows: "array" }, undefined, collectors.affected, OPTIONS_OF.nothing),
      /option "rows"/,
    ],
    [query(["x"]), /parameters are the second argument of exec/],
    [exec(new Set([1])), /parameters must be an array/],
    [query(null), /options/],
  );
});

inBothDrivers("SQL that the protocol cannot carry is refused", [], async (wire) => {
  const context = callContextOf(wire.link);
  for (
    const [sql, words] of [
      ["select 1\0; drop table t", /NUL/],
      ["select '\ud800'", /lone surrogate/],
      ["select '\udc00x'", /lone surrogate/],
      [5, /type number/],
      [null, /null as SQL/],
      [undefined, /type undefined/],
      [{ text: "select 1" }, /type object/],
    ] as const
  ) {
    await refuses(
      wire,
      UsageError,
      [statementCalls.query(context, sql as never, undefined, collectors.allRows, OPTIONS_OF.rows), words],
      [statementCalls.exec(context, sql as never, [1], undefined, collectors.allRows, OPTIONS_OF.rows), words],
      [statementCalls.prepare(context, sql as string, undefined), words],
      [statementCalls.prepareBatch(context, ["select 1", sql as string], undefined), words],
    );
  }
  await refuses(wire, UsageError, [
    statementCalls.prepareBatch(context, "select 1" as unknown as string[], undefined),
    /must be in an array/,
  ]);
});

inBothDrivers("SQL may contain any character that is one", [["Query", number(1)]], async (wire) => {
  const sql = "select '\u{1F600} é \ufeff \uffff'";
  await wire.run(statementCalls.query(callContextOf(wire.link), sql, undefined, collectors.allRows, OPTIONS_OF.rows));
  assert.deepEqual(wire.server.messages[0]!.body, new TextEncoder().encode(`${sql}\0`));
});

inBothDrivers("the only row: one is given, none or several are a UsageError, and the connection goes on", [
  [AT_ONCE, concat(learned(0), textRows(1))],
  [KNOWN, rows()],
  [KNOWN, rows(1, 2)],
  [KNOWN, rows(3)],
], async (wire) => {
  const context = callContextOf(wire.link);
  const one = () =>
    wire.run(statementCalls.exec(context, "e", undefined, undefined, collectors.onlyRow, OPTIONS_OF.rows));
  assert.deepEqual(await one(), { n: 1 });
  await assert.rejects(one(), (error) => error instanceof UsageError && /returned 0 rows/.test(error.message));
  await assert.rejects(one(), (error) => error instanceof UsageError && /returned 2 rows/.test(error.message));
  assert.deepEqual(await one(), { n: 3 });
});

inBothDrivers("a prepared statement is executed under its name, with other shapes of results too", [
  [KNOWN, rows(1)],
  [KNOWN, rows(2, 3)],
  [KNOWN, rows(4, 5)],
], async (wire) => {
  const context = callContextOf(wire.link);
  const statement = statementOf(context, wire.link);
  assert.deepEqual(
    await wire.run(statementCalls.exec(context, statement, [1], undefined, collectors.allRows, OPTIONS_OF.rows)),
    [{
      n: 1,
    }],
  );
  assert.equal(
    await wire.run(statementCalls.exec(context, statement, [1], undefined, collectors.firstValue, OPTIONS_OF.nothing)),
    2,
  );
  assert.equal(
    await wire.run(statementCalls.exec(context, statement, [1], undefined, collectors.affected, OPTIONS_OF.nothing)),
    2,
  );
  assert.deepEqual(namesIn(wire, "Bind"), Array(3).fill("pyro_token_1"));
  assert.deepEqual(statement.params, [{ typeOid: 23 }]);
  assert.deepEqual(statement.columns.map(({ name }) => name), ["n"]);
});

inBothDrivers("a prepared statement of another connection is refused", [], async (wire) => {
  const [context, other] = [callContextOf(wire.link), callContextOf(wire.link)];
  const statement = statementOf(other, wire.link);
  await refuses(wire, UsageError, [
    statementCalls.exec(context, statement, [1], undefined, collectors.allRows, OPTIONS_OF.rows),
    /another connection/,
  ]);
});

inBothDrivers("a prepared statement is closed once, and refused from then on", [
  ["Close Sync", concat(closeComplete(), readyForQuery())],
], async (wire) => {
  const context = callContextOf(wire.link);
  const statement = statementOf(context, wire.link);
  await Promise.all([statement.close(), statement.close()]);
  await statement[Symbol.asyncDispose]();
  assert.deepEqual(namesIn(wire, "Close"), ["pyro_token_1"]);
  await assert.rejects(
    wire.run(statementCalls.exec(context, statement, [1], undefined, collectors.allRows, OPTIONS_OF.rows)),
    (error) => error instanceof UsageError && /closed/.test(error.message),
  );
});

inBothDrivers("once closing has begun, calls are refused and statements need not be closed", [], async (wire) => {
  const context = callContextOf(wire.link);
  const statement = statementOf(context, wire.link);
  assert.equal(context.state.closed, false);
  assert.equal(context.state.beginClosing(), true);
  assert.equal(context.state.beginClosing(), false);
  assert.equal(context.state.closed, true);
  await refuses(
    wire,
    ConnectionError,
    [sessionCalls.ping(context, undefined), /Cannot ping: the connection is closed/],
    [statementCalls.query(context, "q", undefined, collectors.allRows, OPTIONS_OF.rows), /closed/],
    [statementCalls.exec(context, "e", [1], undefined, collectors.allRows, OPTIONS_OF.rows), /closed/],
    [statementCalls.exec(context, statement, [1], undefined, collectors.allRows, OPTIONS_OF.rows), /closed/],
    [statementCalls.prepare(context, "p", undefined), /closed/],
    [statementCalls.prepareBatch(context, ["p"], undefined), /closed/],
  );
  await statement.close();
  await wire.run(statementCalls.closeStatement(context, new Prepared("p1", "a", [], undefined, registry)));
  assert.equal(wire.server.messages.length, 0);
});

inBothDrivers("names of statements contain what no other connection has", [
  ["Parse Describe Sync", concat(learned(), readyForQuery())],
], async (wire) => {
  await wire.run(statementCalls.prepare(callContextOf(wire.link), "p", undefined));
  assert.deepEqual(namesIn(wire, "Parse"), ["pyro_token_1"]);
});

inBothDrivers("statementCacheSize 0: statements have no names", [
  [AT_ONCE, concat(learned(0), textRows(1))],
], async (wire) => {
  await wire.run(
    statementCalls.exec(
      callContextOf(wire.link, { statementCacheSize: 0 }),
      "e",
      undefined,
      undefined,
      collectors.allRows,
      OPTIONS_OF.rows,
    ),
  );
  assert.deepEqual(namesIn(wire, "Parse"), [""]);
});

inBothDrivers("pgbouncer: statements have no names, whatever the size of the cache", [
  [AT_ONCE, concat(learned(0), textRows(1))],
], async (wire) => {
  const settings = { pgbouncer: true, statementCacheSize: 100 };
  await wire.run(
    statementCalls.exec(
      callContextOf(wire.link, settings),
      "e",
      undefined,
      undefined,
      collectors.allRows,
      OPTIONS_OF.rows,
    ),
  );
  assert.deepEqual(namesIn(wire, "Parse"), [""]);
});

const int8 = concat(rowDescription({ n: 20 }), dataRow("7"), commandComplete("SELECT 1"), readyForQuery());

inBothDrivers("choices about values hold for one connection", [["Query", int8], ["Query", int8]], async (wire) => {
  const [bigint, number] = [callContextOf(wire.link), callContextOf(wire.link, { int8: "number" })];
  assert.equal(
    await wire.run(statementCalls.query(bigint, "q", undefined, collectors.firstValue, OPTIONS_OF.nothing)),
    7n,
  );
  assert.equal(
    await wire.run(statementCalls.query(number, "q", undefined, collectors.firstValue, OPTIONS_OF.nothing)),
    7,
  );
});
