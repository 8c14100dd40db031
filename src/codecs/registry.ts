/**
 * The codecs of a connection: those of built-in types by its options, those of the database's own types
 * by its catalog, and the user's codecs, which come first.
 *
 * A codec is made when its type is first seen, so that unused types cost nothing.
 */
import { lazy } from "../lazy.ts";
import { DEFAULT_CHOICES, type NamesChoice, type TypeChoices } from "../options/choices.ts";
import type { TypeCodec } from "../options/type_codec.ts";
import { array } from "./array.ts";
import { bit, varbit } from "./bits.ts";
import { bytea } from "./bytes.ts";
import { type Attribute, Catalog, type ColumnOrigin, keyOf, type TypeInfo } from "./catalog.ts";
import { BadValue, type Codec } from "./codec.ts";
import { composite, record } from "./composite.ts";
import { custom } from "./custom.ts";
import { date, time, timestamp, timestamptz } from "./datetime.ts";
import { box, circle, line, lseg, path, point, polygon } from "./geometry.ts";
import { hstore } from "./hstore.ts";
import { interval } from "./interval.ts";
import { json, jsonb } from "./json.ts";
import { cidr, inet, macaddr, macaddr8 } from "./network.ts";
import { bool, float4, float8, int2, int4, int8, unsigned } from "./number.ts";
import { propertyOf } from "../names.ts";
import { numeric } from "./numeric.ts";
import { BUILT_IN_TYPES } from "./oids.ts";
import { multirange, range } from "./range.ts";
import { char, cid, int2vector, oidvector, pgLsn, pgSnapshot, tid, txidSnapshot, xid, xid8 } from "./system.ts";
import { opaque, refused, textual, uuid, xml } from "./text.ts";
import { tsquery, tsvector } from "./text_search.ts";
import { timetz } from "./timetz.ts";
import { withTypedArrays } from "./typed_array.ts";
import { halfvec, sparsevec, vector } from "./vector.ts";
import { versioned } from "./versioned.ts";

/** The codecs of one connection. */
export class Registry {
  readonly #choices: TypeChoices;
  /** The catalog that connections to the same database share. */
  readonly #shared: Catalog;
  #catalog: Catalog;
  readonly #codecs = new Map<number, Codec>();
  /**
   * The types that this connection has queried and the server did not describe. For another connection
   * it may describe them.
   */
  readonly #nameless = new Set<number>();
  /** Whether the user gave a codec that may be a domain's, so that the domains of columns must be known. */
  readonly #needsDomains: boolean;
  /** The columns that this connection has queried, by {@linkcode keyOf}. */
  readonly #declared = new Set<string>();
  #version: number;

  constructor(choices: TypeChoices, catalog: Catalog = new Catalog()) {
    this.#choices = choices;
    this.#shared = this.#catalog = catalog;
    this.#version = catalog.version;
    this.#needsDomains = Object.keys(choices.codec ?? {}).some((key) => !builtInKeys().has(key));
  }

  /** How the names of columns and attributes are spelled. */
  get names(): NamesChoice {
    return this.#choices.names;
  }

  /** The database's types. */
  get catalog(): Catalog {
    return this.#catalog;
  }

  /** Whether it uses a private catalog. */
  get hasPrivateCatalog(): boolean {
    return this.#catalog !== this.#shared;
  }

  /** Starts a private catalog: types are altered, and other connections do not see that yet. */
  usePrivateCatalog(): void {
    this.#catalog = new Catalog();
  }

  /** Uses the shared catalog again, and invalidates it. */
  useSharedCatalog(): void {
    if (!this.hasPrivateCatalog) return;
    this.#shared.invalidate();
    this.#catalog = this.#shared;
  }

  /** Invalidates the database's types, for all connections that share the catalog. */
  invalidateTypes(): void {
    this.#catalog.invalidate();
    this.#shared.invalidate();
  }

  /** The codec of a type; for a type that pyro does not know, one whose values are its text. */
  codec(oid: number): Codec {
    this.#refresh();
    let codec = this.#codecs.get(oid);
    if (codec !== undefined) return codec;
    if (this.isUnknown(oid)) return opaque(`type ${oid}`);
    codec = this.#make(oid);
    this.#codecs.set(oid, codec);
    return codec;
  }

  /**
   * The codec of a column's values: that of the domain with which it is declared; until that is known,
   * one whose values are its text.
   */
  columnCodec(column: ColumnOrigin): Codec {
    const type = this.typeOf(column);
    return this.isUndeclared(column) ? opaque(`type ${type}`) : this.codec(type);
  }

  /** A column's type or domain, since results contain the base type of a domain. */
  typeOf(column: ColumnOrigin): number {
    if (!this.#needsDomains) return column.typeOid;
    this.#refresh();
    return this.#catalog.domainOf(column) ?? column.typeOid;
  }

  /** Whether the domain with which a column is declared must still be looked up. */
  isUndeclared(column: ColumnOrigin): boolean {
    if (!this.#needsDomains || column.tableOid === 0 || column.columnNumber <= 0) return false;
    this.#refresh();
    return this.#catalog.domainOf(column) === undefined && !this.#declared.has(keyOf(column));
  }

  /** Whether a type, or a column's type or domain, must still be looked up. */
  isUnknown(type: number | ColumnOrigin): boolean {
    if (typeof type !== "number") return this.isUndeclared(type) || this.isUnknown(this.typeOf(type));
    const oid = type;
    this.#refresh();
    return !NAMES.has(oid) && !ELEMENTS.has(oid) && this.#catalog.get(oid) === undefined &&
      !this.#nameless.has(oid) && this.#given(oid) === undefined;
  }

  /** Adds the server's answer to a query for these types. */
  addTypes(asked: readonly number[], types: readonly TypeInfo[]): void {
    this.#catalog.addTypes(types);
    for (const oid of asked) {
      if (this.#catalog.get(oid) === undefined) this.#nameless.add(oid);
    }
  }

  /**
   * Adds the server's answer to a query for these columns' domains; columns that it does not contain
   * are declared with none.
   */
  addDomains(asked: readonly ColumnOrigin[], domains: readonly ColumnOrigin[]): void {
    const found = new Map(domains.map((column) => [placeOf(column), column.typeOid]));
    this.#catalog.addTypes([]);
    for (const column of asked) {
      this.#declared.add(keyOf(column));
      const domain = found.get(placeOf(column));
      if (domain !== undefined) this.#catalog.addDomain(column, domain);
    }
  }

  /** Drops the codecs that were made before the catalog's last invalidation. */
  #refresh(): void {
    if (this.#version === this.#catalog.version) return;
    this.#version = this.#catalog.version;
    this.#codecs.clear();
    this.#nameless.clear();
    this.#declared.clear();
  }

  #make(oid: number): Codec {
    const own = this.#ownCodec(oid);
    const given = this.#given(oid);
    return given === undefined ? own : custom(own, given);
  }

  /** pyro's own codec of a type. */
  #ownCodec(oid: number): Codec {
    const name = NAMES.get(oid);
    if (name !== undefined) return this.#builtIn(name);
    const element = ELEMENTS.get(oid);
    if (element !== undefined) return this.#array(element);
    const info = this.#catalog.get(oid);
    if (info === undefined) return opaque(`type ${oid}`);
    // Codecs are nested as types are, and decoding is recursive.
    return this.#catalog.nesting(oid) > MAX_NESTING ? refused(info.name, TOO_DEEP) : this.#fromCatalog(info);
  }

  #builtIn(name: string): Codec {
    const subtype = RANGES[name];
    if (subtype !== undefined) return range(name, this.#named(subtype));
    if (name.endsWith("multirange")) return multirange(name, this.#named(name.replace("multi", "")));
    return FACTORIES[name]?.(this.#choices) ?? opaque(name);
  }

  #fromCatalog({ name, delimiter, shape }: TypeInfo): Codec {
    switch (shape.kind) {
      case "array":
        return this.#array(shape.element);
      case "domain":
        return { ...this.#value(shape.base), name, delimiter };
      case "range":
        return range(name, this.codec(shape.subtype));
      case "multirange":
        return multirange(name, this.codec(shape.range));
      case "composite":
        return this.#composite(name, shape.attributes);
      case "enum":
        return textual(name);
      case "pseudo":
        return opaque(name);
      case "base":
        return { ...Object.hasOwn(EXTENSIONS, name) ? EXTENSIONS[name]! : opaque(name), delimiter };
    }
  }

  /** The codec of a domain's base type. If it is an array type, an array in which no array is a dimension is one value. */
  #value(oid: number): Codec {
    const codec = this.codec(oid);
    const shape = this.#catalog.get(oid)?.shape;
    const element = ELEMENTS.get(oid) ?? (shape?.kind === "array" ? shape.element : undefined);
    if (element === undefined) return codec;
    const { isValue } = this.codec(element);
    return { ...codec, isValue: (array) => array.every((item) => !Array.isArray(item) || isValue?.(item)) };
  }

  #array(elementOid: number): Codec {
    const element = this.codec(elementOid);
    const codec = array(`${element.name}[]`, element, elementOid);
    const { numberArrays, int8 } = this.#choices;
    const isTyped = numberArrays === "typed" && this.#given(elementOid) === undefined &&
      (element.name !== "int8" || int8 === "bigint");
    return isTyped ? withTypedArrays(codec, NAMES.get(elementOid) ?? "", elementOid) : codec;
  }

  /** If a value does not fit the attributes, these have changed: the type is looked up again before its next use. */
  #composite(name: string, attributes: readonly Attribute[]): Codec {
    const codec = composite(
      name,
      attributes.map(({ name, oid }) => ({ name: propertyOf(name, this.names), oid, codec: this.codec(oid) })),
    );
    const noticed = (error: unknown): unknown => {
      if (error instanceof BadValue) this.#catalog.invalidate();
      return error;
    };
    return {
      ...codec,
      decode(source, start, end) {
        try {
          return codec.decode(source, start, end);
        } catch (error) {
          throw noticed(error);
        }
      },
      parse(text) {
        try {
          return codec.parse(text);
        } catch (error) {
          throw noticed(error);
        }
      },
    };
  }

  #named(name: string): Codec {
    return this.codec(oids().get(name)!);
  }

  /** The user's codec of a type: by its OID, by its name, or by schema and name. */
  #given(oid: number): TypeCodec | undefined {
    const { codec: given } = this.#choices;
    if (given === undefined) return undefined;
    const info = this.#catalog.get(oid);
    const name = nameOf(oid) ?? info?.name;
    const schema = info?.schema ?? "pg_catalog";
    const key = [String(oid), name, `${schema}.${name}`].find((key) => key !== undefined && Object.hasOwn(given, key));
    return key === undefined ? undefined : given[key];
  }
}

function placeOf({ tableOid, columnNumber }: ColumnOrigin): string {
  return `${tableOid}.${columnNumber}`;
}

/** The name in `pg_type` of a type that comes with PostgreSQL. */
function nameOf(oid: number): string | undefined {
  const element = ELEMENTS.get(oid);
  return element === undefined ? NAMES.get(oid) : `_${NAMES.get(element)}`;
}

/** The types that pyro knows without a lookup. Values of other built-in types are their text. */
const FACTORIES: Readonly<Record<string, (choices: TypeChoices) => Codec>> = {
  bit: () => bit,
  bool: () => bool,
  box: () => box,
  bpchar: () => textual("bpchar"),
  bytea: () => bytea,
  char: () => char,
  cid: () => cid,
  cidr: () => cidr,
  circle: () => circle,
  date: ({ dates }) => date(dates),
  float4: () => float4,
  float8: () => float8,
  inet: () => inet,
  int2: () => int2,
  int2vector: () => int2vector,
  int4: () => int4,
  int8: (choices) => int8(choices.int8),
  interval: () => interval,
  json: (choices) => json(choices.json),
  jsonb: (choices) => jsonb(choices.json),
  jsonpath: () => versioned("jsonpath"),
  line: () => line,
  lseg: () => lseg,
  macaddr: () => macaddr,
  macaddr8: () => macaddr8,
  name: () => textual("name"),
  numeric: (choices) => numeric(choices.numeric),
  oid: () => unsigned("oid"),
  oidvector: () => oidvector,
  path: () => path,
  pg_lsn: () => pgLsn,
  pg_snapshot: () => pgSnapshot,
  point: () => point,
  polygon: () => polygon,
  record: () => record,
  refcursor: () => textual("refcursor"),
  text: () => textual("text"),
  tid: () => tid,
  time: ({ dates }) => time(dates),
  timestamp: ({ dates }) => timestamp(dates),
  timestamptz: ({ dates }) => timestamptz(dates),
  timetz: () => timetz,
  tsquery: () => tsquery,
  tsvector: () => tsvector,
  txid_snapshot: () => txidSnapshot,
  uuid: () => uuid,
  varbit: () => varbit,
  varchar: () => textual("varchar"),
  xid: () => xid,
  xid8: () => xid8,
  xml: () => xml,
};

/** The built-in range types and their subtypes. */
const RANGES: Readonly<Record<string, string>> = {
  daterange: "date",
  int4range: "int4",
  int8range: "int8",
  numrange: "numeric",
  tsrange: "timestamp",
  tstzrange: "timestamptz",
};

/** The types of well-known extensions: `hstore`, `citext`, `ltree` and pgvector. */
export const EXTENSIONS: Readonly<Record<string, Codec>> = {
  citext: textual("citext"),
  halfvec,
  hstore,
  lquery: versioned("lquery"),
  ltree: versioned("ltree"),
  ltxtquery: versioned("ltxtquery"),
  sparsevec,
  vector,
};

/** How deep a database's own types may be nested. */
const MAX_NESTING = 100;
const TOO_DEEP = `its types are nested more than ${MAX_NESTING} deep, which is pyro's limit`;

/** Pseudo-types that results can have. */
const PSEUDO_TYPES = [
  ["unknown", 705, 0],
  ["record", 2249, 2287],
  ["cstring", 2275, 1263],
  ["anyarray", 2277, 0],
  ["void", 2278, 0],
] as const;

const TYPES = [...BUILT_IN_TYPES, ...PSEUDO_TYPES];
const NAMES: ReadonlyMap<number, string> = new Map(TYPES.map(([name, oid]) => [oid, name]));
const oids = lazy((): ReadonlyMap<string, number> => new Map(TYPES.map(([name, oid]) => [name, oid])));
const ELEMENTS: ReadonlyMap<number, number> = new Map(
  TYPES.filter(([, , arrayOid]) => arrayOid !== 0).map(([, oid, arrayOid]) => [arrayOid, oid]),
);
/** The keys of user codecs for types that come with PostgreSQL, none of which is a domain. */
const builtInKeys = lazy((): ReadonlySet<string> =>
  new Set(
    [...NAMES.keys(), ...ELEMENTS.keys()].flatMap((oid) => [String(oid), nameOf(oid)!, `pg_catalog.${nameOf(oid)}`]),
  )
);

/** The codecs of pyro's own queries, which the user's options do not change. */
export const ownCodecs: Registry = new Registry(DEFAULT_CHOICES);
