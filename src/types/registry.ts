/**
 * Which codec a type has on a connection: the built-in types as the connection's choices say, the
 * database's own as its catalog describes them, and codecs that the user gave before all others.
 *
 * Codecs are made when a type is first seen, so that a connection pays for what it uses.
 */
import type { TypeChoices } from "../opts/choices.ts";
import type { TypeCodec } from "../opts/type_codec.ts";
import { array } from "./array.ts";
import { bit, varbit } from "./bits.ts";
import { bytea } from "./bytes.ts";
import { type Attribute, Catalog, type TypeInfo } from "./catalog.ts";
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
import { opaque, textual, uuid } from "./text.ts";
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
  /** The types that a codec is being made for. */
  readonly #making = new Set<number>();
  #version: number;

  constructor(choices: TypeChoices, catalog: Catalog = new Catalog()) {
    this.#choices = choices;
    this.#shared = this.#catalog = catalog;
    this.#version = catalog.version;
  }

  /** What is known of the database's types. */
  get catalog(): Catalog {
    return this.#catalog;
  }

  /** Whether it has a catalog of its own. */
  get isApart(): boolean {
    return this.#catalog !== this.#shared;
  }

  /** Begins with a catalog of its own: types are altered, and nobody else sees that yet. */
  part(): void {
    this.#catalog = new Catalog();
  }

  /** Shares its catalog with others again, where what was altered is forgotten. */
  rejoin(): void {
    if (!this.isApart) return;
    this.#shared.forget();
    this.#catalog = this.#shared;
  }

  /** Forgets what is known of the database's types, for all who share that. */
  forgetTypes(): void {
    this.#catalog.forget();
    this.#shared.forget();
  }

  /** The codec of a type; one that takes its text as it is where pyro knows no better. */
  codec(oid: number): Codec {
    if (this.#version !== this.#catalog.version) {
      this.#version = this.#catalog.version;
      this.#codecs.clear();
    }
    let codec = this.#codecs.get(oid);
    if (codec !== undefined) return codec;
    if (this.isUnknown(oid) || this.#making.has(oid)) return opaque(`type ${oid}`);
    this.#making.add(oid);
    try {
      codec = this.#make(oid);
    } finally {
      this.#making.delete(oid);
    }
    this.#codecs.set(oid, codec);
    return codec;
  }

  /** Whether the server has still to be asked about a type. */
  isUnknown(oid: number): boolean {
    return !NAMES.has(oid) && !ELEMENTS.has(oid) && !this.#catalog.knows(oid) && this.#given(oid) === undefined;
  }

  #make(oid: number): Codec {
    const own = this.#own(oid);
    const given = this.#given(oid);
    return given === undefined ? own : custom(own, given);
  }

  /** The codec that pyro has for a type. */
  #own(oid: number): Codec {
    const name = NAMES.get(oid);
    if (name !== undefined) return this.#builtIn(name);
    const element = ELEMENTS.get(oid);
    if (element !== undefined) return this.#array(element);
    const info = this.#catalog.get(oid);
    return info === undefined ? opaque(`type ${oid}`) : this.#fromCatalog(info);
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
      if (error instanceof BadValue) this.#catalog.forget();
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
    const name = NAMES.get(oid) ?? info?.name;
    const schema = info?.schema ?? "pg_catalog";
    const key = [String(oid), name, `${schema}.${name}`].find((key) => key !== undefined && Object.hasOwn(given, key));
    return key === undefined ? undefined : given[key];
  }
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
  xml: () => textual("xml"),
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
