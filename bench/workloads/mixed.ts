/** Rows of many types. */
import type { Workload } from "./workload.ts";

/** Its statement. */
export const MIXED = "select * from mixed";

export const mixed: Workload = {
  title: ({ mixed }) =>
    `A row of 12 mixed types (of ${mixed}): int8, float8, numeric, timestamptz, date, jsonb, text[], int4[], uuid, bytea, bool, null`,
  units: ({ mixed }) => mixed,
  pinned: false,
  base: "libpq",
  transports: ["unix"],
  setup: ({ mixed }) => `
    create table mixed as select n::int8 as id, n / 7::float8 as score, (n * 1.01)::numeric(12, 2) as price,
      timestamptz '2024-01-01 00:00:00.123456+00' + n * interval '1 minute' as at, date '2024-01-01' + n % 1000 as day,
      jsonb_build_object('name', 'item ' || n, 'tags', array[n, n + 1]) as data, array['tag ' || n, 'b'] as tags,
      array[n, n + 1, n + 2] as numbers, md5(n::text)::uuid as uuid, decode(md5(n::text), 'hex') as bytes, n % 2 = 0 as flag,
      null::text as nothing
    from generate_series(1, ${mixed}) n; vacuum analyze mixed`,
  statement: () => MIXED,
  check: (_, rows, { mixed }) => Array.isArray(rows) && rows.length === mixed && rows.at(-1).flag === true,
};
