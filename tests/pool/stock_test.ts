/** Which connections a pool keeps, hands out and closes. */
import assert from "node:assert/strict";
import type { Limits } from "../../src/pool/limits.ts";
import { type Member, Stock } from "../../src/pool/stock.ts";
import { test } from "../support/test.ts";

class Fake {
  closed = false;
}

/** A stock with a random number of 0, so that no lifetime is shortened, and what it has closed. */
function stockOf(limits: Partial<Limits>): { stock: Stock<Fake>; closed: Fake[] } {
  const closed: Fake[] = [];
  const all: Limits = { ...LIMITS, ...limits };
  return { stock: new Stock<Fake>(all, () => 0, (conn) => closed.push(conn)), closed };
}

/** Opens one, which is in use. */
function opened(stock: Stock<Fake>, now: number): Member<Fake> {
  return stock.opened(new Fake(), stock.open(), now);
}

test("stock: the connection that was used last is used first", () => {
  const { stock } = stockOf({});
  const [a, b] = [opened(stock, 0), opened(stock, 0)];
  stock.put(a, 1, false);
  stock.put(b, 2, false);
  assert.equal(stock.take(3), b);
  assert.equal(stock.take(3), a);
  assert.equal(stock.take(3), undefined);
});

test("stock: connections count as soon as they are being opened", () => {
  const { stock } = stockOf({ max: 2 });
  const generation = stock.open();
  opened(stock, 0);
  assert.equal(stock.hasRoom, false);
  assert.deepEqual([stock.opening, stock.leasedCount, stock.quiet], [1, 1, false]);
  stock.openFailed();
  assert.equal(stock.hasRoom, true);
  assert.equal(generation, 0);
  const { size, opening, leased, idle, opened: ever, failed } = stock.stats(3);
  assert.deepEqual({ size, opening, leased, idle, ever, failed }, {
    size: 1,
    opening: 0,
    leased: 1,
    idle: 0,
    ever: 1,
    failed: 1,
  });
  assert.equal(stock.stats(3).waiting, 3);
});

test("stock: no more are kept than may be idle, unless somebody waits", () => {
  const { stock, closed } = stockOf({ maxIdle: 1 });
  const members = [opened(stock, 0), opened(stock, 0), opened(stock, 0)];
  assert.deepEqual([stock.put(members[0]!, 1, false), stock.put(members[1]!, 1, false)], [true, false]);
  assert.deepEqual(closed, [members[1]!.conn]);
  assert.equal(stock.put(members[2]!, 1, true), true);
});

test("stock: with no idle connections at all, each is closed that nobody waits for", () => {
  const { stock, closed } = stockOf({ maxIdle: 0 });
  const member = opened(stock, 0);
  assert.equal(stock.put(member, 1, false), false);
  assert.deepEqual(closed, [member.conn]);
  assert.equal(stock.stats(0).size, 0);
});

test("stock: what was closed meanwhile is neither kept nor handed out", () => {
  const { stock, closed } = stockOf({});
  const [a, b] = [opened(stock, 0), opened(stock, 0)];
  a.conn.closed = true;
  assert.equal(stock.put(a, 1, true), false);
  stock.put(b, 1, false);
  b.conn.closed = true;
  assert.equal(stock.take(1), undefined);
  assert.deepEqual(closed, [a.conn, b.conn]);
  assert.equal(stock.stats(0).closed, 2);
});

test("stock: an idle connection that is lost is given up, one in use is not touched", () => {
  const { stock, closed } = stockOf({});
  const [a, b] = [opened(stock, 0), opened(stock, 0)];
  stock.put(a, 1, false);
  stock.lost(a.conn);
  stock.lost(b.conn);
  assert.deepEqual(closed, [a.conn]);
  assert.equal(stock.stats(0).leased, 1);
});

test("stock: to give one back twice, or one that was given up, does nothing", () => {
  const { stock, closed } = stockOf({});
  const member = opened(stock, 0);
  stock.put(member, 1, false);
  assert.equal(stock.put(member, 1, false), false);
  stock.remove(member);
  assert.equal(stock.stats(0).idle, 1);
  assert.deepEqual(closed, []);
});

test("stock: lifetime ends when a connection is idle or comes back, never in use", () => {
  const { stock, closed } = stockOf({ maxLifetime: 100 });
  const [a, b] = [opened(stock, 0), opened(stock, 0)];
  stock.put(a, 50, false);
  assert.equal(stock.due, 100);
  stock.sweep(99);
  assert.deepEqual(closed, []);
  stock.sweep(100);
  assert.deepEqual(closed, [a.conn]);
  assert.equal(stock.stats(0).leased, 1);
  assert.equal(stock.put(b, 100, true), false);
  assert.deepEqual(closed, [a.conn, b.conn]);
});

test("stock: one lives up to a tenth shorter than another", () => {
  const stock = new Stock<Fake>({ ...LIMITS, maxLifetime: 1000 }, () => 1, () => {});
  assert.equal(opened(stock, 0).expires, 900);
});

test("stock: idle connections that nobody needs go, but for as many as are to be ready", () => {
  const { stock, closed } = stockOf({ idleTimeout: 10, minIdle: 1 });
  const members = [opened(stock, 0), opened(stock, 0), opened(stock, 0)];
  members.forEach((member, i) => stock.put(member, i, false));
  assert.equal(stock.due, 10);
  stock.sweep(10);
  assert.deepEqual(closed, [members[0]!.conn]);
  stock.sweep(100);
  assert.deepEqual(closed, [members[0]!.conn, members[1]!.conn]);
  assert.equal(stock.due, Infinity);
  assert.equal(stock.missing, 0);
});

test("stock: how many are missing counts those that are being opened", () => {
  const { stock } = stockOf({ minIdle: 3, maxIdle: 3 });
  assert.equal(stock.missing, 3);
  stock.open();
  assert.equal(stock.missing, 2);
});

test("stock: after draining, none from before is used again", () => {
  const { stock, closed } = stockOf({});
  const [idle, used] = [opened(stock, 0), opened(stock, 0)];
  const generation = stock.open();
  stock.put(idle, 0, false);
  stock.drain();
  assert.deepEqual(closed, [idle.conn]);
  assert.equal(stock.put(used, 1, true), false);
  const late = stock.opened(new Fake(), generation, 1);
  assert.equal(stock.put(late, 1, true), false);
  assert.deepEqual(closed, [idle.conn, used.conn, late.conn]);
  assert.equal(stock.put(opened(stock, 2), 2, false), true);
});

test("stock: what was idle for more than a second may be dead", () => {
  const { stock, closed } = stockOf({});
  const [old, fresh] = [opened(stock, 0), opened(stock, 0)];
  stock.put(old, 0, false);
  stock.put(fresh, 1500, false);
  assert.deepEqual([stock.isStale(old, 1000), stock.isStale(old, 1001)], [false, true]);
  stock.dropStale(1600);
  assert.deepEqual(closed, [old.conn]);
  assert.equal(stock.take(1600), fresh);
});

const LIMITS: Limits = {
  max: 10,
  maxIdle: 10,
  minIdle: 0,
  idleTimeout: Infinity,
  maxLifetime: Infinity,
  acquireTimeout: 30_000,
  maxWaiting: Infinity,
  leakTimeout: Infinity,
  maxPipelined: 16,
};
