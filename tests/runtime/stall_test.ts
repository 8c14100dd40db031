/** Connections that are there, and lead nowhere: what was begun with a time-out comes to an end. */
import assert from "node:assert/strict";
import { Conn, TimeoutError } from "../../mod.ts";
import { FaultProxy } from "../../src/testing/mod.ts";
import { newest } from "../support/suite/servers.ts";
import { test } from "../support/suite/test.ts";

/** Milliseconds: enough for what comes before the network stalls, also on a busy machine. */
const TIMEOUT = 1000;
const MANY = "select generate_series(1, 100000) as n";

/** Runs with a connection, and the network behind it; the connection is given up in the end. */
async function stalling(body: (conn: Conn, proxy: FaultProxy) => Promise<void>): Promise<void> {
  await using proxy = await FaultProxy.start(newest.port);
  const conn = await Conn.connect(newest.url().replace(`:${newest.port}/`, `:${proxy.port}/`));
  try {
    await body(conn, proxy);
    assert.equal(conn.closed, true);
  } finally {
    await conn.close({ timeout: 0 });
  }
}

test("stall: the loop over a stream can be left", () =>
  stalling(async (conn, proxy) => {
    for await (const _ of conn.stream(MANY, { batch: 10, timeout: TIMEOUT })) {
      proxy.stall(true);
      break;
    }
  }));

test("stall: the end of a stream is a time-out", () =>
  stalling(async (conn, proxy) => {
    const rows = conn.stream("select 1 as n", { timeout: TIMEOUT });
    assert.deepEqual((await rows.next()).value, { n: 1 });
    proxy.stall(true);
    await assert.rejects(rows.next(), TimeoutError);
  }));

test("stall: the reading of copyOut can be given up", () =>
  stalling(async (conn, proxy) => {
    const reader = conn.copyOut(`copy (${MANY}) to stdout`, { timeout: TIMEOUT }).getReader();
    assert.equal((await reader.read()).done, false);
    proxy.stall(true);
    await reader.cancel();
  }));
