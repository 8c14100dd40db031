/**
 * Loading the types that do not come with PostgreSQL: enums, domains, composites, ranges and those
 * of extensions, with everything they are made of, in one round trip.
 *
 * Source: PostgreSQL manual, "System Catalogs": pg_type, pg_range, pg_attribute.
 */
import { lazy } from "../lazy.ts";
import { DecodeError, ServerError } from "../errors.ts";
import { continueSubmitting, type Op, type PendingRequest, settle, submit } from "../protocol/request.ts";
import { ExecuteStatement } from "../protocol/extended_query.ts";
import { Prepared } from "../protocol/prepared.ts";
import { SimpleQuery } from "../protocol/simple_query.ts";
import { AffectedRows, AllRows, type ResultCollector } from "../rows/collectors.ts";
import { SqlState } from "../sqlstate.ts";
import type { ColumnOrigin, TypeInfo, TypeShape } from "../codecs/catalog.ts";
import { ownCodecs, type Registry } from "../codecs/registry.ts";
import type { Column } from "../wire/backend.ts";
import type { Context } from "./context.ts";
import { releaseSavepoint, rollBackToSavepoint, setSavepoint } from "../sql/savepoint.ts";

/** A query of the server's catalog: SQL, with lists of numbers as its parameters, each with the OID of its type. */
export interface CatalogQuery {
  readonly sql: string;
  readonly lists: readonly { readonly type: number; readonly items: readonly number[] }[];
}

/** The rows of a catalog query as arrays, read with {@linkcode ownCodecs}, or its error. */
export type CatalogAnswer =
  | { readonly rows: readonly unknown[] }
  /** `isCostly`: whether more than the query has failed, such as the transaction around it. */
  | { readonly error: ServerError | DecodeError; readonly isCostly: boolean };

/** Runs a catalog query. */
export type AskCatalog = (query: CatalogQuery) => Op<CatalogAnswer>;

/** The part of the context that catalog queries need. */
type LookupContext = Pick<Context, "session" | "registry">;

/**
 * Loads the types among these, and the types of these columns, that are not known yet. Values of a type that the
 * server does not describe are read as text, until types are invalidated. Throws if the server refuses the query for
 * a transient reason.
 */
export function* loadTypes(
  types: readonly (number | Column)[],
  context: LookupContext,
  ask: AskCatalog = (query) => askCatalog(query, context),
): Op<void> {
  const { registry } = context;
  if (!types.some((type) => registry.isUnknown(type))) return;
  yield* continueSubmitting();
  if (!mayAsk(context)) return;
  // While this op waited, another may have loaded them, or types may have been invalidated.
  const columns = types.filter((type) => typeof type !== "number").filter((column) => registry.isUndeclared(column));
  if (columns.length > 0) yield* loadDomains(columns, registry, ask);
  const oids = types.map((type) => typeof type === "number" ? type : registry.typeOf(type));
  const unknown = [...new Set(oids)].filter((oid) => registry.isUnknown(oid));
  if (unknown.length === 0) return;
  const question = { sql: catalogQuery(), lists: [{ type: OID_ARRAY, items: unknown }] };
  const store = (rows: readonly unknown[]): void =>
    registry.addTypes(unknown, rows.map(typeInfo).filter((type) => type !== undefined));
  loadAnswer(yield* ask(question), store, `types ${unknown.join(", ")}`);
}

/**
 * Whether the catalog may be asked now. In a transaction, a refusal must not fail it, which takes a savepoint. Engines
 * that call themselves older than any server that understands the question (Redshift 8.0, Materialize 9.5) have none.
 */
function mayAsk({ session }: LookupContext): boolean {
  return session.transactionStatus !== "active" ||
    !(parseInt(session.parameter("server_version") ?? "") < FIRST_VERSION);
}

/** Loads which of these columns are declared with a domain. */
function* loadDomains(columns: readonly Column[], registry: Registry, ask: AskCatalog): Op<void> {
  const lists = [
    { type: OID_ARRAY, items: columns.map(({ tableOid }) => tableOid) },
    { type: INT2_ARRAY, items: columns.map(({ columnNumber }) => columnNumber) },
  ];
  const store = (rows: readonly unknown[]): void =>
    registry.addDomains(columns, rows.map(domain).filter((column) => column !== undefined));
  loadAnswer(yield* ask({ sql: domainQuery(), lists }), store, "domains");
}

/** Stores an answer; an error counts as no rows, unless it is transient. */
function loadAnswer(answer: CatalogAnswer, store: (rows: readonly unknown[]) => void, what: string): void {
  if ("rows" in answer) return store(answer.rows);
  const { error, isCostly } = answer;
  const isTransientError = isTransient(error);
  if (!isTransientError) store([]);
  if (!isTransientError && !isCostly) return;
  throw new DecodeError(`Cannot look up ${what} in the catalog: ${error.message}`, { cause: error });
}

/** The result of a reply with unknown types, once these are loaded. */
export function* completeRows<T>(collector: ResultCollector<T>, context: LookupContext, ask?: AskCatalog): Op<T> {
  yield* loadTypes(collector.unknownColumns, context, ask);
  return collector.completed(context.registry);
}

/** The statement with its types, once these are loaded. */
export function* loadStatementTypes(statement: Prepared, context: LookupContext): Op<Prepared> {
  const { registry } = context;
  if (statement.isCurrent(registry)) return statement;
  yield* loadTypes(statement.types, context);
  return statement.renewed(registry);
}

/** The error as an answer, if it is that of the catalog query; otherwise throws it. */
export function failedAnswer(error: unknown, isCostly: boolean): CatalogAnswer {
  if (error instanceof ServerError || error instanceof DecodeError) return { error, isCostly };
  throw error;
}

/**
 * Runs a catalog query. In a transaction it sets a savepoint first, because a refusal must not fail the transaction.
 */
function* askCatalog({ sql, lists }: CatalogQuery, { session }: LookupContext): Op<CatalogAnswer> {
  const query = new Prepared("", sql, lists.map(({ type }) => type), undefined, ownCodecs);
  const values = lists.map(({ items }) => items);
  const question = new ExecuteStatement(query, values, new AllRows("array"), ownCodecs);
  const saved = session.transactionStatus === "active" ? yield* submit(command(setSavepoint(SAVEPOINT))) : undefined;
  const asked = yield* submit(question);
  try {
    const rows = yield* settle(asked);
    if (saved !== undefined) yield* awaitEnd(yield* submit(command(releaseSavepoint(SAVEPOINT))));
    return { rows };
  } catch (error) {
    const isUndone = saved?.settled && saved.failure === undefined && session.transactionStatus === "failed";
    if (isUndone && session.lost === undefined) yield* awaitEnd(yield* submit(command(rollBackToSavepoint(SAVEPOINT))));
    return failedAnswer(error, saved !== undefined && session.transactionStatus === "failed");
  }
}

function command(sql: string): SimpleQuery<number> {
  return new SimpleQuery(sql, new AffectedRows(), ownCodecs);
}

/** Waits for a statement that the server refuses if the transaction has ended already. */
function* awaitEnd(pending: PendingRequest<number>): Op<void> {
  try {
    yield* settle(pending);
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
  }
}

/** Whether the same query may succeed later. */
function isTransient(error: ServerError | DecodeError): boolean {
  if (!(error instanceof ServerError)) return false;
  return error.code === SqlState.InFailedSqlTransaction || TRANSIENT_CLASSES.includes(error.code.slice(0, 2));
}

/** A row of the query below. */
type CatalogRow = readonly [
  oid: number,
  name: string,
  schema: string,
  delimiter: string,
  kind: string,
  part: number | null,
  attributeNames: readonly string[] | null,
  attributeTypes: readonly number[] | null,
];

/**
 * The type that a row describes; undefined if the row differs from what PostgreSQL sends, which is possible with
 * other servers.
 */
function typeInfo(row: unknown): TypeInfo | undefined {
  const [oid, name, schema, delimiter, kind, part, names, types] = row as CatalogRow;
  const isRight = typeof oid === "number" && (part === null || typeof part === "number") &&
    [name, schema, delimiter, kind].every((text) => typeof text === "string") &&
    isListOf(names ?? [], "string") && isListOf(types ?? [], "number") && names?.length === types?.length;
  return isRight
    ? { oid, name, schema, delimiter, shape: shapeOf(kind, part ?? 0, names ?? [], types ?? []) }
    : undefined;
}

/** A column with its domain as its type, from a row of {@linkcode domainQuery}. */
function domain(row: unknown): ColumnOrigin | undefined {
  const [tableOid, columnNumber, typeOid] = row as readonly unknown[];
  if (typeof tableOid !== "number" || typeof columnNumber !== "number" || typeof typeOid !== "number") return undefined;
  return { tableOid, columnNumber, typeOid };
}

function isListOf(list: unknown, kind: "string" | "number"): boolean {
  return Array.isArray(list) && list.every((item) => typeof item === kind);
}

function shapeOf(kind: string, part: number, names: readonly string[], types: readonly number[]): TypeShape {
  switch (kind) {
    case "a":
      return { kind: "array", element: part };
    case "d":
      return { kind: "domain", base: part };
    case "r":
      return { kind: "range", subtype: part };
    case "m":
      return { kind: "multirange", range: part };
    case "c":
      return { kind: "composite", attributes: names.map((name, i) => ({ name, oid: types[i]! })) };
    case "e":
      return { kind: "enum" };
    case "p":
      return { kind: "pseudo" };
    default:
      return { kind: "base" };
  }
}

/** The first major version that understands the queries below. */
const FIRST_VERSION = 11;
/** OID of `oid[]`. */
const OID_ARRAY = 1028;
/** OID of `int2[]`. */
const INT2_ARRAY = 1005;
const SAVEPOINT = "pyro_types";
/**
 * Classes of SQLSTATE: connection exceptions, transaction rollbacks, insufficient resources, locks, and operator
 * intervention.
 */
const TRANSIENT_CLASSES: readonly string[] = ["08", "40", "53", "55", "57"];

/**
 * The requested types, and all types that they are made of. `kind` is `typtype`, or `a` for arrays; `part` the one
 * type that others are made of.
 *
 * All names have a schema, also those of operators, because search_path may lead to others of the same name. Servers
 * before 14 have no column `rngmultitypid`. It is not qualified with a table, so that it means the column of
 * `no_multirange` there.
 */
export const catalogQuery: () => string = lazy(() =>
  qualified(`
with recursive needed(oid) as (
  select pg_catalog.unnest($1::pg_catalog.oid[])
  union
  select part.oid
  from needed
  join pg_catalog.pg_type t on t.oid = needed.oid
  cross join (select 0::pg_catalog.oid) no_multirange(rngmultitypid)
  cross join lateral (
    select t.typelem
    union all select t.typbasetype
    union all select r.rngsubtype from pg_catalog.pg_range r where r.rngtypid = t.oid
    union all select r.rngtypid from pg_catalog.pg_range r where rngmultitypid = t.oid
    union all select a.atttypid from pg_catalog.pg_attribute a
      where t.typtype = 'c' and a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
  ) part(oid)
  where part.oid <> 0
)
select t.oid, t.typname, n.nspname, t.typdelim::pg_catalog.text,
  case when element.typarray = t.oid then 'a' else t.typtype::pg_catalog.text end,
  case
    when element.typarray = t.oid then t.typelem
    when t.typtype = 'd' then t.typbasetype
    when t.typtype = 'r' then (select r.rngsubtype from pg_catalog.pg_range r where r.rngtypid = t.oid)
    when t.typtype = 'm' then (select r.rngtypid from pg_catalog.pg_range r where rngmultitypid = t.oid)
  end,
  a.names, a.types
from needed
join pg_catalog.pg_type t on t.oid = needed.oid
join pg_catalog.pg_namespace n on n.oid = t.typnamespace
left join pg_catalog.pg_type element on element.oid = t.typelem
cross join (select 0::pg_catalog.oid) no_multirange(rngmultitypid)
left join lateral (
  select pg_catalog.array_agg(a.attname order by a.attnum) as names, pg_catalog.array_agg(a.atttypid order by a.attnum) as types
  from pg_catalog.pg_attribute a
  where t.typtype = 'c' and a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
) a on true`)
);

/** Those of these columns that are declared with a domain. */
const domainQuery = lazy(() =>
  qualified(`
select a.attrelid, a.attnum, a.atttypid
from (select pg_catalog.unnest($1::pg_catalog.oid[]), pg_catalog.unnest($2::pg_catalog.int2[])) asked(relation, number)
join pg_catalog.pg_attribute a on a.attrelid = asked.relation and a.attnum = asked.number
join pg_catalog.pg_type t on t.oid = a.atttypid
where t.typtype = 'd'`)
);

/** The query with its operators in PostgreSQL's own schema. */
function qualified(sql: string): string {
  return sql.replaceAll(/ (=|<>|>) /g, " operator(pg_catalog.$1) ");
}
