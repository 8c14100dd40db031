/**
 * What a connection remembers of SQL strings: the prepared statements of those executed last.
 *
 * Names carry a part that no other connection has: behind a pooler two clients can meet on one
 * server connection, where a shared name would run the other's statement.
 */
import type { Prepared } from "../protocol/prepared.ts";

/** Least recently used out first. */
export class StatementCache {
  readonly #prefix: string;
  readonly #capacity: number;
  /** Oldest use first, as a Map keeps the order of insertion. */
  readonly #statements = new Map<string, Prepared>();
  /** Strings whose first execution is under way. */
  readonly #learning = new Set<string>();
  /** Names that the server has and nobody needs. */
  readonly #dropped: string[] = [];
  #last: Prepared | undefined = undefined;
  #count = 0;

  /** Whether statements have names on the server; without them only their types are remembered. */
  readonly named: boolean;

  /** `capacity` 0 means statements without names. */
  constructor(prefix: string, capacity: number) {
    this.#prefix = prefix;
    this.named = capacity > 0;
    this.#capacity = capacity > 0 ? capacity : UNNAMED_CAPACITY;
  }

  /** The statement of a string, as the most recently used. */
  get(sql: string): Prepared | undefined {
    const statement = this.#statements.get(sql);
    if (statement === undefined || this.#last === statement) return statement;
    this.#statements.delete(sql);
    this.#statements.set(sql, statement);
    this.#last = statement;
    return statement;
  }

  /** A name that no statement had before, on any connection. */
  newName(): string {
    return `${this.#prefix}${++this.#count}`;
  }

  /** Remembers a statement; {@linkcode makeRoom} comes first. */
  add(statement: Prepared): void {
    this.#statements.set(statement.sql, statement);
    this.#last = statement;
  }

  /** Forgets a statement that is of no use any more. */
  drop(statement: Prepared): void {
    if (!this.#statements.delete(statement.sql)) return;
    this.#last = undefined;
    if (this.named) this.#dropped.push(statement.name);
  }

  /** Makes room for one more by forgetting those used least recently; the names that the server is to forget too. */
  makeRoom(): readonly string[] {
    while (this.#statements.size + this.#learning.size >= this.#capacity && this.#statements.size > 0) {
      const [oldest] = this.#statements.values();
      this.drop(oldest!);
    }
    return this.#dropped.splice(0);
  }

  /** Whether the first execution of a string is under way, whose name cannot be relied on yet. */
  isLearning(sql: string): boolean {
    return this.#learning.has(sql);
  }

  /** Its first execution begins. */
  beginLearning(sql: string): void {
    this.#learning.add(sql);
  }

  /** Its first execution has come to an end. */
  endLearning(sql: string): void {
    this.#learning.delete(sql);
  }
}

/** How many strings' types are remembered where statements have no names. */
const UNNAMED_CAPACITY = 256;
