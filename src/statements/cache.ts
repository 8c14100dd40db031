/**
 * The statement cache: the prepared statements of the SQL strings that a connection executed most recently.
 *
 * Names have a prefix that no other connection uses: behind a pooler, two clients may use one server connection, and
 * with equal names one would execute the other's statement.
 */
import type { StatementSlot } from "../protocol/prepare.ts";
import type { Prepared } from "../protocol/prepared.ts";
import { hasRelativeLiteral, hasTimeLiteral } from "../sql/time_literals.ts";
import { Effect, effectsOfStatement } from "../sql/statement.ts";

/** Whether statements have names on the server. Connections through one pooler share this object. */
export interface StatementNaming {
  /** Once false, it stays false. */
  isEnabled: boolean;
}

/** Drops the least recently used statement first. */
export class StatementCache {
  /** Called when names are turned off, by this connection or another one. */
  onNamesOff: (() => void) | undefined = undefined;
  readonly #prefix: string;
  readonly #naming: StatementNaming;
  /** The value of `isEnabled` at the last check. */
  #named: boolean;
  readonly #capacity: number;
  /** The least recently used first: a Map keeps the order of insertion. */
  readonly #statements = new Map<string, Prepared>();
  /** The names of strings that are being prepared. */
  readonly #preparing = new Map<string, string>();
  /** Names of dropped statements that the server still has. */
  readonly #toClose: string[] = [];
  #lastUsed: Prepared | undefined = undefined;
  #nameCount = 0;
  /** The server has dropped all statements whose numbers are not greater than this. */
  #droppedUpTo = 0;
  /** The same, once the statement that drops them has succeeded. */
  #dropsUpTo = 0;
  #changes = 0;
  #generation = 0;
  /** Whether a statement of this generation may have a time in its text. */
  #hasTimes = false;

  /** With a `capacity` of 0, statements have no names. */
  constructor(prefix: string, capacity: number, naming: StatementNaming = { isEnabled: true }) {
    this.#prefix = prefix;
    this.#naming = capacity > 0 ? naming : { isEnabled: false };
    this.#named = this.#naming.isEnabled;
    this.#capacity = capacity > 0 ? capacity : UNNAMED_CAPACITY;
  }

  /** Whether statements have names on the server. Without names, the cache remembers only their types. */
  get named(): boolean {
    this.#checkNaming();
    return this.#named;
  }

  /** The statement of a string, which becomes the most recently used one. */
  get(sql: string): Prepared | undefined {
    this.#checkNaming();
    const statement = this.#statements.get(sql);
    if (statement === undefined || this.#lastUsed === statement) return statement;
    this.#statements.delete(sql);
    this.#statements.set(sql, statement);
    this.#lastUsed = statement;
    return statement;
  }

  /** The number of invalidations so far: in each generation, text may have another meaning than before. */
  get generation(): number {
    return this.#generation;
  }

  /** How many times statements were dropped, outdated, or given to the server to close. */
  get changes(): number {
    return this.#changes;
  }

  /** Whether a statement is of an older generation: its text may have another meaning now. */
  isOutdated(statement: Pick<Prepared, "generation">): boolean {
    return statement.generation !== this.#generation;
  }

  /** A name that no statement has had before, on any connection, for a statement with that text, or for a portal. */
  newName(sql: string = ""): string {
    this.#hasTimes ||= hasTimeLiteral(sql);
    return `${this.#prefix}${++this.#nameCount}`;
  }

  /** The slot for a statement that the caller holds. It has no name if names are turned off. */
  newSlot(sql: string): StatementSlot {
    const name = this.named ? this.newName(sql) : "";
    return { name, evicted: this.takeNamesToClose(), generation: this.#generation };
  }

  /**
   * The slot for a string that is about to be prepared. It has no name if names are turned off, if its columns vary, if
   * it drops all statements, if it means something else each time that it is parsed, while the same string is being
   * prepared, or while so many others are being prepared that the cache is full.
   */
  beginPreparing(sql: string, effects: number = effectsOfStatement(sql)): StatementSlot {
    const generation = this.#generation;
    if ((effects & UNNAMED) !== 0 || hasRelativeLiteral(sql)) {
      return { name: "", evicted: this.takeNamesToClose(), generation };
    }
    while (this.#statements.size > 0 && this.#statements.size + this.#preparing.size >= this.#capacity) {
      const [oldest] = this.#statements.values();
      this.drop(oldest!);
    }
    const evicted = this.takeNamesToClose();
    const room = this.#statements.size + this.#preparing.size < this.#capacity;
    if (!this.named || !room || this.#preparing.has(sql)) return { name: "", evicted, generation };
    const name = this.newName(sql);
    this.#preparing.set(sql, name);
    return { name, evicted, generation };
  }

  /**
   * Adds a statement that the server has prepared. It is not added if its generation is outdated, if its columns vary,
   * if it drops all statements, or if it has a name although names are turned off, or the other way round.
   */
  add(statement: Prepared): void {
    if (this.isOutdated(statement)) return this.#close(statement);
    if (this.named === (statement.name === "") || (statement.effects & UNNAMED) !== 0) return;
    const older = this.#statements.get(statement.sql);
    if (older !== undefined) this.drop(older);
    this.#statements.set(statement.sql, statement);
    this.#lastUsed = statement;
  }

  /** Replaces a cached statement by one with more types. */
  replace(statement: Prepared): void {
    const older = this.#statements.get(statement.sql);
    if (older === undefined || older.name !== statement.name) return;
    this.#statements.set(statement.sql, statement);
    if (this.#lastUsed === older) this.#lastUsed = statement;
  }

  /**
   * Ends the preparing of a string in a slot. If it failed, the evicted statements may still be open, and are closed
   * later; so is the statement itself if its outcome is unknown.
   */
  endPreparing(sql: string, { name, evicted }: StatementSlot, succeeded: boolean | undefined): void {
    if (this.#preparing.get(sql) === name) this.#preparing.delete(sql);
    if (succeeded) return;
    for (const old of evicted) this.closeLater({ name: old });
    if (succeeded === undefined) this.closeLater({ name });
  }

  /** Removes a statement, and closes it later. */
  drop(statement: Prepared): void {
    if (this.#statements.get(statement.sql)?.name !== statement.name) return;
    this.#statements.delete(statement.sql);
    this.#close(statement);
  }

  /** Marks a statement as doubtful: the types of its parameters may have changed. */
  markDoubtful(statement: Prepared): void {
    const known = this.#statements.get(statement.sql);
    if (known?.name === statement.name) known.isDoubtful = true;
  }

  /** Closes a statement when another one is prepared. */
  closeLater(statement: Pick<Prepared, "name">): void {
    if (!this.isDropped(statement)) this.#close(statement);
  }

  #close({ name }: Pick<Prepared, "name">): void {
    if (name !== "" && this.named) this.#toClose.push(name);
  }

  /** Takes the names of dropped statements, for the server to close. */
  takeNamesToClose(): string[] {
    if (this.#toClose.length > 0) this.#changes++;
    return this.#toClose.splice(0);
  }

  /** Starts another generation: text may have another meaning in all requests that are submitted from now on. */
  invalidate(): void {
    this.#generation++;
    this.#hasTimes = false;
    for (const statement of this.#statements.values()) this.#close(statement);
    this.#clear();
  }

  /** The same if any text has a time, whose value may be another one now. */
  invalidateTimes(): void {
    if (this.#hasTimes) this.invalidate();
  }

  #clear(): void {
    this.#changes++;
    this.#statements.clear();
    this.#lastUsed = undefined;
  }

  /** Must be called before a statement is submitted that drops all statements: those that follow must not use them. */
  beginDropping(): void {
    this.#dropsUpTo = this.#nameCount;
    this.invalidate();
  }

  /** Notes that the server has dropped all statements, those excepted that were named after {@linkcode beginDropping}. */
  endDropping(): void {
    this.#droppedUpTo = this.#dropsUpTo;
    const left = this.#toClose.filter((name) => !this.isDropped({ name }));
    this.#toClose.splice(0, Infinity, ...left);
  }

  /** Whether the server has dropped a statement together with all others. */
  isDropped({ name }: Pick<Prepared, "name">): boolean {
    this.#checkNaming();
    return name.startsWith(this.#prefix) && Number(name.slice(this.#prefix.length)) <= this.#droppedUpTo;
  }

  /** Turns names off, because a pooler shares the server's connections. */
  turnOffNames(): void {
    this.#naming.isEnabled = false;
    this.#checkNaming();
  }

  /** Drops all statements if another connection has turned names off. */
  #checkNaming(): void {
    if (!this.#named || this.#naming.isEnabled) return;
    this.#named = false;
    this.#droppedUpTo = this.#nameCount;
    this.#toClose.length = 0;
    this.#clear();
    this.onNamesOff?.();
  }
}

/** The effects of statements that have no name: executed again, they have other columns, or have dropped themselves. */
const UNNAMED = Effect.Varies | Effect.DropsStatements;
/** How many statements are remembered if they have no names. */
const UNNAMED_CAPACITY = 256;
