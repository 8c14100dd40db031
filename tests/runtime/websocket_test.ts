/** Connections through a WebSocket proxy, which splits what it passes on. */
import assert from "node:assert/strict";
import { after } from "node:test";
import { Conn, ConnectionError, Opts, UsageError } from "../../mod.ts";
import { transportChecks } from "../../src/testing/mod.ts";
import { webSocket } from "../../src/websocket/mod.ts";
import { Conn as SyncConn } from "../../sync.ts";
import { ListeningProcess } from "../support/processes/listening.ts";
import { newest } from "../support/suite/servers.ts";
import { test } from "../support/suite/test.ts";

const proxy = await ListeningProcess.start("websocket_proxy.ts");
after(() => proxy[Symbol.asyncDispose]());

const base = new Opts(newest.url()).sslMode("disable");
const through = base.dial(webSocket(`ws://${proxy.address}/v1?tenant=a`));

for (const { name, run } of transportChecks(() => Conn.connect(through))) test(`${name} (WebSocket)`, run);

test("websocket: its name, subprotocols, and a function for the URL", async () => {
  const dial = webSocket(({ host, port }) => new URL(`ws://${proxy.address}/?address=${host}:${port}`), {
    protocols: "pg",
  });
  await using conn = await Conn.connect(base.dial(dial));
  assert.equal(conn.transport, "websocket");
  assert.equal(await conn.execValue("select 1"), 1);
});

test("websocket: COPY of more than is buffered", async () => {
  await using conn = await Conn.connect(through);
  await conn.queryDrop("create temporary table t (a text)");
  const line = new TextEncoder().encode(`${"x".repeat(99_999)}\n`);
  assert.equal(await conn.copyIn("copy t from stdin", Array.from({ length: 100 }, () => line)), 100);
  assert.equal(await conn.execValue("select sum(length(a)) from t"), 9_999_900n);
});

test("websocket: what goes wrong is said", async () => {
  const closed = await ListeningProcess.start("websocket_proxy.ts");
  await closed[Symbol.asyncDispose]();
  const cases: readonly (readonly [proxy: string, words: RegExp])[] = [
    [`ws://${closed.address}`, /the WebSocket could not be opened/],
    [`ws://${proxy.address}/text`, /has sent a text message, and must send binary ones/],
    [`ws://${proxy.address}/close`, /the WebSocket was closed with 1011: no/],
  ];
  for (const [url, words] of cases) {
    await assert.rejects(
      Conn.connect(base.dial(webSocket(url))),
      (error) => error instanceof ConnectionError && words.test(error.message),
      url,
    );
  }
  await assert.rejects(
    Conn.connect(base.connectTimeout(500).dial(webSocket(`ws://${proxy.address}/never`))),
    /^ConnectionError: Cannot connect to 127\.0\.0\.1:\d+: timed out$/,
  );
});

test("websocket: what cannot be is refused", async () => {
  for (const bad of ["https://proxy.example.com", "proxy.example.com", "", 5 as never]) {
    assert.throws(() => webSocket(bad), /^UsageError: Cannot connect through a WebSocket: the proxy must be a URL/);
  }
  await assert.rejects(Conn.connect(base.dial(webSocket(() => "x"))), /the proxy must be a URL/);
  await assert.rejects(Conn.connect(base.socket("/tmp/s").dial(webSocket("ws://x"))), UsageError);
  assert.throws(() => new SyncConn(through), /it needs promises, and this connection blocks/);
  await assert.rejects(
    Conn.connect(through.sslMode("require")),
    /sslmode=require asks for TLS, and the connection of dial has no startTls/,
  );
});
