/** Engines that are not PostgreSQL, scripted (`tests/support/scripted/engines.ts`), with both kinds of connections. */
import assert from "node:assert/strict";
import {
  type Conn,
  Opts,
  type Pool,
  type PoolOptions,
  type Portal,
  ServerError,
  SqlState,
  type Transaction,
  UsageError,
} from "../../mod.ts";
import { Engine, type EngineOptions } from "../support/scripted/engine.ts";
import { cockroach, crate, engines, materialize, quest, redshift } from "../support/scripted/engines.ts";
import { attempt, type Body, given } from "../support/suite/call_bodies.ts";
import { test } from "../support/suite/test.ts";
import { type World, worlds } from "../support/suite/worlds.ts";

/** An engine in one world. */
interface Place {
  readonly world: World;
  readonly engine: Engine;
  connect(query?: string): Promise<Conn>;
  pool(options?: PoolOptions): Pool;
}

/** Runs a body with these engines; `dial` opens all connections, so one blocking world is enough. */
function withEngines(
  name: string,
  which: readonly EngineOptions[],
  body: (place: Place, options: EngineOptions) => Promise<void>,
): void {
  for (const world of worlds.filter(({ name }, i) => name === "async" || i === 1)) {
    for (const options of which) {
      test(`${options.name}: ${name} (${world.name})`, () => body(placeOf(world, options), options));
    }
  }
}

function placeOf(world: World, options: EngineOptions): Place {
  const engine = new Engine(options);
  const opts = (query = ""): Opts => new Opts(`pg://ada@engine/library?${query}`).dial(engine.dial);
  return {
    world,
    engine,
    connect: (query) => world.connect(opts(query)),
    pool: (options) => world.pool(opts(), options),
  };
}

/** The row of `select all`, with the text of the engine's own type. */
function allOf({ binaryOnly }: EngineOptions): Record<string, unknown> {
  return {
    n: 7,
    big: 8n,
    t: "ö",
    b: true,
    own: binaryOnly === undefined ? "{1,2}" : new TextEncoder().encode("\\x41"),
  };
}

const NULLS = { n: null, big: null, t: null, b: null, own: null };

withEngines("connecting, and what it says of itself", engines, async ({ connect }, { parameters, hasKey }) => {
  await using conn = await connect();
  assert.equal(conn.serverVersion, parameters.server_version);
  assert.equal(conn.id, hasKey ? 42 : 0);
  assert.equal(conn.upgrade.upgraded, false);
  await conn.ping();
});

withEngines(
  "statements of both protocols, types as text where they do not resolve",
  engines,
  async (place, options) => {
    await using conn = await place.connect();
    const expected = [allOf(options), NULLS];
    if (options.binaryOnly === undefined) assert.deepEqual(await conn.query("select all"), expected);
    for (let round = 0; round < 3; round++) {
      assert.deepEqual(await conn.exec("select all"), expected, `round ${round}`);
      assert.deepEqual(await conn.exec("select $1::int4, $2::text", [round, `t${round}`]), [{
        n: round,
        t: `t${round}`,
      }]);
    }
    await using held = await conn.prepare("select all");
    assert.deepEqual(await conn.exec(held), expected);
    assert.equal(await conn.execDrop("insert into t values ($1::int4)", [1]), 1);
    await using unnamed = await place.connect("statement_cache_size=0");
    for (let round = 0; round < 3; round++) assert.deepEqual(await unnamed.exec("select all"), expected);
  },
);

withEngines("pipelines", engines, async ({ connect }) => {
  await using conn = await connect();
  await using pipeline = conn.pipeline();
  const tickets = [1, 2].map((n) => pipeline.exec("select $1::int4, $2::text", [n, "x"]));
  for (const [i, ticket] of tickets.entries()) assert.deepEqual(await pipeline.claimOne(ticket), { n: i + 1, t: "x" });
});

withEngines("a stream in parts, and one that is left early", engines, async ({ connect }) => {
  await using conn = await connect();
  const seen: unknown[] = [];
  for await (const row of conn.stream("select many", [], { batch: 3 })) seen.push(row);
  assert.deepEqual(seen, [0, 1, 2, 3, 4, 5, 6].map((n) => ({ n })));
  for await (const { n } of conn.stream("select many", [], { batch: 2 })) if (n === 2) break;
  assert.equal(await conn.execValue("select 1"), 1);
});

withEngines("a refused statement leaves the connection usable", engines, async ({ connect }) => {
  await using conn = await connect();
  for (let round = 0; round < 2; round++) {
    await assert.rejects(attempt(() => conn.exec("nonsense")), (error) => {
      return error instanceof ServerError && error.code === "42601" && error.severity === "ERROR";
    });
    await assert.rejects(attempt(() => conn.query("nonsense")), { code: "42601" });
  }
  assert.equal(await conn.execValue("select 1"), 1);
});

withEngines("a pool gives back connections without a word", engines, async ({ pool, engine }) => {
  await using own = pool({ poolMaxConcurrency: 2 });
  for (let round = 0; round < 3; round++) {
    await using conn = await own.acquire();
    assert.equal(await conn.execValue("select 1"), 1);
    assert.deepEqual(await own.execFirst("select $1::int4, $2::text", [1, null]), { n: 1, t: null });
  }
  assert.deepEqual(engine.statements.filter((sql) => !sql.startsWith("select")), []);
  assert.equal(engine.sessions, 2);
});

withEngines("a pool keeps the connection of a refused statement", engines, async ({ pool, engine }) => {
  await using own = pool({ poolMaxConcurrency: 1 });
  for (let round = 0; round < 3; round++) {
    await assert.rejects(attempt(() => own.exec("nonsense")), { code: "42601" });
    await own.ping();
  }
  assert.equal(engine.sessions, 1);
});

withEngines("roles of hosts: it is a primary that writes", engines, async ({ connect }) => {
  for (const attrs of ["primary", "read-write", "prefer-standby"]) {
    await using conn = await connect(`target_session_attrs=${attrs}`);
    assert.equal(await conn.execValue("select 1"), 1);
  }
  await assert.rejects(connect("target_session_attrs=standby"), /the server is no standby/);
});

const transactional = engines.filter(({ ignoresTransactions }) => !ignoresTransactions);

withEngines("transactions, with values of its own types in them", transactional, async (place, options) => {
  const { engine } = place;
  await using own = place.pool({ poolMaxConcurrency: 1 });
  const work = given(place.world, function* (tx: Transaction): Body<unknown> {
    yield tx.execDrop("insert into t values ($1::int4)", [1]);
    return yield tx.exec("select all");
  });
  const rows = await own.tx(work);
  assert.deepEqual(rows, [allOf(options), NULLS]);
  assert.equal(engine.statements.at(-1), "COMMIT");
  assert.equal(engine.sessions, 1);
});

withEngines("a transaction that is left open is rolled back", transactional, async ({ pool, engine }) => {
  await using own = pool({ poolMaxConcurrency: 1 });
  {
    await using conn = await own.acquire();
    await conn.queryDrop("BEGIN");
  }
  await own.ping();
  assert.equal(engine.statements.at(-1), "ROLLBACK");
  assert.equal(engine.sessions, 1);
});

/** The codes of conflicts, and where they come. */
const CONFLICTS: readonly (readonly [EngineOptions, sql: string, code: string, message: string])[] = [
  ...transactional.map((options) => [options, "COMMIT", "40001", "restart transaction"] as const),
  [cockroach, "insert into t", "40001", "restart transaction: TransactionRetryWithProtoRefreshError"],
  [redshift, "insert into t", "XX000", "1023"],
];

for (const [options, sql, code, message] of CONFLICTS) {
  withEngines(`a conflict is retried: ${code} at ${sql.split(" ")[0]}`, [options], async ({ pool, engine }) => {
    await using own = pool();
    engine.failures.push([sql, code, message], [sql, code, message]);
    let runs = 0;
    const work = (): Promise<number> => own.tx((tx) => (runs++, tx.queryDrop("insert into t")), { retries: 2 });
    assert.equal(await attempt(work), 1);
    assert.equal(runs, 3);
    engine.failures.push([sql, code, message]);
    const error = await attempt(() => own.tx((tx) => tx.queryDrop("insert into t"))).catch((error) => error);
    assert.ok(error instanceof ServerError && error.safeToRetry);
  });
}

for (const code of [SqlState.StatementCompletionUnknown, SqlState.TransactionResolutionUnknown]) {
  withEngines(`an ambiguous result is no conflict: ${code}`, [cockroach], async ({ pool, engine }) => {
    await using own = pool();
    engine.failures.push(["COMMIT", code, "result is ambiguous"]);
    let runs = 0;
    const work = (): Promise<number> => own.tx((tx) => (runs++, tx.queryDrop("insert into t")), { retries: 2 });
    await assert.rejects(attempt(work), (error) => {
      return error instanceof ServerError && error.outcome === "unknown" && !error.safeToRetry;
    });
    assert.equal(runs, 1);
  });
}

withEngines(
  "one portal at a time: the error is the engine's, the transaction can go on elsewhere",
  [cockroach],
  async ({ world, pool }) => {
    await using own = pool({ poolMaxConcurrency: 1 });
    const both = given(world, function* (tx: Transaction): Body<void> {
      const portal: Portal = yield tx.execPortal("select many");
      yield portal.fetch(2);
      yield tx.exec("select 1");
    });
    await assert.rejects(attempt(() => own.tx(both)), { code: SqlState.FeatureNotSupported });
    assert.equal(await own.execValue("select 1"), 1);
  },
);

withEngines("transactions are refused before anything is executed", [crate], async ({ pool, engine }) => {
  await using own = pool({ poolMaxConcurrency: 1 });
  for (let round = 0; round < 2; round++) {
    let runs = 0;
    await assert.rejects(attempt(() => own.tx(() => void runs++, { retries: 3 })), (error) => {
      return error instanceof UsageError && /the server has no transactions/.test(error.message) &&
        error.outcome === undefined;
    });
    assert.equal(runs, 0);
    assert.equal(await own.execValue("select 1"), 1);
  }
  assert.equal(engine.statements.some((sql) => sql.startsWith("insert")), false);
  assert.equal(engine.sessions, 1);
});

withEngines(
  "types that do not resolve are not asked for in a transaction",
  [redshift, materialize],
  async ({ connect, engine }) => {
    await using conn = await connect();
    const tx = await conn.begin();
    for (let round = 0; round < 2; round++) {
      assert.equal((await tx.execFirst<{ own: string }>("select all"))?.own, "{1,2}");
      assert.equal((await tx.queryFirst<{ own: string }>("select all"))?.own, "{1,2}");
    }
    await tx.commit();
    assert.deepEqual(engine.statements.filter((sql) => /savepoint|recursive/i.test(sql)), []);
  },
);

withEngines("without a key, a timeout does not wait for a cancel request", [quest], async ({ connect }) => {
  await using conn = await connect();
  assert.equal(conn.cancelKey, undefined);
  await conn.cancel();
  assert.equal(await conn.execValue("select 1"), 1);
});
