/**
 * Writes the Bind message, with a statement's parameters.
 *
 * Each value is sent in binary if its codec can encode it so, otherwise as text; the message contains
 * the format of each.
 *
 * Source: PostgreSQL manual, "Frontend/Backend Protocol", section "Message Formats", Bind.
 */
import { EncodeError, UsageError } from "../errors.ts";
import { hiddenParameter, highestParameter } from "../sql/statement.ts";
import { Frontend } from "../wire/codes.ts";
import type { Outbox } from "../wire/outbox.ts";
import { type Codec, encodeFailure, encodeValue, Format } from "../codecs/codec.ts";

/**
 * Binds `values` to the statement `name`, which makes the portal `portal`; `resultFormats` as
 * {@linkcode formatCodes} makes them. `sql` is the statement's text, for errors.
 */
export function bind(
  out: Outbox,
  portal: string,
  name: string,
  codecs: readonly Codec[],
  values: readonly unknown[],
  resultFormats: readonly number[],
  sql: string = "",
): void {
  expectCount(codecs.length, values.length, sql);
  const start = out.begin(Frontend.Bind);
  out.cstring(portal);
  out.cstring(name);
  out.int16(values.length);
  const formats = out.mark;
  for (let i = 0; i < values.length; i++) out.int16(Format.Text);
  out.int16(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (value === null) {
      out.int32(-1);
      continue;
    }
    const length = out.beginValue();
    if (encodeParameter(out, codecs[i]!, value, i + 1) === Format.Binary) out.patch16(formats + 2 * i, Format.Binary);
    out.endValue(length);
  }
  out.int16(resultFormats.length);
  for (const format of resultFormats) out.int16(format);
  out.end(start);
}

/** The shortest list of format codes for results: none means all text, one means all alike. */
export function formatCodes(formats: readonly number[]): readonly number[] {
  const first = formats[0];
  if (formats.some((format) => format !== first)) return formats;
  return first === Format.Binary ? [Format.Binary] : [];
}

/** The error for a call with too many or too few parameters. */
export function wrongCount(expected: number, given: number, sql: string): UsageError {
  const hidden = given > expected ? hiddenParameter(sql) : undefined;
  const note = hidden === undefined ? "" : `; ${hidden}`;
  return new UsageError(`Cannot bind ${given} parameters: the statement has ${expected}${note}`);
}

function encodeParameter(out: Outbox, codec: Codec, value: unknown, number: number): number {
  try {
    return encodeValue(codec, out, value);
  } catch (error) {
    const { reason, options } = encodeFailure(error, value);
    const note = LIST.test(reason) ? `; a list of alternatives is = any($${number})` : "";
    throw new EncodeError(`Cannot encode parameter $${number} as ${codec.name}: ${reason}${note}`, options);
  }
}

/** Throws if there are more parameters than the protocol can count. */
export function checkCount(given: number): void {
  if (given <= MAX_PARAMETERS) return;
  throw new UsageError(
    `Cannot send ${given} parameters: the protocol allows ${MAX_PARAMETERS} in one statement; ` +
      "pass arrays (unnest($1::int4[])), or use execBatch or copyRows",
  );
}

/** The same for the parameters in a text, which the server would miscount in its description. */
export function checkParameters(sql: string): void {
  if (LONG_NUMBER.test(sql)) checkCount(highestParameter(sql));
}

function expectCount(expected: number, given: number, sql: string): void {
  checkCount(given);
  if (given !== expected) throw wrongCount(expected, given, sql);
}

const MAX_PARAMETERS = 0xffff;
/**
 * An array in place of a value without parts. Where bytes, a point or a range is needed, it rather is the value in a
 * wrong form, and a part of a value is no alternative.
 */
const LIST =
  /^an array was given where an? (string|number|bigint|boolean|Interval|Temporal\.[A-Za-z]+)(,.*| or .*)? is needed$/;
const LONG_NUMBER = /\$\d{5}/;
