/** Query classes of other packages: pg-cursor and pg-query-stream as they are, and own ones. */
import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout } from "node:timers/promises";
import type { Connection, Submittable } from "../../src/pg/mod.ts";
import { requirePg } from "../support/installed/pg.ts";
import { besidePg, errorOf, event, outcomeOf, pyroPg, type Side } from "../support/suite/beside_pg.ts";
import { test } from "../support/suite/test.ts";

/** pg-cursor's class. */
interface Cursor extends Submittable {
  read(count: number): Promise<unknown[]>;
  close(): Promise<void>;
}
const CursorClass = requirePg<new (text: string, values?: unknown[], config?: object) => Cursor>("pg-cursor");
const Stream = requirePg<new (text: string, values?: unknown[], config?: object) => Readable & Submittable>(
  "pg-query-stream",
);

/** pg-copy-streams' classes for COPY FROM STDIN and COPY TO STDOUT. */
type CopyFrom = Writable & Submittable & { readonly rowCount: number };
type CopyTo = Readable & Submittable & { readonly rowCount: number };
const { from: copyFrom, to: copyTo } = requirePg<{ from(text: string): CopyFrom; to(text: string): CopyTo }>(
  "pg-copy-streams",
);

besidePg("a cursor, read to its end and closed before", async ({ client }) => {
  const conn = await client();
  const sql = "select n, 'row ' || n as text, now() > '2000-01-01' as later from generate_series(1, $1) as n";
  const cursor = conn.query(new CursorClass(sql, [5]));
  const seen: unknown[] = [];
  for (let rows = await cursor.read(2); rows.length > 0; rows = await cursor.read(2)) seen.push(rows);
  seen.push((await conn.query("select 1 as between")).rows);
  const other = conn.query(new CursorClass("select n from generate_series(1, 100) as n", [], { rowMode: "array" }));
  seen.push(await other.read(3));
  await other.close();
  seen.push((await conn.query("select 2 as after")).rows, await other.read(1));
  return seen;
});

besidePg("cursors that fail, and one without rows", async ({ client }) => {
  const conn = await client();
  const seen: unknown[] = [];
  const wrong = conn.query(new CursorClass("select nothing"));
  seen.push(await errorOf(wrong.read(1)), await errorOf(wrong.read(1)));
  const late = conn.query(new CursorClass("select 1 / (3 - n) as q from generate_series(1, 5) as n"));
  seen.push(await late.read(2), await errorOf(late.read(2)));
  const none = conn.query(new CursorClass("create temporary table nothing_yet (n int)"));
  seen.push(await none.read(1));
  seen.push((await conn.query("select count(*)::int as n from nothing_yet")).rows);
  return seen;
});

besidePg("a cursor that fails calls each callback once", async ({ client }) => {
  const conn = await client();
  const calls: string[] = [];
  const cursor = conn.query(new CursorClass("select nothing"));
  (cursor as unknown as { on(name: string, listener: () => void): void }).on("error", () => calls.push("event"));
  const read = cursor.read as (count: number, callback: (error?: Error) => void) => void;
  read.call(cursor, 1, (error) => calls.push(`first: ${error?.message}`));
  read.call(cursor, 1, (error) => calls.push(`second: ${error?.message}`));
  await conn.query("select 1");
  // The callback ends the client, before the server is ready again.
  const other = await client();
  const ended = new Promise<void>((resolve) => {
    const cursor = other.query(new CursorClass("select nothing"));
    const read = cursor.read as (count: number, callback: (error?: Error) => void) => void;
    read.call(cursor, 1, (error) => {
      calls.push(`ending: ${error?.message}`);
      other.end().then(resolve);
    });
  });
  await ended;
  await setTimeout(10);
  return calls;
});

besidePg("a cursor in a transaction, beside other queries of the client", async ({ client }) => {
  const conn = await client();
  await conn.query("begin");
  const cursor = conn.query(new CursorClass("select n from generate_series(1, 4) as n"));
  const queued = conn.query("select 'queued' as t");
  const rows = [await cursor.read(3), await cursor.read(3)];
  await cursor.close();
  const result = (await queued).rows;
  await conn.query("commit");
  return [rows, result];
});

besidePg("a stream, whole and destroyed early", async ({ client }) => {
  const conn = await client();
  const rows = [];
  for await (const row of conn.query(new Stream("select n from generate_series(1, $1) as n", [250]))) rows.push(row);
  const stream = conn.query(new Stream("select n from generate_series(1, 100000) as n", [], { batchSize: 10 }));
  const first = [];
  for await (const row of stream) {
    first.push(row);
    if (first.length === 15) break;
  }
  const failing = conn.query(new Stream("select nothing"));
  const error = await errorOf((async () => {
    for await (const _ of failing);
  })());
  return [rows.length, first, error, (await conn.query("select 1 as n")).rows];
});

besidePg("a stream on a client of a pool", async ({ pool }) => {
  const clients = pool({ max: 1 });
  const client = await clients.connect();
  const stream = client.query(new Stream("select n from generate_series(1, 30) as n"));
  const rows = [];
  for await (const row of stream) rows.push(row);
  client.release();
  return [rows.length, (await clients.query("select 1 as n")).rows];
});

besidePg("COPY FROM STDIN by pg-copy-streams: its end, an error, and giving up", async ({ client }) => {
  const conn = await client();
  const seen: unknown[] = [];
  await conn.query("create temporary table copied (n int, t text)");
  const copy = (): CopyFrom => conn.query(copyFrom("copy copied from stdin"));
  const whole = copy();
  await pipeline(Readable.from(Array.from({ length: 20_000 }, (_, i) => `${i}\ttext ${i}\n`)), whole);
  seen.push(whole.rowCount, (await conn.query("select count(*)::int as n, max(n) as last from copied")).rows);
  seen.push(await errorOf(pipeline(Readable.from(["x\ty\n"]), copy())));
  const abandoned = copy();
  abandoned.write("1\tx\n");
  abandoned.destroy(new Error("given up"));
  seen.push(await event(abandoned, "error"));
  seen.push((await conn.query("select count(*)::int as n from copied")).rows);
  return seen;
});

/** COPY TO STDOUT: its end, errors before and within it, a reader that is slow. */
async function copyingOut({ client }: Side): Promise<unknown[]> {
  const conn = await client();
  const lines = async (stream: CopyTo, each?: () => Promise<void>): Promise<unknown[]> => {
    let bytes = 0;
    let last = "";
    for await (const chunk of stream) {
      bytes += chunk.length;
      last = (last + chunk).slice(-12);
      await each?.();
    }
    return [bytes, last, stream.rowCount];
  };
  const copy = (sql: string): CopyTo => conn.query(copyTo(`copy (${sql}) to stdout`));
  const seen: unknown[] = [];
  seen.push(await lines(copy("select n, 'text ' || n from generate_series(1, 20000) as n")));
  seen.push(await lines(copy("select 1 where false")));
  seen.push((await conn.query("select 1 as n")).rows);
  for (const sql of ["select nothing", "select 1 / (1000 - n) from generate_series(1, 2000) as n"]) {
    seen.push(await lines(copy(sql)).catch(({ code }) => code));
  }
  let pauses = 20;
  const slowly = lines(copy("select repeat('x', 100) from generate_series(1, 50000)"), async () => {
    if (pauses > 0) await setTimeout(5);
    pauses--;
  });
  // A query waits until most of the one before it has been read.
  const next = conn.query("select 2 as n").then(({ rows }) => [rows, pauses > 0]);
  seen.push(await slowly);
  const [rows, isEarly] = await next;
  seen.push(rows, await lines(copy("select repeat('y', 3000000)")));
  return [...seen, isEarly];
}

test("COPY TO STDOUT by pg-copy-streams on pyro", async () => {
  assert.deepEqual(await outcomeOf(pyroPg, copyingOut), [
    [317_788, "\ttext 20000\n", 20_000],
    [0, "", 0],
    [{ n: 1 }],
    "42703",
    "22012",
    [5_050_000, "xxxxxxxxxxx\n", 50_000],
    [{ n: 2 }],
    [3_000_001, "yyyyyyyyyyy\n", 1],
    false,
  ]);
});

for (const end of ["the server", "the program"]) {
  test(`COPY TO STDOUT by pg-copy-streams on pyro, ended by ${end}`, async () => {
    const [ended, after] = await outcomeOf(pyroPg, async ({ client }) => {
      const [conn, other] = [await client(), await client()];
      conn.on("error", () => {});
      // More than the query takes at once, and less than makes the connection wait for it.
      const rows = "select repeat('x', 1000) from generate_series(1, 100) union all select pg_sleep(60)::text";
      const stream = conn.query(copyTo(`copy (${rows}) to stdout`));
      const reading = (async () => {
        // So slowly that the end comes before the query has read what came before it.
        for await (const _ of stream) await setTimeout(200);
      })();
      await setTimeout(50);
      if (end === "the program") conn.end().catch(() => {});
      else await other.query("select pg_terminate_backend($1)", [conn.processID]);
      return [await errorOf(reading), await errorOf(conn.query("select 1"))];
    }) as readonly { readonly message: string }[];
    assert.match(ended!.message, /^Connection terminated|^terminating connection/);
    assert.match(after!.message, /not queryable|^Connection terminated/);
  });
}

// pg on Deno does not come to the end of a second one.
if (!("Deno" in globalThis)) {
  // When exactly pg goes on differs from runtime to runtime.
  besidePg("COPY TO STDOUT by pg-copy-streams", async (side) => (await copyingOut(side)).slice(0, -1));
}

/** A query class that sends a text, and notes what is called. */
class Noting extends EventEmitter implements Submittable {
  readonly calls: unknown[] = [];
  readonly #text: string;

  constructor(text: string) {
    super();
    this.#text = text;
  }

  submit = (connection: Connection): void => connection.query(this.#text);

  handleRowDescription({ fields }: { fields: { name: string }[] }): void {
    this.calls.push(["columns", fields.map(({ name }) => name)]);
  }
  handleDataRow({ fields }: { fields: unknown[] }): void {
    this.calls.push(["row", fields]);
  }
  handleCommandComplete({ text }: { text: string }): void {
    this.calls.push(["complete", text]);
  }
  handleEmptyQuery(): void {
    this.calls.push("empty");
  }
  handleReadyForQuery(): void {
    this.calls.push("ready");
    this.emit("over");
  }
  handleError(error: Error): void {
    this.calls.push(["error", error.message]);
    this.emit("over");
  }
}

besidePg("a query class that sends a text", async ({ client }) => {
  const conn = await client();
  const seen: unknown[] = [];
  for (const text of ["select 1 as a, null as b; select 'x' as c", "", "select nothing", "select 1; select nothing"]) {
    const query = new Noting(text);
    const over = event(query, "over");
    conn.query(query);
    await over;
    seen.push(query.calls);
  }
  seen.push((await conn.query("select 1 as n")).rows);
  return seen;
});

besidePg("a query class that refuses to be sent", async ({ client }) => {
  const conn = await client();
  const refusing = { submit: () => new Error("not today"), handleError: (error: Error) => heard(error.message) };
  let heard: (message: string) => void = () => {};
  const message = new Promise<string>((resolve) => heard = resolve);
  conn.query(refusing);
  assert.equal(await message, "not today");
  return (await conn.query("select 1 as n")).rows;
});
