/**
 * The checks of a transport. Each opens connections of its own, by the function that it is given, and throws if the
 * transport breaks a rule.
 *
 * Their bodies are written as for promises; `await` accepts plain values, so blocking connections pass through them too.
 */
import { PyroError, TimeoutError } from "../errors.ts";
import { now } from "../runtime/clock.ts";
import { setTimeout } from "../timers.ts";

/** One check. */
export interface TransportCheck {
  /** What the transport must do. */
  readonly name: string;
  /** Performs the check, in seconds at most; rejects with an `Error` that says what went wrong. */
  run(): Promise<void>;
}

/** The members of connections that the checks use. Both kinds of `Conn` have them. */
export interface CheckedConn {
  /** As `Conn.id`. */
  readonly id: number;
  /** As `Conn.closed`. */
  readonly closed: boolean;
  /** As `Conn.execValue`. */
  execValue(sql: string, params?: readonly unknown[], options?: { readonly timeout?: number }): unknown;
  /** As `Conn.pipeline`. */
  pipeline(): CheckedPipeline;
  /** As `Conn.listen`. */
  listen(channel: string): unknown;
  /** As `Conn.close`. */
  close(): unknown;
}

/** The members of pipelines that the checks use. */
export interface CheckedPipeline {
  /** As `Pipeline.exec`. */
  exec(sql: string, params?: readonly unknown[]): object;
  /** As `Pipeline.claimOne`. */
  claimOne(ticket: never): unknown;
}

/** Opens a connection over the transport that is checked. */
type Connect = () => CheckedConn | PromiseLike<CheckedConn>;

/**
 * The checks of a transport. Run them one after the other, with a time limit of your runner's: a blocking transport that
 * never returns cannot be stopped from within. The role needs no privileges; nothing remains in the database.
 *
 * @param connect Opens a connection of either kind, whose options have the function to be checked. It is called several
 *   times, also while other connections are open.
 *
 * @example
 * ```ts
 * import { Conn } from "@x/pyro";
 * import { transportChecks } from "@x/pyro/testing";
 *
 * for (const { run } of transportChecks(() => Conn.connect("pg://"))) await run();
 * ```
 */
export function transportChecks(connect: () => CheckedConn | PromiseLike<CheckedConn>): readonly TransportCheck[] {
  return CHECKS.map(([name, check]) => ({ name: `transport: ${name}`, run: () => check(connect) }));
}

const CHECKS: readonly (readonly [name: string, check: (connect: Connect) => Promise<void>])[] = [
  ["passes large values unchanged, in both directions", passesLargeValues],
  ["keeps nothing of what it was given to write", keepsNothing],
  ["reads while it cannot write", readsWhileWriting],
  ["opens connections that are independent of each other", opensSeveral],
  ["opens a connection for a cancel request while another is in use", carriesCancelRequests],
  ["delivers what the server sends unasked", deliversUnasked],
  ["reports that the server has closed the connection", reportsTheEnd],
  ["closes the connection to the server", closes],
];

async function passesLargeValues(connect: Connect): Promise<void> {
  await withConn(connect, async (conn) => {
    for (const length of [1, 0x1_0000, 0x40_0000]) {
      const text = textOf(length);
      const answer = await conn.execValue("select $1::text", [text]);
      expect(answer === text, `a text of ${length} characters came back changed`);
    }
  });
}

/** Statements whose bytes are in the same memory, one after the other and together. */
async function keepsNothing(connect: Connect): Promise<void> {
  await withConn(connect, async (conn) => {
    const texts = Array.from({ length: 200 }, (_, i) => String(i).padStart(200, "."));
    const alone: unknown[] = [];
    for (const text of texts) alone.push(await conn.execValue("select $1::text", [text]));
    const together = await Promise.all(texts.map((text) => conn.execValue("select $1::text", [text])));
    expect(String(alone) === String(texts) && String(together) === String(texts), "answers have come back exchanged");
  });
}

/** Both sides have more to send than the buffers between them can hold. */
async function readsWhileWriting(connect: Connect): Promise<void> {
  await withConn(connect, async (conn) => {
    const text = textOf(0x10_0000);
    const pipeline = conn.pipeline();
    const tickets = Array.from({ length: 16 }, (_, i) => pipeline.exec("select $1::text as text", [`${i}${text}`]));
    for (const [i, ticket] of tickets.entries()) {
      const row = await pipeline.claimOne(ticket as never) as { readonly text: string };
      expect(row.text === `${i}${text}`, `answer ${i} of a pipeline came back changed`);
    }
    await dispose(pipeline);
  });
}

async function opensSeveral(connect: Connect): Promise<void> {
  await withConn(connect, async (first) => {
    await withConn(connect, async (second) => {
      const pids = [await first.execValue(PID), await second.execValue(PID), await first.execValue(PID)];
      expect(pids[0] === pids[2] && pids[0] !== pids[1], "two connections have led to the same session");
    });
  });
}

async function carriesCancelRequests(connect: Connect): Promise<void> {
  await withConn(connect, async (conn) => {
    const error = await failureOf(() => conn.execValue("select pg_sleep(60)", [], { timeout: 300 }));
    expect(error instanceof TimeoutError, `a call with a timeout ended with ${String(error)}`);
    expect(!conn.closed, "a cancel request has not stopped the statement, so that the connection had to be closed");
    expect(await conn.execValue("select 1") === 1, "after a cancel request, the connection gives other answers");
  });
}

async function deliversUnasked(connect: Connect): Promise<void> {
  await withConn(connect, async (listening) => {
    await withConn(connect, async (notifying) => {
      const channel = `pyro_${listening.id}`;
      const news = await listening.listen(channel) as AsyncIterable<{ readonly payload: string }>;
      await notifying.execValue("select pg_notify($1, 'hello')", [channel]);
      for await (const { payload } of news) {
        expect(payload === "hello", "a notification came changed");
        break;
      }
      await dispose(news);
    });
  });
}

async function reportsTheEnd(connect: Connect): Promise<void> {
  await withConn(connect, async (conn) => {
    const error = await failureOf(() => conn.execValue("select pg_terminate_backend(pg_backend_pid())"));
    expect(error instanceof PyroError, `a call whose connection was lost ended with ${String(error)}`);
    await until(() => conn.closed || failureOf(() => conn.execValue("select 1")).then(() => conn.closed), () => {
      return "the server has closed the connection, and it does not count as closed";
    });
  });
}

async function closes(connect: Connect): Promise<void> {
  await withConn(connect, async (watching) => {
    const conn = await connect();
    const pid = await conn.execValue(PID);
    await conn.close();
    const sql = "select not exists(select from pg_stat_activity where pid = $1)";
    await until(() => watching.execValue(sql, [pid]), () => "the server still has the session of a closed connection");
  });
}

async function withConn(connect: Connect, use: (conn: CheckedConn) => Promise<void>): Promise<void> {
  const conn = await connect();
  try {
    await use(conn);
  } finally {
    await conn.close();
  }
}

async function dispose(value: object): Promise<void> {
  const given = value as Partial<AsyncDisposable & Disposable>;
  await (given[Symbol.asyncDispose] ?? given[Symbol.dispose])?.call(value);
}

/** The error of a call; undefined if it succeeds. */
async function failureOf(call: () => unknown): Promise<unknown> {
  try {
    await call();
    return undefined;
  } catch (error) {
    return error;
  }
}

async function until(isSo: () => unknown, problem: () => string): Promise<void> {
  const end = now() + LIMIT;
  while (await isSo() !== true) {
    expect(now() < end, problem());
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function expect(condition: boolean, problem: string): void {
  if (!condition) throw new Error(`The transport is faulty: ${problem}`);
}

/** A text that no shifted or repeated part of it equals. */
function textOf(length: number): string {
  let text = "";
  for (let i = 0; text.length < length; i++) text += `${i.toString(36)},`;
  return text.slice(0, length);
}

const PID = "select pg_backend_pid()";
/** Milliseconds in which the server must have noticed something. */
const LIMIT = 20_000;
