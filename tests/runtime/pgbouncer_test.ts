/** Through PgBouncer in its three modes, with fewer connections to the server than clients. */
import assert from "node:assert/strict";
import { after } from "node:test";
import {
  type Conn,
  ConnectionError,
  type Notification,
  PipelineAborted,
  type Portal,
  SqlState,
  TimeoutError,
  type Transaction,
} from "../../mod.ts";
import { attempt, given } from "../support/suite/call_bodies.ts";
import { PgBouncer } from "../support/installed/pgbouncer.ts";
import { servers, type TestServer } from "../support/suite/servers.ts";
import { conformance, type World } from "../support/suite/worlds.ts";

type Mode = "session" | "transaction" | "statement";

/** How many connections to the server there are for each mode. */
const POOL_SIZE: Readonly<Record<Mode, number>> = { session: 4, transaction: 2, statement: 2 };

const bouncer = await PgBouncer.start({
  server: Object.fromEntries(servers.flatMap(({ major, port }) =>
    Object.entries(POOL_SIZE).map(([mode, size]) => [
      `${mode}_${major}`,
      `host=127.0.0.1 port=${port} dbname=test_db user=test password=1234 pool_mode=${mode} pool_size=${size}`,
    ])
  )),
  // A client that cannot get a connection to the server hears of it, rather than hang.
  settings: ["query_wait_timeout = 10"],
});
after(() => bouncer[Symbol.asyncDispose]());

/** One way to use PgBouncer. */
interface Place {
  readonly mode: Mode;
  readonly world: World;
  readonly server: TestServer;
  /** Connects through the pooler. */
  connect(query?: string): Promise<Conn>;
  /** Connects past it. */
  direct(): Promise<Conn>;
}

/** In those modes, in every world, with every server. */
function inModes(name: string, modes: readonly Mode[], body: (place: Place) => Promise<void>): void {
  for (const mode of modes) {
    conformance(`pgbouncer: ${name}, ${mode} mode`, (world, server) =>
      body({
        mode,
        world,
        server,
        connect: (query = "pgbouncer=true") =>
          world.connect(`pg://u@127.0.0.1:${bouncer.port}/${mode}_${server.major}?${query}`),
        direct: () => world.connect(server.fast),
      }));
  }
}

const ALL: readonly Mode[] = ["session", "transaction", "statement"];
const WITH_TRANSACTIONS: readonly Mode[] = ["session", "transaction"];
const SHARED: readonly Mode[] = ["transaction", "statement"];

/** A name for something in the database that all tests share. */
function unique(): string {
  return `pooler_${crypto.randomUUID().replaceAll("-", "")}`;
}

/** Runs with a table of its own, made past the pooler. */
async function withTable(
  place: Place,
  columns: string,
  body: (table: string, direct: Conn) => Promise<void>,
): Promise<void> {
  const table = unique();
  await using direct = await place.direct();
  await direct.queryDrop(`create table ${table} (${columns})`);
  try {
    await body(table, direct);
  } finally {
    await direct.queryDrop(`drop table ${table}`);
  }
}

/** Statements of different shapes, with what they give for a number. */
const STATEMENTS: readonly {
  readonly sql: string;
  params(n: number): unknown[];
  row(n: number): Record<string, unknown>;
}[] = [
  { sql: "select $1::int4 as a", params: (n) => [n], row: (a) => ({ a }) },
  { sql: "select $1::text || 'x' as a", params: (n) => [`t${n}`], row: (n) => ({ a: `t${n}x` }) },
  {
    sql: "select $1::int8 as a, $2::bool as b",
    params: (n) => [BigInt(n), n % 2 === 0],
    row: (n) => ({ a: BigInt(n), b: n % 2 === 0 }),
  },
  {
    sql: "select $1::float8 as a, 'fixed' as b, $2::int2[] as c",
    params: (n) => [n / 2, [n]],
    row: (n) => ({ a: n / 2, b: "fixed", c: [n] }),
  },
  { sql: "select 42::int8 as a", params: () => [], row: () => ({ a: 42n }) },
  { sql: "select $1::jsonb as a", params: (n) => [{ n }], row: (n) => ({ a: { n } }) },
  {
    sql: "select null::int4 as a, $1::numeric as b",
    params: (n) => [`${n}.50`],
    row: (n) => ({ a: null, b: `${n}.50` }),
  },
];

inModes("no attempt at an upgrade, the pooler's key, names that it passes on", ALL, async ({ connect }) => {
  const name = unique();
  await using conn = await connect(`pgbouncer=true&application_name=${name}`);
  assert.deepEqual([conn.transport, conn.upgrade.attempted], ["tcp", false]);
  assert.match(conn.upgrade.reason!, /pgbouncer=true/);
  assert.equal(await conn.execValue("show application_name"), name);
  assert.notEqual(conn.id, await conn.execValue("select pg_backend_pid()"), "the key is the pooler's");
  assert.equal(conn.cancelKey!.processId, conn.id);
});

inModes("query, exec for the first time and later, prepared statements", ALL, async ({ connect }) => {
  await using conn = await connect();
  for (let round = 0; round < 3; round++) {
    for (const { sql, params, row } of STATEMENTS) assert.deepEqual(await conn.exec(sql, params(round)), [row(round)]);
    assert.deepEqual(await conn.query("select 1 as n; select 2 as n"), [{ n: 2 }]);
  }
  {
    await using held = await conn.prepare(STATEMENTS[2]!.sql);
    const batch = await conn.prepareBatch(STATEMENTS.map(({ sql }) => sql));
    for (const n of [7, 8]) {
      assert.deepEqual(await conn.exec(held, STATEMENTS[2]!.params(n)), [STATEMENTS[2]!.row(n)]);
      for (const [i, statement] of batch.entries()) {
        assert.deepEqual(await conn.exec(statement, STATEMENTS[i]!.params(n)), [STATEMENTS[i]!.row(n)]);
      }
    }
  }
  await assert.rejects(attempt(() => conn.exec("select 1 / $1::int4", [0])), { code: SqlState.DivisionByZero });
  const names = "select name from pg_prepared_statements where name like 'pyro%'";
  assert.deepEqual(await conn.query(names), [], "nothing has a name");
});

inModes(
  "many clients with different statements never get each other's rows",
  SHARED,
  async ({ connect, mode }) => {
    const conns = await Promise.all(Array.from({ length: 8 }, () => connect()));
    const processes = new Set<unknown>();
    try {
      const held = await Promise.all(conns.map((conn, i) => conn.prepare(STATEMENTS[i % STATEMENTS.length]!.sql)));
      await Promise.all(conns.map(async (conn, client) => {
        for (let round = 0; round < 12; round++) {
          // Several at once, so that they are pipelined where calls are.
          const chosen = [0, 1, 2].map((n) => STATEMENTS[(client + round + n) % STATEMENTS.length]!);
          const values = chosen.map((_, n) => client * 1000 + round * 10 + n);
          const rows = await Promise.all(chosen.map(({ sql, params }, n) => conn.exec(sql, params(values[n]!))));
          assert.deepEqual(rows, chosen.map(({ row }, n) => [row(values[n]!)]));
          const own = STATEMENTS[client % STATEMENTS.length]!;
          assert.deepEqual(await conn.exec(held[client]!, own.params(round)), [own.row(round)]);
          if (mode === "transaction" && client === 0) {
            // Keeps one of the two for a while, so that the others have the other. More would stop blocking connections.
            await using tx = await conn.begin();
            processes.add(await tx.execValue("select pg_backend_pid()"));
            processes.add(await conns[1]!.execValue("select pg_backend_pid()"));
            await tx.execValue("select $1::int4", [round]);
            await tx.commit();
          }
          processes.add(await conn.execValue("select pg_backend_pid()"));
        }
      }));
    } finally {
      for (const conn of conns) await conn.close();
    }
    // Without transactions it is up to the pooler whether the first suffices.
    if (mode === "transaction") assert.equal(processes.size, 2, "fewer than clients, more than one");
    else assert.ok(processes.size <= 2);
  },
);

inModes("a statement goes on with whichever connection to the server", ["transaction"], async ({ connect }) => {
  await using conn = await connect();
  await using other = await connect();
  const processes = new Set<unknown>();
  await using held = await conn.prepare("select $1::int4 as n, pg_backend_pid() as pid");
  for (let n = 0; n < 4; n++) {
    // While the other has one in its transaction, this has to take the second.
    await using tx = n % 2 === 0 ? undefined : await other.begin();
    for (const statement of ["select $1::int4 as n, pg_backend_pid() as pid -- text", held]) {
      const row = await conn.execOne<{ n: number; pid: number }>(statement, [n]);
      assert.equal(row.n, n);
      processes.add(row.pid);
    }
    await tx?.rollback();
    // So that the two are taken in turn.
    await using first = await conn.begin();
    await using second = await other.begin();
    await first.query("select 1");
    await second.query("select 1");
    await second.rollback();
    await first.rollback();
  }
  assert.equal(processes.size, 2);
});

inModes("batches and transactions with savepoints", WITH_TRANSACTIONS, async (place) => {
  await withTable(place, "n int4 primary key", async (table) => {
    const { connect, world } = place;
    await using conn = await connect();
    const insert = `insert into ${table} values ($1)`;
    const sets = Array.from({ length: 1000 }, (_, n) => [n]);
    assert.equal(await conn.execBatch(insert, sets), 1000);
    await assert.rejects(attempt(() => conn.execBatch(insert, [[1000], [0]])), { code: SqlState.UniqueViolation });
    await conn.tx(given(world, function* (tx: Transaction) {
      yield tx.exec(insert, [2000]);
      const nested = given(world, function* (inner: Transaction) {
        yield inner.exec(insert, [2001]);
        yield inner.exec(insert, [2000]);
      });
      try {
        yield tx.tx(nested);
        assert.fail("the nested one fails");
      } catch (error) {
        assert.equal((error as { code?: string }).code, SqlState.UniqueViolation);
      }
      assert.equal(yield tx.execBatch(insert, [[2002], [2003]]), 2);
    }));
    const rolledBack = given(world, function* (tx: Transaction) {
      yield tx.exec(insert, [3000]);
      throw new RangeError("rolled back");
    });
    await assert.rejects(attempt(() => conn.tx(rolledBack)), RangeError);
    const kept = await conn.query(`select n from ${table} where n >= 1000 order by n`);
    assert.deepEqual(kept, [{ n: 2000 }, { n: 2002 }, { n: 2003 }]);
    assert.equal(conn.transactionStatus, "idle");
  });
});

inModes("statement mode refuses transactions, and says so", ["statement"], async ({ connect, world }) => {
  const calls: Record<string, (conn: Conn) => unknown> = {
    begin: (conn) => conn.begin(),
    tx: (conn) =>
      conn.tx(given(world, function* (tx: Transaction) {
        yield tx.query("select 1");
      })),
    execBatch: (conn) => conn.execBatch("select $1::int4", [[1], [2]]),
    "BEGIN by query": (conn) => conn.query("begin"),
    "BEGIN by exec": (conn) => conn.exec("begin"),
  };
  for (const [name, call] of Object.entries(calls)) {
    await using conn = await connect();
    await assert.rejects(attempt(() => call(conn)), (error) => {
      assert.ok(error instanceof ConnectionError, name);
      assert.match(error.message, /ended the connection: transaction blocks not allowed in statement pooling mode$/);
      return true;
    });
    assert.equal(conn.closed, true, "PgBouncer has ended it");
  }
});

inModes("pipelines", ALL, async ({ connect }) => {
  await using conn = await connect();
  await using other = await connect();
  for (let round = 0; round < 2; round++) {
    await using pipeline = conn.pipeline();
    const requests = STATEMENTS.slice(0, 3).map(({ sql, params }) => pipeline.exec(sql, params(round).map(String)));
    await pipeline.sync();
    const failing = pipeline.exec("select 1 / $1::int4", ["0"]);
    const skipped = pipeline.exec("select 1");
    await pipeline.sync();
    const last = pipeline.exec("select 'last' as n");
    for (const [i, ticket] of requests.entries()) {
      assert.deepEqual(await pipeline.claim(ticket), [STATEMENTS[i]!.row(round)]);
      assert.deepEqual(await other.exec("select 'other' as n"), [{ n: "other" }]);
    }
    await assert.rejects(attempt(() => pipeline.claim(failing)), { code: SqlState.DivisionByZero });
    await assert.rejects(attempt(() => pipeline.claim(skipped)), PipelineAborted);
    assert.deepEqual(await pipeline.claim(last), [{ n: "last" }]);
  }
});

const SERIES = "select n from generate_series(1, $1::int4) as n";

inModes("streams and portals outside of transactions", ALL, async ({ connect, world }) => {
  await using conn = await connect();
  await using other = await connect();
  for (const size of [7, 10]) {
    const rows: unknown[] = [];
    for await (const { n } of conn.stream<{ n: number }>(SERIES, [size], { batch: 3 })) {
      rows.push(n);
      assert.deepEqual(await other.exec("select $1::text as a", ["between"]), [{ a: "between" }]);
    }
    assert.deepEqual(rows, Array.from({ length: size }, (_, n) => n + 1));
  }
  for await (const _ of conn.stream(SERIES, [100_000], { batch: 3 })) break;
  const first = given(world, function* (portal: Portal) {
    return (yield portal.fetch(2)).rows;
  });
  assert.deepEqual(await conn.execIter(SERIES, [5], first), [{ n: 1 }, { n: 2 }]);
  assert.equal(await conn.execValue("select 1"), 1);
});

inModes(
  "portals in a transaction, with other statements and clients between",
  WITH_TRANSACTIONS,
  async ({ connect }) => {
    await using conn = await connect();
    await using other = await connect();
    await using tx = await conn.begin();
    await using one = await tx.execPortal(SERIES, [5]);
    await using two = await tx.execPortal("select $1::text || n as t from generate_series(1, 4) as n", ["x"]);
    assert.deepEqual((await one.fetch(2)).rows, [{ n: 1 }, { n: 2 }]);
    assert.deepEqual((await two.fetch(1)).rows, [{ t: "x1" }]);
    assert.equal(await other.execValue("select $1::bool", [true]), true);
    assert.equal(await tx.execValue("select $1::int8", [5n]), 5n);
    assert.deepEqual((await one.fetch(0)).rows, [{ n: 3 }, { n: 4 }, { n: 5 }]);
    assert.deepEqual((await two.fetch(0)).rows, [{ t: "x2" }, { t: "x3" }, { t: "x4" }]);
    await tx.commit();
  },
);

inModes("COPY in, out, and of rows", ALL, async (place) => {
  await withTable(place, "n int4, t text", async (table) => {
    await using conn = await place.connect();
    assert.equal(await conn.copyIn(`copy ${table} from stdin`, ["1\to", "ne\n2\ttwo\n"]), 2);
    assert.equal(await conn.copyRows(table, ["n", "t"], [[3, "three"], [4, null]]), 2);
    await assert.rejects(attempt(() => conn.copyIn(`copy ${table} from stdin`, ["x\ty\n"])), { code: "22P02" });
    const decoder = new TextDecoder();
    let text = "";
    for await (const chunk of conn.copyOut(`copy (select * from ${table} order by n) to stdout`)) {
      text += decoder.decode(chunk, { stream: true });
    }
    assert.equal(text, "1\tone\n2\ttwo\n3\tthree\n4\t\\N\n");
    for await (const _ of conn.copyOut("copy (select repeat('y', 1000) from generate_series(1, 1000000)) to stdout")) {
      break;
    }
    assert.equal(await conn.execValue(`select count(*) from ${table}`), 4n);
  });
});

inModes("LISTEN in session mode, NOTIFY in all", ALL, async ({ connect, direct, mode, world }) => {
  await using conn = await connect();
  await using listener = mode === "session" ? conn : await direct();
  await using sender = mode === "session" ? await direct() : conn;
  const channel = unique();
  await using news = await listener.listen(channel, world.name === "async" ? undefined : { timeout: 5000 });
  await sender.notify(channel, "to all");
  const { value } = await news.next();
  assert.deepEqual({ channel, payload: "to all" }, {
    channel: (value as Notification).channel,
    payload: (value as Notification).payload,
  });
});

inModes(
  "LISTEN is of no use where the connection to the server is shared",
  SHARED,
  async ({ connect, direct, world }) => {
    await using conn = await connect();
    await using sender = await direct();
    const channel = unique();
    const news = await conn.listen(channel, world.name === "async" ? undefined : { timeout: 1000 });
    await sender.notify(channel, "lost");
    await sender.execDrop("select pg_sleep(0.1)");
    await conn.query("select 1");
    const nothing = new Promise<{ done: true }>((resolve) => setTimeout(() => resolve({ done: true }), 200));
    const { done } = await Promise.race([attempt(() => news.next()), nothing]);
    assert.equal(done, true, "it went to the pooler, which has nobody to give it to");
  },
);

inModes("a time limit stops the statement on the server, and no other client's", ALL, async ({ connect, mode }) => {
  await using conn = await connect();
  await using other = await connect();
  for (let round = 0; round < 3; round++) {
    const slow = attempt(() => conn.exec("select pg_sleep(60), $1::int4", [round], { timeout: 60 }));
    const bystander = attempt(() => other.execValue("select $1::text from pg_sleep(0.1)", ["bystander"]));
    await assert.rejects(slow, (error) => error instanceof TimeoutError && error.outcome === "cancelled", mode);
    assert.equal(await bystander, "bystander");
    assert.equal(await conn.execValue("select $1::int4", [round]), round);
  }
});

inModes("reset, and what it does where the connection to the server is shared", ALL, async ({ connect, mode }) => {
  await using conn = await connect();
  await using held = await conn.prepare("select $1::int4 as n");
  if (mode === "session") {
    await conn.query("create temporary table t (n int4)");
    await conn.query("set work_mem = '1MB'");
  }
  await conn.reset();
  if (mode === "session") await assert.rejects(attempt(() => conn.query("select * from t")), { code: "42P01" });
  assert.notEqual(await conn.execValue("show work_mem"), "1MB");
  assert.deepEqual(await conn.exec(held, [3]), [{ n: 3 }]);
});

inModes("types of one's own are learned from the catalog", ALL, async ({ connect, direct }) => {
  const type = unique();
  await using past = await direct();
  await past.queryDrop(`create type ${type} as enum ('good', 'bad'); create type ${type}_row as (m ${type}, n int4)`);
  try {
    await using conn = await connect();
    for (let i = 0; i < 2; i++) {
      assert.equal(await conn.execValue(`select $1::${type}`, ["good"]), "good");
      assert.deepEqual(await conn.execValue(`select array['bad']::${type}[]`), ["bad"]);
      assert.deepEqual(await conn.execValue(`select $1::${type}_row`, [{ m: "bad", n: 1 }]), { m: "bad", n: 1 });
    }
  } finally {
    await past.queryDrop(`drop type ${type}_row; drop type ${type}`);
  }
});

inModes("a table that another client changes", ALL, async (place) => {
  await withTable(place, "n int4, access aclitem", async (table, direct) => {
    await using conn = await place.connect();
    await direct.queryDrop(`insert into ${table} values (7)`);
    await conn.exec(`select * from ${table}`);
    await direct.queryDrop(`alter table ${table} drop access, alter n type text`);
    for (let i = 0; i < 2; i++) assert.deepEqual(await conn.exec(`select * from ${table}`), [{ n: "7" }]);
  });
});

inModes(
  "a connection to the server that is killed while nobody uses it",
  ALL,
  async ({ connect, server, mode, world }) => {
    await using conn = await connect();
    await using admin = await world.connect(server.admin);
    const pid = await conn.execValue("select pg_backend_pid()");
    await admin.exec("select pg_terminate_backend($1)", [pid]);
    for (let i = 0; await admin.execFirst("select 1 from pg_stat_activity where pid = $1", [pid]) !== null; i++) {
      assert.ok(i < 1000, "the process ends");
      await admin.exec("select pg_sleep(0.01)");
    }
    const outcome = attempt(() => conn.execValue("select $1::int4", [5]));
    if (mode !== "session") return assert.equal(await outcome, 5, "the pooler has others");
    await assert.rejects(outcome, (error) => {
      assert.ok(error instanceof ConnectionError);
      assert.match(error.message, /terminating connection due to administrator command/);
      return true;
    });
    assert.equal(conn.closed, true);
  },
);

inModes("a connection to the server that is killed in a call", ALL, async ({ connect }) => {
  await using conn = await connect();
  await assert.rejects(attempt(() => conn.exec("select pg_terminate_backend(pg_backend_pid())")), (error) => {
    assert.ok(error instanceof ConnectionError);
    assert.equal(error.safeToRetry, false, "nobody knows what became of it");
    assert.match(error.message, /ended the connection: terminating connection/);
    return true;
  });
  assert.equal(conn.closed, true);
  await using next = await connect();
  assert.equal(await next.execValue("select $1::int4", [5]), 5);
});

inModes(
  "without pgbouncer=true names are turned off when the first is missing",
  ["transaction"],
  async ({ connect }) => {
    await using conn = await connect("");
    await using other = await connect("");
    assert.match(conn.upgrade.reason!, /there is something in between/);
    await using held = await conn.prepare("select $1::int4 + 1 as n");
    const text = "select $1::int4 * 2 as n";
    assert.deepEqual(await conn.exec(text, [1]), [{ n: 2 }]);
    {
      // Takes the connection to the server that has the statements.
      await using tx = await other.begin();
      await tx.query("select 1");
      for (let n = 0; n < 3; n++) {
        assert.deepEqual(await conn.exec(text, [n]), [{ n: n * 2 }], "prepared again, without a name");
        assert.deepEqual(await conn.exec(held, [n]), [{ n: n + 1 }]);
      }
      await tx.rollback();
    }
    const named = "select statement from pg_prepared_statements where name like 'pyro%' and statement like '%new'";
    for (const statement of ["select $1::int4 as new", "select 5 as new"]) {
      await conn.exec(
        statement,
        statement.includes("$") ? [1] : [],
      );
    }
    assert.deepEqual(await conn.query(named), [], "from then on nothing has a name");
  },
);
