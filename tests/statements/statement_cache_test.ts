import assert from "node:assert/strict";
import { StatementCache, type StatementNaming } from "../../src/statements/cache.ts";
import { Prepared } from "../../src/protocol/prepared.ts";
import { registry } from "../support/scripted/links.ts";
import { test } from "../support/suite/test.ts";

/** Remembers a string as an execution of it does; the names that were closed for it. */
function remember(cache: StatementCache, sql: string): readonly string[] {
  const place = cache.beginPreparing(sql);
  cache.add(new Prepared(place.name, sql, [], undefined, registry, place.generation));
  cache.endPreparing(sql, place, true);
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
  const place = cache.beginPreparing("b");
  assert.deepEqual(place, { name: "p2", evicted: [], generation: 0 });
  assert.deepEqual(remember(cache, "c"), ["p1"]);
  cache.endPreparing("b", place, true);
  assert.deepEqual(remember(cache, "d"), []);
});

test("statement cache: a string gets no name while it is being learned, or when there is no room", () => {
  const cache = new StatementCache("p", 2);
  const first = cache.beginPreparing("a");
  assert.equal(cache.beginPreparing("a").name, "", "the same string");
  cache.beginPreparing("b");
  assert.equal(cache.beginPreparing("c").name, "", "no room");
  cache.endPreparing("a", first, true);
  assert.notEqual(cache.beginPreparing("a").name, "");
});

test("statement cache: what was prepared without a name is not remembered where others have one", () => {
  const cache = new StatementCache("p", 2);
  cache.add(new Prepared("", "a", [], undefined, registry));
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
  cache.add(old!);
  cache.drop(old!);
  cache.add(fresh!);
  cache.drop(old!);
  assert.equal(cache.get("a"), fresh);
});

test("statement cache: a statement that is learned twice leaves no name behind", () => {
  const cache = new StatementCache("p", 8);
  const [old, fresh] = ["p1", "p2"].map((name) => new Prepared(name, "a", [], undefined, registry));
  cache.add(old!);
  cache.add(fresh!);
  assert.equal(cache.get("a"), fresh);
  assert.deepEqual(cache.beginPreparing("b").evicted, ["p1"]);
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

test("statement cache: names that were to be closed with a request that was never sent are closed with the next", () => {
  const cache = new StatementCache("p", 1);
  remember(cache, "a");
  const place = cache.beginPreparing("b");
  assert.deepEqual(place.evicted, ["p1"]);
  cache.endPreparing("b", place, false);
  assert.deepEqual(remember(cache, "c"), ["p1"]);
});

test("statement cache: what else the server is to close goes with what is prepared next, or is taken, once", () => {
  const cache = new StatementCache("p", 8);
  cache.closeLater(prepared(cache.newName()));
  cache.closeLater(prepared(""));
  assert.deepEqual(remember(cache, "a"), ["p1"]);
  assert.deepEqual(cache.takeNamesToClose(), []);
  cache.closeLater(prepared(cache.newName()));
  assert.deepEqual(cache.takeNamesToClose(), ["p3"]);
  assert.deepEqual(remember(cache, "b"), []);
});

test("statement cache: when all strings may mean something else, all are forgotten and their statements closed", () => {
  const cache = new StatementCache("p", 8);
  for (const sql of ["a", "b"]) remember(cache, sql);
  cache.invalidate();
  assert.deepEqual(["a", "b"].filter((sql) => cache.get(sql)), []);
  assert.deepEqual(remember(cache, "a"), ["p1", "p2"]);
  assert.equal(cache.get("a")?.name, "p3");
});

test("statement cache: when the server has dropped all statements, nothing is closed that it no longer has", () => {
  const cache = new StatementCache("p", 8);
  remember(cache, "a");
  cache.closeLater(prepared(cache.newName()));
  const [kept, fresh] = [prepared(cache.newName()), prepared("p4")];
  assert.equal(cache.isDropped(kept), false);
  cache.beginDropping();
  cache.endDropping();
  assert.equal(cache.get("a"), undefined);
  assert.equal(cache.isDropped(kept), true);
  cache.closeLater(kept);
  assert.deepEqual(remember(cache, "b"), [], "neither those of strings nor those of the caller's");
  assert.equal(cache.get("b")?.name, fresh.name);
  assert.equal(cache.isDropped(fresh), false);
  assert.equal(cache.isDropped(prepared("")), false, "what has no name was never there");
});

test("statement cache: names can be turned off; types are still remembered", () => {
  const cache = new StatementCache("p", 8);
  remember(cache, "a");
  cache.turnOffNames();
  assert.equal(cache.named, false);
  assert.equal(cache.get("a"), undefined);
  assert.deepEqual(remember(cache, "a"), [], "the name may be another's now");
  assert.equal(cache.get("a")?.name, "");
  cache.turnOffNames();
  assert.ok(cache.get("a"), "turning them off again changes nothing");
});

test("statement cache: what one connection learns about names holds for all that share it", () => {
  const names: StatementNaming = { isEnabled: true };
  const [one, two] = [new StatementCache("p_x_", 8, names), new StatementCache("p_y_", 8, names)];
  for (const cache of [one, two]) remember(cache, "a");
  const held = prepared(two.newName());
  const late = new Prepared(two.beginPreparing("b").name, "b", [], undefined, registry);
  assert.notEqual(late.name, "");
  one.turnOffNames();
  assert.equal(names.isEnabled, false);
  assert.equal(two.isDropped(held), true, "what the caller holds is prepared again");
  assert.equal(two.get("a"), undefined);
  assert.deepEqual(two.takeNamesToClose(), [], "the names may be another's now");
  assert.equal(two.named, false);
  two.add(late);
  assert.equal(two.get("b"), undefined, "what was on its way then has a name that does not last");
  remember(two, "a");
  assert.equal(two.get("a")?.name, "");
});

test("statement cache: connections that share names look before they use one", () => {
  const uses: ((cache: StatementCache, held: Prepared) => unknown)[] = [
    (cache) => assert.equal(cache.get("a"), undefined),
    (cache) => assert.deepEqual(cache.beginPreparing("b"), { name: "", evicted: [], generation: 0 }),
    (cache) => assert.equal(cache.named, false),
    (cache, held) => assert.equal(cache.isDropped(held), true),
    (cache, held) => {
      cache.closeLater(held);
      assert.deepEqual(cache.takeNamesToClose(), []);
    },
  ];
  for (const use of uses) {
    const names: StatementNaming = { isEnabled: true };
    const cache = new StatementCache("p", 8, names);
    remember(cache, "a");
    const held = prepared(cache.newName());
    names.isEnabled = false;
    use(cache, held);
  }
});

test("statement cache: without room, names are off for itself only", () => {
  const names: StatementNaming = { isEnabled: true };
  const none = new StatementCache("p", 0, names);
  none.turnOffNames();
  assert.equal(none.named, false);
  assert.equal(names.isEnabled, true);
});

test("statement cache: where names are off from the start, its size is how many strings are remembered", () => {
  const cache = new StatementCache("p", 2, { isEnabled: false });
  for (const sql of ["a", "b", "c"]) assert.deepEqual(remember(cache, sql), []);
  assert.deepEqual(["a", "b", "c"].map((sql) => cache.get(sql)?.name), [undefined, "", ""]);
});

test("statement cache: what is learned of a statement later takes its place, unless it was dropped", () => {
  const cache = new StatementCache("p", 8);
  remember(cache, "a");
  const renewed = new Prepared("p1", "a", [23], undefined, registry);
  cache.replace(renewed);
  assert.equal(cache.get("a"), renewed);
  cache.drop(renewed);
  cache.replace(renewed);
  assert.equal(cache.get("a"), undefined);
  remember(cache, "a");
  cache.replace(renewed);
  assert.equal(cache.get("a")?.name, "p2");
});

function prepared(name: string): Prepared {
  return new Prepared(name, "the caller's", [], undefined, registry);
}
