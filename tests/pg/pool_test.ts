/** The pool, beside pg's. */
import assert from "node:assert/strict";
import { create as createDomain } from "node:domain";
import process from "node:process";
import type { PoolClient, QueryResult } from "../../src/pg/mod.ts";
import { besidePg, config, errorOf, event, pyroPg } from "../support/suite/beside_pg.ts";
import { test } from "../support/suite/test.ts";

besidePg("queries, leases and counts", async ({ pool }) => {
  const clients = pool({ max: 2 });
  const seen: unknown[] = [];
  for (const name of ["connect", "acquire", "release", "remove"] as const) clients.on(name, () => seen.push(name));
  const counts = (): void => {
    seen.push([clients.totalCount, clients.idleCount, clients.waitingCount]);
  };
  counts();
  seen.push((await clients.query("select $1::int4 as n", [1])).rows);
  counts();
  const first = await clients.connect();
  const second = await clients.connect();
  const third = clients.connect();
  counts();
  first.release();
  const again = await third;
  seen.push(again === first);
  counts();
  again.release(new Error("broken"));
  second.release();
  await event(clients, "remove");
  counts();
  assert.throws(() => second.release(), /already been released/);
  seen.push(await errorOf(clients.query("select nothing")));
  await clients.end();
  counts();
  seen.push(await errorOf(clients.connect()), await errorOf(clients.end()));
  return seen;
});

besidePg("callbacks", async ({ pool }) => {
  const clients = pool({ max: 1 });
  const seen: unknown[] = [];
  await new Promise<void>((resolve) => {
    clients.connect((error, client, release) => {
      seen.push(error, typeof client?.query);
      client!.query("select 1 as n", (error: Error, result: QueryResult) => {
        seen.push(error, result.rows);
        release();
        resolve();
      });
    });
  });
  await new Promise<void>((resolve) => {
    clients.query("select $1::text as t", ["x"], (error, result) => {
      seen.push(error, result.rows);
      resolve();
    });
  });
  await new Promise<void>((resolve) => {
    clients.query("select nothing", (error) => {
      seen.push(error.message);
      resolve();
    });
  });
  await new Promise<void>((resolve) => clients.end(() => resolve()));
  return seen;
});

besidePg("queries lease a client by connect, as whoever replaces it expects; null is no callback", async ({ pool }) => {
  const clients = pool({ max: 1 });
  const seen: unknown[] = [];
  const connect = clients.connect.bind(clients) as (...given: unknown[]) => unknown;
  Object.assign(clients, {
    connect(...given: unknown[]) {
      seen.push(["connect", ...given.map((value) => typeof value)]);
      return connect(...given);
    },
  });
  clients.on("release", (error) => seen.push(["release", error]));
  seen.push((await clients.query("select 1 as n")).rows);
  const query = clients.query.bind(clients) as unknown as (...given: unknown[]) => Promise<QueryResult>;
  seen.push((await query("select $1::text as t", ["x"], null)).rows);
  const client = await connect(null) as PoolClient;
  client.release();
  const refused = await new Promise((resolve) => seen.push(query(resolve)));
  await (clients.end as (callback: null) => Promise<void>)(null);
  return [seen, refused];
});

besidePg("waiting, and giving up", async ({ pool }) => {
  const clients = pool({ max: 1 });
  const client = await clients.connect();
  clients.options.connectionTimeoutMillis = 100;
  const error = await errorOf(clients.connect());
  client.release();
  const unreachable = pool({ host: "127.0.0.1", port: 1 });
  const { code } = await errorOf(unreachable.query("select 1")) as { code: string };
  return [error, code, (await clients.query("select 1 as n")).rows];
});

besidePg("an idle client that is lost", async ({ pool, client }) => {
  const admin = await client({ user: "postgres", password: "" });
  const clients = pool();
  const lent = await clients.connect() as PoolClient;
  const { processID } = lent;
  lent.release();
  const lost = event(clients, "error");
  await admin.query("select pg_terminate_backend($1)", [processID]);
  const [error, which] = await lost as [Error, PoolClient];
  return [error.message, which === lent, clients.totalCount, (await clients.query("select 1 as n")).rows];
});

besidePg("hooks, uses and life times", async ({ pool }) => {
  const seen: unknown[] = [];
  const clients = pool({
    max: 1,
    maxUses: 2,
    onConnect: async (client) => {
      seen.push((await client.query("select 'hook' as t")).rows);
    },
    verify: (_client, done) => {
      seen.push("verify");
      done();
    },
  });
  const removed = event(clients, "remove");
  for (let i = 0; i < 3; i++) await clients.query("select 1");
  // With both it comes when the connection has been closed, whatever else goes on.
  await removed;
  const refusing = pool({ onConnect: () => Promise.reject(new Error("refused by the hook")) });
  seen.push(await errorOf(refusing.query("select 1")), refusing.totalCount);
  return seen;
});

test("pg: idle clients are closed, down to the minimum", async () => {
  const pool = new pyroPg.Pool({ ...config, max: 3, min: 1, idleTimeoutMillis: 20 });
  const clients = await Promise.all([1, 2, 3].map(() => pool.connect()));
  for (const client of clients) client.release();
  while (pool.totalCount > 1) await event(pool, "remove");
  assert.deepEqual([pool.totalCount, pool.idleCount], [1, 1]);
  await pool.end();
  assert.equal(pool.totalCount, 0);
});

besidePg("an idle client on which an error is emitted is removed, and its stream ends", async ({ pool }) => {
  const clients = pool({ max: 1 });
  const client = await clients.connect();
  const ended = new Promise<void>((resolve) => client.connection.stream.once("end", () => resolve()));
  client.release();
  setTimeout(() => client.emit("error", new Error("on purpose")), 5);
  const [error] = await event(clients, "error") as [Error];
  await ended;
  return [error.message, clients.totalCount, clients.idleCount];
});

besidePg("a client that its server ends, released as soon as its query has failed", async ({ pool }) => {
  const clients = pool({ max: 1 });
  const lost = event(clients, "error");
  const client = await clients.connect();
  const failed = await errorOf(client.query("select pg_terminate_backend(pg_backend_pid())"));
  client.release();
  const [error] = await lost as [Error];
  return [failed, error.message, (await clients.query("select 1 as n")).rows];
});

// Bun has no domains.
if (!("Bun" in globalThis)) {
  besidePg("callbacks of connecting run in the domain of the call", async ({ pool }) => {
    const clients = pool();
    const domain = createDomain();
    return await new Promise((resolve) => {
      const current = (): unknown => (process as { domain?: unknown }).domain;
      domain.run(() =>
        clients.connect((_error, client, release) => {
          const inConnect = current() === domain;
          client!.query("select 1", () => {
            resolve([inConnect, current() === domain]);
            release();
          });
        })
      );
    });
  });
}
