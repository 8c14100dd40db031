import assert from "node:assert/strict";
import { PreparedStatement } from "../../src/async/prepared_statement.ts";
import { type Core, sinks } from "../../src/core.ts";
import type { AsyncLink } from "../../src/drive/async_link.ts";
import { ConnectionError, UsageError } from "../../src/errors.ts";
import type { Op } from "../../src/protocol/exchange.ts";
import { Prepared } from "../../src/protocol/prepared.ts";
import { closeComplete, commandComplete, concat, dataRow, readyForQuery, rowDescription } from "../support/backend.ts";
import {
  coreOf,
  inBothDrivers,
  learned,
  namesIn,
  number,
  registry,
  rows,
  textRows,
  type Wire,
} from "../support/links.ts";

const KNOWN = "Bind Execute Sync";
const AT_ONCE = "Parse Describe Bind Execute Sync";

/** A statement as callers hold it; its own `close` works with the awaiting driver only. */
function statementOf(core: Core, link: Wire["link"]): PreparedStatement {
  const columns = [{ name: "n", typeOid: 23, typeModifier: -1, tableOid: 0, columnNumber: 0 }];
  const prepared = new Prepared("mine", "select $1", [23], columns, registry);
  return new PreparedStatement(core, link as AsyncLink, prepared);
}

/** That ops are refused before they send anything. */
async function refuses(
  wire: Wire,
  kind: typeof UsageError | typeof ConnectionError,
  ...ops: [Op<unknown>, RegExp][]
): Promise<void> {
  for (const [op, words] of ops) {
    await assert.rejects(wire.run(op), (error) => {
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
  const core = coreOf(wire.link);
  assert.deepEqual(await wire.run(core.query("q", undefined, sinks.allRows)), [{ n: 1 }]);
  assert.deepEqual(await wire.run(core.query("q", { rows: "array" }, sinks.allRows)), [[2]]);
  assert.deepEqual(await wire.run(core.exec("e", undefined, { rows: "array" }, sinks.allRows)), [[3]]);
  assert.deepEqual(await wire.run(core.exec("e", { rows: "array" }, undefined, sinks.allRows)), [[4]]);
  assert.deepEqual(await wire.run(core.exec("e", [], { rows: "object" }, sinks.allRows)), [{ n: 5 }]);
  assert.deepEqual(await wire.run(core.exec("e", { rows: undefined }, undefined, sinks.allRows)), [{ n: 6 }]);
});

inBothDrivers("options and parameters that are none are refused", [], async (wire) => {
  const core = coreOf(wire.link);
  const exec = (params: unknown, options?: unknown) => core.exec("e", params, options, sinks.allRows);
  const query = (options: unknown) => core.query("q", options, sinks.allRows);
  await refuses(
    wire,
    UsageError,
    [exec({ row: "array" }), /option "row": the only one is rows/],
    [exec([], { rows: "tuple" }), /rows: "tuple".*"object" or "array"/],
    [exec([], { rows: null }), /rows: null/],
    [exec([], "array"), /options/],
    [exec(5), /parameters are an array/],
    [exec("x"), /parameters are an array/],
    [exec(null), /parameters are an array/],
    [exec({ 0: 1, length: 1 }, {}), /parameters: they are not in an array/],
    [exec(new Uint8Array(1), { rows: "array" }), /not in an array/],
    [query({ timeout: 5 }), /option "timeout"/],
    [query(["x"]), /parameters are an array/],
    [exec(new Set([1])), /parameters are an array/],
    [query(null), /options/],
  );
});

inBothDrivers("SQL that the protocol cannot carry is refused", [], async (wire) => {
  const core = coreOf(wire.link);
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
      [core.query(sql, undefined, sinks.allRows), words],
      [core.exec(sql, [1], undefined, sinks.allRows), words],
      [core.prepare(sql as string), words],
      [core.prepareBatch(["select 1", sql as string]), words],
    );
  }
  await refuses(wire, UsageError, [core.prepareBatch("select 1" as unknown as string[]), /not in an array/]);
});

inBothDrivers("SQL may contain any character that is one", [["Query", number(1)]], async (wire) => {
  const sql = "select '\u{1F600} é \ufeff \uffff'";
  await wire.run(coreOf(wire.link).query(sql, undefined, sinks.allRows));
  assert.deepEqual(wire.server.messages[0]!.body, new TextEncoder().encode(`${sql}\0`));
});

inBothDrivers("the only row: one is given, none or several are a UsageError, and the connection goes on", [
  [AT_ONCE, concat(learned(0), textRows(1))],
  [KNOWN, rows()],
  [KNOWN, rows(1, 2)],
  [KNOWN, rows(3)],
], async (wire) => {
  const core = coreOf(wire.link);
  const one = () => wire.run(core.exec("e", undefined, undefined, sinks.onlyRow));
  assert.deepEqual(await one(), { n: 1 });
  await assert.rejects(one(), (error) => error instanceof UsageError && /gave 0 rows/.test(error.message));
  await assert.rejects(one(), (error) => error instanceof UsageError && /gave 2 rows/.test(error.message));
  assert.deepEqual(await one(), { n: 3 });
});

inBothDrivers("a prepared statement is executed under its name, with other shapes of results too", [
  [KNOWN, rows(1)],
  [KNOWN, rows(2, 3)],
  [KNOWN, rows(4, 5)],
], async (wire) => {
  const core = coreOf(wire.link);
  const statement = statementOf(core, wire.link);
  assert.deepEqual(await wire.run(core.exec(statement, [1], undefined, sinks.allRows)), [{ n: 1 }]);
  assert.equal(await wire.run(core.exec(statement, [1], undefined, sinks.firstValue)), 2);
  assert.equal(await wire.run(core.exec(statement, [1], undefined, sinks.affected)), 2);
  assert.deepEqual(namesIn(wire, "Bind"), ["mine", "mine", "mine"]);
  assert.deepEqual(statement.params, [{ typeOid: 23 }]);
  assert.deepEqual(statement.columns.map(({ name }) => name), ["n"]);
});

inBothDrivers("a prepared statement of another connection is refused", [], async (wire) => {
  const [core, other] = [coreOf(wire.link), coreOf(wire.link)];
  const statement = statementOf(other, wire.link);
  await refuses(wire, UsageError, [core.exec(statement, [1], undefined, sinks.allRows), /another connection/]);
});

inBothDrivers("a prepared statement is closed once, and refused from then on", [
  ["Close Sync", concat(closeComplete(), readyForQuery())],
], async (wire) => {
  const core = coreOf(wire.link);
  const statement = statementOf(core, wire.link);
  await Promise.all([statement.close(), statement.close()]);
  await statement[Symbol.asyncDispose]();
  assert.deepEqual(namesIn(wire, "Close"), ["mine"]);
  await assert.rejects(
    wire.run(core.exec(statement, [1], undefined, sinks.allRows)),
    (error) => error instanceof UsageError && /closed/.test(error.message),
  );
});

inBothDrivers("once closing has begun, calls are refused and statements need not be closed", [], async (wire) => {
  const core = coreOf(wire.link);
  const statement = statementOf(core, wire.link);
  assert.equal(core.closed, false);
  assert.equal(core.beginClosing(), true);
  assert.equal(core.beginClosing(), false);
  assert.equal(core.closed, true);
  await refuses(
    wire,
    ConnectionError,
    [core.ping(), /Cannot ping: the connection is closed/],
    [core.query("q", undefined, sinks.allRows), /closed/],
    [core.exec("e", [1], undefined, sinks.allRows), /closed/],
    [core.exec(statement, [1], undefined, sinks.allRows), /closed/],
    [core.prepare("p"), /closed/],
    [core.prepareBatch(["p"]), /closed/],
  );
  await statement.close();
  await wire.run(core.closeStatement(new Prepared("p1", "a", [], undefined, registry)));
  assert.equal(wire.server.messages.length, 0);
});

inBothDrivers("names of statements contain what no other connection has", [
  ["Parse Describe Sync", concat(learned(), readyForQuery())],
], async (wire) => {
  await wire.run(coreOf(wire.link).prepare("p"));
  assert.deepEqual(namesIn(wire, "Parse"), ["pyro_token_1"]);
});

inBothDrivers("statementCacheSize 0: statements have no names", [
  [AT_ONCE, concat(learned(0), textRows(1))],
], async (wire) => {
  await wire.run(coreOf(wire.link, { statementCacheSize: 0 }).exec("e", undefined, undefined, sinks.allRows));
  assert.deepEqual(namesIn(wire, "Parse"), [""]);
});

const int8 = concat(rowDescription({ n: 20 }), dataRow("7"), commandComplete("SELECT 1"), readyForQuery());

inBothDrivers("choices about values hold for one connection", [["Query", int8], ["Query", int8]], async (wire) => {
  const [bigint, number] = [coreOf(wire.link), coreOf(wire.link, { int8: "number" })];
  assert.equal(await wire.run(bigint.query("q", undefined, sinks.firstValue)), 7n);
  assert.equal(await wire.run(number.query("q", undefined, sinks.firstValue)), 7);
});
