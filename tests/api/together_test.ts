/**
 * Every public call of Conn and Transaction beside every other, and random triples, on simulated servers
 * that refuse, hang and go away: each call comes to its end in a bounded number of turns, and the
 * connection is in order afterwards or closed.
 */
import assert from "node:assert/strict";
import { setImmediate } from "node:timers";
import { type Conn, Conn as AsyncConn, Transaction as AsyncTransaction } from "../../mod.ts";
import { Conn as SyncConn, Transaction as SyncTransaction } from "../../sync.ts";
import { OpenedConnection as AsyncOpened } from "../../src/async/opened.ts";
import { AsyncLink } from "../../src/run/async_link.ts";
import { SyncLink } from "../../src/run/sync_link.ts";
import { PyroError, TimeoutError } from "../../src/errors.ts";
import { OpenedConnection as SyncOpened } from "../../src/sync/opened.ts";
import { isTurn, times } from "../support/suite/extent.ts";
import { type Body, given as givenIn } from "../support/suite/call_bodies.ts";
import { callContextOf, SOCKET } from "../support/scripted/links.ts";
import { Random } from "../support/suite/random.ts";
import { SimulatedAsync, SimulatedSync, type Trouble } from "../support/scripted/simulated.ts";
import { test, testInTurn } from "../support/suite/test.ts";
import type { World } from "../support/suite/worlds.ts";

// deno-lint-ignore no-explicit-any
type Any = any;
type Make = (body: (...given: Any[]) => Body<unknown>) => Any;
type Use = (conn: Any, options: object, given: Make) => Body<unknown>;

const SQL = "select $1";

/** How each is used; what it opens it closes. */
const USES: Readonly<Record<string, Use>> = {
  *ping(conn, options) {
    yield conn.ping(options);
  },
  *query(conn, options) {
    yield conn.query("select 1", options);
    yield conn.queryFirst("select 1; select 2", options);
    yield conn.queryDrop("insert", options);
    yield conn.queryAll("select 1; insert", options);
  },
  *queryOnce(conn, options) {
    yield conn.query("select 1", options);
  },
  *prepare(conn, options) {
    const statement = yield conn.prepare(SQL, options);
    try {
      yield conn.exec(statement, [1], options);
    } finally {
      yield statement.close();
    }
  },
  *prepareBatch(conn, options) {
    const statements = yield conn.prepareBatch(["select 1", SQL], options);
    for (const statement of statements) yield statement.close();
  },
  *exec(conn, options) {
    yield conn.exec(SQL, [1], options);
    yield conn.execFirst(SQL, [1], options);
    yield conn.execValue("select 2", [], options);
    yield conn.execDrop("insert $1", [1], options);
    yield conn.run(SQL, [1], options);
  },
  *execOne(conn, options) {
    yield conn.execOne("select one", [], options);
    yield conn.execColumn("select one", [], options);
    yield conn.execMap("select one", [], "n", options);
  },
  *execBatch(conn, options) {
    yield conn.execBatch("insert $1", [[1], [2], [3]], { ...options, chunk: 2 });
  },
  *execIter(conn, options, given) {
    yield conn.execIter(
      SQL,
      [1],
      given(function* (portal) {
        yield portal.fetch(1);
        yield portal.fetch();
      }),
      options,
    );
  },
  *stream(conn, options) {
    const stream = conn.stream(SQL, [1], { ...options, batch: 2 });
    for (let step = yield stream.next(); !step.done; step = yield stream.next());
  },
  *streamEndedEarly(conn, options) {
    const stream = conn.stream(SQL, [1], { ...options, batch: 1 });
    yield stream.next();
    yield stream.return();
  },
  *tx(conn, options, given) {
    yield conn.tx(
      given(function* (tx) {
        yield tx.exec(SQL, [1]);
        yield tx.tx(given(function* (inner) {
          yield inner.query("select 1");
        }));
        return 1;
      }),
      options,
    );
  },
  *txRepeated(conn, options, given) {
    let attempts = 0;
    yield conn.tx(
      given(function* (tx) {
        if (attempts++ === 0) yield tx.query("conflict");
      }),
      { ...options, retries: 2 },
    );
  },
  *begin(conn, options) {
    const tx = yield conn.begin(options);
    try {
      const portal = yield tx.execPortal(SQL, [1], options);
      yield portal.fetch(1);
      yield portal.close();
      yield tx.commit(options);
    } finally {
      if (!tx.closed) yield tx.rollback();
    }
  },
  *beginAndLeave(conn, options) {
    const tx = yield conn.begin(options);
    yield (tx[Symbol.asyncDispose] ?? tx[Symbol.dispose]).call(tx);
  },
  *pipeline(conn, options) {
    const pipeline = conn.pipeline();
    try {
      const one = pipeline.exec(SQL, [1]);
      yield pipeline.sync(options);
      const two = pipeline.exec("insert");
      yield pipeline.claim(one, options);
      yield pipeline.claimDrop(two, options);
    } finally {
      yield pipeline.close();
    }
  },
  *copyIn(conn, options) {
    yield conn.copyIn("copy t from stdin", ["1\n", "2\n"], options);
  },
  *copyRows(conn, options) {
    yield conn.copyRows("t", ["n"], [[1], [2]], options);
  },
  *copyOut(conn, options) {
    const stream = conn.copyOut("copy t to stdout", options);
    const chunks = (stream[Symbol.asyncIterator] ?? stream[Symbol.iterator]).call(stream);
    for (let step = yield chunks.next(); !step.done; step = yield chunks.next());
  },
  *copyOutEndedEarly(conn, options) {
    const stream = conn.copyOut("copy t to stdout", options);
    const chunks = (stream[Symbol.asyncIterator] ?? stream[Symbol.iterator]).call(stream);
    yield chunks.next();
    yield chunks.return();
  },
  *listen(conn, options) {
    const news = yield conn.listen("c", options);
    yield conn.notify("c", "x", options);
    yield news.return();
  },
  *reset(conn, options) {
    yield conn.reset(options);
  },
  *position(conn, options) {
    yield conn.position(options);
  },
  *cancel(conn) {
    yield conn.cancel();
  },
  *reloadTypes(conn) {
    yield conn.reloadTypes();
  },
  *close(conn) {
    yield conn.close({ timeout: 20 });
  },
};

const NAMES = Object.keys(USES);

/** All of them; in a short run, a third on each runtime. */
const PAIRS: readonly (readonly [string, string])[] = NAMES.flatMap((first, i) =>
  NAMES.filter((_, j) => isTurn(i + j)).map((second) => [first, second] as const)
);

test("together: nothing that can be called is missing", () => {
  const used = Object.values(USES).map(String).join();
  for (const { prototype } of [AsyncConn, AsyncTransaction, SyncConn, SyncTransaction]) {
    for (let type = prototype; type !== Object.prototype; type = Object.getPrototypeOf(type)) {
      for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(type))) {
        if (name === "constructor" || typeof value !== "function") continue;
        assert.match(used, new RegExp(`\\.${name}\\(`), name);
      }
    }
  }
});

/** One way that things go. */
interface Course extends Trouble {
  readonly name: string;
  /** When the calls are given up: in their tick, or so many turns of the event loop later. */
  readonly giveUpAfter?: number;
  /** How many turns after the one before each begins. Default: all in one tick. */
  readonly apart?: number;
}

const COURSES: readonly Course[] = [
  { name: "all well" },
  ...[1, 2, 3, 5].map((refuseAt) => ({ name: `message ${refuseAt} refused`, refuseAt })),
  ...[1, 2, 4].map((loseAt) => ({ name: `lost at message ${loseAt}`, loseAt })),
  ...[0, 1, 2].map((giveUpAfter) => ({ name: `given up after ${giveUpAfter} turns`, giveUpAfter })),
  ...[1, 2, 4].map((hangAt) => ({ name: `message ${hangAt} hangs, given up`, hangAt, giveUpAfter: 3 })),
  { name: "refused and given up", refuseAt: 2, giveUpAfter: 1 },
  ...[1, 2, 3, 5, 8].map((apart) => ({ name: `${apart} turns apart`, apart })),
  { name: "2 turns apart and given up", apart: 2, giveUpAfter: 4 },
];

const awaits = { name: "async" } as World;
const blocks = { name: "sync ffi" } as World;

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function awaitingOn(server: SimulatedAsync): { link: AsyncLink; conn: Conn } {
  const link = new AsyncLink(server, SOCKET);
  link.session.key = { processId: 1, secret: new Uint8Array(4) };
  link.canceller = () => Promise.resolve(server.cancel());
  const state = callContextOf(link).state;
  return { link, conn: new (AsyncConn as unknown as new (opened: AsyncOpened) => Conn)(new AsyncOpened(state, link)) };
}

function blockingOn(server: SimulatedSync): { link: SyncLink; conn: SyncConn } {
  const link = new SyncLink(server, SOCKET);
  link.session.key = { processId: 1, secret: new Uint8Array(4) };
  link.canceller = () => server.cancel();
  return { link, conn: new SyncConn(new SyncOpened(callContextOf(link).state, link).target) };
}

/** Runs uses at the same time, with promises. */
async function together(names: readonly string[], course: Course): Promise<readonly unknown[]> {
  const what = `${names.join(", ")}: ${course.name}`;
  const server = new SimulatedAsync(course);
  const { link, conn } = awaitingOn(server);
  const stop = new AbortController();
  const given: Make = (body) => givenIn(awaits, body);
  const options = course.giveUpAfter === undefined ? {} : { signal: stop.signal };
  let left = names.length;
  const errors: unknown[] = [];
  const start = (name: string): void => {
    const use = givenIn(awaits, () => USES[name]!(conn, options, given));
    (use() as Promise<unknown>).catch((error) => errors.push(error)).then(() => left--);
  };
  const { apart = 0 } = course;
  if (apart === 0) names.forEach(start);
  const reason = { reason: what };
  for (let turns = 0; left > 0; turns++) {
    assert.ok(turns < TURNS, `${what}: ${left} wait for ever`);
    if (apart > 0 && turns % apart === 0 && turns / apart < names.length) start(names[turns / apart]!);
    if (turns === course.giveUpAfter) stop.abort(reason);
    // As an administrator would: what was given up with others behind it is not cancelled.
    if (turns > 20) server.cancel();
    // A repeated transaction pauses for up to 20 ms.
    if (turns < 50) await turn();
    else await new Promise((resolve) => setTimeout(resolve, 1));
  }
  for (const error of errors) {
    assert.ok(error === reason || error instanceof PyroError, `${what}: ${(error as Error)?.stack ?? error}`);
  }
  if (!conn.closed) {
    // What nobody waits for any more may still be on its way, and what it leaves over.
    const late = setInterval(() => server.cancel(), 5);
    try {
      await conn.query("select 1").catch((error) => assert.ok(error instanceof PyroError, `${what}: ${error}`));
      assert.equal(link.isRunning, false, what);
      assert.equal(link.session.admission.state, "free", what);
      assert.equal(link.session.admission.open, undefined, what);
    } finally {
      clearInterval(late);
    }
  }
  await conn.close({ timeout: 0 });
  return errors;
}

/** Runs uses one after the other, blocking; behind a mere query, the others also in functions that calls call. */
function oneByOne(names: readonly string[], course: Course): readonly unknown[] {
  const what = `${names.join(", ")}: ${course.name}`;
  const { link, conn } = blockingOn(new SimulatedSync(course));
  const given: Make = (body) => givenIn(blocks, body);
  // The time is over as soon as there is something to wait for.
  const options = course.giveUpAfter === undefined ? {} : { timeout: 1000 };
  const errors: unknown[] = [];
  const attempt = (work: () => unknown): void => {
    try {
      work();
    } catch (error) {
      errors.push(error);
      assert.ok(error instanceof PyroError, `${what}: ${(error as Error)?.stack ?? error}`);
    }
  };
  const use = (name: string): void => attempt(() => givenIn(blocks, () => USES[name]!(conn, options, given))());
  const [first, ...others] = names;
  use(first!);
  for (const name of others) {
    use(name);
    if (first !== "queryOnce") continue;
    attempt(() => conn.tx(() => use(name), options));
    attempt(() => conn.execIter(SQL, [1], () => use(name), options));
    attempt(() => conn.execBatch("insert $1", [1, 2].values().map((n) => (use(name), [n])), options));
    attempt(() => conn.copyIn("copy t from stdin", ["1\n"].values().map((text) => (use(name), text)), options));
  }
  if (!conn.closed) {
    attempt(() => conn.query("select 1"));
    assert.equal(link.session.admission.open, undefined, what);
    assert.equal(conn.closed || link.session.idle, true, what);
  }
  conn.close();
  return errors;
}

test("together: where nothing goes wrong, each call succeeds by itself, and again", async () => {
  for (const name of NAMES) {
    const twice = name === "close" || name === "queryOnce" ? [name] : [name, name];
    assert.deepEqual(await together([name], COURSES[0]!), [], name);
    assert.deepEqual(oneByOne(twice, COURSES[0]!), [], name);
  }
});

for (const course of COURSES) {
  testInTurn(`together: every pair of calls, ${course.name} (async)`, async () => {
    for (const [first, second] of PAIRS) await together([first, second], course);
  });
  if (course.apart !== undefined) continue;
  testInTurn(`together: every pair of calls, ${course.name} (sync)`, () => {
    for (const [first, second] of PAIRS) oneByOne([first, second], course);
  });
}

test("together: a transaction given up while it rolls back after a conflict is not run again", async () => {
  for (const blocking of [false, true]) {
    // BEGIN, the conflict, and the ROLLBACK.
    const course = { hangAt: 3 };
    let runs = 0;
    const fail = function* (tx: Any): Body<void> {
      runs++;
      yield tx.query("conflict");
    };
    if (blocking) {
      const { conn } = blockingOn(new SimulatedSync(course));
      assert.throws(() => conn.tx(givenIn(blocks, fail), { retries: 5, timeout: 1000 }), TimeoutError);
      conn.close();
    } else {
      const { conn } = awaitingOn(new SimulatedAsync(course));
      const stop = new AbortController();
      const reason = new Error("enough");
      const call = conn.tx(givenIn(awaits, fail) as Any, { retries: 5, signal: stop.signal });
      for (let turns = 0; turns < 10; turns++) await turn();
      stop.abort(reason);
      await assert.rejects(call, (error) => error === reason);
      await conn.query("select 1");
      await conn.close();
    }
    assert.equal(runs, 1);
  }
});

testInTurn("together: triples of calls, whatever happens", async () => {
  const seed = Math.floor(Math.random() * 0x1_0000_0000);
  console.log(`together: triples with seed 1, and ${seed}`);
  for (const random of [new Random(1), new Random(seed)]) {
    for (let i = 0; i < times(100, 300); i++) {
      const names = [random.pick(NAMES), random.pick(NAMES), random.pick(NAMES)];
      const course = { ...random.pick(COURSES), apart: random.below(7) };
      await together(names, course);
      oneByOne(names, course);
    }
  }
});

/** So many turns are enough for anything here; most of what happens takes a few. */
const TURNS = 3000;
