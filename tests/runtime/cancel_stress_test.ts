/**
 * Calls that are given up around the moment of their completion, with another call made at once: that
 * one must never be hit. The statements take about as long as their time-outs, so that cancel requests
 * meet them at their beginning, their end, and too late.
 */
import assert from "node:assert/strict";
import { Worker } from "node:worker_threads";
import { cancel, Conn, ServerError, TimeoutError } from "../../mod.ts";
import { times } from "../support/suite/extent.ts";
import { Random } from "../support/suite/random.ts";
import { newest } from "../support/suite/servers.ts";
import { testInTurn } from "../support/suite/test.ts";
import { worlds } from "../support/suite/worlds.ts";

/** What became of the calls that were given up. */
class Tally {
  completed = 0;
  stopped = 0;
  notSent = 0;
  unknown = 0;
  later = 0;

  given(error: unknown): void {
    if (!(error instanceof TimeoutError)) throw error;
    if (error.outcome === "cancelled") this.stopped++;
    else if (error.outcome === "not sent") this.notSent++;
    else this.unknown++;
  }
}

const LATER = "select $1::int4 as n from pg_sleep(0.001)";

for (const query of ["", "upgrade_to_unix_socket=off&sslmode=disable"]) {
  const way = query === "" ? "Unix socket" : "TCP";

  testInTurn(
    `stress: of thousands of races between completion and cancel, none hits a later call (async, ${way})`,
    async () => {
      const tally = new Tally();
      const rounds = times(60, 260);
      const lane = async (seed: number): Promise<void> => {
        const next = fractions(seed);
        await using conn = await Conn.connect(newest.url({ query }));
        for (let i = 0; i < rounds; i++) {
          const sleep = next() * 0.004;
          const moment = 1 + next() * 5;
          const reason = { i };
          const controller = new AbortController();
          const timer = setTimeout(() => controller.abort(reason), moment);
          const options = next() < 0.5 ? { timeout: moment } : { signal: controller.signal };
          const kind = Math.floor(next() * 3);
          const call = kind === 0
            ? conn.query(`select pg_sleep(${sleep})`, options)
            : kind === 1
            ? conn.exec("select pg_sleep($1)", [sleep], options)
            : conn.tx((tx) => tx.exec("select pg_sleep($1)", [sleep]), options);
          const outcome = call.then(() => tally.completed++, (error: unknown) => {
            if (error === reason) tally.stopped++;
            else tally.given(error);
          });
          // At once, when it has settled, or while the cancel request may be on its way.
          // (What is called on the connection while the transaction is open runs in it: the next test's.)
          const when = kind === 2 ? 1 : Math.floor(next() * 3);
          if (when === 1) await outcome;
          else if (when === 2) await new Promise((resolve) => setTimeout(resolve, moment));
          assert.deepEqual(await conn.exec(LATER, [i]), [{ n: i }]);
          tally.later++;
          await outcome;
          clearTimeout(timer);
        }
        assert.equal(conn.transactionStatus, "idle");
      };
      await Promise.all([1, 2, 3, 4].map(lane));
      assert.equal(tally.later, 4 * rounds);
      assert.ok(
        tally.completed > times(5, 20) && tally.stopped > times(5, 20),
        `both ends of the race were seen: ${JSON.stringify(tally)}`,
      );
    },
  );

  testInTurn(
    `stress: a transaction that is given up does not hit what others call on its connection (async, ${way})`,
    async () => {
      const next = fractions(11);
      let stopped = 0;
      let hit = 0;
      await using conn = await Conn.connect(newest.url({ query }));
      for (let i = 0; i < times(60, 200); i++) {
        const sleep = next() * 0.004;
        const call = conn.tx((tx) => tx.exec("select pg_sleep($1)", [sleep]), { timeout: 1 + next() * 5 });
        const outcome = call.then(() => {}, (error: unknown) => {
          assert.ok(error instanceof TimeoutError, String(error));
          stopped++;
        });
        try {
          assert.deepEqual(await conn.exec(LATER, [i]), [{ n: i }]);
        } catch (error) {
          assert.ok(error instanceof ServerError && error.code === "57014", String(error));
          hit++;
        }
        await outcome;
      }
      assert.ok(stopped > times(3, 10), `${stopped} were given up`);
      assert.equal(hit, 0, "calls that nobody gave up were cancelled");
    },
  );

  testInTurn(`stress: cancel() with a call made at once behind it (async, ${way})`, async () => {
    let hit = 0;
    let missed = 0;
    let request = 0;
    const rounds = times(60, 200);
    const lane = async (seed: number): Promise<void> => {
      const next = fractions(seed);
      await using conn = await Conn.connect(newest.url({ query }));
      for (let i = 0; i < rounds; i++) {
        // As long as a request takes here and now, so that it comes too late for some, and in time for others.
        if (i % 50 === 0) request = await duration(() => cancel(conn.cancelKey!));
        const running = conn.query(`select pg_sleep(${next() * 3 * request / 1000})`).then(
          () => missed++,
          (error: unknown) => {
            assert.ok(error instanceof ServerError && error.code === "57014", String(error));
            hit++;
          },
        );
        await new Promise((resolve) => setTimeout(resolve, next() * request));
        const cancelling = conn.cancel();
        assert.deepEqual(await conn.exec(LATER, [i]), [{ n: i }]);
        await Promise.all([running, cancelling]);
      }
    };
    await Promise.all([5, 6, 7].map(lane));
    assert.equal(hit + missed, 3 * rounds);
    assert.ok(hit > 0 && missed > 0, `both ends of the race were seen: ${hit} and ${missed}`);
  });
}

for (const world of worlds.filter(({ name }) => name !== "async")) {
  testInTurn(`stress: time-outs around completion, with a later call at once (${world.name})`, async () => {
    const next = fractions(9);
    const tally = new Tally();
    await using conn = await world.connect(newest.fast);
    // A worker takes its time to connect for a cancel request, as everything does on a busy machine.
    let unit = world.name === "sync worker" ? 10 : 1;
    const rounds = times(150, 300) / unit;
    const enough = (): boolean => tally.completed > 2 && tally.stopped > 2;
    for (let i = 0; i < rounds || (!enough() && i < 10 * rounds); i++) {
      if (i % 10 === 9 && tally.stopped < 3 && unit < 100) unit *= 2;
      else if (i % 10 === 9 && tally.completed < 3) unit /= 2;
      const sleep = next() * (i % 3 === 0 ? 0.004 : 0.02) * unit;
      const options = { timeout: 1 + next() * 4 };
      try {
        // Blocking: nothing is awaited before the next call.
        if (i % 2 === 0) void conn.query(`select pg_sleep(${sleep})`, options);
        else void conn.exec("select pg_sleep($1)", [sleep], options);
        tally.completed++;
      } catch (error) {
        tally.given(error);
      }
      assert.deepEqual(conn.exec(LATER, [i]) as unknown, [{ n: i }]);
      tally.later++;
    }
    assert.ok(tally.later >= rounds);
    assert.ok(enough(), `both ends of the race were seen: ${JSON.stringify(tally)}`);
  });

  testInTurn(`stress: another thread's cancel(key) stops only what runs (${world.name})`, async () => {
    await using conn = await world.connect(newest.fast);
    const source = `
      import { workerData } from "node:worker_threads";
      const { cancel } = await import(workerData.pyro);
      for (;;) {
        await cancel(workerData.key);
        await new Promise((resolve) => setTimeout(resolve, 3));
      }`;
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), {
      workerData: { key: conn.cancelKey, pyro: new URL("../../mod.ts", import.meta.url).href },
    });
    let hit = 0;
    let completed = 0;
    try {
      for (const began = performance.now(); (hit < 20 || completed < 20) && performance.now() - began < 20_000;) {
        try {
          void conn.query("select pg_sleep(0.003)");
          completed++;
        } catch (error) {
          assert.ok(error instanceof ServerError && error.code === "57014", String(error));
          hit++;
        }
        // The worker's thread gets to run, also where it needs this one to start.
        if ((hit + completed) % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
      }
    } finally {
      await worker.terminate();
    }
    assert.ok(hit >= 20 && completed >= 20, `${hit} were stopped, ${completed} were not`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(await conn.execValue("select 1"), 1);
  });
}

/** Numbers from 0 to 1, the same in every run. */
function fractions(seed: number): () => number {
  const random = new Random(seed);
  return () => random.below(1000) / 1000;
}

/** How many milliseconds it takes. */
async function duration(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
