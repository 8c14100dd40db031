import assert from "node:assert/strict";
import { ConnectionError, ServerError } from "../../src/errors.ts";
import { closeStatements, prepare, prepareBatch } from "../../src/statements/prepare.ts";
import {
  closeComplete,
  concat,
  errorResponse,
  noData,
  parameterDescription,
  parseComplete,
  readyForQuery,
} from "../support/scripted/backend.ts";
import { contextOf, inBothDrivers, inWholeWrites, learned, namesIn } from "../support/scripted/links.ts";

const rowless = concat(parseComplete(), parameterDescription(23, 25), noData());

inBothDrivers("prepare: what the server tells of parameters and rows", [
  ["Parse Describe Sync", concat(learned(2), readyForQuery())],
  ["Parse Describe Sync", concat(rowless, readyForQuery())],
], async (wire) => {
  const context = contextOf(wire.link);
  const one = await wire.run(prepare("select $1 + $2", context));
  assert.deepEqual(one.parameterTypes, [23, 23]);
  assert.deepEqual(one.description?.columns.map(({ name, typeOid }) => [name, typeOid]), [["n", 23]]);
  const two = await wire.run(prepare("insert into t values ($1, $2)", context));
  assert.deepEqual(two.parameterTypes, [23, 25]);
  assert.equal(two.description, undefined);
  assert.deepEqual([one.name, two.name], ["p1", "p2"]);
  assert.deepEqual(namesIn(wire, "Parse"), ["p1", "p2"]);
});

inBothDrivers("prepare: a statement of the caller's has a name of its own, and the cache does not know it", [
  ["Parse Describe Sync", concat(learned(), readyForQuery())],
  ["Parse Describe Sync", concat(learned(), readyForQuery())],
], async (wire) => {
  const context = contextOf(wire.link);
  await wire.run(prepare("a", context));
  await wire.run(prepare("a", context));
  assert.deepEqual(namesIn(wire, "Parse"), ["p1", "p2"]);
  assert.equal(context.statements.get("a"), undefined);
});

inWholeWrites("prepareBatch: one write, one Sync, statements in the order of the strings", [
  ["Parse Describe Parse Describe Parse Describe Sync", concat(learned(), rowless, learned(0), readyForQuery())],
], async (wire) => {
  const all = await wire.run(prepareBatch(["a", "b", "c"], contextOf(wire.link)));
  assert.deepEqual(all.map(({ name, sql }) => [name, sql]), [["p1", "a"], ["p2", "b"], ["p3", "c"]]);
  assert.deepEqual(all.map(({ parameterTypes }) => parameterTypes.length), [1, 2, 0]);
  assert.equal(wire.server.writes.length, 1);
});

inBothDrivers("prepareBatch of nothing asks for nothing", [], async (wire) => {
  assert.deepEqual(await wire.run(prepareBatch([], contextOf(wire.link))), []);
  assert.equal(wire.server.messages.length, 0);
});

inBothDrivers("prepareBatch: one that fails makes all fail, and those prepared before it are closed", [
  [
    "Parse Describe Parse Describe Parse Describe Parse Describe Sync",
    concat(learned(), rowless, errorResponse("42601", "syntax error"), readyForQuery()),
  ],
  ["Close Close Sync", concat(closeComplete(), closeComplete(), readyForQuery())],
], async (wire) => {
  await assert.rejects(
    wire.run(prepareBatch(["a", "b", "bad", "d"], contextOf(wire.link))),
    (error) => error instanceof ServerError && error.code === "42601" && error.query === "bad",
  );
  assert.deepEqual(namesIn(wire, "Close"), ["p1", "p2"]);
  assert.ok(wire.link.session.idle);
  assert.equal(wire.link.session.lost, undefined);
});

inBothDrivers("prepareBatch: nothing is closed where nothing was prepared", [
  ["Parse Describe Parse Describe Sync", concat(errorResponse("42601", "syntax error"), readyForQuery())],
], async (wire) => {
  await assert.rejects(wire.run(prepareBatch(["bad", "b"], contextOf(wire.link))), ServerError);
  assert.ok(wire.link.session.idle);
});

inBothDrivers("prepareBatch: the last one may fail too", [
  ["Parse Describe Parse Describe Sync", concat(learned(), errorResponse("42601", "syntax error"), readyForQuery())],
  ["Close Sync", concat(closeComplete(), readyForQuery())],
], async (wire) => {
  await assert.rejects(
    wire.run(prepareBatch(["a", "bad"], contextOf(wire.link))),
    (error) => error instanceof ServerError && error.query === "bad",
  );
  assert.deepEqual(namesIn(wire, "Close"), ["p1"]);
});

inBothDrivers("prepareBatch: a connection that is lost before the first reply", [
  ["Parse Describe Parse Describe Sync", "close"],
], async (wire) => {
  await assert.rejects(
    wire.run(prepareBatch(["a", "b"], contextOf(wire.link))),
    (error) => error instanceof ConnectionError && /^Cannot prepare the statement: /.test(error.message),
  );
});

inWholeWrites("closing statements: any number in one round trip", [
  ["Close Close Sync", concat(closeComplete(), closeComplete(), readyForQuery())],
], async (wire) => {
  await wire.run(closeStatements(["x", "y"]));
  assert.deepEqual(namesIn(wire, "Close"), ["x", "y"]);
  const [first] = wire.server.messages;
  assert.equal(first!.body[0], "S".charCodeAt(0), "statements, not portals");
});
