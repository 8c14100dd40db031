/**
 * The statement cache: the prepared statements of the SQL strings that a connection executed last.
 *
 * Names carry a part that no other connection has: behind a pooler two clients can meet on one
 * server connection, where a shared name would run the other's statement.
 */
import type { StatementSlot } from "../protocol/prepare.ts";
import type { Prepared } from "../protocol/prepared.ts";

/** Whether statements have names on the server. Connections through one pooler share this object. */
export interface StatementNaming {
  /** Never becomes true again. */
  isEnabled: boolean;
}

/** Least recently used out first. */
export class StatementCache {
  /** Called when names are turned off. */
  onNamesOff: (() => void) | undefined = undefined;
  readonly #prefix: string;
  readonly #naming: StatementNaming;
  /** The value of `isEnabled` at the last check. */
  #named: boolean;
  readonly #capacity: number;
  /** Oldest use first, as a Map keeps the order of insertion. */
  readonly #statements = new Map<string, Prepared>();
  /** Strings that are being prepared under a name. */
  readonly #preparing = new Set<string>();
  /** Names of statements that the server has and the cache has dropped. */
  readonly #toClose: string[] = [];
  #lastUsed: Prepared | undefined = undefined;
  #nameCount = 0;
  /** The server has no statement whose name has a number up to this. */
  #droppedUpTo = 0;
  #generation = 0;

  /** `capacity` 0 means statements without names. */
  constructor(prefix: string, capacity: number, naming: StatementNaming = { isEnabled: true }) {
    this.#prefix = prefix;
    this.#naming = capacity > 0 ? naming : { isEnabled: false };
    this.#named = this.#naming.isEnabled;
    this.#capacity = capacity > 0 ? capacity : UNNAMED_CAPACITY;
  }

  /** Whether statements have names on the server; without them only their types are remembered. */
  get named(): boolean {
    this.#checkNaming();
    return this.#named;
  }

  /** The statement of a string, as the most recently used. */
  get(sql: string): Prepared | undefined {
    this.#checkNaming();
    const statement = this.#statements.get(sql);
    if (statement === undefined || this.#lastUsed === statement) return statement;
    this.#statements.delete(sql);
    this.#statements.set(sql, statement);
    this.#lastUsed = statement;
    return statement;
  }

  /** Counts invalidations: in each generation, text may mean something else than before. */
  get generation(): number {
    return this.#generation;
  }

  /** Whether a statement is of an older generation: its text may mean something else now. */
  isOutdated(statement: Prepared): boolean {
    return statement.generation !== this.#generation;
  }

  /** A name that no statement had before, on any connection. */
  newName(): string {
    return `${this.#prefix}${++this.#nameCount}`;
  }

  /** The slot for a statement that the caller keeps; without a name if names are off. */
  newSlot(): StatementSlot {
    return { name: this.named ? this.newName() : "", evicted: this.takeNamesToClose(), generation: this.#generation };
  }

  /**
   * A string is about to be prepared. It gets no name while the same string is on its way already,
   * or as many others as there is room for.
   */
  beginPreparing(sql: string): StatementSlot {
    while (this.#statements.size > 0 && this.#statements.size + this.#preparing.size >= this.#capacity) {
      const [oldest] = this.#statements.values();
      this.drop(oldest!);
    }
    const evicted = this.takeNamesToClose();
    const room = this.#statements.size + this.#preparing.size < this.#capacity;
    const generation = this.#generation;
    if (!this.named || !room || this.#preparing.has(sql)) return { name: "", evicted, generation };
    this.#preparing.add(sql);
    return { name: this.newName(), evicted, generation };
  }

  /**
   * The server has prepared a string: it is remembered, unless it got no name where others have, or one
   * where no other has, or if the string means something else by now.
   */
  add(statement: Prepared): void {
    if (this.isOutdated(statement)) return this.closeLater(statement);
    if (this.named === (statement.name === "")) return;
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

  /** Preparing a string in that slot has ended; if it failed, the evicted statements may still be open. */
  endPreparing(sql: string, { name, evicted }: StatementSlot, succeeded: boolean): void {
    if (name !== "") this.#preparing.delete(sql);
    if (!succeeded) this.#toClose.push(...evicted);
  }

  /** Removes a statement, and closes it later. */
  drop(statement: Prepared): void {
    if (this.#statements.get(statement.sql)?.name !== statement.name) return;
    this.#statements.delete(statement.sql);
    this.closeLater(statement);
  }

  /** The types of a statement's parameters may have changed. */
  markDoubtful(statement: Prepared): void {
    const known = this.#statements.get(statement.sql);
    if (known?.name === statement.name) known.isDoubtful = true;
  }

  /** Closes a statement when another one is prepared. */
  closeLater(statement: Prepared): void {
    if (statement.name !== "" && !this.isDropped(statement)) this.#toClose.push(statement.name);
  }

  /** Takes the names of dropped statements, for the server to close. */
  takeNamesToClose(): string[] {
    return this.#toClose.splice(0);
  }

  /** Starts another generation: text may mean something else for all requests that are submitted from now on. */
  invalidate(): void {
    this.#generation++;
    this.#clear();
  }

  #clear(): void {
    for (const statement of this.#statements.values()) this.closeLater(statement);
    this.#statements.clear();
    this.#lastUsed = undefined;
  }

  /** The server has dropped all statements. */
  dropAll(): void {
    this.#droppedUpTo = this.#nameCount;
    this.#toClose.length = 0;
    this.#clear();
  }

  /** Whether the server has dropped a statement together with all others. */
  isDropped({ name }: Prepared): boolean {
    this.#checkNaming();
    return name.startsWith(this.#prefix) && Number(name.slice(this.#prefix.length)) <= this.#droppedUpTo;
  }

  /** From now on statements have no names: a pooler shares the server's connections. */
  turnOffNames(): void {
    this.#naming.isEnabled = false;
    this.#checkNaming();
  }

  /** Another connection may have turned names off meanwhile. */
  #checkNaming(): void {
    if (!this.#named || this.#naming.isEnabled) return;
    this.#named = false;
    this.dropAll();
    this.onNamesOff?.();
  }
}

/** How many strings' types are remembered where statements have no names. */
const UNNAMED_CAPACITY = 256;
