/**
 * What a client knows of the statements that it has executed: the columns, and the name under which a statement is
 * prepared.
 *
 * A text is executed without a name at first, with the messages that pg sends. When it is executed again, it is
 * prepared under a name, and from then on the server parses and plans it no more. Statements that change something
 * other than rows are never prepared.
 */
import type { RowShape } from "../rows/row.ts";
import { Effect, effectsOfStatement } from "../sql/statement.ts";
import type { StatementCache } from "../statements/cache.ts";
import { Columns } from "./columns.ts";
import type { Described, Field } from "./fields.ts";
import type { CustomTypesConfig } from "./interfaces.ts";

/** How rows are wanted. */
export interface RowChoice {
  readonly types: CustomTypesConfig;
  readonly isBinary: boolean;
  readonly shape: RowShape;
}

/** What is known of a statement. */
export class Plan {
  readonly sql: string;
  /** Its side effects, as bits of `Effect`. */
  readonly effects: number;
  /** The name under which the server has it, "" for none. */
  name = "";
  /** Whether a request that prepares it is under way. */
  isPreparing = false;
  /** Whether it has been executed. */
  isKnown = false;
  generation: number;
  /** The columns as they were read last; undefined if there are none, or if they are not known. */
  #columns: Columns | undefined = undefined;

  constructor(sql: string, generation: number) {
    this.sql = sql;
    this.effects = effectsOfStatement(sql);
    this.generation = generation;
  }

  /** The columns for rows as they are wanted; undefined if there are none, or if they are not known. */
  columns({ types, isBinary, shape }: RowChoice): Columns | undefined {
    const known = this.#columns;
    if (known === undefined || known.fits(types, isBinary, shape)) return known;
    return this.#columns = new Columns(known.fields, types, isBinary, shape);
  }

  /** The columns that the server has described; `known` are those that were expected. */
  described({ fields, formats }: Described, choice: RowChoice, known: Columns | undefined): Columns {
    if (known !== undefined && sameFields(fields, known.fields)) return known;
    const { types, isBinary, shape } = choice;
    // Next time, the values can travel in the best formats.
    this.#columns = new Columns(fields, types, isBinary, shape);
    return new Columns(fields, types, isBinary, shape, formats);
  }

  /** Forgets the columns, and that the server has it. */
  forget(generation: number): void {
    this.name = "";
    this.isKnown = false;
    this.#columns = undefined;
    this.generation = generation;
  }
}

/** The plans of one connection. */
export class Plans {
  readonly #statements: StatementCache;
  readonly #capacity: number;
  /** By text, the least recently used first. */
  readonly #texts = new Map<string, Plan>();
  #lastUsed: Plan | undefined = undefined;
  /** By the name that the user has given. */
  readonly #names = new Map<string, Plan>();

  /** `capacity`: how many texts are remembered. */
  constructor(statements: StatementCache, capacity: number = 256) {
    this.#statements = statements;
    this.#capacity = capacity;
  }

  /** The plan of a text. */
  ofText(sql: string): Plan {
    const known = this.#texts.get(sql);
    if (known === undefined) return this.#add(sql);
    if (known !== this.#lastUsed) {
      this.#texts.delete(sql);
      this.#texts.set(sql, known);
      this.#lastUsed = known;
    }
    this.#renew(known);
    return known;
  }

  /** The plan of a statement that the user has named; its text may be left out if it is known. */
  ofName(name: string, sql: string | undefined): Plan {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    const plan = new Plan(sql ?? "", this.#statements.generation);
    this.#names.set(name, plan);
    return plan;
  }

  /** The text of a statement that the user has named, if the server has it or is about to. */
  textOf(name: string): string | undefined {
    const plan = this.#names.get(name);
    return plan !== undefined && (plan.name !== "" || plan.isPreparing) ? plan.sql : undefined;
  }

  /** Forgets a named statement that could not be prepared. */
  forgetName(name: string): void {
    this.#names.delete(name);
  }

  /** Whether a text should be prepared now. */
  isWorthAName(plan: Plan): boolean {
    return plan.isKnown && !plan.isPreparing && plan.effects === Effect.None && this.#statements.named;
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

  #add(sql: string): Plan {
    const plan = new Plan(sql, this.#statements.generation);
    if (sql.length > MAX_LENGTH) return plan;
    if (this.#texts.size >= this.#capacity) {
      const [oldest] = this.#texts.values();
      this.#texts.delete(oldest!.sql);
      this.#statements.closeLater(oldest!);
    }
    this.#texts.set(sql, plan);
    this.#lastUsed = plan;
    return plan;
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
