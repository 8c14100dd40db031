/** The table that most workloads are about, and its rows. */
import type { Sizes } from "../sizes.ts";

/** A row of it. */
export interface Person {
  readonly id: number;
  readonly name: string;
  readonly age: number;
  readonly email: string;
  readonly score: number;
  readonly description: string;
}

/** What is given when one is inserted. */
export const COLUMNS = ["name", "age", "email", "score", "description"] as const;

/** How the one of a number looks. */
export function person(id: number): readonly [string, number, string, number, string] {
  return [`name ${id}`, id % 100, `user${id}@example.com`, id / 2, DESCRIPTION];
}

/** Whether that is a row of the table, whole: the one of that number, if one is given. */
export function isPerson(row: unknown, id: number = (row as Person | undefined)?.id ?? 0): boolean {
  // Cheap, since it is done within what is measured.
  const { id: given, name, age, email, score, description } = (row ?? {}) as Partial<Person>;
  return given === id && score === id / 2 && age === id % 100 && name?.length === 5 + String(id).length &&
    email === `user${id}@example.com` && description?.length === DESCRIPTION.length;
}

/** How many have keys that are selected by; these begin at 1. */
export const KEYS = 10_000;

/** The statement that selects one by its key. */
export const POINT = "select id, name, age, email, score, description from bench where id = $1";

/** The table. */
export const setup = ({ rows }: Sizes): string => `
  ${create("bench")};
  insert into bench (name, age, email, score, description)
  select 'name ' || n, n % 100, 'user' || n || '@example.com', n * 0.5::float8, '${DESCRIPTION}'
  from generate_series(1, ${rows}) n; vacuum analyze bench`;

/** SQL that makes a table like it. */
export function create(table: string): string {
  return `create table if not exists ${table} (id serial primary key, name text not null, age int4 not null,
    email text not null, score float8 not null, description text not null)`;
}

/** A query for any number of them: the table's, over and over, as fast as the server can. */
export function many(count: number, sizes: Sizes, columns: string): string {
  const times = Math.ceil(count / sizes.rows);
  return `select ${columns} from bench cross join generate_series(1, ${times}) limit ${count}`;
}

const DESCRIPTION = "d".repeat(60);
