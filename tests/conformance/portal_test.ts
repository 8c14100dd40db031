/** `execIter` and `execPortal`: fetching in parts, ends and errors. */
import assert from "node:assert/strict";
import { Conn, Opts, type Portal, ServerError, sql, SqlState, TimeoutError, UsageError } from "../../mod.ts";
import { attempt, type Body, given } from "../support/suite/call_bodies.ts";
import { test } from "../support/suite/test.ts";
import { awaiting, conformance, serversOf } from "../support/suite/worlds.ts";

const SERIES = "select n from generate_series(1, $1::int4) as n";

/** The rows 1 … count of {@linkcode SERIES}, from `first`. */
function rows(first: number, last: number): { n: number }[] {
  return Array.from({ length: last - first + 1 }, (_, i) => ({ n: first + i }));
}

/** What a generator's call throws. */
function* failure(call: () => unknown): Body<unknown> {
  try {
    yield call();
  } catch (error) {
    return error;
  }
  assert.fail("it does not fail");
}

conformance(
  "execIter: hasMore tells that the server has stopped, and the last fetch may be empty",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    const fetches = await conn.execIter(
      SERIES,
      [5],
      given(world, function* (portal: Portal) {
        const all: unknown[] = [];
        assert.equal(portal.done, false);
        for (const count of [2, 2, 1, 2, 2, 0]) {
          const { rows, hasMore } = yield portal.fetch(count);
          all.push([rows, hasMore, portal.done]);
        }
        return all;
      }),
    );
    assert.deepEqual(fetches, [
      [rows(1, 2), true, false],
      [rows(3, 4), true, false],
      [rows(5, 5), true, false], // the server cannot know that it was the last
      [[], false, true],
      [[], false, true],
      [[], false, true],
    ]);
  },
);

conformance("execIter: 0 fetches all that is left, as does no count", async (world, server) => {
  await using conn = await world.connect(server.fast);
  for (const count of [0, undefined]) {
    const all = await conn.execIter(
      SERIES,
      [1000],
      given(world, function* (portal: Portal) {
        const first = yield portal.fetch(1);
        const rest = yield portal.fetch(count);
        return [first, rest, portal.done];
      }),
    );
    assert.deepEqual(all, [{ rows: rows(1, 1), hasMore: true }, { rows: rows(2, 1000), hasMore: false }, true]);
  }
});

conformance("execIter: a fetch of more than there is, of nothing, of rows as arrays", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const fetched = (count: number, params: unknown[]): Promise<unknown> =>
    attempt(() =>
      conn.execIter(
        SERIES,
        params,
        given(world, function* (portal: Portal) {
          return yield portal.fetch(count, { rows: "array" });
        }),
      )
    );
  assert.deepEqual(await fetched(10, [2]), { rows: [[1], [2]], hasMore: false });
  assert.deepEqual(await fetched(10, [0]), { rows: [], hasMore: false });
  assert.deepEqual(await fetched(2, [2]), { rows: [[1], [2]], hasMore: true });
  assert.deepEqual(await fetched(0x7fff_ffff, [1]), { rows: [[1]], hasMore: false });
});

conformance("execIter, execPortal: `rows` is how all fetches give them that do not say it", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using pool = world.pool(server.fast, { poolMaxConcurrency: 1 });
  const fetched = given(world, function* (portal: Portal) {
    const { rows: first } = (yield portal.fetch(1)) as { rows: unknown[] };
    const { rows: second } = (yield portal.fetch(1, { rows: "object" })) as { rows: unknown[] };
    const { rows: third } = (yield portal.fetch(1, { timeout: 5000 })) as { rows: unknown[] };
    return [...first, ...second, ...third];
  });
  const expected = [[1], { n: 2 }, [3]];
  for (const on of [conn, pool]) {
    assert.deepEqual(await on.execIter(SERIES, [3], fetched, { rows: "array" }), expected);
    await assert.rejects(
      attempt(() => on.execIter(SERIES, [3], fetched, { rows: "tuple" as never })),
      UsageError,
    );
  }
  await using tx = await conn.begin();
  await using portal = await tx.execPortal(SERIES, [2], { rows: "array" });
  assert.deepEqual(await portal.fetch(), { rows: [[1], [2]], hasMore: false });
  assert.deepEqual(await portal.fetch(), { rows: [], hasMore: false });
  await using second = await tx.execPortal("select 1 as n", { rows: "array" });
  assert.deepEqual((await second.fetch()).rows, [[1]], "the options in place of the parameters");
});

conformance(
  "execIter: what the function returns comes back unchanged, whether it fetched or not",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    const object = { a: 1 };
    assert.equal(await conn.execIter(SERIES, [3], () => object), object);
    assert.equal(await conn.execIter(SERIES, [3], () => undefined), undefined);
    assert.equal(await conn.execIter(SERIES, [3], () => null), null);
    assert.equal(await conn.execIter("select 1", [], () => 0), 0);
    assert.equal(conn.transactionStatus, "idle");
  },
);

conformance(
  "execIter: what the function throws comes back unchanged, and the connection goes on",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    for (const thrown of [new Error("mine"), new TypeError("too"), "a string", undefined, Object.freeze({ a: 1 })]) {
      for (const count of [undefined, 1, 0]) {
        const body = given(world, function* (portal: Portal) {
          if (count !== undefined) yield portal.fetch(count);
          throw thrown;
        });
        let caught: unknown = "nothing";
        try {
          await conn.execIter(SERIES, [10], body);
        } catch (error) {
          caught = error;
        }
        assert.equal(caught, thrown);
        assert.equal(await conn.execValue("select 1"), 1);
      }
    }
  },
);

conformance("execIter: a portal is closed early by hand, and by the end of the function", async (world, server) => {
  await using conn = await world.connect(server.fast);
  let kept: Portal | undefined;
  await conn.execIter(
    SERIES,
    [10],
    given(world, function* (portal: Portal) {
      kept = portal;
      yield portal.fetch(3);
      yield portal.close();
      yield portal.close();
      const error = yield* failure(() => portal.fetch(1));
      assert.ok(error instanceof UsageError && /closed/.test(error.message), String(error));
    }),
  );
  await assert.rejects(attempt(() => kept!.fetch(1)), UsageError);

  await conn.execIter(
    SERIES,
    [10],
    given(world, function* (portal: Portal) {
      kept = portal;
      yield portal.fetch(3);
    }),
  );
  for (const count of [0, 1]) {
    await assert.rejects(attempt(() => kept!.fetch(count)), (error) => error instanceof UsageError);
  }
  await kept!.close();
  assert.equal(kept!.done, false);
  assert.equal(await conn.execValue("select count(*) from pg_cursors where name <> ''"), 0n);
});

conformance("execIter: done stays true when the portal of all its rows is closed", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const [portal, before] = await conn.execIter(
    SERIES,
    [2],
    given(world, function* (portal: Portal) {
      yield portal.fetch(0);
      return [portal, portal.done] as const;
    }),
  );
  assert.equal(before, true);
  await assert.rejects(attempt(() => portal.fetch(1)), UsageError);
  assert.equal(portal.done, true);
});

conformance(
  "execIter: a statement that fails midway fails that fetch; the connection goes on",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    const text = "select 10 / (4 - n) as q from generate_series(1, 10) as n";
    const [first, error, after] = await conn.execIter(
      text,
      [],
      given(world, function* (portal: Portal) {
        const first = yield portal.fetch(2);
        const error = yield* failure(() => portal.fetch(5));
        return [first, error, yield* failure(() => portal.fetch(1))];
      }),
    );
    assert.deepEqual(first, { rows: [{ q: 3 }, { q: 5 }], hasMore: true });
    assert.ok(error instanceof ServerError && error.code === SqlState.DivisionByZero, String(error));
    assert.ok(after instanceof UsageError, String(after));
    await assert.rejects(
      attempt(() => conn.execIter(text, [], given(world, (portal: Portal) => fetchAll(portal)))),
      { code: SqlState.DivisionByZero },
    );
    assert.equal(conn.transactionStatus, "idle");
    assert.equal(await conn.execValue("select 1"), 1);
  },
);

function* fetchAll(portal: Portal): Body<unknown[]> {
  const { rows } = yield portal.fetch(0);
  return rows;
}

conformance("execIter: what cannot be executed is refused before the function is called", async (world, server) => {
  await using conn = await world.connect(server.fast);
  let called = 0;
  const fn = (): void => void called++;
  const cases: [() => unknown, object][] = [
    [() => conn.execIter("select nonsense", [], fn), { code: SqlState.UndefinedColumn }],
    [() => conn.execIter("selec", [], fn), { code: SqlState.SyntaxError }],
    [() => conn.execIter("select 1; select 2", [], fn), { code: SqlState.SyntaxError }],
    [() => conn.execIter(SERIES, ["x"], fn), { code: SqlState.InvalidTextRepresentation }],
    [() => conn.execIter(SERIES, [{}], fn), { name: "EncodeError" }],
    [() => conn.execIter(SERIES, [undefined], fn), { name: "EncodeError" }],
    [() => conn.execIter(SERIES, [], fn), { name: "UsageError" }],
    [() => conn.execIter(SERIES, [1, 2], fn), { name: "UsageError" }],
    [() => conn.execIter(SERIES, [1], 7 as never), { name: "UsageError" }],
    [() => conn.execIter(SERIES, 1 as never, fn), { name: "UsageError" }],
    [() => conn.execIter(7 as never, [1], fn), { name: "UsageError" }],
    [() => conn.execIter(SERIES, [1], fn, { batch: 1 } as never), { name: "UsageError" }],
  ];
  for (const [i, [call, expected]] of cases.entries()) {
    await assert.rejects(attempt(call), expected, `case ${i}`);
    assert.equal(await conn.execValue("select 1"), 1, `after case ${i}`);
  }
  assert.equal(called, 0);
});

conformance("execIter, execPortal: a count that is none is refused, and the portal goes on", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.execIter(
    SERIES,
    [3],
    given(world, function* (portal: Portal) {
      for (const count of [-1, 1.5, NaN, Infinity, 2 ** 31, "1", null]) {
        const error = yield* failure(() => portal.fetch(count as never));
        assert.ok(error instanceof UsageError && /number of rows/.test(error.message), `${count}: ${error}`);
      }
      assert.deepEqual(yield portal.fetch(1), { rows: rows(1, 1), hasMore: true });
    }),
  );
});

conformance("execIter: statements without rows, with RETURNING, and no statement at all", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const iter = (text: string, count: number): Promise<unknown> =>
    attempt(() =>
      conn.execIter(
        text,
        [],
        given(world, function* (portal: Portal) {
          const first = yield portal.fetch(count);
          return [first, portal.done];
        }),
      )
    );
  assert.deepEqual(await iter("create temporary table t (n int)", 1), [{ rows: [], hasMore: false }, true]);
  assert.deepEqual(await iter("insert into t values (0)", 1), [{ rows: [], hasMore: false }, true]);
  assert.deepEqual(await iter("", 1), [{ rows: [], hasMore: false }, true]);
  // All rows are inserted at the first fetch, however many of them are wanted.
  assert.deepEqual(await iter("insert into t values (1), (2), (3) returning n", 1), [
    { rows: [{ n: 1 }], hasMore: true },
    false,
  ]);
  assert.deepEqual(await conn.query("table t"), rows(0, 3));
});

conformance("execIter: what the server reports when it commits is reported", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop(
    "create temporary table t (n int unique deferrable initially deferred); insert into t values (1)",
  );
  for (const count of [0, 1]) {
    await assert.rejects(
      attempt(() =>
        conn.execIter(
          "insert into t values (1), (2) returning n",
          [],
          given(world, function* (portal: Portal) {
            yield portal.fetch(count);
          }),
        )
      ),
      { code: SqlState.UniqueViolation },
    );
    assert.equal(await conn.execValue("select count(*) from t"), 1n);
  }
});

conformance("execIter: prepared statements, templates, unnamed statements", async (world, server) => {
  for (const size of [256, 0]) {
    await using conn = await world.connect(new Opts(server.fast).statementCacheSize(size));
    const body = given(world, function* (portal: Portal) {
      const a = yield portal.fetch(2);
      const b = yield portal.fetch(0);
      return [...a.rows, ...b.rows];
    });
    for (let i = 0; i < 3; i++) {
      assert.deepEqual(await conn.execIter(SERIES, [5], body), rows(1, 5));
      const template = sql`select n from generate_series(1, ${5}::int4) as n`;
      assert.deepEqual(await conn.execIter(template, undefined as never, body), rows(1, 5));
    }
    await using statement = await conn.prepare(SERIES);
    assert.deepEqual(await conn.execIter(statement, [4], body), rows(1, 4));
    await conn.tx(given(world, function* (tx) {
      assert.deepEqual(yield tx.execIter(statement, [4], body), rows(1, 4));
      assert.deepEqual(yield tx.execIter(SERIES, [3], body), rows(1, 3));
    }));
    assert.equal(await conn.execValue("select count(*) from pg_cursors where name <> ''"), 0n);
  }
});

conformance("execIter: in a transaction other calls run between the fetches, and nest", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const pairs = await conn.tx(given(world, function* (tx) {
    return yield tx.execIter(
      SERIES,
      [3],
      given(world, function* (outer: Portal) {
        const pairs: unknown[] = [];
        for (;;) {
          const { rows: [row], hasMore } = yield outer.fetch(1);
          if (!hasMore) return pairs;
          const inner = yield tx.execIter(
            SERIES,
            [row.n],
            given(world, function* (portal: Portal) {
              const { rows: part } = yield portal.fetch(2);
              return part.length;
            }),
          );
          pairs.push([row.n, inner, yield conn.execValue("select $1::int4 * 2", [row.n])]);
        }
      }),
    );
  }));
  assert.deepEqual(pairs, [[1, 1, 2], [2, 2, 4], [3, 2, 6]]);
});

conformance("execIter: types of the user's own", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop(
    "create type pg_temp.portal_mood as enum ('sad', 'ok'); create type pg_temp.portal_pair as (a int, m portal_mood)",
  );
  const found = await conn.execIter(
    "select row(n, 'ok')::pg_temp.portal_pair as p, array['sad']::pg_temp.portal_mood[] as m from generate_series(1, 2) as n",
    [],
    given(world, function* (portal: Portal) {
      const first = yield portal.fetch(1);
      const second = yield portal.fetch(1);
      return [...first.rows, ...second.rows];
    }),
  );
  assert.deepEqual(found, [1, 2].map((a) => ({ p: { a, m: "ok" }, m: ["sad"] })));
});

conformance("execIter: a stale plan is made anew", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (a int); insert into t values (1)");
  await using statement = await conn.prepare("select * from t where a = $1");
  const all = given(world, (portal: Portal) => fetchAll(portal));
  for (const stmt of ["select * from t where a = $1", statement]) {
    assert.deepEqual(await conn.execIter(stmt, [1], all), [{ a: 1 }]);
  }
  await conn.queryDrop("alter table t add b int default 2");
  for (const stmt of ["select * from t where a = $1", statement]) {
    assert.deepEqual(await conn.execIter(stmt, [1], all), [{ a: 1, b: 2 }]);
  }
  await conn.queryDrop("deallocate all");
  for (const stmt of ["select * from t where a = $1", statement]) {
    assert.deepEqual(await conn.execIter(stmt, [1], all), [{ a: 1, b: 2 }]);
  }
});

conformance(
  "execIter: a function that takes too long: what was fetched is committed, and the error does not deny it",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    await using other = await world.connect(server.fast);
    await conn.queryDrop("create temporary table t (n int)");
    const outcomeOf = async (stmt: string, fetches: number): Promise<unknown> => {
      const slow = given(world, function* (portal: Portal) {
        for (let i = 0; i < fetches; i++) yield portal.fetch(1);
        yield other.exec("select pg_sleep(0.3)");
      });
      const error = await attempt(() => conn.execIter(stmt, [], slow, { timeout: 100 })).catch((error) => error);
      assert.ok(error instanceof TimeoutError, String(error));
      return error.outcome;
    };
    const lock = "select pg_advisory_xact_lock(734, n), n from generate_series(1, 2) as n";
    assert.equal(await outcomeOf(lock, 1), "unknown");
    const locks = "select count(*) from pg_locks where locktype = 'advisory' and classid = 734 and pid = $1";
    assert.equal(await other.execValue(locks, [conn.id]), 0n, "the statement was left open");
    const insert = "insert into t select generate_series(1, 2) returning n";
    assert.equal(await outcomeOf(insert, 1), "unknown");
    assert.equal(await outcomeOf(insert, 3), "unknown");
    assert.equal(await conn.execValue("select count(*) from t"), 4n);
    assert.equal(await outcomeOf(insert, 0), "cancelled");
    assert.equal(await conn.execValue("select count(*) from t"), 4n);
  },
);

conformance(
  "execIter, execPortal: a fetch that takes too long is stopped, and the connection goes on",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    const slow = "select pg_sleep(case n when 2 then 30 else 0 end)::text, n from generate_series(1, 3) as n";
    const error = await conn.execIter(
      slow,
      [],
      given(world, function* (portal: Portal) {
        yield portal.fetch(1);
        return yield* failure(() => portal.fetch(1, { timeout: 100 }));
      }),
    );
    assert.ok(error instanceof TimeoutError && error.outcome === "cancelled", String(error));
    assert.equal(await conn.execValue("select 1"), 1);

    await assert.rejects(
      attempt(() =>
        conn.tx(given(world, function* (tx) {
          const portal = yield tx.execPortal(slow);
          yield portal.fetch(0, { timeout: 100 });
        }))
      ),
      TimeoutError,
    );
    assert.equal(conn.transactionStatus, "idle");
    assert.equal(await conn.execValue("select 1"), 1);
  },
);

conformance("execIter: its timeout is for all that its function does", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const start = performance.now();
  await assert.rejects(
    attempt(() =>
      conn.execIter("select pg_sleep(6)::text", [], given(world, (portal: Portal) => fetchAll(portal)), {
        timeout: 100,
      })
    ),
    (error) => error instanceof TimeoutError,
  );
  assert.ok(performance.now() - start < 5_000, "it is not waited for to its end");
  assert.equal(await conn.execValue("select 1"), 1);
});

for (const server of serversOf(awaiting)) {
  const on = `(PostgreSQL ${server.major})`;

  test(`execIter: an async function, and calls in it that are not awaited ${on}`, async () => {
    await using conn = await Conn.connect(server.fast);
    const all = await conn.execIter(SERIES, [4], async (portal) => {
      const fetches = [portal.fetch(1), portal.fetch(2), portal.fetch(0)];
      return (await Promise.all(fetches)).map(({ rows }) => rows.length);
    });
    assert.deepEqual(all, [1, 2, 1]);
    // Not even in the function.
    let late: Promise<unknown> | undefined;
    await conn.execIter(SERIES, [4], (portal) => {
      late = portal.fetch(1).then(() => "fetched", (error) => error.name);
    });
    assert.ok(["fetched", "UsageError"].includes(await late as string), String(await late));
    assert.equal(await conn.execValue("select 1"), 1);
  });

  test(`execIter: calls made beside it, and in it, are refused ${on}`, async () => {
    await using conn = await Conn.connect(server.fast);
    const iter = conn.execIter(SERIES, [2], async (portal) => {
      await assert.rejects(conn.exec("select 1"), /execIter is open/);
      return (await portal.fetch(0)).rows.length;
    });
    // It is not known when its function ends, so they do not wait.
    await assert.rejects(conn.execValue("select 7"), (error) => {
      assert.ok(error instanceof UsageError && /execIter is open/.test(error.message), String(error));
      return true;
    });
    assert.equal(await iter, 2);
    assert.equal(await conn.execValue("select 7"), 7);
  });

  test(`execIter: its signal stops the fetch, or the wait for its function ${on}`, async () => {
    await using conn = await Conn.connect(server.fast);
    for (const work of [(portal: Portal) => portal.fetch(0), () => new Promise<never>(() => {})]) {
      const controller = new AbortController();
      const reason = new Error("enough");
      setTimeout(() => controller.abort(reason), 100);
      const iter = conn.execIter("select pg_sleep(30)::text", [], work, { signal: controller.signal });
      await assert.rejects(iter, (error) => error === reason);
      assert.equal(await conn.execValue("select 1"), 1);
    }
    const aborted = AbortSignal.abort(new Error("before"));
    await assert.rejects(conn.execIter(SERIES, [1], () => assert.fail(), { signal: aborted }), /before/);
  });
}
