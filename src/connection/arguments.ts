/** The checks of arguments: SQL, parameters and options, the same for all methods. */
import type { CallOptions, Params, QueryOptions } from "./call_options.ts";
import { otherCopyNote } from "../copies.ts";
import { TimeoutError, UsageError } from "../errors.ts";
import { bad, checkOptions, isOptions } from "../options/option_values.ts";
import { quotedIdentifier } from "../sql/identifier.ts";
import type { StatementSource } from "../statements/statement_source.ts";
import { referenceOf, StatementHandle } from "../statements/prepared_statement.ts";
import type { Deadline } from "../protocol/request.ts";
import { isSqlTemplate, SqlTemplate, valuesOf } from "../sql/template.ts";
import { checkCount } from "../rows/bind.ts";
import { type ColumnTypes, columnTypesFrom } from "../codecs/column_codecs.ts";
import type { RowLayout } from "../rows/row.ts";
import { type MapRow, mapRowFrom } from "../rows/row_mapper.ts";
import { argumentError } from "../revoked.ts";
import { snapshotOf } from "../rows/snapshot.ts";

/** A statement to execute: SQL text, a statement prepared on the same connection, or an `sql` template. */
export type Statement = string | StatementHandle | SqlTemplate;

/** The options of a call. */
export interface ParsedOptions {
  readonly shape: RowLayout;
  readonly types: ColumnTypes | undefined;
  /** The function that maps each row. */
  readonly mapRow: MapRow | undefined;
  readonly deadline: Deadline | undefined;
  /** The options that only this method has. */
  readonly extraOptions: Readonly<Record<string, unknown>>;
}

/** A statement with its parameters, and the options. */
export interface ParsedCall extends ParsedOptions {
  readonly source: StatementSource;
  readonly values: Params;
}

/** Which options a call has, and the action that it names in errors. */
export interface OptionSpec {
  /** The action, to follow "Cannot" in errors. */
  readonly action: string;
  /** Whether calls are awaited, and can be aborted. */
  readonly awaits: boolean;
  /** The shape of its rows, and what is made of them, unless the options say otherwise. Default: objects. */
  readonly shape?: RowLayout;
  readonly mapRow?: MapRow | undefined;
  /** Its options besides `timeout` and `signal`. */
  readonly names?: readonly string[];
  /** Its time limit, unless the options say another; 0 for none. Default: 0. */
  readonly timeout?: number;
}

/** The key under which a pool passes the timeout that the caller gave, when `timeout` is the remainder of it. */
export const CALLER_TIMEOUT: unique symbol = Symbol("timeout as given");

/** Options whose `timeout` may be the remainder of the one that the caller gave. */
export interface RemainingTimeout {
  readonly [CALLER_TIMEOUT]?: number;
}

/** Refuses options that are a revoked Proxy, of which a pool reads some before the call of its connection. */
export function checkReadable(options: CallOptions | undefined): void {
  try {
    void options?.timeout;
  } catch (error) {
    throw argumentError(error, "use the options");
  }
}

/** Whether sets of parameters can be iterated over again. The call refuses what cannot be read. */
export function areRepeatable(paramSets: unknown): boolean {
  try {
    return Array.isArray(paramSets);
  } catch {
    return false;
  }
}

/** The options with the remainder of `timeout`, for a call on a pool that has its connection now. */
export function withRemainingTime<O extends CallOptions>(
  options: O | undefined,
  startedAt: number,
  now: () => number,
): O | undefined {
  const timeout = options?.timeout;
  // The call refuses a malformed timeout.
  if (options === undefined || typeof timeout !== "number" || !(timeout > 0)) return options;
  const rest = timeout - (now() - startedAt);
  if (rest > 0) return { ...options, timeout: rest, [CALLER_TIMEOUT]: timeout };
  throw new TimeoutError(`Cannot make the call: no connection was ready within ${timeout} ms`, { outcome: "not sent" });
}

/** The options of a call. */
export function parseOptions(options: unknown, spec: OptionSpec, mayBeParams: boolean = false): ParsedOptions {
  if (options === undefined) return spec.shape === undefined && !spec.timeout ? NO_OPTIONS : defaultsOf(spec);
  if (!isOptions(options)) {
    throw new UsageError(`Cannot use the options: ${notOptions(options, spec, mayBeParams)}`);
  }
  const { action, awaits, names = [] } = spec;
  let shape: RowLayout = spec.shape ?? "object";
  let types: ColumnTypes | undefined;
  let { mapRow, timeout = 0 } = spec;
  let signal: AbortSignal | undefined;
  const extraOptions: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    if (name === "timeout") timeout = millisecondsFrom(value, "timeout");
    else if (name === "signal") signal = signalFrom(value, awaits);
    else if (!names.includes(name)) {
      const known = [...names, "timeout", ...(awaits ? ["signal"] : [])].join(", ");
      const note = mayBeParams ? "; parameters must be in an array, for $1, $2, …, or in an sql template" : "";
      throw new UsageError(`Cannot use option ${JSON.stringify(name)}: there are ${known}${note}`);
    } else if (name === "rows" || name === "nest") shape = layoutFrom(options as QueryOptions);
    else if (name === "as") mapRow = mapRowFrom(value);
    else if (name === "types") types = columnTypesFrom(value);
    else extraOptions[name] = value;
  }
  const callerTimeout = (options as RemainingTimeout)[CALLER_TIMEOUT];
  const deadline: Deadline | undefined = timeout > 0 || signal !== undefined
    ? { action, timeout, callerTimeout, signal }
    : undefined;
  return { shape, types, mapRow, deadline, extraOptions };
}

/**
 * Parses the arguments of a call: a statement, its parameters and the options. If the second argument is not an
 * array, it is the options.
 */
export function parseCall(
  statement: unknown,
  params: unknown,
  options: unknown,
  owner: object,
  spec: OptionSpec,
): ParsedCall {
  if (typeof statement !== "string") refuseTagged(statement);
  let given = options;
  let values = params;
  if (params !== undefined && !Array.isArray(params)) {
    if (options !== undefined) throw new UsageError("Cannot bind the parameters: they must be in an array");
    given = params;
    values = undefined;
  }
  const read = parseOptions(given, spec, values === undefined);
  if (statement instanceof SqlTemplate) {
    let inside = valuesOf(statement);
    if (Array.isArray(values) && values.length > 0) {
      // The text of a file, say, numbers its parameters itself.
      if (inside.length > 0) {
        throw new UsageError("Cannot bind the parameters: the sql template has its values inside");
      }
      inside = values;
    }
    return { ...read, source: sqlText(statement.text), values: checkedValues(inside) };
  }
  const source = statement instanceof StatementHandle ? referenceOf(statement, owner) : sqlText(statement);
  // A spread would be a tenth of what a call costs on Bun.
  const { shape, types, mapRow, deadline, extraOptions } = read;
  return {
    shape,
    types,
    mapRow,
    deadline,
    extraOptions,
    source,
    values: checkedValues(values === undefined ? [] : values as Params),
  };
}

/** A statement that any connection can execute: SQL text, or an `sql` template. */
export type PoolStatement = string | SqlTemplate;

/** The statement, the parameters and the options. An object in place of the parameters is the options. */
export function splitArguments<O>(
  stmt: PoolStatement,
  params: Params | O | undefined,
  options: O | undefined,
): [PoolStatement, Params | undefined, O | undefined] {
  try {
    return split(stmt, params, options);
  } catch (error) {
    throw argumentError(error, "execute the statement");
  }
}

function split<O>(
  stmt: PoolStatement,
  params: Params | O | undefined,
  options: O | undefined,
): [PoolStatement, Params | undefined, O | undefined] {
  if (stmt instanceof SqlTemplate && (!Array.isArray(params) || params.length === 0)) {
    const given = Array.isArray(params) ? options : options ?? (params as O | undefined);
    return [stmt.text, valuesOf(stmt), given];
  }
  if (params === undefined || Array.isArray(params)) return [stmt, params as Params | undefined, options];
  return options === undefined ? [stmt, undefined, params as O] : [stmt, params as Params, options];
}

/** As {@linkcode splitArguments}, with a copy of the parameters: the caller may change them before the call is made. */
export function copyArguments<O>(
  stmt: PoolStatement,
  params: Params | O | undefined,
  options: O | undefined,
): [PoolStatement, Params | undefined, O | undefined] {
  const split = splitArguments(stmt, params, options);
  if (Array.isArray(split[1])) split[1] = snapshotOf(split[1]);
  return split;
}

/** The source of a statement whose parameters come separately. */
export function statementSourceOf(statement: unknown, owner: object): StatementSource {
  if (statement instanceof StatementHandle) return referenceOf(statement, owner);
  return statement instanceof SqlTemplate ? textWithoutValues(statement) : sqlText(statement);
}

/** The SQL text of an argument. Throws if the protocol cannot transmit it. */
export function sqlText(sql: unknown): string {
  if (sql instanceof SqlTemplate) return sqlText(textWithoutValues(sql));
  if (typeof sql !== "string") {
    refuseTagged(sql);
    const given = sql === null ? "null" : `a value of type ${typeof sql}`;
    throw new UsageError(`Cannot run ${given} as SQL: give a string or a prepared statement${separately(sql)}`);
  }
  if (sql.includes("\0")) throw new UsageError("Cannot run the SQL text: it contains a NUL character");
  if (!sql.isWellFormed()) throw new UsageError("Cannot run the SQL text: it contains a lone surrogate");
  return sql;
}

/** The SQL text of an argument, unchecked, for telemetry; undefined if it has none. */
export function textOf(source: unknown): string | undefined {
  if (typeof source === "string") return source;
  if (source instanceof SqlTemplate) return source.text;
  return (source as Partial<Exclude<StatementSource, string>> | null | undefined)?.prepared?.sql;
}

/** The name of a table as SQL text: each part between dots is quoted. */
export function quotedName(name: unknown): string {
  if (name instanceof SqlTemplate) return sqlText(name);
  if (typeof name !== "string") throw new UsageError("Cannot use the table's name: it must be a string or sql.id()");
  return name.split(".").map((part) => quotedIdentifier(part, "use the table's name")).join(".");
}

/** A time in milliseconds, 0 for no limit. */
export function millisecondsFrom(value: unknown, name: string): number {
  if (typeof value === "number" && value >= 0) return value === Infinity ? 0 : value;
  throw bad(name, value, "it must be a number of milliseconds from 0, which is no limit");
}

/** The signal that may end connecting. */
export function connectSignal(options: unknown): AbortSignal | undefined {
  const note = "; the options of the connection are those of the target, such as connectTimeout";
  const { signal } = checkOptions(options, ["signal"], "{ signal: AbortSignal.timeout(1000) }", note);
  return signal === undefined ? undefined : signalFrom(signal);
}

/** How long closing may wait for calls, in milliseconds. */
export function closeTimeout(options: unknown): number {
  const { timeout } = checkOptions(options, ["timeout"], "{ timeout: 1000 }");
  if (timeout === undefined) return CLOSE_TIMEOUT;
  if (typeof timeout === "number" && timeout >= 0) return timeout;
  throw bad("timeout", timeout, "it must be a number of milliseconds from 0");
}

/** A number of things, at least 1. */
export function countFrom(value: unknown, name: string): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= 0x7fff_ffff) return value;
  throw bad(name, value, "it must be an integer from 1 to 2147483647");
}

/** The options of a call that is given none. */
function defaultsOf({ action, shape = "object", mapRow, timeout = 0 }: OptionSpec): ParsedOptions {
  const deadline = timeout > 0 ? { action, timeout, callerTimeout: undefined, signal: undefined } : undefined;
  return { ...NO_OPTIONS, shape, mapRow, deadline };
}

/** Refuses the strings of a template whose tag is a method. */
function refuseTagged(statement: unknown): void {
  if (!Array.isArray(statement) || !("raw" in statement)) return;
  throw new UsageError(
    "Cannot run the template: the method is no tag for templates; write exec(sql`…`), with the tag sql and parentheses",
  );
}

/** Advice for an object in place of SQL: a query object of another client, or a template of another copy. */
function separately(sql: unknown): string {
  const note = otherCopyNote(sql, "SqlTemplate");
  if (note !== "") return note;
  const isObject = typeof sql === "object" && sql !== null && ("text" in sql || "sql" in sql);
  return isObject ? "; the parameters are the second argument, as in exec(text, values)" : "";
}

function notOptions(options: unknown, { awaits }: OptionSpec, mayBeParams: boolean): string {
  if (Array.isArray(options)) {
    return "they are an array; parameters are the second argument of exec, run and the like";
  }
  if (typeof options === "function") {
    return `a function was given, and no callback is called; ${awaits ? "await" : "use"} what the call returns`;
  }
  return `they must be an object such as { timeout: 1000 }${mayBeParams ? "; parameters must be an array" : ""}`;
}

function textWithoutValues(template: SqlTemplate): string {
  if (valuesOf(template).length === 0) return template.text;
  throw new UsageError(
    "Cannot run the sql template here: it has values, and only exec, run and the like send parameters",
  );
}

function checkedValues(values: Params): Params {
  checkCount(values.length);
  for (let i = 0; i < values.length; i++) {
    if (isSqlTemplate(values[i])) {
      throw new UsageError(`Cannot bind parameter $${i + 1}: an sql template is no value; nest it in another template`);
    }
  }
  return values;
}

/** The layout of rows that two options say together. */
function layoutFrom({ rows = "object", nest = false }: QueryOptions): RowLayout {
  if (rows !== "object" && rows !== "array") {
    throw bad("rows", rows, 'it must be "object" or "array"');
  }
  if (typeof nest !== "boolean") throw bad("nest", nest, "it must be true or false");
  if (nest && rows === "array") throw new UsageError('Cannot use nest: with rows: "array" there are no names to nest');
  return nest ? "nested" : rows;
}

/** Checks a signal, which only calls that await can have. */
export function signalFrom(value: unknown, awaits: boolean = true): AbortSignal {
  if (!awaits) {
    throw new UsageError('Cannot use option "signal": nothing can abort it while a blocking call waits; use timeout');
  }
  if (value instanceof AbortSignal) return value;
  throw bad("signal", value, "it must be an AbortSignal");
}

const CLOSE_TIMEOUT = 5000;
const NO_OPTIONS: ParsedOptions = {
  shape: "object",
  types: undefined,
  mapRow: undefined,
  deadline: undefined,
  extraOptions: {},
};
