/**
 * Intervals as node-postgres has them.
 *
 * Source: PostgreSQL manual, "Date/Time Types", interval output in the style postgres.
 */

/**
 * An interval as node-postgres gives it: an object with those of its fields that are not 0. As a parameter it is the
 * interval again.
 *
 * @example
 * ```ts
 * import { PostgresInterval } from "@x/pyro/kysely";
 * import assert from "node:assert/strict";
 *
 * const interval = new PostgresInterval({ days: 1, minutes: 30 });
 * assert.equal(interval.toPostgres(), "1 days 30 minutes");
 * assert.equal(interval.toISOString(), "P0Y0M1DT0H30M0S");
 * ```
 */
export class PostgresInterval {
  /** Years. */
  declare years?: number;
  /** Months beyond the years. */
  declare months?: number;
  /** Days. */
  declare days?: number;
  /** Hours. */
  declare hours?: number;
  /** Minutes. */
  declare minutes?: number;
  /** Whole seconds. */
  declare seconds?: number;
  /** The fraction of the seconds, with microseconds behind the point. */
  declare milliseconds?: number;

  /** The interval with these fields. */
  constructor(fields: Partial<Record<IntervalField, number>> = {}) {
    Object.assign(this, fields);
  }

  /** Its text for PostgreSQL. */
  toPostgres(): string {
    const parts = TEXT_FIELDS.filter((name) => this[name]).map((name) => `${this[name]} ${name}`);
    const seconds = secondsOf(this);
    if (seconds !== "0") parts.push(`${seconds} seconds`);
    return parts.length === 0 ? "0" : parts.join(" ");
  }

  /** Its text in ISO 8601, with all fields. */
  toISOString(): string {
    const { years = 0, months = 0, days = 0, hours = 0, minutes = 0 } = this;
    return `P${years}Y${months}M${days}DT${hours}H${minutes}M${secondsOf(this)}S`;
  }

  /** The same as {@linkcode toISOString}. */
  toISO(): string {
    return this.toISOString();
  }
}

/** The fields of an interval. */
export type IntervalField = "years" | "months" | "days" | "hours" | "minutes" | "seconds" | "milliseconds";

/** The interval of a text in the style postgres; ±Infinity for infinite ones. */
export function parseInterval(text: string): PostgresInterval | number {
  if (text === "infinity") return Infinity;
  if (text === "-infinity") return -Infinity;
  const groups = INTERVAL.exec(text)?.groups;
  if (groups === undefined) {
    throw new SyntaxError("Cannot read an interval: it must be in the style postgres (IntervalStyle)");
  }
  const interval = new PostgresInterval();
  for (const name of DATE_FIELDS) set(interval, name, Number(groups[name] ?? 0));
  const sign = groups.sign === "-" ? -1 : 1;
  for (const name of ["hours", "minutes", "seconds"] as const) set(interval, name, sign * Number(groups[name] ?? 0));
  set(interval, "milliseconds", sign * Number((groups.fraction ?? "").padEnd(6, "0")) / 1000);
  return interval;
}

function set(interval: PostgresInterval, name: IntervalField, value: number): void {
  if (value !== 0) interval[name] = value;
}

/** The seconds with their fraction. */
function secondsOf({ seconds = 0, milliseconds = 0 }: PostgresInterval): string {
  return String(Number((seconds + milliseconds / 1000).toFixed(6)));
}

const DATE_FIELDS = ["years", "months", "days"] as const;
const TEXT_FIELDS = [...DATE_FIELDS, "hours", "minutes"] as const;
const INTERVAL = new RegExp(
  String.raw`^(?:(?<years>[-+]?\d+) years?)? ?(?:(?<months>[-+]?\d+) mons?)? ?(?:(?<days>[-+]?\d+) days?)? ?` +
    String.raw`(?:(?<sign>[-+])?(?<hours>\d+):(?<minutes>\d\d):(?<seconds>\d\d)(?:\.(?<fraction>\d{1,6}))?)?$`,
);
