/**
 * The programs of `docs/programs.md`: those with pyro do the same as those with postgres.js and pg, and are shorter.
 * They run on Node, where all three clients are at home.
 */
import assert from "node:assert/strict";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { test } from "node:test";
import { installPeers } from "../bench/peers.ts";
import { Conn } from "../mod.ts";
import { CACHE } from "../tests/support/installed/cache.ts";
import { programOf } from "./compat/run_file.ts";
import { type CompatServer, startCompatServer } from "./compat/server.ts";
import { CLIENTS, countLines, pathOf, PROGRAMS } from "./programs.ts";

const ROOT = join(import.meta.dirname!, "..");

test("programs: lines are counted without comments and blank ones", () => {
  assert.equal(countLines("/** One. */\n/**\n * Two.\n */\na();\n\n// Three.\nb(); // four\n`/* no */`;\n"), 3);
});

test("programs: those with pyro are shorter", () => {
  for (const program of PROGRAMS) {
    const [pyro, ...others] = CLIENTS.map((client) =>
      countLines(readFileSync(join(ROOT, pathOf(program, client)), "utf8"))
    );
    assert.ok(others.every((lines) => pyro! < lines), `${program}: ${pyro}, ${others}`);
  }
});

test("programs: all clients print and store the same", async () => {
  await using server = await startCompatServer();
  await server.reset();
  const directory = mkdtempSync(join(tmpdir(), "pyro-programs-"));
  try {
    stage(directory);
    const outcomes = await Promise.allSettled(CLIENTS.map(async (client) => {
      const host = {
        client,
        directory,
        url: await database(server, client),
        other: await database(server, `${client}_2`),
      };
      await importsPeople(host);
      await transfersSales(host);
      await servesPrices(host);
    }));
    const failures = outcomes.map((outcome, i) =>
      outcome.status === "rejected" ? `${CLIENTS[i]}: ${outcome.reason.stack}` : ""
    );
    assert.equal(failures.filter((text) => text !== "").join("\n"), "");
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

/** What a program runs with. */
interface Host {
  readonly client: typeof CLIENTS[number];
  readonly directory: string;
  /** The URLs of two databases. */
  readonly url: string;
  readonly other: string;
}

/** Makes a database; its URL. */
async function database(server: CompatServer, name: string): Promise<string> {
  const url = server.env.DATABASE_URL!;
  await using conn = await Conn.connect(url);
  await conn.queryDrop(`create database ${name}`);
  return url.replace("/compat", `/${name}`);
}

/** A project that has installed pyro and the others. */
function stage(directory: string): void {
  const modules = join(directory, "node_modules");
  mkdirSync(join(modules, "@x/pyro"), { recursive: true });
  const installed = join(installPeers(), "node_modules");
  for (const name of readdirSync(installed).filter((name) => !name.startsWith("."))) {
    symlinkSync(join(installed, name), join(modules, name));
  }
  writeFileSync(join(modules, "@x/pyro/package.json"), JSON.stringify({ type: "module", exports: "./index.js" }));
  writeFileSync(join(modules, "@x/pyro/index.js"), `export * from ${JSON.stringify(join(ROOT, "mod.ts"))};\n`);
  writeFileSync(join(directory, "package.json"), JSON.stringify({ type: "module" }));
  for (const path of PROGRAMS.flatMap((program) => CLIENTS.map((client) => pathOf(program, client)))) {
    copyFileSync(join(ROOT, path), join(directory, basename(path)));
  }
}

async function importsPeople(host: Host): Promise<void> {
  const lines = Array.from({ length: 1000 }, (_, i) => `Person ${i},18${i % 90 + 10}-01-01,${CITIES[i % 2]}`);
  lines[10] = 'Ada,"December, 10th 1815",London';
  lines[500] = lines[499]!; // It is there already.
  lines[900] = 'Alan,,"Wilmslow, Cheshire"';
  const file = `${host.client}.csv`;
  writeFileSync(join(host.directory, file), ["name,born,city", ...lines].join("\n"));
  await using conn = await Conn.connect(host.url);
  await conn.queryDrop("create table person (name text, born date, city text, unique nulls not distinct (name, born))");
  const { stdout } = await run(host, "csv_import", [file]);
  assert.equal(stdout, IMPORTED);
  const stored = await conn.queryFirst("select count(*) as people, min(born) as oldest from person");
  assert.deepEqual(stored, { people: 997n, oldest: Temporal.PlainDate.from("1810-01-01") });
}

async function transfersSales(host: Host): Promise<void> {
  await using source = await Conn.connect(host.url);
  await source.queryDrop(`
    create table sale as select n as id, '2024-01-01'::timestamptz + n * interval '1 minute' as sold_at,
      'article ' || n % 50 as article, n % 700 as cents from generate_series(1, 20000) as n`);
  await using target = await Conn.connect(host.other);
  await target.queryDrop("create table daily_sales (day date, article text, cents int8, sales int8)");
  await target.queryDrop("insert into daily_sales values ('2023-12-31', 'old', 1, 1)");
  const { stdout, stderr } = await run(host, "transfer", [host.url, host.other]);
  assert.equal(stdout, "700 rows\n");
  // The progress: numbers that grow up to the number of all bytes.
  const bytes = stderr.split("\r").slice(1).map((text) => Number(/^(\d+) bytes$/.exec(text)?.[1]));
  assert.deepEqual(bytes, bytes.toSorted((a, b) => a - b));
  assert.equal(bytes.at(-1), TRANSFERRED);
  const stored = await target.queryFirst(
    "select sum(cents)::int8 as cents, sum(sales)::int8 as sales from daily_sales",
  );
  assert.deepEqual(stored, await source.queryFirst("select sum(cents) as cents, count(*) as sales from sale"));
}

async function servesPrices(host: Host): Promise<void> {
  await using conn = await Conn.connect(host.url);
  await conn.queryDrop("create table price (id int8 primary key, cents int8)");
  await using one = await Service.start(host);
  await using two = await Service.start(host);
  assert.deepEqual([await one.get("/nothing"), await one.get("/price/1")], ["404 ", "200 null"]);
  assert.equal(await one.put("/price/1?cents=100"), "200 ");
  await until(async () => await one.get("/price/1") === "200 100" && await two.get("/price/1") === "200 100");
  // It comes from the cache.
  await conn.queryDrop("update price set cents = 150");
  assert.deepEqual([await one.get("/price/1"), await two.get("/price/1")], ["200 100", "200 100"]);
  assert.equal(await two.put("/price/1?cents=200"), "200 ");
  await until(async () => await one.get("/price/1") === "200 200" && await two.get("/price/1") === "200 200");
  // Listeners that were away have missed what happened meanwhile.
  await conn.queryDrop("update price set cents = 300");
  await conn.query(`
    select pg_terminate_backend(pid) from pg_stat_activity
    where query ilike 'listen%' and pid <> pg_backend_pid() and datname = current_database()`);
  await until(async () => await one.get("/price/1") === "200 300" && await two.get("/price/1") === "200 300");
  assert.equal(await one.put("/price/x?cents=1"), "404 ");
  assert.equal(await one.put("/price/99999999999999999999?cents=1"), "500 ");
  // A request that is under way when it is told to stop.
  await using tx = await conn.begin();
  await tx.queryDrop("lock table price");
  const late = one.put("/price/1?cents=400");
  await until(async () => await tx.execValue(WAITING) === 1n);
  one.child.kill("SIGTERM");
  await until(() => one.get("/price/1").then(() => false, () => true));
  await tx.commit();
  assert.equal(await late, "200 ");
  two.child.kill("SIGTERM");
  for (const { child } of [one, two]) {
    const { code, stdout } = await child.ended;
    assert.deepEqual([code, stdout.split("\n").slice(-2)], [0, ["stopped", ""]]);
  }
}

/** An instance of the service. */
class Service implements AsyncDisposable {
  readonly child: Running;
  readonly #url: string;

  private constructor(child: Running, url: string) {
    this.child = child;
    this.#url = url;
  }

  static async start(host: Host): Promise<Service> {
    const child = start(host, "price_service", []);
    let port: string | undefined;
    await until(async () => {
      port = /port: (\d+)/.exec(child.output())?.[1];
      return port !== undefined || await child.hasEnded();
    });
    if (port === undefined) assert.fail((await child.ended).stderr);
    return new Service(child, `http://127.0.0.1:${port}`);
  }

  /** The status and the text of an answer. */
  async get(path: string, method = "GET"): Promise<string> {
    const response = await fetch(this.#url + path, { method, headers: { connection: "close" } });
    return `${response.status} ${await response.text()}`;
  }

  put(path: string): Promise<string> {
    return this.get(path, "PUT");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGKILL");
    await this.child.ended;
  }
}

interface Output {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface Running {
  /** What it has printed so far. */
  output(): string;
  kill(signal: Deno.Signal): void;
  hasEnded(): Promise<boolean>;
  readonly ended: Promise<Output>;
}

/** Runs a program to its end, which must be good. */
async function run(host: Host, program: typeof PROGRAMS[number], args: readonly string[]): Promise<Output> {
  const { kill, ended } = start(host, program, args);
  const timer = setTimeout(() => kill("SIGKILL"), LIMIT);
  const output = await ended;
  clearTimeout(timer);
  assert.equal(output.code, 0, output.stderr);
  return output;
}

function start(
  { client, directory, url }: Host,
  program: typeof PROGRAMS[number],
  args: readonly string[],
): Running {
  const [node] = programOf("node");
  // Not by `node:child_process`, where Deno takes a process that ended after a signal for one that was ended by it.
  const child = new Deno.Command(node, {
    args: [basename(pathOf(program, client)), ...args],
    cwd: directory,
    env: {
      NO_COLOR: "1",
      PORT: "0",
      DATABASE_URL: url,
      NODE_COMPILE_CACHE: join(CACHE, "node-compile"),
    },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let [stdout, isOver] = ["", false];
  const printed = (async () => {
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) stdout += text;
  })();
  const log = new Response(child.stderr).text();
  const ended = child.status.then(async ({ code }) => {
    isOver = true;
    await printed;
    return { code, stdout, stderr: await log };
  });
  return {
    output: () => stdout,
    kill: (signal) => void (isOver || child.kill(signal)),
    hasEnded: () => Promise.resolve(isOver),
    ended,
  };
}

/** Waits until something is so. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + LIMIT;
  while (!await isSo()) {
    assert.ok(Date.now() < end, "it does not come true");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** How many sessions wait for a lock of a table of this database. */
const WAITING = `select count(*) from pg_locks join pg_database on database = pg_database.oid
  where not granted and datname = current_database()`;
const CITIES = ["London", "New York"];
const IMPORTED = `1000 lines, 997 people added
line 12: Ada is not born on December, 10th 1815
line 902: Alan is not born on null
London: 497
New York: 500
`;
/** Bytes of its rows, in binary format. */
const TRANSFERRED = 33_481;
/** Milliseconds that something may take. */
const LIMIT = 30_000;
