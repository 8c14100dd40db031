/**
 * A small JSON API, shared by the servers beside this file. It depends on requests, responses and a pool, and on no
 * runtime except to read the page.
 *
 * Every call has a deadline and the request's signal, so that the server stops working for a disconnected client.
 */
import { readFileSync } from "node:fs";
// In your own program: from "@x/pyro".
import { type Pool, type Row, toJson } from "../../mod.ts";
import { events } from "./events.ts";
import { Refusal, responseTo } from "./failure.ts";

/** Options of {@linkcode Notes}. */
export interface NotesOptions {
  /** Milliseconds that a request may take. Default: 5000. */
  readonly deadline?: number | undefined;
}

/** Notes over HTTP, in the table `note`. */
export class Notes {
  readonly #pool: Pool;
  readonly #deadline: number;
  readonly #closing = new AbortController();
  readonly #routes: readonly Route[] = [
    { method: "GET", path: /^\/$/, answer: () => new Response(PAGE, { headers: PAGE_HEADERS }) },
    { method: "GET", path: /^\/health$/, answer: (call) => this.#health(call) },
    { method: "GET", path: /^\/notes$/, answer: (call) => this.#list(call) },
    { method: "POST", path: /^\/notes$/, answer: (call) => this.#create(call) },
    { method: "GET", path: /^\/notes\/([^/]+)$/, answer: (call) => this.#get(call) },
    { method: "GET", path: /^\/report$/, answer: (call) => this.#report(call) },
    { method: "GET", path: /^\/events$/, answer: (call) => this.#events(call) },
  ];

  constructor(pool: Pool, { deadline = 5000 }: NotesOptions = {}) {
    this.#pool = pool;
    this.#deadline = deadline;
  }

  /** Creates the table if it does not exist. Servers that start at the same time do so one after the other. */
  async setUp(): Promise<void> {
    await this.#pool.tx(async (tx) => {
      await tx.queryDrop("select pg_advisory_xact_lock(hashtext('note'))");
      await tx.queryDrop(`
        create table if not exists note (
          id int8 generated always as identity primary key,
          title text not null unique,
          body text not null,
          created_at timestamptz not null default now()
        )
      `);
    });
  }

  /** Whether the server is shutting down. */
  get closing(): boolean {
    return this.#closing.signal.aborted;
  }

  /** Ends the event streams, which would never end by themselves, before the server waits for requests under way. */
  close(): void {
    this.#closing.abort(new Refusal(503, "The server is about to stop", { "retry-after": "1" }));
  }

  /** Answers a request; never rejects. */
  async answer(request: Request): Promise<Response> {
    try {
      const url = new URL(request.url);
      const routes = this.#routes.filter(({ path }) => path.test(url.pathname));
      if (routes.length === 0) throw new Refusal(404, `There is nothing at ${url.pathname}`);
      const route = routes.find(({ method }) => method === request.method);
      if (route === undefined) {
        const allow = routes.map(({ method }) => method).join(", ");
        throw new Refusal(405, `Use ${allow} here`, { allow });
      }
      const id = route.path.exec(url.pathname)?.[1];
      const limits = { signal: request.signal, timeout: this.#deadline };
      return await route.answer({ request, query: url.searchParams, id, limits });
    } catch (error) {
      return responseTo(error, request.signal);
    }
  }

  /** For a load balancer: whether to send requests here. */
  async #health({ limits }: Call): Promise<Response> {
    this.#closing.signal.throwIfAborted();
    await this.#pool.ping(limits);
    return json({ status: "ok", pool: this.#pool.stats() });
  }

  /** The newest first; `before` is the id at which the previous answer ended. */
  async #list({ query, limits }: Call): Promise<Response> {
    const limit = integer(query.get("limit") ?? "20", "limit", 1, 100);
    const before = integer(query.get("before") ?? String(Number.MAX_SAFE_INTEGER), "before", 1);
    const rows = await this.#pool.exec(
      "select id, title, body, created_at from note where id < $1 order by id desc limit $2",
      [before, limit],
      limits,
    );
    return json(rows);
  }

  async #get({ id, limits }: Call): Promise<Response> {
    const number = integer(id ?? "", "The note's id", 1);
    const row = await this.#pool.execFirst("select id, title, body, created_at from note where id = $1", [
      number,
    ], limits);
    if (row === null) throw new Refusal(404, `There is no note ${number}`);
    return json(row);
  }

  /** Listeners are notified when the note is committed, and not at all if it is rolled back. */
  async #create({ request, limits }: Call): Promise<Response> {
    const { title, body } = await noteOf(request);
    const row = await this.#pool.tx(async (tx) => {
      const row = await tx.execOne<Row & { id: bigint }>(
        "insert into note (title, body) values ($1, $2) returning id, title, body, created_at",
        [title, body],
      );
      await tx.notify(CHANNEL, String(row.id));
      return row;
    }, limits);
    return json(row, { status: 201, headers: { location: `/notes/${row.id}` } });
  }

  /** A slow query: it takes as many seconds as the request says. */
  async #report({ query, limits }: Call): Promise<Response> {
    const seconds = integer(query.get("seconds") ?? "1", "seconds", 0, 60);
    const row = await this.#pool.execOne(
      "select count(id) as notes, max(created_at) as newest from pg_sleep($1) left join note on true",
      [seconds],
      limits,
    );
    return json(row);
  }

  async #events({ limits }: Call): Promise<Response> {
    return await events(this.#pool, CHANNEL, AbortSignal.any([limits.signal, this.#closing.signal]));
  }
}

/** A parsed request. */
interface Call {
  readonly request: Request;
  readonly query: URLSearchParams;
  readonly id: string | undefined;
  readonly limits: { readonly signal: AbortSignal; readonly timeout: number };
}

interface Route {
  readonly method: "GET" | "POST";
  readonly path: RegExp;
  answer(call: Call): Response | Promise<Response>;
}

function json(value: unknown, init?: ResponseInit): Response {
  const response = new Response(toJson(value), init);
  response.headers.set("content-type", "application/json");
  return response;
}

function integer(text: string, name: string, from: number, to: number = Number.MAX_SAFE_INTEGER): number {
  const number = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
  if (number >= from && number <= to) return number;
  throw new Refusal(400, `${name} must be an integer from ${from} to ${to}, not ${JSON.stringify(text)}`);
}

async function noteOf(request: Request): Promise<{ title: string; body: string }> {
  let value: unknown;
  try {
    value = await request.json();
  } catch {
    throw new Refusal(400, "The request's body is not JSON");
  }
  const { title, body = "" } = (value ?? {}) as { title?: unknown; body?: unknown };
  if (typeof title !== "string" || title.trim() === "" || title.length > 100) {
    throw new Refusal(400, "title is a text of 1 to 100 characters");
  }
  if (typeof body !== "string" || body.length > 10_000) {
    throw new Refusal(400, "body is a text of at most 10000 characters");
  }
  return { title, body };
}

const CHANNEL = "notes";
const PAGE = readFileSync(new URL("page.html", import.meta.url), "utf8");
const PAGE_HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": "default-src 'self'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:",
};
