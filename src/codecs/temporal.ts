/**
 * Recognizes Temporal's values by their tags, so that those of a polyfill count too, and nothing here needs
 * Temporal to exist.
 *
 * Source: ECMA-262, Temporal, the property `%Symbol.toStringTag%` of each prototype.
 */

/** A date without a time. */
export function isPlainDate(value: unknown): value is Temporal.PlainDate {
  return tagOf(value) === "Temporal.PlainDate";
}

/** A time without a date. */
export function isPlainTime(value: unknown): value is Temporal.PlainTime {
  return tagOf(value) === "Temporal.PlainTime";
}

/** A date and time without a zone. */
export function isPlainDateTime(value: unknown): value is Temporal.PlainDateTime {
  return tagOf(value) === "Temporal.PlainDateTime";
}

/** A moment, with or without a zone. */
export function isMoment(value: unknown): value is Temporal.Instant | Temporal.ZonedDateTime {
  const tag = tagOf(value);
  return tag === "Temporal.Instant" || tag === "Temporal.ZonedDateTime";
}

/** A duration. */
export function isDuration(value: unknown): value is Temporal.Duration {
  return tagOf(value) === "Temporal.Duration";
}

function tagOf(value: unknown): unknown {
  return typeof value === "object" && value !== null
    ? (value as { readonly [Symbol.toStringTag]?: unknown })[Symbol.toStringTag]
    : undefined;
}
