/**
 * Which codec a type has on a connection: the built-in types as the connection's choices say.
 *
 * Codecs are made when a type is first seen, so that a connection pays for what it uses.
 */
import type { TypeChoices } from "../opts/choices.ts";
import { array } from "./array.ts";
import { bytea } from "./bytes.ts";
import type { Codec } from "./codec.ts";
import { date, time, timestamp, timestamptz } from "./datetime.ts";
import { json, jsonb } from "./json.ts";
import { bool, float4, float8, int2, int4, int8, unsigned } from "./number.ts";
import { numeric } from "./numeric.ts";
import { BUILT_IN_TYPES } from "./oids.ts";
import { opaque, textual, uuid } from "./text.ts";

/** The codecs of one connection. */
export class Registry {
  readonly #choices: TypeChoices;
  readonly #codecs = new Map<number, Codec>();

  constructor(choices: TypeChoices) {
    this.#choices = choices;
  }

  /** The codec of a type; one that takes its text as it is where pyro knows no better. */
  codec(oid: number): Codec {
    let codec = this.#codecs.get(oid);
    if (codec === undefined) {
      codec = this.#make(oid);
      this.#codecs.set(oid, codec);
    }
    return codec;
  }

  #make(oid: number): Codec {
    const name = NAMES.get(oid);
    if (name !== undefined) return FACTORIES[name]?.(this.#choices) ?? opaque(name);
    const elementOid = ELEMENTS.get(oid);
    if (elementOid === undefined) return opaque(`type ${oid}`);
    const element = this.codec(elementOid);
    return array(`${element.name}[]`, element, elementOid);
  }
}

const FACTORIES: Readonly<Record<string, (choices: TypeChoices) => Codec>> = {
  bool: () => bool,
  bpchar: () => textual("bpchar"),
  bytea: () => bytea,
  date: ({ dates }) => date(dates),
  float4: () => float4,
  float8: () => float8,
  int2: () => int2,
  int4: () => int4,
  int8: (choices) => int8(choices.int8),
  json: (choices) => json(choices.json),
  jsonb: (choices) => jsonb(choices.json),
  name: () => textual("name"),
  numeric: (choices) => numeric(choices.numeric),
  oid: () => unsigned("oid"),
  text: () => textual("text"),
  time: ({ dates }) => time(dates),
  timestamp: ({ dates }) => timestamp(dates),
  timestamptz: ({ dates }) => timestamptz(dates),
  uuid: () => uuid,
  varchar: () => textual("varchar"),
  xml: () => textual("xml"),
};

const NAMES: ReadonlyMap<number, string> = new Map(BUILT_IN_TYPES.map(([name, oid]) => [oid, name]));
const ELEMENTS: ReadonlyMap<number, number> = new Map(
  BUILT_IN_TYPES.filter(([, , arrayOid]) => arrayOid !== 0).map(([, oid, arrayOid]) => [arrayOid, oid]),
);
