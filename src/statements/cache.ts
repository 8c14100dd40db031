/**
 * What a connection remembers of SQL strings: the prepared statements of those executed last.
 *
 * Names carry a part that no other connection has: behind a pooler two clients can meet on one
 * server connection, where a shared name would run the other's statement.
 */
import type { Place } from "../protocol/prepare.ts";
import type { Prepared } from "../protocol/prepared.ts";

/** Whether statements have names on the server. Connections through one pooler share it: what one learns holds for all. */
export interface Names {
  /** Never switched on again. */
  on: boolean;
}

/** Least recently used out first. */
export class StatementCache {
  /** Called when they have none any more. */
  onNamesOff: (() => void) | undefined = undefined;
  readonly #prefix: string;
  readonly #names: Names;
  /** What it said when this cache last looked. */
  #named: boolean;
  readonly #capacity: number;
  /** Oldest use first, as a Map keeps the order of insertion. */
  readonly #statements = new Map<string, Prepared>();
  /** Strings that are being prepared under a name. */
  readonly #learning = new Set<string>();
  /** Names that the server has and nobody needs. */
  readonly #dropped: string[] = [];
  #last: Prepared | undefined = undefined;
  #count = 0;
  /** The server has no statement whose name has a number up to this. */
  #goneUpTo = 0;
  #meaning = 0;

  /** `capacity` 0 means statements without names. */
  constructor(prefix: string, capacity: number, names: Names = { on: true }) {
    this.#prefix = prefix;
    this.#names = capacity > 0 ? names : { on: false };
    this.#named = this.#names.on;
    this.#capacity = capacity > 0 ? capacity : UNNAMED_CAPACITY;
  }

  /** Whether statements have names on the server; without them only their types are remembered. */
  get named(): boolean {
    this.#look();
    return this.#named;
  }

  /** The statement of a string, as the most recently used. */
  get(sql: string): Prepared | undefined {
    this.#look();
    const statement = this.#statements.get(sql);
    if (statement === undefined || this.#last === statement) return statement;
    this.#statements.delete(sql);
    this.#statements.set(sql, statement);
    this.#last = statement;
    return statement;
  }

  /** Changes whenever text may mean something else than before. */
  get meaning(): number {
    return this.#meaning;
  }

  /** Whether a statement was prepared before its text may have got another meaning. */
  isOutdated(statement: Prepared): boolean {
    return statement.meaning !== this.#meaning;
  }

  /** A name that no statement had before, on any connection. */
  newName(): string {
    return `${this.#prefix}${++this.#count}`;
  }

  /** How a statement of the caller's is to be prepared; where statements have no names, only what it takes and gives is kept. */
  place(): Place {
    return { name: this.named ? this.newName() : "", evicted: this.takeDiscarded(), meaning: this.#meaning };
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
    const evicted = this.takeDiscarded();
    const room = this.#statements.size + this.#learning.size < this.#capacity;
    const meaning = this.#meaning;
    if (!this.named || !room || this.#learning.has(sql)) return { name: "", evicted, meaning };
    this.#learning.add(sql);
    return { name: this.newName(), evicted, meaning };
  }

  /**
   * The server has prepared a string: it is remembered, unless it got no name where others have, or one
   * where no other has, or if the string means something else by now.
   */
  learn(statement: Prepared): void {
    if (this.isOutdated(statement)) return this.discard(statement);
    if (this.named === (statement.name === "")) return;
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

  /** Preparing a string under that name has come to an end; if not well, the evicted ones may still be there. */
  end(sql: string, { name, evicted }: Place, succeeded: boolean): void {
    if (name !== "") this.#learning.delete(sql);
    if (!succeeded) this.#dropped.push(...evicted);
  }

  /** Forgets a statement that is of no use any more. */
  drop(statement: Prepared): void {
    if (this.#statements.get(statement.sql)?.name !== statement.name) return;
    this.#statements.delete(statement.sql);
    this.discard(statement);
  }

  /** The types of a statement's parameters may have become others. */
  doubt(statement: Prepared): void {
    const known = this.#statements.get(statement.sql);
    if (known?.name === statement.name) known.isDoubtful = true;
  }

  /** The server is to close a statement when something is prepared the next time. */
  discard(statement: Prepared): void {
    if (statement.name !== "" && !this.isGone(statement)) this.#dropped.push(statement.name);
  }

  /** Names of statements that nobody needs, for the server to close. */
  takeDiscarded(): string[] {
    return this.#dropped.splice(0);
  }

  /** Text may mean something else for all that is submitted from now on. */
  redefine(): void {
    this.#meaning++;
    this.#clear();
  }

  #clear(): void {
    for (const statement of this.#statements.values()) this.discard(statement);
    this.#statements.clear();
    this.#last = undefined;
  }

  /** The server has dropped all statements. */
  forgetAll(): void {
    this.#goneUpTo = this.#count;
    this.#dropped.length = 0;
    this.#clear();
  }

  /** Whether the server has dropped a statement together with all others. */
  isGone({ name }: Prepared): boolean {
    this.#look();
    return name.startsWith(this.#prefix) && Number(name.slice(this.#prefix.length)) <= this.#goneUpTo;
  }

  /** From now on statements have no names: something between gives the server's connection to others too. */
  turnOffNames(): void {
    this.#names.on = false;
    this.#look();
  }

  /** Another connection may have turned names off meanwhile. */
  #look(): void {
    if (!this.#named || this.#names.on) return;
    this.#named = false;
    this.forgetAll();
    this.onNamesOff?.();
  }
}

/** How many strings' types are remembered where statements have no names. */
const UNNAMED_CAPACITY = 256;
