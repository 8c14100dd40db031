/** What libraries with a query builder share: the operations that differ in the builder alone. */
import type { Operation, Operations } from "../driver.ts";
import type { Sizes } from "../sizes.ts";
import { batches } from "../workloads/insert.ts";
import { type Person, person } from "../workloads/people.ts";

/** Selects that many rows, and inserts rows; how many were inserted. */
export interface Builder {
  select(rows: number): Operation;
  insert(rows: readonly Omit<Person, "id">[]): Promise<number>;
}

/** Selects and inserts with a builder. */
export function builtOperations({ select, insert }: Builder, sizes: Sizes): Operations {
  return {
    select_1: select(1),
    select_10: select(10),
    select_100: select(100),
    select_1000: select(1000),
    insert: (i) => insert([rowOf(person(i))]),
    insert_batch: async () => {
      let inserted = 0;
      for (const batch of batches(sizes)) inserted += await insert(batch.map(rowOf));
      return inserted;
    },
  };
}

/** The values of a row, by column. */
function rowOf(values: readonly unknown[]): Omit<Person, "id"> {
  const [name, age, email, score, description] = values as readonly [string, number, string, number, string];
  return { name, age, email, score, description };
}
