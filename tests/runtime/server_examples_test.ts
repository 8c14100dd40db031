/** The servers of `docs/examples`, each on its own runtime, asked over HTTP. */
import assert from "node:assert/strict";
import { Conn } from "../../mod.ts";
import { Browser } from "../support/installed/browser.ts";
import { Example } from "../support/processes/example.ts";
import { PostgresServer } from "../support/installed/postgres.ts";
import { newest } from "../support/suite/servers.ts";
import { testInTurn } from "../support/suite/test.ts";

/** An example with a database of its own, and a connection that sees what happens there. */
async function start({ query = "", deadline = 30_000 } = {}) {
  await using stack = new AsyncDisposableStack();
  const db = `notes_${crypto.randomUUID().replaceAll("-", "")}`;
  const admin = stack.use(await Conn.connect(newest.admin));
  await admin.queryDrop(`create database ${db}`);
  stack.defer(async () => void await admin.queryDrop(`drop database ${db} with (force)`));
  const example = stack.use(await Example.start(newest.url({ user: "postgres", password: "", db, query }), deadline));
  const resources = stack.move();
  return {
    url: example.url,
    stop: () => example.stop(),
    post: (note: unknown) =>
      fetch(`${example.url}/notes`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: typeof note === "string" ? note : JSON.stringify(note),
      }),
    /** How many sessions of the example's last said this, or say it now. */
    sessions: async (state: "active" | "idle", query: string): Promise<number> =>
      (await admin.exec(
        "select from pg_stat_activity where datname = $1 and backend_type = 'client backend' and state = $2 and query ~* $3",
        [db, state, query],
      )).length,
    /** Ends the connection that listens; adds a note that nobody hears of; how many connections that were. */
    loseListener: async (title: string): Promise<number> => {
      await using conn = await Conn.connect(newest.url({ user: "postgres", password: "", db }));
      await conn.execDrop("insert into note (title, body) values ($1, '')", [title]);
      const ended = await conn.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query ~* '^listen'",
      );
      return ended.length;
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

testInTurn("server example: notes are created, listed and got", async () => {
  await using server = await start();
  const empty = await fetch(`${server.url}/notes`);
  assert.deepEqual([empty.status, await empty.json()], [200, []]);
  const created = await server.post({ title: "First", body: "ö 🦕" });
  assert.deepEqual([created.status, created.headers.get("location")], [201, "/notes/1"]);
  const first = await created.json();
  assert.deepEqual([first.id, first.title, first.body], [1, "First", "ö 🦕"]);
  assert.ok(!Number.isNaN(Date.parse(first.created_at)));
  assert.deepEqual(await (await fetch(`${server.url}/notes/1`)).json(), first);
  for (const title of ["Second", "Third"]) assert.equal((await server.post({ title })).status, 201);
  const titles = async (query: string): Promise<string[]> =>
    (await (await fetch(`${server.url}/notes${query}`)).json()).map(({ title }: { title: string }) => title);
  assert.deepEqual(await titles(""), ["Third", "Second", "First"]);
  assert.deepEqual(await titles("?limit=2"), ["Third", "Second"]);
  assert.deepEqual(await titles("?limit=2&before=2"), ["First"]);
  assert.match(await (await fetch(`${server.url}/`)).text(), /<h1>Notes<\/h1>/);
  assert.equal((await (await fetch(`${server.url}/report?seconds=0`)).json()).notes, 3);
  const health = await (await fetch(`${server.url}/health`)).json();
  assert.equal(health.status, "ok");
  assert.ok(health.pool.idle >= 1, "connections are kept");
});

testInTurn("server example: what cannot be done says whose fault it is", async () => {
  await using server = await start({ query: "pool_max_concurrency=1", deadline: 3000 });
  const refused = async (response: Promise<Response>): Promise<[number, string]> => {
    const { status, body, headers } = await response.then(async (response) => ({
      status: response.status,
      body: await response.json(),
      headers: response.headers,
    }));
    assert.match(headers.get("content-type") ?? "", /^application\/json/);
    return [status, body.error];
  };
  const get = (path: string): Promise<Response> => fetch(`${server.url}${path}`);
  assert.equal((await server.post({ title: "Twice" })).status, 201);
  assert.deepEqual(await refused(server.post({ title: "Twice" })), [409, "There is such a note already"]);
  assert.deepEqual(await refused(get("/notes/99")), [404, "There is no note 99"]);
  assert.deepEqual(await refused(get("/elsewhere")), [404, "There is nothing at /elsewhere"]);
  assert.deepEqual(await refused(fetch(`${server.url}/notes`, { method: "DELETE" })), [405, "Use GET, POST here"]);
  assert.deepEqual(await refused(get("/notes?limit=0")), [400, 'limit must be an integer from 1 to 100, not "0"']);
  assert.deepEqual(await refused(get("/notes?limit=1;drop")), [
    400,
    'limit must be an integer from 1 to 100, not "1;drop"',
  ]);
  assert.equal((await refused(get("/notes/one")))[0], 400);
  assert.deepEqual(await refused(server.post("{")), [400, "The request's body is not JSON"]);
  assert.deepEqual(await refused(server.post("null")), [400, "title is a text of 1 to 100 characters"]);
  assert.deepEqual(await refused(server.post({ title: "x", body: 1 })), [
    400,
    "body is a text of at most 10000 characters",
  ]);
  assert.deepEqual(await refused(server.post({ title: "\0" })), [
    400,
    "There is a character in the text that cannot be stored",
  ]);
  // The only connection is busy until the deadline; who comes meanwhile is turned away before.
  const slow = get("/report?seconds=60");
  await until(async () => await server.sessions("active", "pg_sleep") === 1);
  const waiting = await get("/notes");
  assert.deepEqual([waiting.status, waiting.headers.get("retry-after")], [503, "1"]);
  await waiting.body?.cancel();
  assert.deepEqual(await refused(slow), [504, "It took too long"]);
  assert.equal(await server.sessions("active", "pg_sleep"), 0);
  assert.equal((await get("/notes")).status, 200);
});

testInTurn("server example: who leaves does not keep the server working", async () => {
  await using server = await start({ deadline: 60_000 });
  const leaving = new AbortController();
  const report = fetch(`${server.url}/report?seconds=60`, { signal: leaving.signal });
  await until(async () => await server.sessions("active", "pg_sleep") === 1);
  leaving.abort();
  await assert.rejects(report, { name: "AbortError" });
  // The session is still there: it was the query that ended.
  await until(async () => await server.sessions("idle", "pg_sleep") === 1);
});

testInTurn("server example: notes are told to all who listen, until they leave", async () => {
  await using server = await start();
  const [one, two] = [await listen(server.url), await listen(server.url)];
  await server.post({ title: "One" });
  for (const events of [one, two]) assert.deepEqual(await events.next(), ["note", "1"]);
  await one.leave();
  await server.post({ title: "Two" });
  assert.deepEqual(await two.next(), ["note", "2"]);
  assert.equal(await server.sessions("idle", "^listen"), 1, "one connection listens for all");
  await two.leave();
  await until(async () => await server.sessions("idle", "^listen") === 0);
});

testInTurn("server example: to stop it loses no request", async () => {
  await using server = await start();
  const events = await listen(server.url);
  const reports = Array.from({ length: 5 }, () => fetch(`${server.url}/report?seconds=1`));
  await until(async () => await server.sessions("active", "pg_sleep") === 5);
  const stopped = server.stop();
  for (const report of await Promise.all(reports)) {
    assert.equal(report.status, 200);
    assert.deepEqual(await report.json(), { notes: 0, newest: null });
  }
  assert.equal(await events.next(), undefined, "the events end");
  assert.equal(await stopped, 0);
  await assert.rejects(fetch(`${server.url}/notes`), "nobody accepts");
  // No session is left behind, as soon as the database has noticed.
  await until(async () => await server.sessions("idle", "") === 0);
});

testInTurn("server example: it outlives a restart of the database", async () => {
  await using postgres = await PostgresServer.start({ major: 18 });
  await using example = await Example.start(`pg://postgres@127.0.0.1:${postgres.port}/postgres`, 3000);
  const get = async (path: string): Promise<number> => {
    const response = await fetch(`${example.url}${path}`);
    await response.body?.cancel();
    return response.status;
  };
  const events = await listen(example.url);
  const working = get("/report?seconds=60");
  await using admin = await Conn.connect(`pg://postgres@127.0.0.1:${postgres.port}/postgres`);
  const others =
    "select from pg_stat_activity where state = 'active' and pid <> pg_backend_pid() and query ~ 'pg_sleep'";
  await until(async () => (await admin.query(others)).length === 1);
  await postgres.stop("immediate");
  assert.equal(await working, 503);
  assert.equal(await get("/notes"), 503);
  await postgres.resume();
  await until(async () => await get("/notes") === 200);
  assert.deepEqual(await events.next(), ["gap", "null"]);
  await events.leave();
  assert.equal(await example.stop(), 0);
});

testInTurn("server example: in a browser, everybody sees a note as soon as anybody adds one", async () => {
  await using server = await start();
  await server.post({ title: "Before", body: "<b>not markup</b>" });
  await using browser = await Browser.start();
  const [one, two] = [await browser.open(`${server.url}/`), await browser.open(`${server.url}/`)];
  const TITLES = "[...document.querySelectorAll('h3')].map((title) => title.textContent).join()";
  for (const page of [one, two]) {
    await page.until("document.querySelector('#status').textContent === 'Live'");
    await page.until(`${TITLES} === 'Before'`);
    assert.equal(await page.evaluate("document.querySelector('article p').textContent"), "<b>not markup</b>");
  }
  const add = (title: string): Promise<unknown> =>
    one.evaluate(`{
      const form = document.querySelector("form");
      form.elements.title.value = ${JSON.stringify(title)};
      form.querySelector("button").click();
    }`);
  await add("From the form");
  for (const page of [one, two]) await page.until(`${TITLES} === 'From the form,Before'`);
  await add("Before");
  await one.until("document.querySelector('#problem').textContent.endsWith('There is such a note already')");
  // Nobody is told of the next note, but of the gap: everything is loaded anew.
  await two.evaluate("document.querySelector('li').dataset.old = ''");
  assert.equal(await server.loseListener("Missed"), 1);
  for (const page of [one, two]) await page.until(`${TITLES} === 'Missed,From the form,Before'`);
  assert.equal(await two.evaluate("document.querySelectorAll('[data-old]').length"), 0);
  assert.deepEqual([...one.problems, ...two.problems], []);
  for (const width of [320, 1280]) {
    await one.resize(width);
    assert.equal(await one.evaluate("document.documentElement.scrollWidth"), width, "nothing sticks out");
  }
  // Once both pages are gone, nobody listens.
  await one.close();
  await two.close();
  await until(async () => await server.sessions("idle", "^listen") === 0);
});

/** Repeats a question until the answer is yes; the limit is against hangs. */
async function until(question: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; !await question(); attempt++) {
    assert.ok(attempt < 300, `it does not come true: ${question}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Opens the events of a server. */
async function listen(url: string) {
  const leaving = new AbortController();
  const response = await fetch(`${url}/events`, { signal: leaving.signal });
  assert.deepEqual([response.status, response.headers.get("content-type")], [200, "text/event-stream"]);
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  return {
    /** Name and data of the next one, undefined at the end. */
    async next(): Promise<[name: string, data: string] | undefined> {
      for (;;) {
        const match = /event: (.*)\ndata: (.*)\n\n/.exec(text);
        if (match !== null) {
          text = text.slice(match.index + match[0].length);
          return [match[1]!, JSON.parse(match[2]!) ?? "null"];
        }
        const { done, value } = await reader.read();
        if (done) return undefined;
        text += value;
      }
    },
    async leave(): Promise<void> {
      leaving.abort();
      await reader.cancel().catch(() => {});
    },
  };
}
