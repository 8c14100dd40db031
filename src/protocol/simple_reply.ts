/**
 * Which message may come next in the reply to a simple query. Each statement must complete, whether it returns rows
 * or copies, and there must be at least one.
 *
 * Source: PostgreSQL manual, "Frontend/Backend Protocol", sections "Simple Query" and "COPY
 * Operations".
 */
import { Backend } from "../wire/codes.ts";
import type { Inbox } from "../wire/inbox.ts";

/** Follows one reply. */
export class SimpleReplyGrammar {
  #position: Position = Position.Start;
  readonly #action: string;

  /** `action` is that of the request. */
  constructor(action: string) {
    this.#action = action;
  }

  /** Steps over the current message; throws if it must not come here. */
  step(inbox: Inbox): void {
    const next = NEXT[this.#position].get(inbox.code);
    if (next === undefined) throw inbox.unexpected(this.#action);
    this.#position = next;
  }

  /** CopyDone is sent. Before that, and after a CopyFail, the server must not complete a COPY FROM STDIN. */
  endCopy(): void {
    if (this.#position === Position.CopyIn) this.#position = Position.Copied;
  }

  /** Whether the data of a COPY is complete, so that CommandComplete must be next. */
  get isCopied(): boolean {
    return this.#position === Position.Copied;
  }
}

const Position = {
  Start: 0,
  /** After a statement. */
  Between: 1,
  /** After a RowDescription. */
  Rows: 2,
  /** The server waits for data. */
  CopyIn: 3,
  /** The server sends data. */
  CopyOut: 4,
  Copied: 5,
  End: 6,
} as const;
type Position = (typeof Position)[keyof typeof Position];

const STATEMENT: readonly (readonly [number, Position])[] = [
  [Backend.RowDescription, Position.Rows],
  [Backend.CommandComplete, Position.Between],
  [Backend.EmptyQueryResponse, Position.Between],
  [Backend.CopyInResponse, Position.CopyIn],
  [Backend.CopyOutResponse, Position.CopyOut],
];

/**
 * Which messages may come at each position, and the position after each. An error may come at any position; the
 * session handles it.
 */
const NEXT: Readonly<Record<Position, ReadonlyMap<number, Position>>> = {
  [Position.Start]: new Map(STATEMENT),
  [Position.Between]: new Map([...STATEMENT, [Backend.ReadyForQuery, Position.End]]),
  [Position.Rows]: new Map<number, Position>([
    // A rule may add a query with rows of its own to the statement (DO ALSO SELECT).
    [Backend.RowDescription, Position.Rows],
    [Backend.DataRow, Position.Rows],
    [Backend.CommandComplete, Position.Between],
  ]),
  [Position.CopyIn]: new Map(),
  [Position.CopyOut]: new Map<number, Position>([
    [Backend.CopyData, Position.CopyOut],
    [Backend.CopyDone, Position.Copied],
  ]),
  [Position.Copied]: new Map([[Backend.CommandComplete, Position.Between]]),
  [Position.End]: new Map(),
};
