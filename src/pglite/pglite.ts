/** PGlite as a server: its one session, and the connections that use it one after the other. */
import { UsageError } from "../errors.ts";
import type { BlockingBytes, ByteStreams, DialFunction } from "../options/dial.ts";
import { Opts } from "../options/opts.ts";
import { fatalError } from "../wire/framing.ts";
import { Relay, sessionUser, type Steps } from "./relay.ts";

/** The members of PGlite that are used. `PGlite` has them, and `PGliteWorker` all but the blocking one. */
export interface PgliteDatabase {
  /** Whether the database has started. */
  readonly ready?: boolean;
  /** Resolves when it has. */
  readonly waitReady?: Promise<unknown>;
  /** Whether it was closed. */
  readonly closed?: boolean;
  /** Executes messages of the protocol, and gives those of the answer. */
  execProtocolRaw(message: Uint8Array): Promise<Uint8Array>;
  /** The same, at once. */
  execProtocolRawSync?(message: Uint8Array): Uint8Array;
  /** Runs a function while no query of the database's own runs. */
  runExclusive<T>(fn: () => Promise<T>): Promise<T>;
}

/**
 * A PGlite database as a target: PostgreSQL in this process, with promises and blocking. It has one session, so one
 * connection at a time can be open; a second one is refused with a `ServerError` (53300), and a pool has one connection
 * unless {@linkcode Opts.poolMaxConcurrency} says otherwise.
 *
 * The result is {@linkcode Opts}, whose setters can be called. The user and the database are those of PGlite, whatever
 * they say. Closing a connection resets the session: what is temporary, set or prepared is gone.
 *
 * @throws {UsageError} If it is no PGlite.
 *
 * @example
 * ```ts
 * import { Conn } from "@x/pyro";
 * import { pglite } from "@x/pyro/pglite";
 * import { PGlite } from "npm:@electric-sql/pglite@0.5.14";
 * import assert from "node:assert/strict";
 *
 * await using db = await PGlite.create();
 * await using conn = await Conn.connect(pglite(db));
 * assert.deepEqual(await conn.exec("select $1::int4 + 1 as n", [41]), [{ n: 42 }]);
 * ```
 *
 * @example Without promises
 * ```ts
 * import { Conn } from "@x/pyro/sync";
 * import { pglite } from "@x/pyro/pglite";
 * import { PGlite } from "npm:@electric-sql/pglite@0.5.14";
 * import assert from "node:assert/strict";
 *
 * await using db = await PGlite.create();
 * using conn = new Conn(pglite(db));
 * assert.equal(conn.execValue("select $1::int4 + 1", [41]), 42);
 * ```
 */
export function pglite(db: PgliteDatabase): Opts {
  if (typeof db?.execProtocolRaw !== "function" || typeof db.runExclusive !== "function") {
    throw new UsageError("Cannot use PGlite: give a database, as PGlite.create() returns");
  }
  let server = servers.get(db);
  if (server === undefined) servers.set(db, server = new Server(db));
  return new Opts().host("pglite").port(5432).user("postgres").db("postgres").sslMode("disable")
    .poolMaxConcurrency(1).dial(server.dial);
}

const servers = new WeakMap<PgliteDatabase, Server>();

/** A database, and who uses it. */
class Server {
  readonly #db: PgliteDatabase;
  #isUsed = false;
  /** What was asked of the database so far. */
  #tail: Promise<unknown> = Promise.resolve();
  /** The database's own user, once it was asked for. */
  #user: { readonly name: string | undefined } | undefined = undefined;
  /** The end of the session before. */
  #closing: Promise<void> | undefined = undefined;

  constructor(db: PgliteDatabase) {
    this.#db = db;
  }

  /** As `Opts.dial`. */
  readonly dial: DialFunction = (_address, { blocking }) => blocking ? this.#dialBlocking() : this.#dial();

  async #dial(): Promise<ByteStreams> {
    await this.#db.waitReady;
    await this.#closing;
    // A cancel request must not wait for the statement that it is to cancel.
    if (this.#user === undefined && !this.#isUsed) await this.#exclusively(this.#askUser());
    const session = this.#open();
    let controller: ReadableStreamDefaultController<Uint8Array>;
    const readable = new ReadableStream<Uint8Array>({ start: (given) => void (controller = given) });
    const writable = new WritableStream<Uint8Array>({
      write: async (chunk) => {
        try {
          await this.#exclusively(session.take(chunk));
        } catch (error) {
          controller.error(error);
          throw error;
        }
        for (const reply of session.replies()) controller.enqueue(reply);
        if (session.isOver) {
          session.release();
          controller.close();
        }
      },
    });
    const end = async (): Promise<void> => {
      try {
        await this.#exclusively(session.end());
      } catch {
        // The database is closed.
      }
      session.release();
    };
    const close = (): void => {
      if (session.isReal && !session.isOver) this.#closing = end();
    };
    return { readable, writable, close, name: NAME };
  }

  /** Executes steps behind those that were asked before, also of connections that are gone. */
  async #exclusively(steps: Steps): Promise<void> {
    const db = this.#db;
    const run = async (): Promise<void> => {
      let next = steps.next();
      while (!next.done) next = steps.next(await open(db).execProtocolRaw(next.value));
    };
    const done = this.#tail.then(() => db.runExclusive(run));
    this.#tail = done.catch(() => {});
    await done;
  }

  #dialBlocking(): BlockingBytes {
    const db = this.#db;
    if (db.execProtocolRawSync === undefined) {
      throw new UsageError("Cannot block: this PGlite runs in a worker; connect with promises, or use one without");
    }
    if (!db.closed && db.ready === false) {
      throw new UsageError("Cannot connect: PGlite has not started; await its waitReady before");
    }
    const run = (steps: Steps): void => {
      let next = steps.next();
      while (!next.done) next = steps.next(open(db).execProtocolRawSync!(next.value));
    };
    run(this.#askUser());
    const session = this.#open();
    const replies: Uint8Array[] = [];
    return {
      name: NAME,
      read(into): number {
        const [first] = replies;
        if (first === undefined) return session.isOver ? 0 : -1;
        const count = Math.min(first.length, into.length);
        into.set(first.subarray(0, count));
        if (count < first.length) replies[0] = first.subarray(count);
        else replies.shift();
        return count;
      },
      write(bytes): number {
        run(session.take(bytes));
        replies.push(...session.replies());
        if (session.isOver) session.release();
        return bytes.length;
      },
      close(): void {
        try {
          run(session.end());
        } finally {
          session.release();
        }
      },
    };
  }

  /** Finds out whose the session is when no connection uses it. */
  *#askUser(): Steps {
    if (this.#user === undefined && !this.#isUsed) this.#user = { name: yield* sessionUser() };
  }

  /** The session for a connection; one that only takes a cancel request while another uses the database. */
  #open(): ServerSession {
    open(this.#db);
    if (this.#isUsed) return new ServerSession(undefined);
    this.#isUsed = true;
    return new ServerSession(() => this.#isUsed = false, this.#user?.name);
  }
}

/** The session of one connection. */
class ServerSession {
  readonly #relay: Relay;
  #release: (() => void) | undefined;
  /** Whether it uses the database. */
  readonly isReal: boolean;
  #isRefused = false;

  constructor(release: (() => void) | undefined, user?: string) {
    this.#relay = new Relay(user);
    this.#release = release;
    this.isReal = release !== undefined;
  }

  get isOver(): boolean {
    return this.#relay.isOver;
  }

  /** Takes bytes of the client. */
  *take(bytes: Uint8Array): Steps {
    if (this.isReal) return yield* this.#relay.take(bytes);
    // A cancel request has nothing to cancel: PGlite has done what it was asked before it hears of anything else.
    const steps = this.#relay.take(bytes);
    if (!steps.next().done) this.#isRefused = true;
    this.#relay.isOver = true;
  }

  /** The messages that the client gets now, without empty ones. */
  replies(): Uint8Array[] {
    const replies = this.#relay.replies.splice(0).filter(({ length }) => length > 0);
    return this.#isRefused ? [IN_USE] : replies;
  }

  /** Resets the session. */
  *end(): Steps {
    if (this.isReal) yield* this.#relay.end();
  }

  /** Lets another connection use the database. */
  release(): void {
    this.#release?.();
    this.#release = undefined;
  }
}

/** The database, unless it was closed: it would not say so by itself. */
function open(db: PgliteDatabase): PgliteDatabase {
  if (db.closed) throw new Error("PGlite was closed");
  return db;
}

const NAME = "pglite";
const IN_USE = fatalError(
  "53300",
  "PGlite has one session, which another connection uses; close that one first, or share it",
);
