/**
 * time with time zone.
 *
 * JavaScript has no time of day with an offset, so a value is its text.
 *
 * Source: PostgreSQL manual, "Date/Time Types", section "Times". The binary format is that of
 * `timetz_send`: microseconds since midnight, and the offset in seconds west of UTC.
 */
import { DAY, offsetOf, parseTime, timeText, two } from "./calendar.ts";
import { BadValue, type Codec, expectLength } from "./codec.ts";
import { STRINGS_ONLY } from "./text.ts";

/** timetz as the server's ISO text: `12:34:56.789+02`, `24:00:00-03:30`. */
export const timetz: Codec = {
  name: "timetz",
  binary: true,
  decode(source, start, end) {
    expectLength(start, end, 12);
    const { view } = source;
    const micros = view.getUint32(start) * 2 ** 32 + view.getUint32(start + 4);
    return timetzText(micros, -view.getInt32(start + 8));
  },
  parse(text) {
    const match = TIMETZ.exec(text);
    if (match === null) throw new BadValue("it is not a time with time zone in PostgreSQL's ISO format");
    return timetzText(parseTime(match[1]!), offsetOf(match[2]!) / 1_000_000);
  },
  ...STRINGS_ONLY,
};

function timetzText(micros: number, secondsEast: number): string {
  if (micros > DAY) throw new BadValue("it is later than 24:00:00");
  if (Math.abs(secondsEast) >= OFFSET_LIMIT) throw new BadValue("its offset is 16 hours or more from UTC");
  return timeText(micros) + offsetText(secondsEast);
}

/** The shortest exact text of an offset: `+02`, `-03:30`, `+00:19:32`. */
function offsetText(secondsEast: number): string {
  const total = Math.abs(secondsEast);
  const seconds = total % 60;
  const minutes = Math.floor(total / 60) % 60;
  let text = `${secondsEast < 0 ? "-" : "+"}${two(Math.floor(total / 3600))}`;
  if (minutes > 0 || seconds > 0) text += `:${two(minutes)}`;
  if (seconds > 0) text += `:${two(seconds)}`;
  return text;
}

const TIMETZ = /^(\d\d:[0-5]\d:[0-5]\d(?:\.\d{1,6})?)([+-]\d\d(?::[0-5]\d(?::[0-5]\d)?)?)$/;
/** PostgreSQL's offsets are below this, in seconds. */
const OFFSET_LIMIT = 16 * 3600;
