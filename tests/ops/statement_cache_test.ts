import assert from "node:assert/strict";
import { StatementCache } from "../../src/ops/statements.ts";
import { Prepared } from "../../src/protocol/prepared.ts";
import { registry } from "../support/links.ts";
import { test } from "../support/test.ts";

/** Remembers a string as an execution of it does; the names that were closed for it. */
function remember(cache: StatementCache, sql: string): readonly string[] {
  const place = cache.begin(sql);
  cache.learn(new Prepared(place.name, sql, [], undefined, registry));
  cache.end(sql, place);
  return place.evicted;
}

test("statement cache: a string that was not executed is not known", () => {
  const cache = new StatementCache("p", 2);
  assert.equal(cache.get("a"), undefined);
  remember(cache, "a");
  assert.equal(cache.get("a")?.sql, "a");
  assert.equal(cache.get("A"), undefined);
});

test("statement cache: the least recently used goes first", () => {
  const cache = new StatementCache("p", 3);
  remember(cache, "a");
  remember(cache, "b");
  remember(cache, "c");
  cache.get("a");
  cache.get("a");
  cache.get("b");
  assert.deepEqual(remember(cache, "d"), ["p3"]);
  assert.equal(cache.get("c"), undefined);
  assert.deepEqual(remember(cache, "e"), ["p1"]);
  assert.deepEqual(["a", "b", "c", "d", "e"].filter((sql) => cache.get(sql)), ["b", "d", "e"]);
});

test("statement cache: being added counts as a use", () => {
  const cache = new StatementCache("p", 2);
  remember(cache, "a");
  remember(cache, "b");
  assert.equal(cache.get("b")?.name, "p2");
  assert.deepEqual(remember(cache, "c"), ["p1"]);
});

test("statement cache: a use counts, whatever was added in between", () => {
  const cache = new StatementCache("p", 2);
  remember(cache, "a");
  cache.get("a");
  remember(cache, "b");
  cache.get("a");
  assert.deepEqual(remember(cache, "c"), ["p2"]);
});

test("statement cache: nothing is evicted while there is room", () => {
  const cache = new StatementCache("p", 2);
  assert.deepEqual(remember(cache, "a"), []);
  assert.deepEqual(remember(cache, "b"), []);
  assert.deepEqual(remember(cache, "c"), ["p1"]);
});

test("statement cache: strings that are being learned take room too", () => {
  const cache = new StatementCache("p", 2);
  remember(cache, "a");
  const place = cache.begin("b");
  assert.deepEqual(place, { name: "p2", evicted: [] });
  assert.deepEqual(remember(cache, "c"), ["p1"]);
  cache.end("b", place);
  assert.deepEqual(remember(cache, "d"), []);
});

test("statement cache: a string gets no name while it is being learned, or when there is no room", () => {
  const cache = new StatementCache("p", 2);
  const first = cache.begin("a");
  assert.equal(cache.begin("a").name, "", "the same string");
  cache.begin("b");
  assert.equal(cache.begin("c").name, "", "no room");
  cache.end("a", first);
  assert.notEqual(cache.begin("a").name, "");
});

test("statement cache: what was prepared without a name is not remembered where others have one", () => {
  const cache = new StatementCache("p", 2);
  cache.learn(new Prepared("", "a", [], undefined, registry));
  assert.equal(cache.get("a"), undefined);
});

test("statement cache: a dropped statement is forgotten, and its name given up once", () => {
  const cache = new StatementCache("p", 8);
  remember(cache, "a");
  const statement = cache.get("a")!;
  cache.drop(statement);
  cache.drop(statement);
  assert.equal(cache.get("a"), undefined);
  assert.deepEqual(remember(cache, "b"), ["p1"]);
  assert.deepEqual(remember(cache, "c"), []);
});

test("statement cache: a statement is dropped itself, not one that was learned for its string since", () => {
  const cache = new StatementCache("p", 8);
  const [old, fresh] = ["p1", "p2"].map((name) => new Prepared(name, "a", [], undefined, registry));
  cache.learn(old!);
  cache.drop(old!);
  cache.learn(fresh!);
  cache.drop(old!);
  assert.equal(cache.get("a"), fresh);
});

test("statement cache: a statement that is learned twice leaves no name behind", () => {
  const cache = new StatementCache("p", 8);
  const [old, fresh] = ["p1", "p2"].map((name) => new Prepared(name, "a", [], undefined, registry));
  cache.learn(old!);
  cache.learn(fresh!);
  assert.equal(cache.get("a"), fresh);
  assert.deepEqual(cache.begin("b").evicted, ["p1"]);
});

test("statement cache: names are never used again", () => {
  const cache = new StatementCache("p", 1);
  remember(cache, "a");
  cache.drop(cache.get("a")!);
  remember(cache, "a");
  assert.equal(cache.get("a")?.name, "p2");
});

test("statement cache: names of connections with different prefixes differ", () => {
  const [one, two] = [new StatementCache("p_x_", 8), new StatementCache("p_y_", 8)];
  const names = [one.newName(), one.newName(), two.newName(), two.newName()];
  assert.equal(new Set(names).size, 4);
  assert.deepEqual(names, ["p_x_1", "p_x_2", "p_y_1", "p_y_2"]);
});

test("statement cache: without room statements have no names, and are remembered all the same", () => {
  const cache = new StatementCache("p", 0);
  assert.equal(cache.named, false);
  for (let i = 0; i < 256; i++) assert.deepEqual(remember(cache, `select ${i}`), []);
  assert.ok(cache.get("select 0"));
  assert.deepEqual(remember(cache, "select 256"), [], "the server has no name to forget");
  assert.equal(cache.get("select 1"), undefined, "room was made");
  assert.ok(cache.get("select 0"));
});
