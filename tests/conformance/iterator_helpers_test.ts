/** The methods of iterators, which streams of blocking connections have. */
import assert from "node:assert/strict";
import { Conn, type Notifications, Opts, Pool } from "../../sync.ts";
import { servers } from "../support/suite/servers.ts";
import { test } from "../support/suite/test.ts";

const SQL = "select n from generate_series(1, 100000) as n";

for (const { major, fast } of servers) {
  test(`iterator helpers: streams have them, and are closed when no more is needed (PostgreSQL ${major})`, () => {
    using conn = new Conn(fast);
    const numbers = conn.stream<{ n: number }>(SQL, { batch: 10 });
    assert.ok(numbers instanceof Iterator);
    assert.deepEqual(numbers.map(({ n }) => n * n).filter((n) => n % 2 === 0).take(2).toArray(), [4, 16]);
    // Closed: another call would be refused otherwise.
    assert.equal(conn.execValue("select 1"), 1);
    assert.equal(conn.stream<{ n: number }>(SQL).find(({ n }) => n === 7)?.n, 7);
    assert.equal(conn.stream<{ n: number }>(SQL).drop(99_990).reduce((sum, { n }) => sum + n, 0), 999_955);
    assert.deepEqual([...conn.stream<{ n: number }>(SQL).take(1)], [{ n: 1 }]);
    assert.throws(() =>
      conn.stream(SQL).forEach(() => {
        throw new RangeError("enough");
      }), RangeError);
    assert.equal(conn.execValue("select 1"), 1);
  });

  test(`iterator helpers: of pools, COPY and notifications (PostgreSQL ${major})`, () => {
    using pool = new Pool(fast, { poolMaxConcurrency: 1 });
    assert.deepEqual(pool.stream<{ n: number }>(SQL).map(({ n }) => n).take(2).toArray(), [1, 2]);
    const decoder = new TextDecoder();
    const text = pool.copyOut("copy (select 1) to stdout").map((chunk) => decoder.decode(chunk)).toArray().join("");
    assert.equal(text, "1\n");
    using conn = new Conn(new Opts(fast));
    const news: Notifications = conn.listen("helpers");
    conn.notify("helpers", "a");
    conn.notify("helpers", "b");
    assert.deepEqual(news.map(({ payload }) => payload).take(2).toArray(), ["a", "b"]);
    assert.equal(pool.execValue("select 1"), 1);
  });
}
