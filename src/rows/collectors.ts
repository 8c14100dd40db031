/**
 * The result collectors: a class for each kind of result.
 *
 * The error for a value that cannot be decoded is kept, and thrown by {@linkcode ResultCollector.result}, since
 * the rest of the reply must be read in any case. Only a violation of the protocol throws at once.
 */
import { ProtocolError, UsageError } from "../errors.ts";
import { isPromise, silence } from "../unheeded.ts";
import type { Description } from "./description.ts";
import type { Registry } from "../codecs/registry.ts";
import type { MapRow } from "./row_mapper.ts";
import type { RowLayout, RowReader } from "./row.ts";
import { affectedRows, type Column, type CommandTag, commandTag } from "../wire/backend.ts";
import type { Inbox } from "../wire/inbox.ts";

/** The result of one statement. */
export interface Result<Row = Record<string, unknown>> {
  /** The rows; empty for a statement that returns none. */
  readonly rows: Row[];
  /** The columns; empty for a statement that returns no rows. */
  readonly columns: readonly Column[];
  /** The command tag without numbers: `SELECT`, `INSERT`, `CREATE TABLE`; "" for an empty query. */
  readonly command: string;
  /** The number in the command tag, 0 without one: rows inserted, changed, deleted, selected or copied. */
  readonly affected: number;
  /** The same number, null where the tag has none, as that of `CREATE TABLE`. */
  readonly count: number | null;
}

/** Collects the results of the statements of one reply. */
export abstract class ResultCollector<T> {
  protected readonly shape: RowLayout;
  #error: Error | undefined = undefined;
  /** The description of the current statement's rows. */
  #description: Description | undefined = undefined;
  #reader: RowReader | undefined = undefined;
  /** Rows with values whose types have not been looked up yet. */
  #incomplete: { readonly row: object; readonly description: Description }[] | undefined = undefined;
  /** Whether command tags are read even if the result does not need them. */
  readsTags = false;
  /** The number in the last command tag that was read. */
  lastAffected: number | undefined = undefined;
  /** The last command tag, if whole tags were read. */
  lastTag: CommandTag | undefined = undefined;

  constructor(shape: RowLayout = "object") {
    this.shape = shape;
  }

  /** Must be called before rows of this description. */
  begin(description: Description): void {
    this.#description = description;
    this.#reader = undefined;
    if (this.#error === undefined) this.onBegin(description);
  }

  /** Reads the current message, a DataRow. */
  row(inbox: Inbox): void {
    if (this.#description === undefined) throw inbox.unexpected("read rows");
    if (this.#error !== undefined) return;
    try {
      this.onRow(inbox);
    } catch (error) {
      this.fail(error as Error);
    }
  }

  /** Reads the current message, a CommandComplete. */
  complete(inbox: Inbox): void {
    this.#description = undefined;
    if (this.#error !== undefined) return;
    try {
      this.onComplete(inbox);
    } catch (error) {
      this.fail(error as Error);
    }
  }

  /** Must be called for an empty statement. */
  empty(): void {
    if (this.#description !== undefined) {
      throw new ProtocolError(
        "Cannot read the reply: the server sent EmptyQueryResponse for a statement that gives rows",
      );
    }
    if (this.#error === undefined) this.onEmpty();
  }

  /** Makes the outcome this error, if it is the first. */
  fail(error: Error): void {
    if (error instanceof ProtocolError) throw error;
    this.#error ??= error;
  }

  /** The result of the reply; throws the first error. */
  result(): T {
    if (this.#error !== undefined) throw this.#error;
    return this.value();
  }

  /** The result with what `map` makes of its rows. */
  mapped(result: T, _map: MapRow): T {
    return result;
  }

  /** Whether types must be looked up before the result is complete. */
  get isIncomplete(): boolean {
    return this.#incomplete !== undefined;
  }

  /** The columns with these types. */
  get unknownColumns(): Column[] {
    return [...new Set(this.#incomplete?.map(({ description }) => description))].flatMap((description) =>
      description.unknownColumns
    );
  }

  /** The result, completed with types that have been looked up. */
  completed(registry: Registry): T {
    for (const { row, description } of this.#incomplete ?? []) description.complete(row, this.shape, registry);
    return this.result();
  }

  /** Decodes the current row. */
  protected read(inbox: Inbox): unknown {
    const description = this.#description!;
    this.#reader ??= description.reader(this.shape);
    const row = this.#reader.read(inbox, inbox.pos, inbox.limit);
    if (description.isIncomplete) (this.#incomplete ??= []).push({ row: row as object, description });
    return row;
  }

  /** The command tag of the current message. */
  protected tag(inbox: Inbox): CommandTag {
    const tag = commandTag(inbox);
    this.lastAffected = tag.affected;
    return this.lastTag = tag;
  }

  /** The number in the command tag of the current message. */
  protected affected(inbox: Inbox): number {
    return this.lastAffected = affectedRows(inbox);
  }

  protected onBegin(_description: Description): void {}
  protected abstract onRow(inbox: Inbox): void;
  protected onComplete(inbox: Inbox): void {
    if (this.readsTags) this.tag(inbox);
  }
  protected onEmpty(): void {
    this.lastTag = NO_TAG;
  }
  protected abstract value(): T;
}

/** The tag of an empty statement, which has none. */
const NO_TAG: CommandTag = { command: "", affected: 0, count: null };

/** The rows of the last statement that returned rows. */
export class AllRows extends ResultCollector<unknown[]> {
  #rows: unknown[] = [];

  protected override onBegin(): void {
    this.#rows = [];
  }

  protected override onRow(inbox: Inbox): void {
    this.#rows.push(this.read(inbox));
  }

  override mapped(rows: unknown[], map: MapRow): unknown[] {
    return mapEach(rows, map);
  }

  protected override value(): unknown[] {
    return this.#rows;
  }
}

/** The first column of all rows. */
export class ColumnValues extends AllRows {
  constructor() {
    super("array");
  }

  protected override value(): unknown[] {
    return super.value().map((row) => (row as unknown[])[0] ?? null);
  }
}

/** Rows by the values of one of their columns. */
export class RowsByKey extends ResultCollector<Map<unknown, unknown>> {
  readonly #key: string;
  #rows: unknown[] = [];

  constructor(layout: RowLayout, key: string) {
    super(layout);
    if (typeof key !== "string") {
      throw new UsageError(`Cannot make a Map of the rows: the column must be a string, its name, not ${typeof key}`);
    }
    this.#key = key;
  }

  protected override onBegin(description: Description): void {
    this.#rows = [];
    if (description.keys.includes(this.#key)) return;
    const keys = description.keys.map((key) => JSON.stringify(key)).join(", ");
    this.fail(
      new UsageError(`Cannot make a Map of the rows: there is no column ${JSON.stringify(this.#key)}, but ${keys}`),
    );
  }

  protected override onRow(inbox: Inbox): void {
    this.#rows.push(this.read(inbox));
  }

  override mapped(rows: Map<unknown, unknown>, map: MapRow): Map<unknown, unknown> {
    const made = mapEach([...rows.values()], map);
    return new Map(Array.from(rows.keys(), (key, i) => [key, made[i]]));
  }

  protected override value(): Map<unknown, unknown> {
    const rows = new Map<unknown, unknown>();
    for (const row of this.#rows) {
      const key = (row as Record<string, unknown>)[this.#key];
      if (rows.has(key)) throw this.#unusable("two rows have the same");
      if (typeof key === "object" && key !== null) throw this.#unusable("objects cannot be looked up; there is such a");
      rows.set(key, row);
    }
    return rows;
  }

  #unusable(problem: string): UsageError {
    return new UsageError(`Cannot make a Map of the rows: ${problem} value of column ${JSON.stringify(this.#key)}`);
  }
}

/** The first row of the last statement that returned rows, or null. Other rows are not decoded. */
export class FirstRow extends ResultCollector<unknown> {
  readonly #only: boolean;
  #first: unknown = null;
  #count = 0;

  /** With `only`, anything but exactly one row is an error. */
  constructor(shape: RowLayout, only = false) {
    super(shape);
    this.#only = only;
  }

  protected override onBegin(): void {
    this.#first = null;
    this.#count = 0;
  }

  protected override onRow(inbox: Inbox): void {
    if (this.#count++ === 0) this.#first = this.read(inbox);
  }

  override mapped(row: unknown, map: MapRow): unknown {
    return row === null ? null : mapFirst(row, map);
  }

  protected override value(): unknown {
    if (this.#only && this.#count !== 1) {
      throw new UsageError(`Cannot return the only row: the statement returned ${this.#count} rows`);
    }
    return this.#first;
  }
}

/** The first column of the first row, null without one. */
export class FirstValue extends FirstRow {
  constructor() {
    super("array");
  }

  protected override value(): unknown {
    const row = super.value() as unknown[] | null;
    return row?.[0] ?? null;
  }
}

/** The number of affected rows of the last statement. Rows are not decoded. */
export class AffectedRows extends ResultCollector<number> {
  #affected = 0;

  protected override onRow(): void {}

  protected override onComplete(inbox: Inbox): void {
    this.#affected = this.affected(inbox);
  }

  protected override onEmpty(): void {
    this.#affected = 0;
  }

  protected override value(): number {
    return this.#affected;
  }
}

/** The results of all statements. */
export class AllResults extends ResultCollector<Result<unknown>[]> {
  readonly #results: Result<unknown>[] = [];
  #rows: unknown[] = [];
  #columns: readonly Column[] = [];

  protected override onBegin(description: Description): void {
    this.#columns = description.columns;
  }

  protected override onRow(inbox: Inbox): void {
    this.#rows.push(this.read(inbox));
  }

  protected override onComplete(inbox: Inbox): void {
    this.#end(this.tag(inbox));
  }

  protected override onEmpty(): void {
    this.#end(NO_TAG);
  }

  #end(tag: CommandTag): void {
    this.#results.push({ rows: this.#rows, columns: this.#columns, ...tag });
    this.#rows = [];
    this.#columns = [];
  }

  override mapped(results: Result<unknown>[], map: MapRow): Result<unknown>[] {
    return results.map((result) => ({ ...result, rows: mapEach(result.rows, map) }));
  }

  protected override value(): Result<unknown>[] {
    return this.#results;
  }
}

/** The result of the only statement. */
export class OnlyResult extends ResultCollector<Result<unknown>> {
  readonly #rows: unknown[] = [];
  #columns: readonly Column[] = [];
  #tag: CommandTag = NO_TAG;

  protected override onBegin(description: Description): void {
    this.#columns = description.columns;
  }

  protected override onRow(inbox: Inbox): void {
    this.#rows.push(this.read(inbox));
  }

  protected override onComplete(inbox: Inbox): void {
    this.#tag = this.tag(inbox);
  }

  override mapped(result: Result<unknown>, map: MapRow): Result<unknown> {
    return { ...result, rows: mapEach(result.rows, map) };
  }

  protected override value(): Result<unknown> {
    return { rows: this.#rows, columns: this.#columns, ...this.#tag };
  }
}

/** Maps rows in their own array, since a second one of many rows costs as much as calling the function. */
function mapEach(rows: unknown[], map: MapRow): unknown[] {
  if (rows.length > 0) rows[0] = mapFirst(rows[0], map);
  for (let i = 1; i < rows.length; i++) rows[i] = map(rows[i]);
  return rows;
}

/** Maps the first row, and refuses a function that returns a promise: nobody would await the promises. */
function mapFirst(row: unknown, map: MapRow): unknown {
  const made = map(row);
  if (!isPromise(made)) return made;
  silence(made);
  throw new UsageError("Cannot use as: its function has returned a promise, and must return what it makes of the row");
}
