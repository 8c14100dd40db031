/**
 * What a connection remembers of SQL strings: the prepared statements of those executed last.
 *
 * Names carry a part that no other connection has: behind a pooler two clients can meet on one
 * server connection, where a shared name would run the other's statement.
 */
import type { Prepared } from "../protocol/prepared.ts";

/** How a string is to be prepared: under which name ("" for none), and which names the server is to forget. */
export interface Place {
  readonly name: string;
  readonly evicted: readonly string[];
}

/** Least recently used out first. */
export class StatementCache {
  /** Whether statements have names on the server; without them only their types are remembered. */
  readonly named: boolean;
  readonly #prefix: string;
  readonly #capacity: number;
  /** Oldest use first, as a Map keeps the order of insertion. */
  readonly #statements = new Map<string, Prepared>();
  /** Strings that are being prepared under a name. */
  readonly #learning = new Set<string>();
  /** Names that the server has and nobody needs. */
  readonly #dropped: string[] = [];
  #last: Prepared | undefined = undefined;
  #count = 0;

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

  /**
   * A string is about to be prepared. It gets no name while the same string is on its way already,
   * or as many others as there is room for.
   */
  begin(sql: string): Place {
    while (this.#statements.size > 0 && this.#statements.size + this.#learning.size >= this.#capacity) {
      const [oldest] = this.#statements.values();
      this.drop(oldest!);
    }
    const evicted = this.#dropped.splice(0);
    const room = this.#statements.size + this.#learning.size < this.#capacity;
    if (!this.named || !room || this.#learning.has(sql)) return { name: "", evicted };
    this.#learning.add(sql);
    return { name: this.newName(), evicted };
  }

  /** The server has prepared a string: it is remembered, unless it got no name where others have. */
  learn(statement: Prepared): void {
    if (this.named && statement.name === "") return;
    const older = this.#statements.get(statement.sql);
    if (older !== undefined) this.drop(older);
    this.#statements.set(statement.sql, statement);
    this.#last = statement;
  }

  /** More is known of a statement that is remembered. */
  renew(statement: Prepared): void {
    const older = this.#statements.get(statement.sql);
    if (older === undefined || older.name !== statement.name) return;
    this.#statements.set(statement.sql, statement);
    if (this.#last === older) this.#last = statement;
  }

  /** Preparing a string under that name has come to an end, well or not. */
  end(sql: string, { name }: Place): void {
    if (name !== "") this.#learning.delete(sql);
  }

  /** Forgets a statement that is of no use any more. */
  drop(statement: Prepared): void {
    if (this.#statements.get(statement.sql) !== statement) return;
    this.#statements.delete(statement.sql);
    if (statement.name !== "") this.#dropped.push(statement.name);
  }
}

/** How many strings' types are remembered where statements have no names. */
const UNNAMED_CAPACITY = 256;
