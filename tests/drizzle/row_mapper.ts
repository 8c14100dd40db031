/** Rows are mapped as Drizzle's own `mapResultRow` maps them. */
import assert from "node:assert/strict";
import { sql } from "drizzle-orm";
import * as core from "drizzle-orm/pg-core";
import * as utilities from "drizzle-orm/utils";
import { rowMapper } from "../../src/drizzle/row_mapper.ts";
import { Random } from "../support/suite/random.ts";
import { test } from "../support/suite/test.ts";

type Fields = import("drizzle-orm/pg-core").SelectedFieldsOrdered;

/** What Drizzle has, but does not declare. */
interface Utilities {
  mapResultRow(fields: Fields, row: readonly unknown[], joins: Record<string, boolean> | undefined): unknown;
  orderSelectedFields(fields: object): Fields;
}

const { mapResultRow, orderSelectedFields } = utilities as unknown as Utilities;

const a = core.pgTable("a", { id: core.integer(), at: core.timestamp(), big: core.bigint({ mode: "bigint" }) });
const b = core.pgTable("b", { id: core.integer(), name: core.text() });
const other = core.alias(b, "other");

/** Values that any of the columns takes. */
const VALUES = ["1", "42", null, null] as const;

const SELECTIONS: readonly object[] = [
  { id: a.id, at: a.at, big: a.big },
  { id: a.id, twice: sql`1`.mapWith(Number), aliased: sql`2`.as("x"), mapped: sql`3`.mapWith(a.big).as("y") },
  { a, b },
  { a: { id: a.id, at: a.at }, b, top: b.name },
  { mixed: { id: a.id, name: b.name }, mixedLater: { name: b.name, id: b.id, big: a.big } },
  { deep: { er: { id: a.id }, name: b.name }, deepSql: { x: sql`1`, id: b.id } },
  { other, b: { name: b.name } },
  { sql: { one: sql`1`, two: sql`2` } },
];

const JOINS: readonly (Record<string, boolean> | undefined)[] = [
  undefined,
  {},
  { a: true },
  { a: true, b: false },
  { a: false, b: true, other: false },
];

test("drizzle: rows are mapped as Drizzle's own drivers do", () => {
  const random = new Random(4711);
  for (const selection of SELECTIONS) {
    const fields = orderSelectedFields(selection);
    for (const joins of JOINS) {
      const mapRow = rowMapper(fields, joins);
      for (let n = 0; n < 50; n++) {
        const row = fields.map(() => random.pick(VALUES));
        const [own, theirs] = [mapRow(row), mapResultRow(fields, row, joins)];
        assert.deepEqual(own, theirs);
        assert.deepEqual(JSON.stringify(own, shown), JSON.stringify(theirs, shown), "in the same order");
      }
    }
  }
});

function shown(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}
