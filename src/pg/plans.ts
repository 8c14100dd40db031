/**
 * What a client knows of the statements that it has executed: the columns, and the name under which a statement is
 * prepared.
 *
 * A text is executed without a name at first, with the messages that pg sends. When it is executed again, it is
 * prepared under a name, and from then on the server parses and plans it no more. Statements that change something
 * other than rows are never prepared, nor are those with a literal like `'today'`.
 */
import { Effect, effectsOfStatement, effectsOfStatements } from "../sql/statement.ts";
import { hasRelativeLiteral } from "../sql/time_literals.ts";
import type { StatementCache } from "../statements/cache.ts";
import { Columns, type RowChoice } from "./columns.ts";
import { type Connection, textOfName } from "./connection.ts";
import type { Described, Field } from "./fields.ts";

/** What is known of a text that is executed in the simple protocol. */
export class SimplePlan {
  readonly sql: string;
  /** The side effects of its statements, as bits of `Effect`, if backslashes are ordinary characters. */
  readonly effects: number;
  /** The columns of its statements, as they were read last. */
  readonly #columns: Columns[] = [];

  constructor(sql: string) {
    this.sql = sql;
    this.effects = effectsOfStatements(sql);
  }

  /** The columns of the statement with that index among those with rows. */
  described({ fields, formats }: Described, choice: RowChoice, index: number): Columns {
    const known = this.#columns[index];
    if (known !== undefined && known.fits(choice) && sameFields(fields, known.fields)) return known;
    return this.#columns[index] = new Columns(fields, choice, formats);
  }
}

/** What is known of a statement. */
export class Plan {
  readonly sql: string;
  /** Its side effects, as bits of `Effect`. */
  readonly effects: number;
  /** Whether it means something else each time that it is parsed. */
  readonly isRelative: boolean;
  /** The name under which the server has it, "" for none. */
  name = "";
  /** Whether a request that prepares it is under way. */
  isPreparing = false;
  /** Whether it has been executed. */
  isKnown = false;
  generation: number;
  /** The columns; undefined if there are none, or if they are not known. */
  #fields: readonly Field[] | undefined = undefined;
  /** How they were read last. */
  #columns: Columns | undefined = undefined;

  constructor(sql: string, generation: number) {
    this.sql = sql;
    this.effects = effectsOfStatement(sql);
    this.isRelative = hasRelativeLiteral(sql);
    this.generation = generation;
  }

  /** The columns for rows as they are wanted; undefined if there are none, or if they are not known. */
  columns(choice: RowChoice): Columns | undefined {
    if (this.#fields === undefined || this.#columns?.fits(choice)) return this.#columns;
    return this.#columns = new Columns(this.#fields, choice);
  }

  /** The columns that the server has described; `known` are those that were expected. */
  described({ fields, formats }: Described, choice: RowChoice, known: Columns | undefined): Columns {
    if (known !== undefined && sameFields(fields, known.fields)) return known;
    // Next time, the values can travel in the best formats.
    this.#columns = undefined;
    this.#fields = fields;
    return new Columns(fields, choice, formats);
  }

  /** Forgets the columns, and that the server has it. */
  forget(generation: number): void {
    this.name = "";
    this.isKnown = false;
    this.#fields = undefined;
    this.#columns = undefined;
    this.generation = generation;
  }
}

/** The plans of one connection. */
export class Plans {
  readonly #statements: StatementCache;
  /** Has the statements that the user has named. A program that closes one by itself deletes it there. */
  readonly #connection: Connection;
  readonly #texts: RecentTexts<Plan>;
  readonly #simpleTexts: RecentTexts<SimplePlan>;
  /** By the name that the user has given, also of statements that the server does not have any more. */
  readonly #names = new Map<string, Plan>();

  /** `capacity`: how many texts are remembered. */
  constructor(statements: StatementCache, connection: Connection, capacity: number = 256) {
    this.#statements = statements;
    this.#connection = connection;
    this.#texts = new RecentTexts(
      capacity,
      (sql) => new Plan(sql, statements.generation),
      (plan) => statements.closeLater(plan),
    );
    this.#simpleTexts = new RecentTexts(capacity, (sql) => new SimplePlan(sql), () => {});
  }

  /** The plan of a text in the simple protocol. */
  ofSimpleText(sql: string): SimplePlan {
    return this.#simpleTexts.get(sql);
  }

  /** The plan of a text. */
  ofText(sql: string): Plan {
    const plan = this.#texts.get(sql);
    this.#renew(plan);
    return plan;
  }

  /** The plan of a statement that the user has named; its text may be left out if it is known. */
  ofName(name: string, sql: string | undefined): Plan {
    const text = this.textOf(name) ?? sql ?? "";
    const known = this.#names.get(name);
    if (known?.sql === text) return known;
    const plan = new Plan(text, this.#statements.generation);
    this.#names.set(name, plan);
    return plan;
  }

  /** The text of a statement that the user has named, if the server has it or is about to. */
  textOf(name: string): string | undefined {
    return textOfName(name, this.#connection);
  }

  /** Notes that a statement that the user has named is sent. */
  preparing(name: string, sql: string): void {
    this.#connection.submittedNamedStatements[name] = sql;
  }

  /** Notes the text of a statement that the user has named; undefined if it could not be prepared. */
  prepared(name: string, sql: string | undefined): void {
    delete this.#connection.submittedNamedStatements[name];
    if (sql === undefined) this.#names.delete(name);
    else this.#connection.parsedStatements[name] = sql;
  }

  /** Whether a text should be prepared now. */
  isWorthAName(plan: Plan): boolean {
    const isLasting = plan.effects === Effect.None && !plan.isRelative;
    return isLasting && plan.isKnown && !plan.isPreparing && this.#statements.named;
  }

  /** Forgets a statement that the server has no more, or executes in another way now. */
  drop(plan: Plan): void {
    this.#statements.closeLater(plan);
    plan.forget(this.#statements.generation);
  }

  /** Forgets what was known before the meaning of text has changed. */
  #renew(plan: Plan): void {
    const { generation } = this.#statements;
    if (plan.name !== "" && (!this.#statements.named || this.#statements.isDropped(plan))) plan.forget(generation);
    else if (plan.generation !== generation) this.drop(plan);
  }
}

/** What is known of the texts that were executed most recently. */
class RecentTexts<T extends { readonly sql: string }> {
  readonly #capacity: number;
  readonly #make: (sql: string) => T;
  readonly #forget: (item: T) => void;
  /** The least recently used first. */
  readonly #items = new Map<string, T>();
  #lastUsed: T | undefined = undefined;

  constructor(capacity: number, make: (sql: string) => T, forget: (item: T) => void) {
    this.#capacity = capacity;
    this.#make = make;
    this.#forget = forget;
  }

  /** What is known of a text, which becomes the most recently used one. */
  get(sql: string): T {
    if (this.#lastUsed?.sql === sql) return this.#lastUsed;
    const known = this.#items.get(sql);
    const item = known ?? this.#make(sql);
    if (sql.length > MAX_LENGTH) return item;
    if (known !== undefined) this.#items.delete(sql);
    else if (this.#items.size >= this.#capacity) this.#drop();
    this.#items.set(sql, item);
    return this.#lastUsed = item;
  }

  #drop(): void {
    const [oldest] = this.#items.values();
    this.#items.delete(oldest!.sql);
    this.#forget(oldest!);
  }
}

function sameFields(some: readonly Field[], others: readonly Field[]): boolean {
  if (some.length !== others.length) return false;
  return some.every((field, i) => {
    const other = others[i]!;
    return field.name === other.name && field.dataTypeID === other.dataTypeID && field.tableID === other.tableID &&
      field.columnID === other.columnID && field.dataTypeModifier === other.dataTypeModifier;
  });
}

/** Longer texts are not likely to be executed again, and would take much memory. */
const MAX_LENGTH = 100_000;
