/** The functions of `sql` that write and change many rows, on real tables. */
import assert from "node:assert/strict";
import { sql } from "../../mod.ts";
import { conformance } from "../support/suite/worlds.ts";

const TYPES = { id: "int4", name: "text", born: "date", tags: "text[]" };

conformance("many rows: insert, update and upsert by values with types and by unnest", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table person (id int primary key, name text, born date, tags text[])");
  const content = (): Promise<unknown> => conn.exec("select id, name from person order by id", { rows: "array" });
  const people = [
    { id: 1, name: "Ada", born: "1815-12-10", tags: ["a"] },
    { id: 2, name: "Alan", born: null, tags: [] },
  ];
  assert.equal(await conn.execDrop(sql`insert into person select * from (${sql.values(people, TYPES)}) as v`), 2);
  const { tags: _, ...flat } = TYPES;
  const more = [{ ...people[1]!, name: "Alan T." }, { id: 3, name: "Grace", born: "1906-12-09" }];
  const upsert = sql`
    insert into person (id, name, born) select * from ${sql.unnest(more, flat)}
    on conflict (id) do update set name = excluded.name
    returning id
  `;
  assert.deepEqual(await conn.exec(upsert), [{ id: 2 }, { id: 3 }]);
  assert.deepEqual(await content(), [[1, "Ada"], [2, "Alan T."], [3, "Grace"]]);
  const names = { id: "int4", name: "text" };
  const update = (rows: readonly object[]): Promise<number> =>
    conn.execDrop(sql`
      update person set name = new.name
      from ${sql.unnest(rows, names)} as new (id, name) where person.id = new.id
    `);
  assert.equal(await update([{ id: 1, name: "A" }, { id: 3, name: null }]), 2);
  assert.equal(await update([]), 0);
  assert.deepEqual(await content(), [[1, "A"], [2, "Alan T."], [3, null]]);
  assert.equal(
    await conn.execDrop(sql`update person set ${sql.set({ name: "B", born: sql`now()` })} where id = ${1}`),
    1,
  );
  const old = sql.and([sql`born < ${"1900-01-01"}`, sql.or([sql`name = ${"B"}`, sql`name is null`])]);
  assert.equal(await conn.execValue(sql`select count(*) from person where ${old}`), 0n);
  assert.equal(await conn.execValue(sql`select count(*) from person where ${sql.and([])}`), 3n);
});

conformance("many rows: rows as an array of the table's own type", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table person (id int, name text, born date)");
  const people = [{ id: 1, name: "Ada", born: "1815-12-10" }, { id: 2, name: "Alan", born: null }];
  assert.equal(await conn.execDrop(sql`insert into person select * from unnest(${people}::person[])`), 2);
  assert.deepEqual(await conn.exec("select id, name, born::text from person order by id"), people);
});
