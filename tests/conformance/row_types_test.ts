/** Rows whose type is an interface or a class are taken wherever rows are: the type check says so, and the servers get them. */
import assert from "node:assert/strict";
import { type Conn, type Pool, sql, type Transaction } from "../../mod.ts";
import type * as blocking from "../../sync.ts";
import { given } from "../support/suite/call_bodies.ts";
import { conformance } from "../support/suite/worlds.ts";

/** An interface has no index signature, so that it is no `Record<string, unknown>`. */
interface Person {
  readonly name: string;
  readonly age: number | null;
}

class Employee implements Person {
  readonly name: string;
  readonly age: number | null;
  #salary = 0;

  constructor(name: string, age: number | null) {
    this.name = name;
    this.age = age;
  }

  raise(): number {
    return ++this.#salary;
  }
}

type Pair = readonly [name: string, age: number];

const COLUMNS = ["name", "age"] as const;
const PEOPLE: readonly Person[] = [{ name: "Ada", age: 36 }, { name: "Alan", age: null }];
const EMPLOYEES: readonly Employee[] = [new Employee("Ada", 36), new Employee("Alan", null)];
const PAIRS: readonly Pair[] = [["Ada", 36], ["Alan", 41]];

function* people(): Generator<Person> {
  yield* PEOPLE;
}

async function* employees(): AsyncGenerator<Employee> {
  yield* EMPLOYEES;
}

/** Only checked: what each of both worlds takes. */
function _promises(on: Conn | Pool | Transaction): Promise<number>[] {
  return [
    on.copyRows("person", COLUMNS, PEOPLE),
    on.copyRows("person", COLUMNS, EMPLOYEES),
    on.copyRows("person", COLUMNS, PAIRS),
    on.copyRows("person", COLUMNS, people()),
    on.copyRows("person", COLUMNS, employees()),
    on.copyRows("person", COLUMNS, new Set(EMPLOYEES)),
    on.copyRows("person", COLUMNS, [...PEOPLE, ...PAIRS]),
    on.execBatch("insert into person values ($1, $2)", PAIRS),
    // @ts-expect-error Rows are not strings.
    on.copyRows("person", COLUMNS, ["Ada"]),
    // @ts-expect-error Nor numbers.
    on.copyRows("person", COLUMNS, new Set([1])),
  ];
}

function _blocking(on: blocking.Conn | blocking.Pool | blocking.Transaction): number[] {
  return [
    on.copyRows("person", COLUMNS, PEOPLE),
    on.copyRows("person", COLUMNS, EMPLOYEES),
    on.copyRows("person", COLUMNS, PAIRS),
    on.copyRows("person", COLUMNS, people()),
    on.execBatch("insert into person values ($1, $2)", PAIRS),
    // @ts-expect-error What must be awaited cannot be read here.
    on.copyRows("person", COLUMNS, employees()),
    // @ts-expect-error Rows are not strings.
    on.copyRows("person", COLUMNS, ["Ada"]),
  ];
}

conformance("rows of an interface or a class: COPY, values, and results", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table person (name text, age int)");
  for (const rows of [PEOPLE, EMPLOYEES, people()]) {
    assert.equal(await conn.copyRows("person", COLUMNS, rows), 2);
    assert.deepEqual(await conn.query<Person>("select * from person order by name"), PEOPLE);
    await conn.queryDrop("truncate person");
  }
  assert.equal(await conn.execDrop(sql`insert into person ${sql.values(PEOPLE)}`), 2);
  assert.equal(await conn.execDrop(sql`insert into person ${sql.values(EMPLOYEES, COLUMNS)}`), 2);
  const copying = given(world, function* (tx: Transaction) {
    return yield tx.copyRows("person", COLUMNS, EMPLOYEES);
  });
  assert.equal(await conn.tx(copying), 2);
  assert.equal((await conn.exec<Person>("select * from person where name = $1", ["Ada"])).length, 3);
});
