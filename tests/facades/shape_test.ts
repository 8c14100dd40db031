/** Both worlds have the same shape: types say so when this file is checked, members when it runs. */
import assert from "node:assert/strict";
import * as awaiting from "../../async.ts";
import * as main from "../../mod.ts";
import * as blocking from "../../sync.ts";
import { test } from "../support/test.ts";

/** What a type of the awaiting world is in the blocking one: promises are their values. */
type Blocking<T> = T extends Promise<infer V> ? Blocking<V>
  : T extends awaiting.Conn ? blocking.Conn
  : T extends awaiting.PreparedStatement ? blocking.PreparedStatement
  : T extends (...parameters: infer P) => infer R ? (...parameters: Each<P>) => Blocking<R>
  : T extends (infer E)[] ? Each<T> extends infer M ? M : E[]
  : T;
type Each<T> = { [K in keyof T]: Blocking<T[K]> };

/** Members as they are, but for type parameters, which inference replaces in the other shape too. */
type Shape<T> = {
  [K in Exclude<keyof T, symbol>]: T[K] extends (...parameters: infer P) => infer R ? (...parameters: P) => R : T[K];
};
type BlockingShape<T> = { [K in Exclude<keyof T, symbol>]: Blocking<T[K]> };

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Fails the type check unless it is called with `true` for each. */
function holds<_Proof extends readonly true[]>(): void {}

// The comparison sees what is missing, what differs, and what is forgotten in a parameter.
const sees: [
  Equal<BlockingShape<{ a(): Promise<string> }>, { a(): number }>,
  Equal<BlockingShape<{ a(): Promise<string>; b: 1 }>, { a(): string }>,
  Equal<BlockingShape<{ a(stmt: awaiting.Statement): Promise<void> }>, { a(stmt: awaiting.Statement): void }>,
  Equal<BlockingShape<{ a(b?: string): Promise<void> }>, { a(b: string): void }>,
] = [false, false, false, false];

/** A row that no default stands for. */
type Named = { name: string };

test("both Conns and both PreparedStatements have the same shape", () => {
  assert.deepEqual(sees, [false, false, false, false]);
  holds<[
    Equal<BlockingShape<awaiting.Conn>, Shape<blocking.Conn>>,
    Equal<BlockingShape<awaiting.PreparedStatement>, Shape<blocking.PreparedStatement>>,
    Equal<Blocking<awaiting.Statement>, blocking.Statement>,
  ]>();
});

test("what a caller says of its rows holds in both worlds", () => {
  const { Conn: A } = awaiting, { Conn: B } = blocking;
  const [a, b] = [A.prototype, B.prototype];
  holds<[
    Equal<Blocking<ReturnType<typeof a.query<Named>>>, ReturnType<typeof b.query<Named>>>,
    Equal<Blocking<ReturnType<typeof a.queryFirst<Named>>>, ReturnType<typeof b.queryFirst<Named>>>,
    Equal<Blocking<ReturnType<typeof a.queryAll<Named>>>, ReturnType<typeof b.queryAll<Named>>>,
    Equal<Blocking<ReturnType<typeof a.exec<Named>>>, ReturnType<typeof b.exec<Named>>>,
    Equal<Blocking<ReturnType<typeof a.execFirst<Named>>>, ReturnType<typeof b.execFirst<Named>>>,
    Equal<Blocking<ReturnType<typeof a.execOne<Named>>>, ReturnType<typeof b.execOne<Named>>>,
    Equal<Blocking<ReturnType<typeof a.execValue<bigint>>>, ReturnType<typeof b.execValue<bigint>>>,
    Equal<Blocking<ReturnType<typeof a.run<Named>>>, ReturnType<typeof b.run<Named>>>,
    Equal<ReturnType<typeof b.query<Named>>, Named[]>,
    Equal<ReturnType<typeof b.execValue<bigint>>, bigint | null>,
  ]>();
});

test("each world has its own disposal and not the other's", () => {
  holds<[
    Equal<Extract<keyof awaiting.Conn, symbol>, typeof Symbol.asyncDispose>,
    Equal<Extract<keyof blocking.Conn, symbol>, typeof Symbol.dispose>,
    Equal<Extract<keyof awaiting.PreparedStatement, symbol>, typeof Symbol.asyncDispose>,
    Equal<Extract<keyof blocking.PreparedStatement, symbol>, typeof Symbol.dispose>,
  ]>();
  for (const name of ["Conn", "PreparedStatement"] as const) {
    assert.deepEqual(
      [Symbol.asyncDispose in awaiting[name].prototype, Symbol.dispose in awaiting[name].prototype],
      [true, false],
    );
    assert.deepEqual(
      [Symbol.asyncDispose in blocking[name].prototype, Symbol.dispose in blocking[name].prototype],
      [false, true],
    );
  }
});

test("classes have the same members in both worlds, with the same number of parameters", () => {
  for (const name of ["Conn", "PreparedStatement"] as const) {
    assert.deepEqual(membersOf(awaiting[name].prototype), membersOf(blocking[name].prototype));
  }
});

test("both worlds export the same names, and the main module what the awaiting one does", () => {
  assert.deepEqual(Object.keys(awaiting).sort(), Object.keys(blocking).sort());
  assert.deepEqual(Object.keys(main).sort(), Object.keys(awaiting).sort());
  for (const name of Object.keys(main)) {
    assert.equal(Reflect.get(main, name), Reflect.get(awaiting, name));
    const worldly = name === "Conn" || name === "PreparedStatement";
    assert.equal(Reflect.get(awaiting, name) === Reflect.get(blocking, name), !worldly, name);
  }
});

/** The names of methods with how many parameters they ask for, and of getters, through all base classes. */
function membersOf(prototype: object): string[] {
  const members: string[] = [];
  for (let at = prototype; at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const [name, { value, get, set }] of Object.entries(Object.getOwnPropertyDescriptors(at))) {
      if (name === "constructor") continue;
      if (typeof value === "function") members.push(`${name}(${value.length})`);
      else members.push(`${name}${get ? " get" : ""}${set ? " set" : ""}`);
    }
  }
  return members.sort();
}
