/** `execIter` and `execPortal`: fetching in parts, ends and errors. */
import assert from "node:assert/strict";
import { type Portal, ServerError, SqlState, UsageError } from "../../mod.ts";
import { attempt, given } from "../support/suite/call_bodies.ts";
import { failure, fetchAll, rows, SERIES } from "../support/suite/portals.ts";
import { conformance } from "../support/suite/worlds.ts";

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
