/**
 * Encodes the parameters of a statement whose types are not known: each as the text that all types that
 * accept such a value share.
 */
import { bytea } from "../codecs/bytes.ts";
import { BadValue, type Codec, kindOf } from "../codecs/codec.ts";
import { date, time, timestamp, timestamptz } from "../codecs/datetime.ts";
import { Interval, interval } from "../codecs/interval.ts";
import { jsonText, JsonValue } from "../codecs/json.ts";
import { opaque, plainText } from "../codecs/text.ts";
import { isDuration, isMoment, isPlainDate, isPlainDateTime, isPlainTime } from "../codecs/temporal.ts";

/** A parameter whose type only the server knows. */
export const untyped: Codec = { ...opaque("an unknown type"), text };

/** Whether a value has a text that does not depend on the type. */
export function hasUntypedText(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return true;
  try {
    return value instanceof JsonValue || codecFor(value) !== undefined;
  } catch {
    // A Proxy that cannot be examined: the codec of its type refuses it.
    return false;
  }
}

function text(value: unknown): string {
  if (Object.is(value, -0)) return "-0";
  if (typeof value !== "object") return plainText(value);
  const codec = codecFor(value);
  if (codec !== undefined) return codec.text(value);
  if (value instanceof JsonValue) return jsonText(value);
  throw new BadValue(
    `what ${kindOf(value)} means depends on the type, which is not known yet: prepare the statement first`,
  );
}

/** The codec whose text other types accept too. */
function codecFor(value: unknown): Codec | undefined {
  if (value instanceof Uint8Array || value instanceof ArrayBuffer) return bytea;
  if (value instanceof Date || isMoment(value)) {
    return INSTANT;
  }
  if (isPlainDateTime(value)) return DATE_TIME;
  if (isPlainDate(value)) return DATE;
  if (isPlainTime(value)) return TIME;
  if (value instanceof Interval || isDuration(value)) return interval;
  return undefined;
}

const INSTANT = timestamptz("temporal");
const DATE_TIME = timestamp("temporal");
const DATE = date("temporal");
const TIME = time("temporal");
