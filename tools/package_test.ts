/** The npm package, installed from its tarball as users do: on each runtime, with type checks, and through bundlers. */
import assert from "node:assert/strict";
import { spawnSync, type SpawnSyncReturns } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { after, before, test } from "node:test";
import { cached, npmInstall } from "../tests/support/installed/cache.ts";
import type { PostgresServer } from "../tests/support/installed/postgres.ts";
import { startTestServer } from "../tests/support/installed/test_server.ts";
import { LIBRARIES, packages, PG, RUNTIMES } from "../tests/support/installed/versions.ts";
import { buildPackage, readConfig, versionsOf } from "./build.ts";
import { buildPgPackage } from "./build_pg.ts";

const ROOT = join(import.meta.dirname!, "..");

/** What people use the package with. The releases of Node are packages with nothing but its binary. */
const TOOLS = {
  "esbuild": "0.28.2",
  "rollup": "4.68.8",
  "@rollup/plugin-node-resolve": "16.0.3",
  "tsx": "4.23.15",
  "typescript5": "npm:typescript@5.9.3",
  "typescript7": "npm:typescript@7.0.2",
  "node20": `npm:node-${process.platform}-${process.arch}@20.19.5`,
  "node22": `npm:node-${process.platform}-${process.arch}@22.15.0`,
  "node24": `npm:node-${process.platform}-${process.arch}@24.22.3`,
  "node26": `npm:node-${process.platform}-${process.arch}@${RUNTIMES.node.split("@")[1]}`,
} as const;

/** A program that uses both worlds. Node 22 and 24 have no Temporal. */
const PROGRAM = `
import { Conn, Opts, Pool, sql } from "@x/pyro";
import { Conn as BlockingConn } from "@x/pyro/sync";

const dates = "Temporal" in globalThis ? "temporal" : "string";
const opts = new Opts(process.env.URL).dates(dates).blockingTransport("worker");
const conn = await Conn.connect(opts);
const texts = [await conn.execValue(sql\`select \${"promises"}\`), typeof await conn.execValue("select now()")];
await conn.close();
const pool = new Pool(opts);
texts.push(await pool.execValue("select 'pooled'"));
await pool.close();
const blocking = new BlockingConn(opts);
texts.push(blocking.execValue("select 'blocking'"));
blocking.close();
try {
  await Conn.connect(new Opts(process.env.URL));
  texts.push("temporal");
} catch (error) {
  texts.push(error.name, error.message.includes('dates("string")'));
}
console.log(JSON.stringify(texts));
process.exit();
`;

/** The same with \`require\`. */
const COMMON_JS = `
const { Conn, Opts } = require("@x/pyro");
const { Conn: BlockingConn } = require("@x/pyro/sync");

(async () => {
  const opts = new Opts(process.env.URL).dates("string");
  const conn = await Conn.connect(opts);
  const texts = [await conn.execValue("select 'promises'")];
  await conn.close();
  const blocking = new BlockingConn(opts);
  texts.push(blocking.execValue("select 'blocking'"));
  console.log(JSON.stringify(texts));
  process.exit();
})();
`;

/** Types that users write. */
const TYPES = `
import { Conn, type ConnectOptions, DecodeError, Interval, Opts, Pool, type PoolOptions, type Row, sql } from "@x/pyro";
import { Conn as BlockingConn } from "@x/pyro/sync";
import { instrument } from "@x/pyro/otel";
import { pglite } from "@x/pyro/pglite";
import { transportChecks } from "@x/pyro/testing";
import { webSocket } from "@x/pyro/websocket";
import { workerSockets } from "@x/pyro/workers";

const options: PoolOptions = { poolMaxConcurrency: 4 };
const connectOptions: ConnectOptions = {};
export async function main(): Promise<number> {
  await using conn = await Conn.connect(new Opts("pg://").int8("number"), connectOptions);
  await using pool = new Pool("pg://", options);
  const rows: Row[] = await pool.exec(sql\`select \${1}\`);
  const typed = await conn.exec<{ n: number }>("select 1 as n");
  for await (const row of conn.stream<{ n: number }>("select 1 as n")) console.log(row.n.toFixed());
  using blocking = new BlockingConn("pg://");
  const first = blocking.execFirst<{ n: string }>("select 'a' as n");
  const interval: Interval = Interval.from("1 day");
  // @ts-expect-error: there is no such option.
  new Opts().nothing();
  return rows.length + (typed[0]?.n ?? 0) + (first?.n.length ?? 0) + interval.days;
}
export const names = [DecodeError, instrument, pglite, transportChecks, webSocket, workerSockets].map(({ name }) => name);
`;

/** A program of pg's, with a query class of another package. */
const PG_PROGRAM = `
import pg, { Client, types } from "pg";
import { createRequire } from "node:module";
import Cursor from "pg-cursor";
import QueryStream from "pg-query-stream";

const require = createRequire(import.meta.url);
const shared = [require("pg").Client === Client, pg.Client === Client, require("pg-types").getTypeParser === types.getTypeParser];
const pool = new pg.Pool({ connectionString: process.env.URL.replace("pg:", "postgres:") });
const { rows } = await pool.query("select $1::int4 as n", [1]);
const client = await pool.connect();
const cursor = client.query(new Cursor("select generate_series(1, 3) as n"));
rows.push(...await cursor.read(2));
await cursor.close();
for await (const row of client.query(new QueryStream("select 9 as n"))) rows.push(row);
client.release();
await pool.end();
// The process ends by itself when the pool has ended.
console.log(JSON.stringify([shared, rows.map(({ n }) => n), pg.native ?? "none"]));
`;

/** OpenTelemetry, whose instrumentation of pg changes methods of pg and pg-pool as they are loaded. */
const OPENTELEMETRY = {
  "@opentelemetry/api": "1.9.1",
  "@opentelemetry/instrumentation": "0.223.0",
  "@opentelemetry/instrumentation-pg": "0.76.0",
  "@opentelemetry/sdk-trace-node": "2.12.1",
} as const;

/**
 * A program that is observed: by OpenTelemetry, and as agents do, of which Datadog's reads the query that a call has
 * added to the client, and New Relic's and Sentry's change the texts of files.
 */
const OBSERVED_PROGRAM = `
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
  const file = /.*node_modules.((?:pg|pg-pool)[/\\\\].*)/.exec(Module._resolveFilename(name, this));
  if (file !== null) loaded.push(file[1].replaceAll("\\\\", "/"));
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
      return new RegExp(\`class \${name} .*\\\\sconnect\\\\(.*\\\\squery\\\\(\`, "s").test(text);
    }),
    kind: Object.prototype.toString.call(pg),
    native: [pg.native, Object.keys(pg).includes("native")],
  }));
});
`;

/** Types of pg's that users write. */
const PG_TYPES = `
import pg, { type ClientConfig, type PoolClient, type QueryConfig, type QueryResult, type QueryResultRow } from "pg";
import { Client, DatabaseError, Pool, types } from "pg";

interface Person extends QueryResultRow { name: string }
const config: ClientConfig = { host: "localhost", port: 5432, ssl: { rejectUnauthorized: false } };
export async function main(pool: pg.Pool): Promise<number> {
  types.setTypeParser(types.builtins.INT8, (text) => Number(text));
  const client: PoolClient = await pool.connect();
  client.on("notice", (notice) => console.log(notice.message));
  const query: QueryConfig = { text: "select $1::text as name", values: ["Ada"] };
  const result: QueryResult<Person> = await client.query<Person>(query);
  const arrays = await client.query<[number, string]>({ text: "select 1, 'a'", rowMode: "array" });
  client.query("select 1 as n", [], (error, { rows }) => console.log(error, rows[0].n));
  client.release(true);
  const other = new Client(config);
  other.on("notification", ({ channel, payload }) => console.log(channel, payload));
  await other.end();
  // @ts-expect-error: there is no such option.
  new Client({ hots: "localhost" });
  return (result.rowCount ?? 0) + arrays.rows[0]![0] + new Pool({ max: 1 }).totalCount;
}
export const names = [DatabaseError, pg.Query].map(({ name }) => name);
`;

const BUN = ["-y", RUNTIMES.bun] as const;

/** Types that users of Kysely and Drizzle write. */
const LIBRARY_TYPES = `
import { Pool, type Transaction } from "@x/pyro";
import { drizzle, migrate, type PyroDatabase } from "@x/pyro/drizzle";
import { pgTypes, PyroDialect } from "@x/pyro/kysely";
import { eq, relations, sql } from "drizzle-orm";
import { integer, pgTable, text } from "drizzle-orm/pg-core";
import { type Generated, Kysely, PostgresDialect } from "kysely";

interface Database {
  person: { id: Generated<number>; name: string };
}

const pool = new Pool("pg://");
const dialect: PostgresDialect = new PyroDialect({ pool: async () => pool, types: (oid) => pgTypes(oid) });
export const kysely = new Kysely<Database>({ dialect });
export async function names(): Promise<string[]> {
  for await (const row of kysely.selectFrom("person").select("name").stream()) console.log(row.name.length);
  // @ts-expect-error: there is no such column.
  await kysely.selectFrom("person").select("nothing").execute();
  return (await kysely.selectFrom("person").select("name").execute()).map(({ name }) => name);
}

const person = pgTable("person", { id: integer().primaryKey(), name: text().notNull() });
const pet = pgTable("pet", { id: integer().primaryKey(), ownerId: integer() });
const petRelations = relations(pet, ({ one }) => ({
  owner: one(person, { fields: [pet.ownerId], references: [person.id] }),
}));
const schema = { person, pet, petRelations };
const db: PyroDatabase<typeof schema> & { $client: Pool } = drizzle({ client: pool, schema, casing: "snake_case" });
export const others = [drizzle("pg://"), drizzle(pool, { logger: true }), drizzle({ connection: "pg://" })];
export const inTransaction = (tx: Transaction) => drizzle(tx).$client.execPortal("select 1");
export async function first(): Promise<string | undefined> {
  await migrate(db, { migrationsFolder: "drizzle" });
  const { rows, rowCount } = await db.execute<{ n: number }>(sql\`select 1 as n\`);
  console.log(rows[0]?.n.toFixed(), rowCount === null);
  const found = await db.query.pet.findFirst({ with: { owner: true } });
  const [row] = await db.transaction((tx) => tx.select().from(person).where(eq(person.id, 1)), { accessMode: "read only" });
  // @ts-expect-error: there is no such column.
  console.log(row?.nothing);
  return found?.owner?.name ?? row?.name;
}
`;

let server: PostgresServer;
let project: string;
let tools: string;

before(async () => {
  tools = cached(`package-tools-${Object.values(TOOLS).join("-").replaceAll(/[^\w.-]/g, "")}`, (staging) => {
    npmInstall(staging, Object.entries(TOOLS).map(([name, version]) => `${name}@${version}`));
    return staging;
  });
  server = await startTestServer(18);
  project = newProject();
  const directory = join(project, "built");
  await buildPackage(directory);
  spawn("npm", ["pack", "--silent", "--pack-destination", project], directory);
  spawn("npm", ["install", "--no-audit", "--no-fund", "--legacy-peer-deps", tarball(), ...packages(LIBRARIES)]);
});

let pgProject: string | undefined;

/** A project with the package in pg's place, made when it is first needed. */
async function projectWithPg(): Promise<string> {
  if (pgProject !== undefined) return pgProject;
  const directory = newProject();
  const built = join(directory, "built");
  await buildPgPackage(built);
  spawn("npm", ["pack", "--silent", "--pack-destination", directory], built);
  const packed = join(directory, readdirSync(directory).find((name) => name.endsWith(".tgz"))!);
  const { "pg-cursor": cursor, "pg-query-stream": stream } = PG;
  const inPlace = [`pg@file:${packed}`, `pg-cursor@${cursor}`, `pg-query-stream@${stream}`];
  spawn("npm", ["install", "--no-audit", "--no-fund", ...inPlace, ...packages(OPENTELEMETRY)], directory);
  writeFileSync(join(directory, "pg.mjs"), PG_PROGRAM);
  writeFileSync(join(directory, "observed.cjs"), OBSERVED_PROGRAM);
  writeFileSync(join(directory, "pg_types.mts"), PG_TYPES);
  return pgProject = directory;
}

after(async () => {
  await server?.[Symbol.asyncDispose]();
  for (const directory of [project, pgProject]) {
    if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
  }
});

/** An empty project, as \`npm init\` makes it. */
function newProject(): string {
  const directory = mkdtempSync(join(tmpdir(), "pyro-package-"));
  writeFileSync(join(directory, "package.json"), `{ "name": "a-project", "type": "module" }`);
  writeFileSync(join(directory, "program.mjs"), PROGRAM);
  writeFileSync(join(directory, "program.cjs"), COMMON_JS);
  writeFileSync(join(directory, "types.mts"), TYPES);
  writeFileSync(join(directory, "libraries.mts"), LIBRARY_TYPES);
  return directory;
}

function tarball(): string {
  return join(project, readdirSync(project).find((name) => name.endsWith(".tgz"))!);
}

/** Runs a command in the project; fails with what it printed. */
function spawn(command: string, args: readonly string[], cwd: string = project): SpawnSyncReturns<string> {
  const { PATH, HOME } = process.env;
  const result = spawnSync(command, args, {
    cwd,
    encoding: "utf8",
    timeout: 120_000,
    env: { PATH, HOME, npm_config_update_notifier: "false", NO_COLOR: "1", URL: url() },
  });
  assert.equal(
    result.status,
    0,
    `${command} ${args.join(" ")}:\n${result.error ?? ""}${result.stdout}${result.stderr}`,
  );
  return result;
}

function url(): string {
  return server === undefined ? "" : `pg://test:1234@127.0.0.1:${server.port}/test_db`;
}

function tool(...path: string[]): string {
  return join(tools, "node_modules", ...path);
}

function node(major: 20 | 22 | 24 | 26): string {
  return tool(`node${major}`, "bin", "node");
}

test("package: in pg's place, imported and required, with query classes of other packages", async () => {
  const directory = await projectWithPg();
  const expected = [[true, true, true], [1, 1, 2, 9], "none"];
  const runs = [[node(22), "pg.mjs"], [node(26), "pg.mjs"], ["npx", ...BUN, "pg.mjs"]];
  for (const [command, ...args] of [...runs, [process.execPath, "run", "-A", "--node-modules-dir=manual", "pg.mjs"]]) {
    const { stdout } = spawn(command!, args, directory);
    assert.deepEqual(JSON.parse(stdout.trim().split("\n").at(-1)!), expected, command);
  }
  const manifest = JSON.parse(readFileSync(join(directory, "node_modules/pg/package.json"), "utf8"));
  assert.deepEqual(Object.keys(manifest.dependencies), ["pg-connection-string", "pg-types", "@types/node"]);
});

test("package: in pg's place, observed by OpenTelemetry and by agents", async () => {
  const directory = await projectWithPg();
  for (const major of [22, 26] as const) {
    const { stdout } = spawn(node(major), ["observed.cjs"], directory);
    const { loaded, ...seen } = JSON.parse(stdout.trim().split("\n").at(-1)!);
    for (const file of ["pg/lib/index.js", "pg/lib/client.js", "pg-pool/index.js"]) {
      assert.ok(loaded.includes(file), file);
    }
    assert.deepEqual(seen, {
      spans: [
        ["pg.connect", "pg-pool.connect"],
        ["pg-pool.connect", "program"],
        ["pg.query:SELECT test_db", "program"],
        ["pg-pool.connect", "program"],
        ["pg.query:SELECT test_db", "program"],
        ["program", null],
      ],
      added: [["select 1 as n", "function"], ["select $1::int4 as n", "function"]],
      hasMethods: [true, true],
      kind: "[object Object]",
      native: [null, false],
    });
  }
});

for (const version of ["typescript5", "typescript7"] as const) {
  test(`package: pg's types by ${TOOLS[version].replace("npm:", "")}`, async () => {
    const directory = await projectWithPg();
    const compilerOptions = { strict: true, target: "es2022", module: "nodenext", noEmit: true, types: ["node"] };
    const config = join(directory, `${version}.json`);
    writeFileSync(config, JSON.stringify({ compilerOptions, files: ["pg_types.mts"] }));
    spawn(node(26), [tool(version, "bin", "tsc"), "-p", config], directory);
  });
}

/** What a program has printed in the end. */
function printed(command: string, ...args: string[]): unknown {
  return JSON.parse(spawn(command, args).stdout.trim().split("\n").at(-1)!);
}

const WITH_TEMPORAL = ["promises", "object", "pooled", "blocking", "temporal"];
const WITHOUT_TEMPORAL = ["promises", "string", "pooled", "blocking", "UsageError", true];

for (const major of [22, 24, 26] as const) {
  test(`package: both worlds on Node ${major}, imported and required`, () => {
    assert.deepEqual(printed(node(major), "program.mjs"), major === 26 ? WITH_TEMPORAL : WITHOUT_TEMPORAL);
    assert.deepEqual(printed(node(major), "program.cjs"), ["promises", "blocking"]);
  });
}

test("package: Node 20 is too old, and both worlds say so", () => {
  const program = `
import { Conn } from "@x/pyro";
import { Conn as BlockingConn } from "@x/pyro/sync";
const errors = [];
for (const connect of [() => Conn.connect("pg://"), () => new BlockingConn("pg://")]) {
  try {
    await connect();
  } catch (error) {
    errors.push(String(error));
  }
}
console.log(JSON.stringify(errors));
`;
  writeFileSync(join(project, "old.mjs"), program);
  const message = "UsageError: Cannot connect: this runtime has no Promise.withResolvers; " +
    "pyro needs Node 22.15, Bun 1.4 or Deno 2.9, or a later release";
  assert.deepEqual(printed(node(20), "old.mjs"), [message, message]);
});

test("package: both worlds on Bun, imported and required, and installed by it", () => {
  assert.deepEqual(printed("npx", ...BUN, "program.mjs"), WITH_TEMPORAL);
  assert.deepEqual(printed("npx", ...BUN, "program.cjs"), ["promises", "blocking"]);
  const other = newProject();
  try {
    spawn("npx", [...BUN, "add", tarball()], other);
    assert.deepEqual(JSON.parse(spawn("npx", [...BUN, "program.mjs"], other).stdout), WITH_TEMPORAL);
  } finally {
    rmSync(other, { recursive: true, force: true });
  }
});

test("package: both worlds on Deno, imported and required", () => {
  const run = ["run", "-A", "--node-modules-dir=manual"];
  assert.deepEqual(printed(process.execPath, ...run, "program.mjs"), WITH_TEMPORAL);
  assert.deepEqual(printed(process.execPath, ...run, "program.cjs"), ["promises", "blocking"]);
});

for (const version of ["typescript5", "typescript7"] as const) {
  for (const skipLibCheck of [true, false]) {
    test(`package: types by ${TOOLS[version].replace("npm:", "")}, ${skipLibCheck ? "without" : "with"} a check of the package's own`, () => {
      const compilerOptions = {
        strict: true,
        target: "es2022",
        module: "nodenext",
        noEmit: true,
        skipLibCheck,
        types: [],
      };
      const lib = ["es2022", "dom", "esnext.disposable", "es2018.asynciterable"];
      // The types of Drizzle name those of databases that are not installed.
      const files = skipLibCheck ? ["types.mts", "libraries.mts"] : ["types.mts"];
      const config = join(project, `${version}-${skipLibCheck}.json`);
      writeFileSync(config, JSON.stringify({ compilerOptions: { ...compilerOptions, lib }, files }));
      spawn(node(26), [tool(version, "bin", "tsc"), "-p", config]);
    });
  }
}

for (const options of [[], ["--minify"], ["--keep-names"], ["--target=es2022"], ["--minify", "--keep-names"]]) {
  test(`package: bundled by esbuild ${options.join(" ")}`, () => {
    spawn(node(26), [
      tool("esbuild", "bin", "esbuild"),
      "program.mjs",
      "--bundle",
      "--platform=node",
      "--format=esm",
      "--outfile=bundled/esbuild.mjs",
      ...options,
    ]);
    assert.deepEqual(printed(node(26), "bundled/esbuild.mjs"), WITH_TEMPORAL);
  });
}

test("package: bundled by rollup", () => {
  // Rollup looks for its plugins where it is.
  const config = `import resolve from ${JSON.stringify(tool("@rollup/plugin-node-resolve/dist/es/index.js"))};
export default {
  input: "program.mjs",
  external: [/^node:/],
  plugins: [resolve()],
  output: { file: "bundled/rollup.mjs", inlineDynamicImports: true },
};`;
  writeFileSync(join(project, "rollup.config.mjs"), config);
  spawn(node(26), [tool("rollup", "dist", "bin", "rollup"), "-c", "rollup.config.mjs"]);
  assert.deepEqual(printed(node(26), "bundled/rollup.mjs"), WITH_TEMPORAL);
});

test("package: compiled by Bun", () => {
  spawn("npx", [...BUN, "build", "--compile", "--outfile=bundled/program", "program.mjs"]);
  assert.deepEqual(printed(join(project, "bundled/program")), WITH_TEMPORAL);
});

test("package: bundled by Deno", () => {
  spawn(process.execPath, ["bundle", "--node-modules-dir=manual", "--output=bundled/deno.mjs", "program.mjs"]);
  assert.deepEqual(printed(process.execPath, "run", "-A", "bundled/deno.mjs"), WITH_TEMPORAL);
});

test("package: the sources, run by tsx", () => {
  const copy = join(project, "sources");
  mkdirSync(copy);
  for (const name of ["mod.ts", "sync.ts", "async.ts", "src"]) {
    cpSync(join(ROOT, name), join(copy, name), { recursive: true });
  }
  const program = PROGRAM.replace(`"@x/pyro"`, `"./sources/mod.ts"`).replace(`"@x/pyro/sync"`, `"./sources/sync.ts"`);
  writeFileSync(
    join(project, "sources.ts"),
    program.replace("error.name, error.message", "String(error), String(error)"),
  );
  assert.deepEqual(printed(node(26), tool("tsx", "dist", "cli.mjs"), "sources.ts"), WITH_TEMPORAL);
});

test("package: every entry point can be imported, on the oldest Node too", () => {
  const { exports } = JSON.parse(readFileSync(join(ROOT, "deno.json"), "utf8")) as { exports: Record<string, string> };
  const imports = Object.keys(exports).map((path) => `import(${JSON.stringify(`@x/pyro${path.slice(1)}`)})`);
  const peers = Object.entries(versionsOf(readConfig())).map(([name, version]) => `${name}@${version}`);
  spawn("npm", ["install", "--no-save", "--no-audit", "--no-fund", ...peers]);
  const program = `const all = await Promise.all([${imports}]);
console.log(JSON.stringify(all.map((names) => Object.keys(names).length > 0)));`;
  writeFileSync(join(project, "entry_points.mjs"), program);
  for (const major of [22, 26] as const) {
    assert.deepEqual(printed(node(major), "entry_points.mjs"), imports.map(() => true));
  }
});

test("package: calls and pools are observed, on the oldest Node too", () => {
  const program = `
import { Opts, Pool } from "@x/pyro";
import { instrument } from "@x/pyro/otel";
const seen = [];
const callbacks = new Set();
const span = { updateName() {}, setAttributes() {}, setStatus() {}, end() {} };
const counter = { addCallback: (answer) => callbacks.add(answer), removeCallback: (answer) => callbacks.delete(answer) };
const tracer = { startSpan: (name) => (seen.push(name), span) };
const meter = { createHistogram: () => ({ record() {} }), createObservableUpDownCounter: () => counter };
const pool = new Pool(new Opts(process.env.URL).dates("string"));
const observed = instrument({ tracer, meter, pools: { main: pool } });
await pool.query("select 1");
seen.push(callbacks.size);
observed[Symbol.dispose]();
await pool.query("select 2");
seen.push(callbacks.size);
await pool.close();
console.log(JSON.stringify(seen));`;
  writeFileSync(join(project, "observed.mjs"), program);
  for (const major of [22, 26] as const) {
    assert.deepEqual(printed(node(major), "observed.mjs"), ["connect test_db", "SELECT test_db", 3, 0]);
  }
});

test("package: nothing is required, and every file that it names is there", () => {
  const directory = join(project, "node_modules/@x/pyro");
  const manifest = JSON.parse(readFileSync(join(directory, "package.json"), "utf8"));
  const config = JSON.parse(readFileSync(join(ROOT, "deno.json"), "utf8"));
  assert.equal(manifest.version, config.version);
  assert.deepEqual([manifest.dependencies, manifest.sideEffects], [undefined, false]);
  for (const peer of Object.keys(manifest.peerDependencies)) {
    assert.deepEqual(manifest.peerDependenciesMeta[peer], { optional: true }, peer);
  }
  assert.deepEqual(Object.keys(manifest.exports), [...Object.keys(config.exports), "./package.json"]);
  const files = Object.values(manifest.exports as Record<string, string | Record<string, string>>)
    .flatMap((target) => typeof target === "string" ? [target] : Object.values(target));
  for (const file of [...files, "./README.md", "./LICENSE"]) {
    assert.ok(readdirSync(join(directory, dirname(file))).includes(file.split("/").at(-1)!), file);
  }
});
