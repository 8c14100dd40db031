/**
 * What the blocking and the promise Conn share: the state of a connection, and an op for each of its
 * methods. Everything that can go wrong with arguments goes wrong inside the op, so that it is
 * thrown in one world and rejected in the other.
 */
import { ConnectionError, UsageError } from "./errors.ts";
import { DEFAULT_CHOICES } from "./opts/choices.ts";
import type { Settings } from "./opts/settings.ts";
import { execute, executePrepared, query } from "./ops/execute.ts";
import type { Link } from "./ops/handshake.ts";
import { closeStatements, prepare, prepareBatch } from "./ops/prepare.ts";
import { renewStatement, StatementHandle, useStatement } from "./ops/prepared_statement.ts";
import { StatementCache } from "./ops/statements.ts";
import type { Upgrade } from "./ops/upgrade.ts";
import { type Op, perform } from "./protocol/exchange.ts";
import { Ping } from "./protocol/ping.ts";
import type { Prepared } from "./protocol/prepared.ts";
import type { SessionEvent } from "./protocol/session.ts";
import {
  Affected,
  AllResults,
  AllRows,
  FirstRow,
  FirstValue,
  OnlyResult,
  type Result,
  type Sink,
} from "./protocol/sink.ts";
import { Catalog } from "./types/catalog.ts";
import { Registry } from "./types/registry.ts";
import type { RowShape } from "./types/row.ts";

/** How a call wants its rows. */
export interface QueryOptions {
  /** `"object"`: by column name, of equal names the last. `"array"`: in the order of the columns. Default: `"object"`. */
  readonly rows?: RowShape | undefined;
}

/** Values for a statement's parameters, in the order of `$1`, `$2`, …; `null` is SQL NULL. */
export type Params = readonly unknown[];

/** A row as an object: values by column name. */
export type Row = Record<string, unknown>;

/** The shared part of a connection. */
export class Core {
  readonly link: Link;
  readonly upgrade: Upgrade;
  onNotice: Settings["onNotice"];
  readonly #registry: Registry;
  readonly #statements: StatementCache;
  #closing = false;

  /** `token` goes into the names of prepared statements; no other connection has it. */
  constructor(link: Link, upgrade: Upgrade, settings: Settings, token: string, catalog: Catalog = new Catalog()) {
    this.link = link;
    this.upgrade = upgrade;
    this.onNotice = settings.onNotice;
    const { int8, numeric, json, dates, codec } = { ...DEFAULT_CHOICES, ...settings };
    this.#registry = new Registry({ int8, numeric, json, dates, codec }, catalog);
    this.#statements = new StatementCache(`pyro_${token}_`, settings.statementCacheSize ?? DEFAULT_CACHE_SIZE);
  }

  get closed(): boolean {
    return this.#closing || this.link.session.lost !== undefined;
  }

  /** From now on new calls fail; false if they did already. */
  beginClosing(): boolean {
    if (this.#closing) return false;
    this.#closing = true;
    return true;
  }

  /** Hands on what the server said without being asked. What listeners throw is theirs. */
  deliver(event: SessionEvent): void {
    if (event.kind !== "notice") return;
    try {
      this.onNotice?.(event.notice);
    } catch {
      // A listener's failure is no reason for a query to fail.
    }
  }

  /** A round trip. */
  ping(): Op<void> {
    return this.#call("ping", () => perform(new Ping()));
  }

  /** The simple protocol; `sinkOf` decides what becomes of the rows. */
  query<T>(sql: unknown, options: unknown, sinkOf: SinkFactory<T>): Op<T> {
    return this.#call("run the query", () => query(sqlText(sql), sinkOf(shapeOf(options)), this.#registry));
  }

  /** The extended protocol; `sinkOf` decides what becomes of the rows. */
  exec<T>(statement: unknown, params: unknown, options: unknown, sinkOf: SinkFactory<T>): Op<T> {
    return this.#call("execute the statement", () => {
      const [values, shape] = argumentsOf(params, options);
      const sink = sinkOf(shape);
      if (statement instanceof StatementHandle) {
        const renewed = (prepared: Prepared): void => renewStatement(statement, prepared);
        return executePrepared(useStatement(statement, this), values, sink, this.#registry, renewed);
      }
      return execute(sqlText(statement), values, sink, this.#statements, this.#registry, this.#readsText);
    });
  }

  /** Prepares a statement for the caller to keep. */
  prepare(sql: string): Op<Prepared> {
    return this.#call("prepare the statement", () => prepare(sqlText(sql), this.#statements, this.#registry));
  }

  /** Prepares statements for the caller to keep: all, or none. */
  prepareBatch(sqls: readonly string[]): Op<Prepared[]> {
    return this.#call("prepare the statements", () => {
      if (!Array.isArray(sqls)) throw new UsageError("Cannot prepare the statements: they are not in an array");
      return prepareBatch(sqls.map(sqlText), this.#statements, this.#registry);
    });
  }

  /** Drops a statement that the caller has kept, unless it goes with the connection. */
  closeStatement({ name }: Prepared): Op<void> {
    return closeStatements(this.closed ? [] : [name]);
  }

  /** Whether dates and times in text can be read without doubt: in other styles than ISO their zones are abbreviations. */
  get #readsText(): boolean {
    return this.link.session.parameters["DateStyle"]?.startsWith("ISO") ?? true;
  }

  /**
   * The op of a call. Arguments are looked at now, not when the op gets its turn: what the caller
   * does with them, with a statement or with the connection after the call is none of its business.
   */
  #call<T>(action: string, make: () => Op<T>): Op<T> {
    try {
      if (!this.#closing) return make();
      return failing(new ConnectionError(`Cannot ${action}: the connection is closed`, { safeToRetry: true }));
    } catch (error) {
      return failing(error);
    }
  }
}

/** The op of a call that is wrong from the start. */
// deno-lint-ignore require-yield
function* failing(error: unknown): Op<never> {
  throw error;
}

/** SQL as the protocol can carry it. */
function sqlText(sql: unknown): string {
  if (typeof sql !== "string") {
    throw new UsageError(
      `Cannot run ${
        sql === null ? "null" : `a value of type ${typeof sql}`
      } as SQL: give a string or a prepared statement`,
    );
  }
  if (sql.includes("\0")) throw new UsageError("Cannot run the SQL text: it contains a NUL character");
  if (!sql.isWellFormed()) throw new UsageError("Cannot run the SQL text: it contains a lone surrogate");
  return sql;
}

/** Parameters and the shape of rows; a second argument that is no array is the options. */
function argumentsOf(params: unknown, options: unknown): [Params, RowShape] {
  if (params === undefined) return [[], shapeOf(options)];
  if (Array.isArray(params)) return [params.slice(), shapeOf(options)];
  if (options !== undefined) throw new UsageError("Cannot bind the parameters: they are not in an array");
  return [[], shapeOf(params)];
}

function shapeOf(options: unknown): RowShape {
  if (options === undefined) return "object";
  if (!isPlainObject(options)) {
    throw new UsageError(
      'Cannot use the options: they are an object such as { rows: "array" }; parameters are an array',
    );
  }
  let shape: RowShape = "object";
  for (const [name, value] of Object.entries(options)) {
    if (name !== "rows") throw new UsageError(`Cannot use option ${JSON.stringify(name)}: the only one is rows`);
    if (value !== undefined && value !== "object" && value !== "array") {
      throw new UsageError(`Cannot use rows: ${JSON.stringify(value)}: it is "object" or "array"`);
    }
    shape = value ?? "object";
  }
  return shape;
}

function isPlainObject(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Makes the sink of one call, for rows of that shape. */
export type SinkFactory<T> = (shape: RowShape) => Sink<T>;

/** What the methods of Conn do with rows. That rows are of the caller's type is the caller's claim. */
export const sinks = {
  allRows: <R>(shape: RowShape): Sink<R[]> => new AllRows(shape) as Sink<R[]>,
  firstRow: <R>(shape: RowShape): Sink<R | null> => new FirstRow(shape) as Sink<R | null>,
  onlyRow: <R>(shape: RowShape): Sink<R> => new FirstRow(shape, true) as Sink<R>,
  firstValue: <V>(): Sink<V | null> => new FirstValue() as Sink<V | null>,
  affected: (): Sink<number> => new Affected(),
  allResults: <R>(shape: RowShape): Sink<Result<R>[]> => new AllResults(shape) as Sink<Result<R>[]>,
  onlyResult: <R>(shape: RowShape): Sink<Result<R>> => new OnlyResult(shape) as Sink<Result<R>>,
};

const DEFAULT_CACHE_SIZE = 256;
