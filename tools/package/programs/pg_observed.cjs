// A program that is observed: by OpenTelemetry, and as agents do, of which Datadog's reads the query that a call has
// added to the client, and New Relic's and Sentry's change the texts of files.
const { trace } = require("@opentelemetry/api");
const { registerInstrumentations } = require("@opentelemetry/instrumentation");
const { PgInstrumentation } = require("@opentelemetry/instrumentation-pg");
const { NodeTracerProvider, SimpleSpanProcessor, InMemorySpanExporter } = require("@opentelemetry/sdk-trace-node");
const exporter = new InMemorySpanExporter();
const tracerProvider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
tracerProvider.register();
registerInstrumentations({ tracerProvider, instrumentations: [new PgInstrumentation()] });

const { readFileSync } = require("node:fs");
const Module = require("node:module");
const loaded = [];
const load = Module.prototype.require;
Module.prototype.require = function (name) {
  const file = /.*node_modules.((?:pg|pg-pool)[/\\].*)/.exec(Module._resolveFilename(name, this));
  if (file !== null) loaded.push(file[1].replaceAll("\\", "/"));
  return load.call(this, name);
};
const pg = require("pg");
Module.prototype.require = load;

const added = [];
const { query } = pg.Client.prototype;
pg.Client.prototype.query = function (...args) {
  const result = query.apply(this, args);
  const { callback, text } = this.queryQueue.at(-1) || this.activeQuery;
  added.push([text, typeof callback]);
  return result;
};

trace.getTracer("program").startActiveSpan("program", async (span) => {
  const pool = new pg.Pool({ connectionString: process.env.URL.replace("pg:", "postgres:"), max: 1 });
  await pool.query("select 1 as n");
  await pool.query("select $1::int4 as n", [1]);
  await pool.end();
  span.end();
  const spans = exporter.getFinishedSpans();
  const nameOf = (id) => spans.find((span) => span.spanContext().spanId === id)?.name;
  console.log(JSON.stringify({
    loaded: loaded.filter((file) => !file.startsWith("pg/lib/chunks/")),
    spans: spans.map(({ name, parentSpanContext }) => [name, nameOf(parentSpanContext?.spanId)]),
    added,
    hasMethods: ["Client", "Pool"].map((name) => {
      const file = name === "Client" ? "client.js" : "node_modules/pg-pool/index.js";
      const text = readFileSync(require.resolve("pg").replace("index.js", file), "utf8");
      return new RegExp(`class ${name} .*\\sconnect\\(.*\\squery\\(`, "s").test(text);
    }),
    kind: Object.prototype.toString.call(pg),
    native: [pg.native, Object.keys(pg).includes("native")],
  }));
});
