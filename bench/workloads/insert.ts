/** Inserts: one by one, and many. */
import type { Sizes } from "../sizes.ts";
import { create, person } from "./people.ts";
import type { Workload } from "./workload.ts";

/** The statement; its parameters are a `person`. */
export const INSERT = "insert into inserted (name, age, email, score, description) values ($1, $2, $3, $4, $5)";

/** A statement that inserts arrays, one for each column. */
export const INSERT_ARRAYS = `insert into inserted (name, age, email, score, description)
  select * from unnest($1::text[], $2::int4[], $3::text[], $4::float8[], $5::text[])`;

/** How many rows a batch has. */
export const BATCH = 1000;

/** The batches of an operation of `insert_batch`. */
export function* batches({ inserted }: Sizes): Generator<(readonly unknown[])[]> {
  for (let first = 1; first <= inserted; first += BATCH) {
    yield Array.from({ length: BATCH }, (_, k) => person(first + k));
  }
}

/** The columns of some rows. */
export function columnsOf(rows: readonly (readonly unknown[])[]): unknown[][] {
  return rows[0]!.map((_, column) => rows.map((row) => row[column]));
}

export const insert: Workload = {
  title: () => "Insert of a row of 5 columns",
  pinned: true,
  warmUp: 2,
  base: "libpq",
  transports: ["unix"],
  setup,
  before: "truncate inserted",
  statement: () => INSERT,
  check: (_, affected) => affected === 1,
};

export const insertBatch: Workload = {
  title: ({ inserted }) => `Inserting a row (of ${inserted}, in batches of ${BATCH})`,
  units: ({ inserted }) => inserted,
  pinned: false,
  base: "libpq",
  transports: ["unix"],
  setup,
  before: "truncate inserted",
  statement: () => INSERT,
  check: (_, affected, { inserted }) => affected === inserted,
};

function setup(): string {
  return create("inserted");
}
