/**
 * Whoever takes rows, data or notifications stops before the end: by leaving the loop, by an error of its
 * own, by disposal, or by never beginning; and sources that are given up. The session is as it was before
 * then, and the next query works.
 */
import assert from "node:assert/strict";
import { type Conn, ServerError, type Transaction, UsageError } from "../../mod.ts";
import { attempt, given } from "../support/suite/call_bodies.ts";
import { conformance, type World } from "../support/suite/worlds.ts";

type Case = readonly [name: string, run: (conn: Conn, world: World) => Promise<unknown>, gives: unknown];

// deno-lint-ignore no-explicit-any
type Any = any;

const ROWS = "select n from generate_series(1, 5000) as n";
/** Far more than what the sockets and the client hold between them. */
const DATA = "copy (select repeat('x', 1000) from generate_series(1, 30000)) to stdout";
/** Others may run the same at the same time. */
const CHANNEL = `early end ${crypto.randomUUID()}`;
const MINE = new Error("the consumer has had enough");

const CASES: readonly Case[] = [
  ["stream: break", async (conn) => {
    for await (const row of conn.stream<{ n: number }>(ROWS, { batch: 10 })) if (row.n === 15) return row.n;
    return undefined;
  }, 15],
  ["stream: break at the first row of a batch, and at the last", async (conn) => {
    for await (const row of conn.stream<{ n: number }>(ROWS, { batch: 10 })) if (row.n === 11) break;
    for await (const row of conn.stream<{ n: number }>(ROWS, { batch: 10 })) if (row.n === 10) return row.n;
    return undefined;
  }, 10],
  ["stream: the consumer throws", async (conn) => {
    return await failing(async () => {
      for await (const _ of conn.stream(ROWS, { batch: 10 })) throw MINE;
    });
  }, MINE],
  ["stream: one row taken by hand, then disposed", async (conn) => {
    await using rows = conn.stream<{ n: number }>(ROWS, { batch: 10 });
    return (await rows.next()).value?.n;
  }, 1],
  ["stream: never begun", (conn) => {
    conn.stream(ROWS);
    return Promise.resolve();
  }, undefined],
  ["stream: disposed before it began, and asked after that", async (conn) => {
    const rows = conn.stream(ROWS);
    await rows.return();
    await rows.return();
    return (await rows.next()).done;
  }, true],
  ["stream: given up after its end", async (conn) => {
    const rows = conn.stream("select 1 as n");
    const first = await rows.next();
    const second = await rows.next();
    await rows.return();
    return [first.value, second.done];
  }, [{ n: 1 }, true]],
  ["stream in a transaction: break, and the transaction goes on", async (conn) => {
    await using tx = await conn.begin();
    for await (const _ of tx.stream(ROWS, { batch: 10 })) break;
    const cursors = await tx.execValue("select count(*)::int from pg_cursors where name <> ''");
    await tx.commit();
    return cursors;
  }, 0],
  ["stream in a transaction: left open when that commits", async (conn) => {
    await using tx = await conn.begin();
    const rows = tx.stream(ROWS, { batch: 10 });
    await rows.next();
    await tx.commit();
    await rows.return();
    return tx.closed;
  }, true],
  ["execIter: nothing fetched", (conn, world) =>
    attempt(() =>
      conn.execIter(
        ROWS,
        [],
        // deno-lint-ignore require-yield
        given(world, function* () {
          return "nothing";
        }) as Any,
      )
    ), "nothing"],
  [
    "execIter: some fetched",
    (conn, world) =>
      attempt(() =>
        conn.execIter(
          ROWS,
          [],
          given(world, function* (portal: Any) {
            return (yield portal.fetch(3)).rows.length;
          }) as Any,
        )
      ),
    3,
  ],
  [
    "execIter: the function throws",
    (conn, world) =>
      failing(() =>
        conn.execIter(
          ROWS,
          [],
          given(world, function* (portal: Any) {
            yield portal.fetch(3);
            throw MINE;
          }) as Any,
        )
      ),
    MINE,
  ],
  ["execIter: the portal is used after its function", async (conn, world) => {
    const portal: Any = await attempt(() =>
      conn.execIter(
        ROWS,
        [],
        given(world, function* (portal: Any) {
          yield portal.fetch(3);
          return [portal];
        }) as Any,
      )
    );
    return await failing(() => portal[0].fetch(3)) instanceof UsageError;
  }, true],
  ["execPortal: left open when the transaction commits", async (conn) => {
    await using tx = await conn.begin();
    const portal = await tx.execPortal(ROWS);
    await portal.fetch(3);
    await tx.commit();
    const refused = await failing(() => portal.fetch(3));
    await portal.close();
    return refused instanceof UsageError;
  }, true],
  ["execPortal: closed early, twice", async (conn) => {
    await using tx = await conn.begin();
    const portal = await tx.execPortal(ROWS);
    await portal.fetch(3);
    await portal.close();
    await portal.close();
    const left = await tx.execValue("select count(*)::int from pg_cursors where name <> ''");
    return [left, await failing(() => portal.fetch(1)) instanceof UsageError];
  }, [0, true]],
  ["execPortal: never fetched from, and the transaction is disposed", async (conn) => {
    await using tx = await conn.begin();
    const portal = await tx.execPortal(ROWS);
    return portal.done;
  }, false],
  ["copyOut: break", async (conn) => {
    for await (const chunk of conn.copyOut(DATA)) return chunk.length > 0;
    return undefined;
  }, true],
  ["copyOut: the consumer throws", (conn) =>
    failing(async () => {
      for await (const _ of conn.copyOut(DATA)) throw MINE;
    }), MINE],
  ["copyOut: never begun", (conn) => {
    conn.copyOut(DATA);
    return Promise.resolve();
  }, undefined],
  ["copyOut: given up before it began", async (conn) => {
    const data = conn.copyOut(DATA) as Any;
    await (data.cancel?.() ?? data.return());
  }, undefined],
  ["copyOut in a transaction: break, and the transaction goes on", async (conn) => {
    await using tx = await conn.begin();
    await tx.queryDrop("insert into t values (1)");
    for await (const _ of tx.copyOut(DATA)) break;
    await tx.commit();
    return await conn.execValue("select count(*)::int from t");
  }, 1],
  ["copyOut, many times: break", async (conn) => {
    // What stops one COPY must not stop the query behind it.
    for (let i = 0; i < 20; i++) {
      for await (const _ of conn.copyOut(DATA)) break;
      assert.equal(await conn.execValue("select $1::int", [i]), i);
    }
  }, undefined],
  ["listen: break", async (conn, world) => {
    const news = await conn.listen(CHANNEL, patience(world));
    await conn.notify(CHANNEL, "hello");
    for await (const { payload } of news) return payload;
    return undefined;
  }, "hello"],
  ["listen: the consumer throws", async (conn, world) => {
    const news = await conn.listen(CHANNEL, patience(world));
    await conn.notify(CHANNEL, "hello");
    return await failing(async () => {
      for await (const _ of news) throw MINE;
    });
  }, MINE],
  ["listen: disposed without a look", async (conn, world) => {
    await using _news = await conn.listen(CHANNEL, patience(world));
  }, undefined],
  ["listen: two on one channel, one of which ends", async (conn, world) => {
    await using first = await conn.listen(CHANNEL, patience(world));
    {
      await using _second = await conn.listen(CHANNEL, patience(world));
    }
    await conn.notify(CHANNEL, "still");
    for await (const { payload } of first) return payload;
    return undefined;
  }, "still"],
  ["pipeline: nothing claimed", async (conn) => {
    await using pipeline = conn.pipeline();
    for (let n = 0; n < 10; n++) pipeline.exec("insert into t values ($1)", [n]);
    await pipeline.sync();
  }, undefined],
  ["pipeline: some claimed, an error behind", async (conn) => {
    await using pipeline = conn.pipeline();
    const ticket = pipeline.exec("select 1 as n");
    await pipeline.sync();
    pipeline.exec("select 1 / 0");
    await pipeline.sync();
    pipeline.exec(ROWS);
    return await pipeline.claim(ticket);
  }, [{ n: 1 }]],
  ["pipeline: the consumer throws between claims", (conn) =>
    failing(async () => {
      await using pipeline = conn.pipeline();
      const ticket = pipeline.exec("select 1 as n");
      pipeline.exec("select repeat('x', 10000) from generate_series(1, 1000)");
      await pipeline.claim(ticket);
      throw MINE;
    }), MINE],
  ["pipeline: flushed and never synced", async (conn) => {
    await using pipeline = conn.pipeline();
    const ticket = pipeline.exec("select 1 as n");
    await pipeline.flush();
    return await pipeline.claim(ticket);
  }, [{ n: 1 }]],
  ["pipeline: flushed, failed and never synced", async (conn) => {
    await using pipeline = conn.pipeline();
    const ticket = pipeline.exec("select 1 / 0");
    await pipeline.flush();
    return await failing(() => pipeline.claim(ticket)) instanceof ServerError;
  }, true],
  ["pipeline: empty", async (conn) => {
    await using _pipeline = conn.pipeline();
  }, undefined],
  ["pipeline: closed twice, used after that", async (conn) => {
    const pipeline = conn.pipeline();
    const ticket = pipeline.exec("select 1 as n");
    await pipeline.close();
    await pipeline.close();
    return await failing(() => pipeline.claim(ticket)) instanceof UsageError;
  }, true],
  ["pipeline in a transaction: left open when that is disposed", async (conn) => {
    await using tx = await conn.begin();
    const pipeline = tx.pipeline();
    pipeline.exec("insert into t values (1)");
    await pipeline.sync();
    return tx.closed;
  }, false],
  ["tx: the function throws, and nothing stays", async (conn, world) => {
    const error = await failing(() =>
      conn.tx(given(world, function* (tx: Transaction) {
        yield tx.execDrop("insert into t values (1)");
        throw MINE;
      }) as Any)
    );
    return [error === MINE, await conn.execValue("select count(*)::int from t")];
  }, [true, 0]],
  [
    "tx: the function throws inside of a stream inside of a nested one",
    (conn, world) =>
      failing(() =>
        conn.tx(given(world, function* (tx: Transaction) {
          return yield tx.tx(given(world, function* (inner: Transaction) {
            const rows = inner.stream(ROWS, { batch: 10 });
            yield rows.next();
            throw MINE;
          }) as Any);
        }) as Any)
      ),
    MINE,
  ],
  ["tx: the function ends it itself", (conn, world) =>
    attempt(() =>
      conn.tx(given(world, function* (tx: Transaction) {
        yield tx.rollback();
        return "rolled back";
      }) as Any)
    ), "rolled back"],
  ["begin: disposed, and nothing stays", async (conn) => {
    {
      await using tx = await conn.begin();
      await tx.execDrop("insert into t values (1)");
    }
    return await conn.execValue("select count(*)::int from t");
  }, 0],
  ["prepare: disposed, and the server forgets it", async (conn) => {
    {
      await using one = await conn.prepare("select 'early end' as a");
      await conn.exec(one);
    }
    const [other, another] = await conn.prepareBatch(["select 'early end' as b", "select 'early end' as c"]);
    await other![Symbol.asyncDispose]?.();
    (other as Any)[Symbol.dispose]?.();
    await another![Symbol.asyncDispose]?.();
    (another as Any)[Symbol.dispose]?.();
    // They may go with what is prepared next.
    await conn.exec("select 1 as next");
    return await conn.query(
      "select statement from pg_prepared_statements where statement like 'select ''early end''%'",
    );
  }, []],
  ...(["copyIn", "copyRows", "execBatch", "execBatch in chunks"] as const).map((name): Case => [
    `${name}: the server refuses early, and the source is told`,
    async (conn) => {
      const source = new Endless(name === "copyIn" ? "5\n" : [5]);
      const error = await failing(() =>
        name === "copyIn"
          ? conn.copyIn("copy few from stdin", source as Any)
          : name === "copyRows"
          ? conn.copyRows("few", ["n"], source as Any)
          : conn.execBatch("insert into few values ($1)", source as Any, name === "execBatch" ? {} : { chunk: 1000 })
      );
      return [
        error instanceof ServerError && error.code,
        source.returned,
        await conn.execValue("select count(*)::int from few"),
      ];
    },
    ["23505", 1, 0],
  ]),
];

for (const [name, run, gives] of CASES) {
  conformance(`early end: ${name}`, async (world, server) => {
    await using conn = await world.connect(server.fast);
    await conn.queryDrop("create temporary table t (n int); create temporary table few (n int primary key)");
    assert.deepEqual(await run(conn, world), gives);
    assert.equal(conn.transactionStatus, "idle");
    const left = await conn.queryFirst(`
      select 6 * 7 as answer, (select count(*)::int from pg_cursors) as cursors,
        (select count(*)::int from pg_listening_channels()) as channels`);
    assert.deepEqual(left, { answer: 42, cursors: 0, channels: 0 });
    assert.equal(await conn.execValue("select $1::text", ["next"]), "next");
  });
}

/** A source without end, which counts how often it was told that no more is wanted. */
class Endless implements Iterable<unknown> {
  returned = 0;
  readonly #value: unknown;

  constructor(value: unknown) {
    this.#value = value;
  }

  [Symbol.iterator](): Iterator<unknown> {
    return {
      next: () => ({ done: false, value: this.#value }),
      return: () => {
        this.returned++;
        return { done: true, value: undefined };
      },
    };
  }
}

/** What a call fails with. */
async function failing(call: () => unknown): Promise<unknown> {
  let value: unknown;
  try {
    value = await attempt(call);
  } catch (error) {
    return error;
  }
  assert.fail(`It does not fail, but gives ${JSON.stringify(value)}`);
}

/** How long those wait who block. */
function patience(world: World): { timeout: number } | undefined {
  return world.name === "async" ? undefined : { timeout: 5000 };
}
