/**
 * Learning the types that do not come with PostgreSQL: enums, domains, composites, ranges and those
 * of extensions, with everything they are made of, in one round trip.
 *
 * Source: PostgreSQL manual, "System Catalogs": pg_type, pg_range, pg_attribute.
 */
import { DecodeError, ServerError } from "../errors.ts";
import { type Op, settle, submit, takeTurn } from "../protocol/exchange.ts";
import { ExecuteUnnamed } from "../protocol/extended_query.ts";
import { Prepared } from "../protocol/prepared.ts";
import { AllRows, type Sink } from "../protocol/sink.ts";
import type { TypeInfo, TypeShape } from "../types/catalog.ts";
import type { Registry } from "../types/registry.ts";

/** How the rows of {@linkcode catalogQuery} for these types are got, as arrays. */
export type Ask = (oids: readonly number[], registry: Registry) => Op<unknown[]>;

function* askCatalog(oids: readonly number[], registry: Registry): Op<unknown[]> {
  const query = new Prepared("", catalogQuery, [OID_ARRAY], undefined, registry);
  return yield* settle(yield* submit(new ExecuteUnnamed(query, [oids], new AllRows("array"), registry)));
}

/** Learns those of these types that are not known yet. */
export function* learnTypes(oids: readonly number[], registry: Registry, ask: Ask = askCatalog): Op<void> {
  if (!oids.some((oid) => registry.isUnknown(oid))) return;
  yield* takeTurn();
  // While this op waited, another may have learned them, or types may have been forgotten.
  const unknown = [...new Set(oids)].filter((oid) => registry.isUnknown(oid));
  if (unknown.length === 0) return;
  try {
    const rows = yield* ask(unknown, registry);
    registry.catalog.learn(unknown, (rows as CatalogRow[]).map(typeInfo));
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
    throw new DecodeError(`Cannot learn about types ${unknown.join(", ")} from the catalog: ${error.message}`, {
      cause: error,
    });
  }
}

/** The result of a reply with types that are not known yet, once they are. */
export function* completed<T>(sink: Sink<T>, registry: Registry, ask?: Ask): Op<T> {
  yield* learnTypes(sink.unknownTypes, registry, ask);
  return sink.completed(registry);
}

/** The statement with what is known of its types now. */
export function* withTypes(statement: Prepared, registry: Registry): Op<Prepared> {
  if (statement.isCurrent(registry)) return statement;
  yield* learnTypes(statement.types, registry);
  return statement.renewed(registry);
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

function typeInfo([oid, name, schema, delimiter, kind, part, names, types]: CatalogRow): TypeInfo {
  return { oid, name, schema, delimiter, shape: shapeOf(kind, part ?? 0, names ?? [], types ?? []) };
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

/** OID of `oid[]`. */
const OID_ARRAY = 1028;

/** The types asked for and all that they are made of. `kind` is `typtype`, or `a` for arrays; `part` the one type that others are made of. */
export const catalogQuery: string = `
with recursive needed(oid) as (
  select pg_catalog.unnest($1::pg_catalog.oid[])
  union
  select part.oid
  from needed
  join pg_catalog.pg_type t on t.oid = needed.oid
  cross join lateral (
    select t.typelem
    union all select t.typbasetype
    union all select r.rngsubtype from pg_catalog.pg_range r where r.rngtypid = t.oid
    union all select r.rngtypid from pg_catalog.pg_range r where r.rngmultitypid = t.oid
    union all select a.atttypid from pg_catalog.pg_attribute a
      where t.typtype = 'c' and a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
  ) part(oid)
  where part.oid <> 0
)
select t.oid, t.typname, n.nspname, t.typdelim::pg_catalog.text,
  case when t.typsubscript = 'pg_catalog.array_subscript_handler'::pg_catalog.regproc then 'a' else t.typtype::pg_catalog.text end,
  case
    when t.typsubscript = 'pg_catalog.array_subscript_handler'::pg_catalog.regproc then t.typelem
    when t.typtype = 'd' then t.typbasetype
    when t.typtype = 'r' then (select r.rngsubtype from pg_catalog.pg_range r where r.rngtypid = t.oid)
    when t.typtype = 'm' then (select r.rngtypid from pg_catalog.pg_range r where r.rngmultitypid = t.oid)
  end,
  a.names, a.types
from needed
join pg_catalog.pg_type t on t.oid = needed.oid
join pg_catalog.pg_namespace n on n.oid = t.typnamespace
left join lateral (
  select pg_catalog.array_agg(a.attname order by a.attnum) as names, pg_catalog.array_agg(a.atttypid order by a.attnum) as types
  from pg_catalog.pg_attribute a
  where t.typtype = 'c' and a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
) a on true`;
