/**
 * Which codec a type has on a connection: the built-in types as the connection's choices say, the
 * database's own as its catalog describes them, and codecs that the user gave before all others.
 *
 * Codecs are made when a type is first seen, so that a connection pays for what it uses.
 */
import { DEFAULT_CHOICES, type TypeChoices } from "../options/choices.ts";
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
import { numeric } from "./numeric.ts";
import { BUILT_IN_TYPES } from "./oids.ts";
import { multirange, range } from "./range.ts";
import { char, cid, int2vector, oidvector, pgLsn, pgSnapshot, tid, txidSnapshot, xid, xid8 } from "./system.ts";
import { opaque, refused, textual, uuid, xml } from "./text.ts";
import { tsquery, tsvector } from "./text_search.ts";
import { timetz } from "./timetz.ts";
import { halfvec, sparsevec, vector } from "./vector.ts";
import { versioned } from "./versioned.ts";

/** The codecs of one connection. */
export class Registry {
  readonly #choices: TypeChoices;
  /** What connections to the same database share. */
  readonly #shared: Catalog;
  #catalog: Catalog;
  readonly #codecs = new Map<number, Codec>();
  /** The types that the server was asked about on this connection, and did not describe: others may be told more. */
  readonly #nameless = new Set<number>();
  /** Whether there is a codec that may be a domain's, so that it matters what columns are declared with. */
  readonly #needsDomains: boolean;
  /** The columns that the server was asked about on this connection, by {@linkcode keyOf}. */
  readonly #declared = new Set<string>();
  #version: number;

  constructor(choices: TypeChoices, catalog: Catalog = new Catalog()) {
    this.#choices = choices;
    this.#shared = this.#catalog = catalog;
    this.#version = catalog.version;
    this.#needsDomains = Object.keys(choices.codec ?? {}).some((key) => !BUILT_IN_KEYS.has(key));
  }

  /** What is known of the database's types. */
  get catalog(): Catalog {
    return this.#catalog;
  }

  /** Whether it has a catalog of its own. */
  get hasPrivateCatalog(): boolean {
    return this.#catalog !== this.#shared;
  }

  /** Begins with a private catalog: types are altered, which other connections cannot see yet. */
  usePrivateCatalog(): void {
    this.#catalog = new Catalog();
  }

  /** Shares its catalog with others again, where what was altered is forgotten. */
  useSharedCatalog(): void {
    if (!this.hasPrivateCatalog) return;
    this.#shared.invalidate();
    this.#catalog = this.#shared;
  }

  /** Forgets what is known of the database's types, for all who share that. */
  invalidateTypes(): void {
    this.#catalog.invalidate();
    this.#shared.invalidate();
  }

  /** The codec of a type; one that takes its text as it is where pyro knows no better. */
  codec(oid: number): Codec {
    this.#refresh();
    let codec = this.#codecs.get(oid);
    if (codec !== undefined) return codec;
    if (this.isUnknown(oid)) return opaque(`type ${oid}`);
    codec = this.#make(oid);
    this.#codecs.set(oid, codec);
    return codec;
  }

  /** The codec of a column's values: that of the domain that it is declared with, and of its text until that is known. */
  columnCodec(column: ColumnOrigin): Codec {
    const type = this.typeOf(column);
    return this.isUndeclared(column) ? opaque(`type ${type}`) : this.codec(type);
  }

  /** A column's type: results are described with the base type of a domain. */
  typeOf(column: ColumnOrigin): number {
    if (!this.#needsDomains) return column.typeOid;
    this.#refresh();
    return this.#catalog.domainOf(column) ?? column.typeOid;
  }

  /** Whether the server has still to be asked which domain a column is declared with. */
  isUndeclared(column: ColumnOrigin): boolean {
    if (!this.#needsDomains || column.tableOid === 0 || column.columnNumber <= 0) return false;
    this.#refresh();
    return this.#catalog.domainOf(column) === undefined && !this.#declared.has(keyOf(column));
  }

  /** Whether the server has still to be asked about a type, or about a column's. */
  isUnknown(type: number | ColumnOrigin): boolean {
    if (typeof type !== "number") return this.isUndeclared(type) || this.isUnknown(this.typeOf(type));
    const oid = type;
    this.#refresh();
    return !NAMES.has(oid) && !ELEMENTS.has(oid) && this.#catalog.get(oid) === undefined &&
      !this.#nameless.has(oid) && this.#given(oid) === undefined;
  }

  /** What the server answered when it was asked for these types. */
  addTypes(asked: readonly number[], types: readonly TypeInfo[]): void {
    this.#catalog.addTypes(types);
    for (const oid of asked) {
      if (this.#catalog.get(oid) === undefined) this.#nameless.add(oid);
    }
  }

  /** What the server answered when it was asked which domains these columns are declared with; of the others it is none. */
  addDomains(asked: readonly ColumnOrigin[], domains: readonly ColumnOrigin[]): void {
    const found = new Map(domains.map((column) => [placeOf(column), column.typeOid]));
    this.#catalog.addTypes([]);
    for (const column of asked) {
      this.#declared.add(keyOf(column));
      const domain = found.get(placeOf(column));
      if (domain !== undefined) this.#catalog.addDomain(column, domain);
    }
  }

  /** Forgets what was made of a catalog that has forgotten. */
  #refresh(): void {
    if (this.#version === this.#catalog.version) return;
    this.#version = this.#catalog.version;
    this.#codecs.clear();
    this.#nameless.clear();
    this.#declared.clear();
  }

  #make(oid: number): Codec {
    const own = this.#userCodec(oid);
    const given = this.#given(oid);
    return given === undefined ? own : custom(own, given);
  }

  /** The codec that pyro has for a type. */
  #userCodec(oid: number): Codec {
    const name = NAMES.get(oid);
    if (name !== undefined) return this.#builtIn(name);
    const element = ELEMENTS.get(oid);
    if (element !== undefined) return this.#array(element);
    const info = this.#catalog.get(oid);
    if (info === undefined) return opaque(`type ${oid}`);
    // A codec has codecs inside as deep as the type has types, and reading goes down into all of them.
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

  /** The codec of a type whose values stand inside of others: where it is an array, one without arrays in it is one value. */
  #value(oid: number): Codec {
    const codec = this.codec(oid);
    const isArray = ELEMENTS.has(oid) || this.#catalog.get(oid)?.shape.kind === "array";
    return isArray ? { ...codec, isValue: (array) => !array.some(Array.isArray) } : codec;
  }

  #array(elementOid: number): Codec {
    const element = this.codec(elementOid);
    return array(`${element.name}[]`, element, elementOid);
  }

  /** A value that does not fit the attributes means that they have changed: the server is asked again the next time. */
  #composite(name: string, attributes: readonly Attribute[]): Codec {
    const codec = composite(name, attributes.map(({ name, oid }) => ({ name, oid, codec: this.codec(oid) })));
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
    return this.codec(OIDS.get(name)!);
  }

  /** The codec that the user gave for a type: by its OID, by its name, or by schema and name. */
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

/** What `pg_type` calls a type that comes with PostgreSQL. */
function nameOf(oid: number): string | undefined {
  const element = ELEMENTS.get(oid);
  return element === undefined ? NAMES.get(oid) : `_${NAMES.get(element)}`;
}

/** The types that pyro knows without asking; of all others it takes the text. */
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

/** The built-in ranges and what they are of. */
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

/** How many types of a database's own may be inside of each other. */
const MAX_NESTING = 100;
const TOO_DEEP = `there are more than ${MAX_NESTING} types inside of each other in it, which is as deep as pyro goes`;

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
const OIDS: ReadonlyMap<string, number> = new Map(TYPES.map(([name, oid]) => [name, oid]));
const ELEMENTS: ReadonlyMap<number, number> = new Map(
  TYPES.filter(([, , arrayOid]) => arrayOid !== 0).map(([, oid, arrayOid]) => [arrayOid, oid]),
);
/** What codecs of types that come with PostgreSQL are given by, none of which is a domain. */
const BUILT_IN_KEYS: ReadonlySet<string> = new Set(
  [...NAMES.keys(), ...ELEMENTS.keys()].flatMap((oid) => [String(oid), nameOf(oid)!, `pg_catalog.${nameOf(oid)}`]),
);

/** The codecs of pyro's own questions, which no choice of the user's changes. */
export const ownCodecs: Registry = new Registry(DEFAULT_CHOICES);
