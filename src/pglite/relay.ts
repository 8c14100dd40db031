/**
 * What stands between a connection and PGlite: it passes whole messages on, and does what a server process does that
 * PGlite has not.
 *
 * PGlite executes what it is given at once. If that ends in the middle of a message, or of a COPY FROM STDIN, it waits
 * for ever or ends. So the data of a COPY is collected, and PGlite gets it together with the statement.
 *
 * Knows neither promises nor PGlite: a step is bytes to be executed, and gets the bytes of the answer.
 *
 * Source: PostgreSQL manual, "Frontend/Backend Protocol", sections "Start-up" and "COPY Operations".
 */
import { COPY_REFUSAL } from "../protocol/misplaced_copy.ts";
import { quotedIdentifier } from "../sql/identifier.ts";
import { countCopiesIn } from "../sql/statement.ts";
import { Backend, CANCEL_REQUEST, Frontend } from "../wire/codes.ts";
import { copyFail, query, sync } from "../wire/frontend.ts";
import {
  concat,
  copyOf,
  encoded,
  fatalError,
  frameAt,
  type Framed,
  framesOf,
  int32,
  sizeAt,
  textsAt,
} from "../wire/framing.ts";

/** Steps of executing: each is given to PGlite, and its answer back. */
export type Steps = Generator<Uint8Array, void, Uint8Array>;

/** Asks for the session's user. */
export function* sessionUser(): Generator<Uint8Array, string | undefined, Uint8Array> {
  const answer = yield encoded((out) => query(out, "select session_user"));
  const row = framesOf(answer).find(({ code }) => code === Backend.DataRow);
  // The number of columns, the length of the first one, its text.
  return row && new TextDecoder().decode(answer.subarray(row.start + 11, row.end));
}

/** The messages of one connection. */
export class Relay {
  /** What the client is to get. */
  readonly replies: Uint8Array[] = [];
  /** Whether the client has ended the session, or was refused. */
  isOver = false;
  #isStarted = false;
  /** The pieces of a message that is not whole, how many bytes they have, and how many are needed at least. */
  #pieces: Uint8Array[] = [];
  #size = 0;
  #needed = 0;
  /** A COPY FROM STDIN and its data, as far as it has come. */
  #copy: Uint8Array[] | undefined = undefined;
  /** The messages that PGlite executes next. */
  #batch: Uint8Array[] = [];
  /** Prepared statements that are a COPY FROM STDIN, and portals of them. */
  readonly #copyStatements = new Set<string>();
  readonly #copyPortals = new Set<string>();
  /** The database's own user, if it is known. */
  readonly #user: string | undefined;

  constructor(user?: string) {
    this.#user = user;
  }

  /** Takes bytes of the client. They are not kept. */
  *take(given: Uint8Array): Steps {
    this.#size += given.length;
    if (this.#size < this.#needed) return void this.#pieces.push(copyOf(given));
    const bytes = this.#pieces.length === 0 ? given : concat([...this.#pieces, given]);
    let start = 0;
    while (!this.isOver) {
      const frame = frameAt(bytes, start, this.#isStarted);
      if (frame === undefined) break;
      start = frame.end;
      yield* this.#isStarted ? this.#message(bytes, frame) : this.#start(bytes, frame);
    }
    this.#size = bytes.length - start;
    this.#pieces = this.#size === 0 ? [] : [copyOf(bytes.subarray(start))];
    this.#needed = this.#size === 0 ? 0 : sizeAt(bytes, start, this.#isStarted);
    yield* this.#execute();
  }

  /** Ends the session, and resets it for the next one. */
  *end(): Steps {
    if (!this.isOver && this.#isStarted) {
      yield* this.#execute();
      yield encoded((out) => {
        // It may be at any place of an extended query, or of a transaction.
        sync(out);
        query(out, "rollback");
        query(out, resetQuery(this.#user));
      });
    }
    this.isOver = true;
  }

  *#start(bytes: Uint8Array, { start, end }: Framed): Steps {
    if (int32(bytes, start + 4) === CANCEL_REQUEST) return void (this.isOver = true);
    const texts = textsAt(bytes, start + 8, end, Infinity);
    const settings: [name: string, value: string][] = [];
    for (let i = 0; i + 1 < texts.length && texts[i] !== ""; i += 2) settings.push([texts[i]!, texts[i + 1]!]);
    if (settings.some(([name]) => name === "options")) {
      return this.#refuse(fatalError("0A000", "PGlite takes no command-line options; set each as a param of its own"));
    }
    // PGlite uses the memory of this answer again.
    const welcome = copyOf(yield bytes.subarray(start, end));
    const own = settings.filter(([name]) => !IGNORED.includes(name));
    const answer = own.length === 0 ? EMPTY : yield encoded((out) => query(out, settingQuery(own)));
    const error = framesOf(answer).find(({ code }) => code === Backend.ErrorResponse);
    if (error !== undefined) return this.#refuse(answer.subarray(error.start, error.end));
    this.#isStarted = true;
    // ReadyForQuery comes last.
    const [ready] = [...framesOf(welcome)].filter(({ code }) => code === Backend.ReadyForQuery);
    const reports = [...framesOf(answer)].filter(({ code }) => code === Backend.ParameterStatus);
    this.replies.push(
      welcome.subarray(0, ready?.start),
      ...reports.map(({ start, end }) => answer.subarray(start, end)),
      welcome.subarray(ready?.start ?? welcome.length),
    );
  }

  *#message(bytes: Uint8Array, frame: Framed): Steps {
    const { code, start, end } = frame;
    const message = bytes.subarray(start, end);
    if (code === Frontend.Terminate) return yield* this.end();
    if (this.#copy !== undefined) return yield* this.#copied(code, message);
    if (code === Frontend.Query) return yield* this.#query(bytes, frame);
    this.#batch.push(message);
    if (code === Frontend.Parse) {
      const [name = "", sql = ""] = textsAt(bytes, start + 5, end, 2);
      note(this.#copyStatements, name, isCopy(sql) && countCopiesIn(sql).copies > 0);
    } else if (code === Frontend.Bind && this.#copyStatements.size > 0) {
      const [portal = "", statement = ""] = textsAt(bytes, start + 5, end, 2);
      note(this.#copyPortals, portal, this.#copyStatements.has(statement));
    } else if (code === Frontend.Execute && this.#copyPortals.size > 0) {
      const [portal = ""] = textsAt(bytes, start + 5, end, 1);
      if (this.#copyPortals.has(portal)) this.#batch.push(NO_DATA);
    }
  }

  *#query(bytes: Uint8Array, { start, end }: Framed): Steps {
    const message = bytes.subarray(start, end);
    const [sql = ""] = textsAt(bytes, start + 5, end, 1);
    const { statements, copies } = isCopy(sql) ? countCopiesIn(sql) : { statements: 0, copies: 0 };
    if (copies === 0) return void this.#batch.push(message);
    if (statements > 1) return void this.#batch.push(SEVERAL);
    yield* this.#execute();
    this.#copy = [copyOf(message)];
    this.replies.push(ASK_FOR_DATA);
  }

  /** A message that comes while the client believes that the server copies. */
  *#copied(code: number, message: Uint8Array): Steps {
    // The server ignores these two.
    if (code === Frontend.Flush || code === Frontend.Sync) return;
    const copy = this.#copy!;
    copy.push(copyOf(message));
    if (code === Frontend.CopyData) return;
    this.#copy = undefined;
    const answer = yield concat(copy);
    // The client has this one already.
    const asked = framesOf(answer).find(({ code }) => code === Backend.CopyInResponse);
    if (asked === undefined) this.replies.push(answer);
    else this.replies.push(answer.subarray(0, asked.start), answer.subarray(asked.end));
  }

  *#execute(): Steps {
    const batch = this.#batch;
    if (batch.length === 0) return;
    this.#batch = [];
    this.replies.push(yield joined(batch));
  }

  #refuse(error: Uint8Array): void {
    this.replies.push(error);
    this.isOver = true;
  }
}

/** Messages as one array: without copying if they lie one behind the other. */
function joined(messages: readonly Uint8Array[]): Uint8Array {
  const first = messages[0]!;
  let end = first.byteOffset;
  for (const { buffer, byteOffset, length } of messages) {
    if (buffer !== first.buffer || byteOffset !== end) return concat(messages);
    end += length;
  }
  return new Uint8Array(first.buffer, first.byteOffset, end - first.byteOffset);
}

/** Whether a text may contain a COPY; most do not, and need not be looked at more closely. */
function isCopy(sql: string): boolean {
  return /\bcopy\b/i.test(sql);
}

function note(set: Set<string>, name: string, has: boolean): void {
  if (has) set.add(name);
  else set.delete(name);
}

function settingQuery(settings: readonly (readonly [name: string, value: string])[]): string {
  const calls = settings.map(([name, value]) => `pg_catalog.set_config(${literal(name)}, ${literal(value)}, false)`);
  return `select ${calls.join(", ")}`;
}

/**
 * DISCARD ALL, which may not be one of several statements; but the database's own listeners go on. In PGlite, the
 * default of the session's user is no user, which changes nothing.
 */
function resetQuery(user: string | undefined): string {
  const owner = user === undefined ? "default" : quotedIdentifier(user, "reset the session");
  return `close all; set session authorization ${owner}; set role none; reset all; deallocate all; ` +
    "select pg_catalog.pg_advisory_unlock_all(); discard plans; discard temp; discard sequences";
}

function literal(text: string): string {
  return ` E'${text.replace(/['\\]/g, "\\$&")}'`;
}

const EMPTY = new Uint8Array(0);
/** What PGlite decides by itself. */
const IGNORED: readonly string[] = ["user", "database", "client_encoding"];
/** CopyInResponse: text, no columns. */
const ASK_FOR_DATA = encoded((out) => {
  const start = out.begin(Backend.CopyInResponse);
  out.byte(0);
  out.int16(0);
  out.end(start);
});
/** Behind an Execute, whose COPY would otherwise wait for data that cannot come. */
const NO_DATA = encoded((out) => copyFail(out, COPY_REFUSAL));
/** In place of a query whose COPY is one of several statements. */
const SEVERAL = encoded((out) =>
  query(
    out,
    "do $$ begin raise feature_not_supported using " +
      "message = 'With PGlite, a COPY FROM STDIN must be the only statement of its query'; end $$",
  )
);
