/** The bridge, with the real SDK; where npm's packages come without an install. */
import assert from "node:assert/strict";
import { tracingChannel } from "node:diagnostics_channel";
import { Conn, Opts, ServerError, type Transaction } from "../../mod.ts";
import { Conn as BlockingConn } from "../../sync.ts";
import { instrument, type QueryText } from "../../src/otel/mod.ts";
import { acquires, publishSpan } from "../../src/telemetry/channels.ts";
import { newest } from "../support/suite/servers.ts";
import { test } from "../support/suite/test.ts";

const tcp = new Opts(newest.url()).upgradeToUnixSocket(false);

/** The SDK. It is loaded by those tests that run only: other runtimes want it installed. */
async function sdk() {
  const [api, hooks, tracing, measuring] = await Promise.all([
    import("npm:@opentelemetry/api@1"),
    import("npm:@opentelemetry/context-async-hooks@2"),
    import("npm:@opentelemetry/sdk-trace-base@2"),
    import("npm:@opentelemetry/sdk-metrics@2"),
  ]);
  api.context.setGlobalContextManager(new hooks.AsyncLocalStorageContextManager().enable());
  const spans = new tracing.InMemorySpanExporter();
  const tracerProvider = new tracing.BasicTracerProvider({ spanProcessors: [new tracing.SimpleSpanProcessor(spans)] });
  const exporter = new measuring.InMemoryMetricExporter(measuring.AggregationTemporality.CUMULATIVE);
  const reader = new measuring.PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 1_000_000 });
  const meterProvider = new measuring.MeterProvider({ readers: [reader] });
  return {
    api,
    tracer: tracerProvider.getTracer("test"),
    meter: meterProvider.getMeter("test"),
    takeSpans() {
      const finished = spans.getFinishedSpans().slice();
      spans.reset();
      return finished;
    },
    /** The last points of a metric, and what it is. */
    async points(name: string) {
      await reader.forceFlush();
      const scopes = exporter.getMetrics().at(-1)?.scopeMetrics ?? [];
      const metric = scopes.flatMap(({ metrics }) => metrics).find(({ descriptor }) => descriptor.name === name);
      return { unit: metric?.descriptor.unit, points: metric?.dataPoints ?? [] };
    },
    async [Symbol.asyncDispose](): Promise<void> {
      api.context.disable();
      await meterProvider.shutdown();
    },
  };
}

/** What every call over TCP is described with. */
const WHERE = {
  "db.system.name": "postgresql",
  "db.namespace": "test_db",
  "server.address": "127.0.0.1",
  "server.port": newest.port,
  "network.peer.address": "127.0.0.1",
  "network.peer.port": newest.port,
};

test("otel: a span per call, by the conventions", async () => {
  await using otel = await sdk();
  using _ = instrument(otel);
  await using conn = await Conn.connect(tcp);
  await conn.exec("select $1::text, 'shown'", ["secret"]);
  await conn.query("select 'secret', 42");
  await conn.query("/* secret */ begin; select 'secret'; commit");
  await conn.execBatch("insert into pg_temp.otel_test values ($1)", [["secret"], ["secret"]]).catch(() => {});
  await conn.ping();
  await conn.notify("otel_test");
  const spans = otel.takeSpans();
  const { SpanKind, SpanStatusCode } = otel.api;
  assert.deepEqual(spans.map(({ name, attributes }) => [name, attributes]), [
    ["connect test_db", WHERE],
    ["SELECT test_db", { ...WHERE, "db.operation.name": "SELECT", "db.query.text": "select $1::text, 'shown'" }],
    ["SELECT test_db", { ...WHERE, "db.operation.name": "SELECT", "db.query.text": "select ?, ?" }],
    ["test_db", { ...WHERE, "db.query.text": "begin; select ?; commit" }],
    ["BATCH INSERT test_db", {
      ...WHERE,
      "db.operation.name": "BATCH INSERT",
      "db.operation.batch.size": 2,
      "db.query.text": "insert into pg_temp.otel_test values ($1)",
      "db.response.status_code": "42P01",
      "error.type": "42P01",
    }],
    ["PING test_db", { ...WHERE, "db.operation.name": "PING" }],
    ["NOTIFY test_db", { ...WHERE, "db.operation.name": "NOTIFY" }],
  ]);
  for (const { name, kind, status } of spans) {
    assert.equal(kind, SpanKind.CLIENT);
    assert.equal(status.code, name.startsWith("BATCH") ? SpanStatusCode.ERROR : SpanStatusCode.UNSET);
    assert.equal(status.message, undefined);
  }
});

test("otel: spans have the caller's as parent, also those of calls that run at once", async () => {
  await using otel = await sdk();
  using _ = instrument({ tracer: otel.tracer });
  await using conn = await Conn.connect(tcp);
  otel.takeSpans();
  await Promise.all([1, 2, 3].map((n) =>
    otel.tracer.startActiveSpan(`request ${n}`, async (request) => {
      await conn.execValue(`select ${n}, $1::int4`, [n]);
      await conn.execValue(`select ${n}, $1::int4`, [n]);
      request.end();
    })
  ));
  const spans = otel.takeSpans();
  const requests = spans.filter(({ name }) => name.startsWith("request"));
  assert.equal(requests.length, 3);
  for (const request of requests) {
    const n = request.name.slice(-1);
    const children = spans.filter(({ parentSpanContext }) =>
      parentSpanContext?.spanId === request.spanContext().spanId
    );
    const texts = children.map(({ attributes }) => attributes["db.query.text"]).filter((text) => text !== undefined);
    assert.deepEqual(texts, [`select ${n}, $1::int4`, `select ${n}, $1::int4`]);
  }
});

test("otel: a transaction is the caller's own work", async () => {
  await using otel = await sdk();
  using _ = instrument({ tracer: otel.tracer });
  await using conn = await Conn.connect(tcp);
  otel.takeSpans();
  await conn.tx(async (tx: Transaction) => await tx.execDrop("select 1"));
  const { CLIENT, INTERNAL } = otel.api.SpanKind;
  assert.deepEqual(otel.takeSpans().map(({ name, kind }) => [name, kind]), [
    ["SELECT test_db", CLIENT],
    ["TRANSACTION test_db", INTERNAL],
  ]);
});

test("otel: streams and pipelines are one span each", async () => {
  await using otel = await sdk();
  using _ = instrument({ tracer: otel.tracer });
  await using conn = await Conn.connect(tcp);
  otel.takeSpans();
  for await (const _ of conn.stream("select generate_series(1, $1::int4)", [3], { batch: 2 }));
  {
    await using pipeline = conn.pipeline();
    pipeline.exec("select 1");
    await pipeline.sync();
    pipeline.exec("select 2");
  }
  assert.deepEqual(
    otel.takeSpans().map(({ name, attributes }) => [name, attributes["db.operation.batch.size"]]),
    [["SELECT test_db", undefined], ["BATCH test_db", 2]],
  );
});

test("otel: blocking calls, and a socket instead of a port", async () => {
  await using otel = await sdk();
  using _ = instrument({ tracer: otel.tracer });
  {
    using conn = new BlockingConn(newest.fast);
    assert.throws(() => conn.exec("select 1 / $1::int4", [0]), ServerError);
    using statement = conn.prepare("select 1");
    conn.exec(statement);
    using blocked = otel.tracer.startActiveSpan("outer", (span) => {
      conn.ping();
      span.end();
      return new DisposableStack();
    });
    void blocked;
  }
  const spans = otel.takeSpans();
  assert.deepEqual(spans.map(({ name }) => name), [
    "connect test_db",
    "SELECT test_db",
    "PREPARE test_db",
    "SELECT test_db",
    "PING test_db",
    "outer",
    "DEALLOCATE test_db",
  ]);
  const [connect, failed, , , ping, outer] = spans;
  assert.equal(connect!.attributes["server.address"], newest.socket);
  assert.equal(connect!.attributes["server.port"], undefined);
  assert.equal(failed!.attributes["error.type"], "22012");
  assert.equal(ping!.parentSpanContext?.spanId, outer!.spanContext().spanId);
});

test("otel: SQL text as it is, or not at all", async () => {
  await using otel = await sdk();
  await using conn = await Conn.connect(tcp);
  const texts: unknown[] = [];
  for (const queryText of ["raw", "none", "redacted"] satisfies QueryText[]) {
    using _ = instrument({ tracer: otel.tracer, queryText });
    await conn.query("select 1");
    texts.push(otel.takeSpans()[0]!.attributes["db.query.text"]);
  }
  assert.deepEqual(texts, ["select 1", undefined, "select ?"]);
});

test("otel: durations of calls, but not of functions of the caller's", async () => {
  await using otel = await sdk();
  using _ = instrument({ meter: otel.meter });
  await using conn = await Conn.connect(tcp);
  for (const n of [1, 2]) await conn.execValue("select $1::int4", [n]);
  await conn.tx(async (tx: Transaction) => await tx.query("select 1"));
  await conn.query("select no_such_column").catch(() => {});
  const { unit, points } = await otel.points("db.client.operation.duration");
  assert.equal(unit, "s");
  const select = { ...WHERE, "db.operation.name": "SELECT" };
  assert.deepEqual(points.map(({ attributes }) => attributes), [
    select,
    { ...select, "db.response.status_code": "42703", "error.type": "42703" },
  ]);
  const { count, sum, buckets } = points[0]!.value as {
    count: number;
    sum: number;
    buckets: { boundaries: number[] };
  };
  assert.equal(count, 3);
  assert.ok(sum > 0 && sum < 600);
  assert.deepEqual(buckets.boundaries, [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10]);
});

test("otel: a pool's connections, and waiting for them", async () => {
  await using otel = await sdk();
  const pool = { stats: () => ({ idle: 1, leased: 2, waiting: 3, max: 4 }) };
  const name = { "db.client.connection.pool.name": "main" };
  {
    using _ = instrument({ meter: otel.meter, pools: { main: pool } });
    const event = { pool: "main", connection: undefined, duration: undefined, error: undefined };
    await publishSpan(acquires, () => event, () => Promise.resolve());
    const values = async (metric: string): Promise<unknown> =>
      (await otel.points(`db.client.connection.${metric}`)).points.map(({ attributes, value }) => [attributes, value]);
    assert.deepEqual(await values("count"), [
      [{ ...name, "db.client.connection.state": "idle" }, 1],
      [{ ...name, "db.client.connection.state": "used" }, 2],
    ]);
    assert.deepEqual(await values("max"), [[name, 4]]);
    assert.deepEqual(await values("pending_requests"), [[name, 3]]);
    const { points } = await otel.points("db.client.connection.wait_time");
    assert.deepEqual(points.map(({ attributes }) => attributes), [name]);
  }
});

test("otel: once it is disposed of, nobody listens", async () => {
  await using otel = await sdk();
  {
    using _ = instrument({ ...otel, pools: { main: { stats: () => assert.fail("nobody asks") } } });
    assert.equal(acquires.hasSubscribers, true);
  }
  assert.equal(acquires.hasSubscribers, false);
  for (const name of ["pyro:query", "pyro:connect"]) {
    const { start, end, asyncStart, asyncEnd, error } = tracingChannel(name);
    for (const channel of [start, end, asyncStart, asyncEnd, error]) assert.equal(channel.hasSubscribers, false);
  }
  await using conn = await Conn.connect(tcp);
  await conn.ping();
  assert.deepEqual(otel.takeSpans(), []);
  assert.deepEqual((await otel.points("db.client.connection.count")).points, []);
});
