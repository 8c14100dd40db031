/**
 * Which message may come next in the reply to a simple query, whether its statements give rows or
 * copy: each statement must come to its end, and there must be at least one.
 *
 * Source: PostgreSQL manual, "Frontend/Backend Protocol", sections "Simple Query" and "COPY
 * Operations".
 */
import { Backend } from "../wire/codes.ts";
import type { Inbox } from "../wire/inbox.ts";

/** Follows one reply. */
export class SimpleReply {
  #place: Place = Place.Start;
  readonly #action: string;

  /** `action` is that of the exchange. */
  constructor(action: string) {
    this.#action = action;
  }

  /** Steps over the current message; throws if it must not come here. */
  step(inbox: Inbox): void {
    const next = NEXT[this.#place].get(inbox.code);
    if (next === undefined) throw inbox.unexpected(this.#action);
    this.#place = next;
  }

  /** CopyDone was sent. Before that the server cannot complete a COPY FROM STDIN, and never if it was refused. */
  copied(): void {
    if (this.#place === Place.CopyIn) this.#place = Place.Copied;
  }

  /** Whether the data of a COPY is complete, so that CommandComplete must be next. */
  get isCopied(): boolean {
    return this.#place === Place.Copied;
  }
}

const Place = {
  Start: 0,
  /** Behind a statement. */
  Between: 1,
  /** Behind a RowDescription. */
  Rows: 2,
  /** The server waits for data. */
  CopyIn: 3,
  /** The server sends data. */
  CopyOut: 4,
  Copied: 5,
  End: 6,
} as const;
type Place = (typeof Place)[keyof typeof Place];

const STATEMENT: readonly (readonly [number, Place])[] = [
  [Backend.RowDescription, Place.Rows],
  [Backend.CommandComplete, Place.Between],
  [Backend.EmptyQueryResponse, Place.Between],
  [Backend.CopyInResponse, Place.CopyIn],
  [Backend.CopyOutResponse, Place.CopyOut],
];

/** What may come at each place, and where it leads. An error may come at any, which is the session's business. */
const NEXT: Readonly<Record<Place, ReadonlyMap<number, Place>>> = {
  [Place.Start]: new Map(STATEMENT),
  [Place.Between]: new Map([...STATEMENT, [Backend.ReadyForQuery, Place.End]]),
  [Place.Rows]: new Map<number, Place>([
    // A rule may add a query with rows of its own to the statement (DO ALSO SELECT).
    [Backend.RowDescription, Place.Rows],
    [Backend.DataRow, Place.Rows],
    [Backend.CommandComplete, Place.Between],
  ]),
  [Place.CopyIn]: new Map(),
  [Place.CopyOut]: new Map<number, Place>([
    [Backend.CopyData, Place.CopyOut],
    [Backend.CopyDone, Place.Copied],
  ]),
  [Place.Copied]: new Map([[Backend.CommandComplete, Place.Between]]),
  [Place.End]: new Map(),
};
