/** Which connections a pool keeps, hands out and closes. */
import assert from "node:assert/strict";
import { type Limits, poolOpts } from "../../src/pool/limits.ts";
import { type PoolEntry, PoolState, sumOfStats } from "../../src/pool/pool_state.ts";
import { test } from "../support/suite/test.ts";

class Fake {
  closed = false;
}

/** A pool state with a random number of 0, so that no lifetime is shortened, and what it has closed. */
function stockOf(limits: Partial<Limits>): { state: PoolState<Fake>; closed: Fake[] } {
  const closed: Fake[] = [];
  const all: Limits = { ...LIMITS, ...limits };
  return { state: new PoolState<Fake>(all, () => 0, (conn) => closed.push(conn)), closed };
}

/** Opens one, which is in use. */
function opened(state: PoolState<Fake>, now: number): PoolEntry<Fake> {
  return state.opened(new Fake(), state.beginOpening(), now);
}

test("pool state: the connection that was used last is used first", () => {
  const { state } = stockOf({});
  const [a, b] = [opened(state, 0), opened(state, 0)];
  state.return(a, 1, false);
  state.return(b, 2, false);
  assert.equal(state.take(3), b);
  assert.equal(state.take(3), a);
  assert.equal(state.take(3), undefined);
});

test("pool state: a suspect connection is checked before it is used, and not after that", () => {
  const { state } = stockOf({});
  const [a, b] = [opened(state, 0), opened(state, 0)];
  for (const entry of [a, b]) state.return(entry, 1, false);
  state.suspect((conn) => conn === b.conn);
  assert.equal(state.take(2), b);
  assert.deepEqual([state.isStale(a, 2), state.isStale(b, 2)], [false, true]);
  state.return(b, 3, false);
  assert.equal(state.isStale(b, 3), false);
});

test("pool state: of the stale connections, only those alike one that was dead are dropped", () => {
  const { state, closed } = stockOf({});
  const [a, b] = [opened(state, 0), opened(state, 0)];
  for (const entry of [a, b]) state.return(entry, 1, false);
  state.suspect(() => true);
  state.dropStale(2, () => true, false);
  assert.deepEqual(closed, [], "nor those that are only suspected, if others tell of them");
  state.dropStale(2, (conn) => conn === a.conn);
  assert.deepEqual(closed, [a.conn]);
});

test("pool state: unwanted connections are closed, those in use when they are returned", () => {
  const { state, closed } = stockOf({});
  const [a, b, c] = [opened(state, 0), opened(state, 0), opened(state, 0)];
  for (const entry of [a, b]) state.return(entry, 1, false);
  state.retire((conn) => conn !== b.conn);
  assert.deepEqual(closed, [a.conn]);
  assert.equal(state.return(c, 2, true), false);
  assert.deepEqual(closed, [a.conn, c.conn]);
  assert.equal(state.take(3), b);
});

test("pool state: the connection that was used least recently is yielded, if it was idle for long enough", () => {
  const { state, closed } = stockOf({});
  const [a, b] = [opened(state, 0), opened(state, 0)];
  assert.equal(state.yieldIdle(Infinity), false);
  state.return(a, 10, false);
  state.return(b, 20, false);
  assert.equal(state.yieldIdle(9), false);
  assert.equal(state.yieldIdle(10), true);
  assert.deepEqual(closed, [a.conn]);
});

test("pool state: the counts of views are added up, also by host", () => {
  const host = (name: string, size: number) => ({ host: name, role: "standby", size }) as const;
  const stats = stockOf({}).state.stats(1);
  const sum = sumOfStats([
    { ...stats, size: 2, max: 4, hosts: [host("a", 2), host("b", 0)] },
    { ...stats, size: 1, max: 4 },
    { ...stats, size: 3, max: 4, hosts: [host("a", 1), host("b", 2)] },
  ]);
  assert.deepEqual([sum.size, sum.max, sum.waiting], [6, 4, 3]);
  assert.deepEqual(sum.hosts, [host("a", 3), host("b", 2)]);
});

test("pool state: connections count as soon as they are being opened", () => {
  const { state } = stockOf({ poolMaxConcurrency: 2 });
  const generation = state.beginOpening();
  opened(state, 0);
  assert.equal(state.size, 2);
  assert.deepEqual([state.opening, state.leasedCount, state.isQuiet], [1, 1, false]);
  state.openFailed();
  assert.equal(state.size, 1);
  assert.equal(generation, 0);
  const { size, opening, leased, idle, opened: ever, failed } = state.stats(3);
  assert.deepEqual({ size, opening, leased, idle, ever, failed }, {
    size: 1,
    opening: 0,
    leased: 1,
    idle: 0,
    ever: 1,
    failed: 1,
  });
  assert.equal(state.stats(3).waiting, 3);
});

test("pool state: no more are kept than may be idle, unless somebody waits", () => {
  const { state, closed } = stockOf({ poolMaxIdleConn: 1 });
  const entries = [opened(state, 0), opened(state, 0), opened(state, 0)];
  assert.deepEqual([state.return(entries[0]!, 1, false), state.return(entries[1]!, 1, false)], [true, false]);
  assert.deepEqual(closed, [entries[1]!.conn]);
  assert.equal(state.return(entries[2]!, 1, true), true);
});

test("pool state: with no idle connections at all, each is closed that nobody waits for", () => {
  const { state, closed } = stockOf({ poolMaxIdleConn: 0 });
  const entry = opened(state, 0);
  assert.equal(state.return(entry, 1, false), false);
  assert.deepEqual(closed, [entry.conn]);
  assert.equal(state.stats(0).size, 0);
});

test("pool state: what was closed meanwhile is neither kept nor handed out", () => {
  const { state, closed } = stockOf({});
  const [a, b] = [opened(state, 0), opened(state, 0)];
  a.conn.closed = true;
  assert.equal(state.return(a, 1, true), false);
  state.return(b, 1, false);
  b.conn.closed = true;
  assert.equal(state.take(1), undefined);
  assert.deepEqual(closed, [a.conn, b.conn]);
  assert.equal(state.stats(0).closed, 2);
});

test("pool state: an idle connection that is lost is given up, one in use is not touched", () => {
  const { state, closed } = stockOf({});
  const [a, b] = [opened(state, 0), opened(state, 0)];
  state.return(a, 1, false);
  state.lost(a.conn);
  state.lost(b.conn);
  assert.deepEqual(closed, [a.conn]);
  assert.equal(state.stats(0).leased, 1);
});

test("pool state: to give one back twice, or one that was given up, does nothing", () => {
  const { state, closed } = stockOf({});
  const entry = opened(state, 0);
  state.return(entry, 1, false);
  assert.equal(state.return(entry, 1, false), false);
  state.remove(entry);
  assert.equal(state.stats(0).idle, 1);
  assert.deepEqual(closed, []);
});

test("pool state: lifetime ends when a connection is idle or comes back, never in use", () => {
  const { state, closed } = stockOf({ poolMaxLifetime: 100 });
  const [a, b] = [opened(state, 0), opened(state, 0)];
  state.return(a, 50, false);
  assert.equal(state.nextSweepAt, 100);
  state.sweep(99);
  assert.deepEqual(closed, []);
  state.sweep(100);
  assert.deepEqual(closed, [a.conn]);
  assert.equal(state.stats(0).leased, 1);
  assert.equal(state.return(b, 100, true), false);
  assert.deepEqual(closed, [a.conn, b.conn]);
});

test("pool state: a connection that was handed out often enough is closed when it comes back", () => {
  const { state, closed } = stockOf({ poolMaxUses: 2 });
  const entry = opened(state, 0);
  state.return(entry, 1, false);
  assert.deepEqual([entry.uses, state.stats(0).acquired], [0, 0], "opening and checking it is no use");
  for (const wanted of [true, false]) {
    assert.equal(state.take(2), entry);
    state.handedOut(entry);
    assert.deepEqual(closed, [], "not while it is in use");
    assert.equal(state.return(entry, 3, wanted), wanted);
  }
  assert.deepEqual(closed, [entry.conn]);
  assert.equal(state.stats(0).acquired, 2);
});

test("pool state: one lives up to a tenth shorter than another", () => {
  const state = new PoolState<Fake>({ ...LIMITS, poolMaxLifetime: 1000 }, () => 1, () => {});
  assert.equal(opened(state, 0).expires, 900);
});

test("pool state: idle connections that nobody needs go, but for as many as are to be ready", () => {
  const { state, closed } = stockOf({ poolIdleTimeout: 10, poolMinIdle: 1 });
  const entries = [opened(state, 0), opened(state, 0), opened(state, 0)];
  entries.forEach((entry, i) => state.return(entry, i, false));
  assert.equal(state.nextSweepAt, 10);
  state.sweep(10);
  assert.deepEqual(closed, [entries[0]!.conn]);
  state.sweep(100);
  assert.deepEqual(closed, [entries[0]!.conn, entries[1]!.conn]);
  assert.equal(state.nextSweepAt, Infinity);
  assert.equal(state.missingIdle, 0);
});

test("pool state: how many are missing counts those that are being opened", () => {
  const { state } = stockOf({ poolMinIdle: 3, poolMaxIdleConn: 3 });
  assert.equal(state.missingIdle, 3);
  state.beginOpening();
  assert.equal(state.missingIdle, 2);
});

test("pool state: after draining, none from before is used again", () => {
  const { state, closed } = stockOf({});
  const [idle, used] = [opened(state, 0), opened(state, 0)];
  const generation = state.beginOpening();
  state.return(idle, 0, false);
  state.drain();
  assert.deepEqual(closed, [idle.conn]);
  assert.equal(state.return(used, 1, true), false);
  const late = state.opened(new Fake(), generation, 1);
  assert.equal(state.return(late, 1, true), false);
  assert.deepEqual(closed, [idle.conn, used.conn, late.conn]);
  assert.equal(state.return(opened(state, 2), 2, false), true);
});

test("pool state: what was idle for more than a second may be dead", () => {
  const { state, closed } = stockOf({});
  const [old, fresh] = [opened(state, 0), opened(state, 0)];
  state.return(old, 0, false);
  state.return(fresh, 1500, false);
  assert.deepEqual([state.isStale(old, 1000), state.isStale(old, 1001)], [false, true]);
  state.dropStale(1600);
  assert.deepEqual(closed, [old.conn]);
  assert.equal(state.take(1600), fresh);
});

const LIMITS: Limits = poolOpts("pg://", { poolIdleTimeout: 0, poolMaxLifetime: 0, poolMaxPipelined: 16 }, []).limits;
