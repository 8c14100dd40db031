/**
 * One of those who use the pool. Each call asks for what only it can have asked for, and has a deadline;
 * some are given up before.
 */
import assert from "node:assert/strict";
import type { Pool, PoolNotifications } from "../../mod.ts";
import type { Random } from "../support/suite/random.ts";
import type { Ledger } from "./ledger.ts";
import type { News } from "./news.ts";
import type { Fate, Watch } from "./watch.ts";

/** What all callers have in common. */
export interface Soak {
  readonly pool: Pool;
  readonly watch: Watch;
  readonly ledger: Ledger;
  readonly news: readonly News[];
  /** Milliseconds that a call without a limit may take: the pool's, and as long as the server can be away. */
  readonly unlimited: number;
}

/** What a call is given. */
interface Given {
  readonly timeout: number;
  readonly signal?: AbortSignal;
}

/** Makes one call after the other. */
export class Caller {
  readonly #soak: Soak;
  readonly #random: Random;
  /** The names and frequencies of what it does. */
  readonly #kinds: readonly (() => Promise<void>)[] = [
    ...repeat(8, () => this.#exec()),
    ...repeat(6, () => this.#shared()),
    ...repeat(4, () => this.#query()),
    ...repeat(4, () => this.#transaction()),
    ...repeat(3, () => this.#stream()),
    ...repeat(2, () => this.#batch()),
    ...repeat(2, () => this.#copyIn()),
    ...repeat(2, () => this.#copyOut()),
    ...repeat(3, () => this.#notify()),
    ...repeat(2, () => this.#listen()),
    ...repeat(3, () => this.#acquire()),
    ...repeat(2, () => this.#tooSlow()),
    ...repeat(1, () => this.#refused()),
  ];

  constructor(soak: Soak, random: Random) {
    this.#soak = soak;
    this.#random = random;
  }

  /** The next call. */
  next(): Promise<void> {
    return this.#random.pick(this.#kinds)();
  }

  async #exec(): Promise<void> {
    const [a, b] = [this.#number(), this.#number()];
    await this.#call("exec", async (given) => {
      const rows = await this.#soak.pool.exec("select $1::int4 as a, $2::text as b", [a, `b${b}`], given);
      assert.deepEqual(rows, [{ a, b: `b${b}` }]);
    });
  }

  /** Without a limit, so that it may share a connection; now and then with many rows. */
  async #shared(): Promise<void> {
    const { pool, watch, unlimited } = this.#soak;
    const [a, n] = [this.#number(), this.#random.below(20) === 0 ? 300 : 1];
    await watch.call("exec without limit", unlimited, undefined, async () => {
      const rows = await pool.exec("select $1::int4 + i as a from generate_series(1, $2::int4) as i", [a, n]);
      assert.deepEqual(rows, Array.from({ length: n }, (_, i) => ({ a: a + i + 1 })));
    });
  }

  async #query(): Promise<void> {
    const [a, b] = [this.#number(), this.#number()];
    await this.#call("query", async (given) => {
      const results = await this.#soak.pool.queryAll(`select ${a} as a; select '${b}' as b`, given);
      assert.deepEqual(results.map(({ rows }) => rows), [[{ a }], [{ b: String(b) }]]);
    });
  }

  async #transaction(): Promise<void> {
    const { pool, ledger } = this.#soak;
    const token = String(this.#number());
    const refusal = this.#random.below(4) === 0 ? new Error("rolled back on purpose") : undefined;
    await this.#write("tx", refusal, async (call, given) => {
      await pool.tx(async (tx) => {
        await tx.execDrop("select set_config('soak.token', $1, true)", [token]);
        const pid = await tx.execValue("select pg_backend_pid()");
        await Promise.all(ledger.rows(call).map((row) => tx.execDrop("insert into ledger values ($1, $2)", row)));
        const [seen] = await tx.query("select pg_backend_pid() as pid, current_setting('soak.token') as token");
        assert.deepEqual(seen, { pid, token });
        if (refusal !== undefined) throw refusal;
      }, given);
    });
  }

  async #stream(): Promise<void> {
    const { pool } = this.#soak;
    const a = this.#number();
    const [rows, taken] = [1 + this.#random.below(400), 1 + this.#random.below(400)];
    const sql = "select $1::int4 + i as n from generate_series(1, $2::int4) as i";
    // A stream's time-out is for each fetch, and for the connection.
    await this.#call("stream", async (given) => {
      let next = a;
      for await (const { n } of pool.stream<{ n: number }>(sql, [a, rows], { ...given, batch: 100 })) {
        assert.equal(n, ++next);
        if (next === a + taken) break;
      }
      assert.equal(next, a + Math.min(rows, taken));
    }, 6);
  }

  async #batch(): Promise<void> {
    const { pool, ledger } = this.#soak;
    await this.#write("execBatch", undefined, async (call, given) => {
      const rows = ledger.rows(call);
      assert.equal(await pool.execBatch("insert into ledger values ($1, $2)", rows, given), rows.length);
    });
  }

  async #copyIn(): Promise<void> {
    const { pool, ledger } = this.#soak;
    await this.#write("copyIn", undefined, async (call, given) => {
      const rows = ledger.rows(call);
      const lines = rows.map((row) => `${row.join("\t")}\n`);
      assert.equal(await pool.copyIn("copy ledger from stdin", lines, given), rows.length);
    });
  }

  async #copyOut(): Promise<void> {
    const { pool } = this.#soak;
    const [a, rows, leaves] = [this.#number(), 1 + this.#random.below(2000), this.#random.below(3) === 0];
    await this.#call("copyOut", async (given) => {
      let text = "";
      const sql = `copy (select ${a} + i from generate_series(1, ${rows}) as i) to stdout`;
      for await (const chunk of pool.copyOut(sql, given)) {
        text += new TextDecoder().decode(chunk);
        if (leaves) break;
      }
      const expected = Array.from({ length: rows }, (_, i) => `${a + i + 1}\n`).join("");
      if (leaves) assert.ok(text.length > 0 && expected.startsWith(text), text);
      else assert.equal(text, expected);
    }, 3);
  }

  async #notify(): Promise<void> {
    const { pool, news } = this.#soak;
    const one = this.#random.pick(news);
    await one.send((payload) => this.#call("notify", (given) => pool.notify(one.channel, payload, given)));
  }

  /** Hears what it sends itself, or of a gap. */
  async #listen(): Promise<void> {
    const { pool } = this.#soak;
    const token = String(this.#number());
    let notifications: PoolNotifications | undefined;
    await this.#call("listen", async (given) => void (notifications = await pool.listen(`soak_${token}`, given)));
    if (notifications === undefined) return;
    const heard = notifications;
    // Nothing comes before the server is back, if it is away now.
    const timer = setTimeout(() => heard[Symbol.asyncDispose](), 500);
    await this.#call(
      "hear",
      async (given) => {
        await pool.notify(heard.channel, token, given);
        for await (const { gap, payload } of heard) {
          if (!gap) assert.equal(payload, token);
          break;
        }
      },
      1,
      500,
    );
    clearTimeout(timer);
    await this.#call("hear no more", () => heard[Symbol.asyncDispose]());
  }

  /** One session for several statements, given back in whatever state. */
  async #acquire(): Promise<void> {
    const { pool, watch } = this.#soak;
    const token = this.#number();
    const leftOver = this.#random.below(4);
    let conn: Awaited<ReturnType<Pool["acquire"]>> | undefined;
    await this.#call("acquire", async (given) => void (conn = await pool.acquire(given)));
    if (conn === undefined) return;
    const taken = conn;
    await this.#call("acquired", async (given) => {
      assert.equal(taken.transactionStatus, "idle", "a connection that was just acquired");
      await taken.execDrop("select set_config('soak.session', $1, false)", [String(token)], given);
      const sql = "select current_setting('soak.session')::int4 + $1 as n";
      const answers = await Promise.all([1, 2, 3].map((n) => taken.execValue(sql, [n], given)));
      assert.deepEqual(answers, [token + 1, token + 2, token + 3]);
      if (leftOver === 1) {
        await using pipeline = taken.pipeline();
        const requests = [1, 2, 3, 4].map((n) => pipeline.exec("select $1::int4 as n", [String(token + n)]));
        await pipeline.claim(requests[0]!);
      } else if (leftOver === 2) {
        await taken.queryDrop("begin; insert into ledger values (0, 0)", given);
      } else if (leftOver === 3) {
        const { value } = await taken.stream("select i from generate_series(1, 1000) as i", given).next();
        assert.deepEqual(value, { i: 1 });
      }
    }, 4);
    await watch.call("release", RELEASING, undefined, () => taken.release());
  }

  /** Takes longer than it may, or not. */
  async #tooSlow(): Promise<void> {
    const token = this.#number();
    await this.#call(
      "slow",
      async (given) => {
        const sql = "select $1::int4 as n from pg_sleep($2)";
        const seconds = given.timeout / 1000 * (this.#random.below(150) / 100);
        assert.deepEqual(await this.#soak.pool.execFirst(sql, [token, seconds], given), { n: token });
      },
      1,
      60,
    );
  }

  /** The server says no. */
  async #refused(): Promise<void> {
    const token = `no_${this.#number()}`;
    await this.#call("refused", async (given) => {
      try {
        await this.#soak.pool.exec(`select ${token}`, given);
      } catch (error) {
        if ((error as { code?: string }).code !== "42703") throw error;
        return assert.match((error as Error).message, new RegExp(token));
      }
      assert.fail("there is no such column");
    });
  }

  /** A call that leaves rows in the ledger, or none where it is refused. */
  async #write(
    kind: string,
    refusal: Error | undefined,
    write: (call: number, given: Given) => Promise<void>,
  ): Promise<void> {
    const { ledger } = this.#soak;
    const call = ledger.next();
    let isRefused = false;
    const fate = await this.#call(
      kind,
      async (given) => {
        try {
          await write(call, given);
        } catch (error) {
          if (refusal === undefined || error !== refusal) throw error;
          isRefused = true;
        }
      },
      1,
      20,
    );
    ledger.settle(call, isRefused ? "undone" : fate);
  }

  /** A call with a deadline, or `parts` of them in a row, and at times a signal that is aborted before. */
  async #call(
    kind: string,
    make: (given: Given) => Promise<unknown>,
    parts = 1,
    shortest = 200,
  ): Promise<Fate> {
    const timeout = shortest + this.#random.below(this.#random.pick([100, 2000]));
    if (this.#random.below(8) > 0) {
      return await this.#soak.watch.call(kind, timeout * parts, undefined, () => make({ timeout }));
    }
    const reason = new Error("given up");
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(reason), this.#random.below(this.#random.pick([5, 300])));
    const given = { timeout, signal: controller.signal };
    try {
      return await this.#soak.watch.call(kind, timeout * parts, reason, () => make(given));
    } finally {
      clearTimeout(timer);
    }
  }

  #number(): number {
    return this.#random.below(1_000_000_000);
  }
}

function repeat<T>(times: number, value: T): T[] {
  return Array.from({ length: times }, () => value);
}

/** What docs say of giving a connection back. */
const RELEASING = 5000;
