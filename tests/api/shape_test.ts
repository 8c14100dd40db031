/** Both worlds have the same shape: types say so when this file is checked, members when it runs. */
import assert from "node:assert/strict";
import * as awaiting from "../../async.ts";
import * as main from "../../mod.ts";
import * as blocking from "../../sync.ts";
import { test } from "../support/suite/test.ts";

/**
 * What a type of the awaiting world is in the blocking one: promises are their values, of sources only
 * those that need not be awaited are left, and calls cannot be aborted. All members of options are
 * optional, so that they `extend` nearly everything: they are compared for equality.
 */
type Blocking<T, Whole = T> = T extends Promise<infer V> ? Blocking<V>
  : T extends awaiting.PooledConn ? blocking.PooledConn
  : T extends awaiting.Conn ? blocking.Conn
  : T extends awaiting.PoolView ? blocking.PoolView
  : T extends awaiting.Transaction ? blocking.Transaction
  : T extends awaiting.Executor ? blocking.Executor
  : T extends awaiting.Pipeline ? blocking.Pipeline
  : T extends awaiting.Portal ? blocking.Portal
  : T extends awaiting.PreparedStatement ? blocking.PreparedStatement
  : T extends awaiting.RowStream<infer R> ? blocking.RowStream<R>
  : T extends awaiting.Notifications ? blocking.Notifications
  : T extends awaiting.PoolStream<infer R> ? blocking.PoolStream<R>
  : T extends awaiting.PoolNotifications ? blocking.PoolNotifications
  : T extends ReadableStream<Uint8Array<ArrayBuffer>> ? blocking.CopyStream
  : T extends AsyncIterable<infer V> ? Iterable<V> extends Whole ? never : Iterable<V>
  : T extends { readonly as: infer M } ? BlockingMapped<T, M>
  : Equal<T, awaiting.CallOptions> extends true ? blocking.CallOptions
  : Equal<T, awaiting.QueryOptions> extends true ? blocking.QueryOptions
  : Equal<T, awaiting.PortalOptions> extends true ? blocking.PortalOptions
  : Equal<T, awaiting.RowOptions> extends true ? blocking.RowOptions
  : Equal<T, awaiting.ValueOptions> extends true ? blocking.ValueOptions
  : Equal<T, awaiting.StreamOptions> extends true ? blocking.StreamOptions
  : Equal<T, awaiting.CopyOptions> extends true ? blocking.CopyOptions
  : Equal<T, awaiting.BatchOptions> extends true ? blocking.BatchOptions
  : Equal<T, awaiting.BeginOptions> extends true ? blocking.BeginOptions
  : Equal<T, awaiting.TransactionOptions> extends true ? blocking.TransactionOptions
  : Equal<T, awaiting.PoolTransactionOptions> extends true ? blocking.PoolTransactionOptions
  : Equal<T, awaiting.ListenOptions> extends true ? blocking.ListenOptions
  : T extends (...parameters: infer P) => infer R ? (...parameters: Each<P>) => Blocking<R>
  : T extends (infer E)[] ? Each<T> extends infer M ? M : E[]
  : T;
/** The same for options that say what is made of rows. */
type BlockingMapped<T, M> = Equal<T, awaiting.QueryOptions & { readonly as: M }> extends true
  ? blocking.QueryOptions & { readonly as: M }
  : Equal<T, awaiting.PortalOptions & { readonly as: M }> extends true ? blocking.PortalOptions & { readonly as: M }
  : Equal<T, awaiting.StreamOptions & { readonly as: M }> extends true ? blocking.StreamOptions & { readonly as: M }
  : Equal<T, awaiting.RowOptions & { readonly as: M }> extends true ? blocking.RowOptions & { readonly as: M }
  : never;
type Each<T> = { [K in keyof T]: Blocking<T[K]> };

/** The classes that each world has for itself. */
const CLASSES = [
  "Conn",
  "Transaction",
  "Pipeline",
  "Portal",
  "PreparedStatement",
  "RowStream",
  "Notifications",
  "Pool",
  "PoolView",
  "PooledConn",
  "PoolStream",
  "PoolNotifications",
] as const;

/** Members as they are, but for type parameters, which inference replaces in the other shape too. */
type Shape<T> = {
  [K in Exclude<keyof T, symbol | Helpers>]: T[K] extends (...parameters: infer P) => infer R ? (...parameters: P) => R
    : T[K];
};
type BlockingShape<T> = { [K in Exclude<keyof T, symbol>]: Blocking<T[K]> };

/** The methods of iterators, which only iterators that block have. */
type Helpers = Exclude<keyof IteratorObject<unknown>, symbol | "next" | "return">;

type Symbols<T> = Exclude<Extract<keyof T, symbol>, typeof Symbol.toStringTag>;

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Fails the type check unless it is called with `true` for each. */
function holds<_Proof extends readonly true[]>(): void {}

// The comparison sees what is missing, what differs, and what is forgotten in a parameter.
const sees: [
  Equal<BlockingShape<{ a(): Promise<string> }>, { a(): number }>,
  Equal<BlockingShape<{ a(): Promise<string>; b: 1 }>, { a(): string }>,
  Equal<BlockingShape<{ a(stmt: awaiting.Statement): Promise<void> }>, { a(stmt: awaiting.Statement): void }>,
  Equal<BlockingShape<{ a(b?: string): Promise<void> }>, { a(b: string): void }>,
  Equal<BlockingShape<{ a(b?: awaiting.QueryOptions): Promise<void> }>, { a(b?: awaiting.QueryOptions): void }>,
  Equal<BlockingShape<{ a(b?: awaiting.QueryOptions): Promise<void> }>, { a(b?: blocking.CallOptions): void }>,
  Equal<
    BlockingShape<{ a(b: Iterable<string> | AsyncIterable<number>): Promise<void> }>,
    { a(b: Iterable<string>): void }
  >,
  Equal<BlockingShape<{ a(): awaiting.RowStream<number> }>, { a(): blocking.RowStream<string> }>,
  Equal<
    BlockingShape<{ a(b: (tx: awaiting.Transaction) => void): void }>,
    { a(b: (tx: awaiting.Transaction) => void): void }
  >,
  Equal<BlockingShape<{ a(b: () => Promise<string>): void }>, { a(b: () => Promise<string>): void }>,
] = [false, false, false, false, false, false, false, false, false, false];

/** A row that no default stands for. */
type Named = { name: string };

test("the classes of both worlds have the same shape", () => {
  assert.ok(sees.every((equal) => !equal));
  holds<[
    Equal<BlockingShape<awaiting.Conn>, Shape<blocking.Conn>>,
    Equal<BlockingShape<awaiting.Executor>, Shape<blocking.Executor>>,
    Equal<BlockingShape<awaiting.Transaction>, Shape<blocking.Transaction>>,
    Equal<BlockingShape<awaiting.Pipeline>, Shape<blocking.Pipeline>>,
    Equal<BlockingShape<awaiting.Portal>, Shape<blocking.Portal>>,
    Equal<BlockingShape<awaiting.PreparedStatement>, Shape<blocking.PreparedStatement>>,
    Equal<BlockingShape<awaiting.RowStream<Named>>, Shape<blocking.RowStream<Named>>>,
    Equal<BlockingShape<awaiting.Notifications>, Shape<blocking.Notifications>>,
    // A pool's copyOut is its own stream in the blocking world, as it begins when it is read.
    Equal<BlockingShape<awaiting.PoolExecutor>, Shape<blocking.PoolExecutor>>,
    Equal<BlockingShape<Omit<awaiting.Pool, "copyOut">>, Shape<Omit<blocking.Pool, "copyOut">>>,
    Equal<BlockingShape<Omit<awaiting.PoolView, "copyOut">>, Shape<Omit<blocking.PoolView, "copyOut">>>,
    Equal<Each<Parameters<awaiting.Pool["copyOut"]>>, Parameters<blocking.Pool["copyOut"]>>,
    Equal<ReturnType<blocking.Pool["copyOut"]>, blocking.PoolStream<Uint8Array<ArrayBuffer>>>,
    Equal<BlockingShape<awaiting.PooledConn>, Shape<blocking.PooledConn>>,
    Equal<BlockingShape<awaiting.PoolStream<Named>>, Shape<blocking.PoolStream<Named>>>,
    Equal<BlockingShape<awaiting.PoolNotifications>, Shape<blocking.PoolNotifications>>,
    Equal<Blocking<awaiting.PoolStatement>, blocking.PoolStatement>,
    Equal<Blocking<awaiting.Statement>, blocking.Statement>,
    Equal<Blocking<typeof awaiting.cancel>, typeof blocking.cancel>,
  ]>();
});

/** Whether options are the same in both worlds, but for the signal. */
type WithSignal<A, B> = Equal<Pick<A, keyof A>, Pick<B & awaiting.Abortable, keyof B | "signal">>;

const seesOptions: [
  WithSignal<awaiting.CallOptions, blocking.QueryOptions>,
  WithSignal<awaiting.QueryOptions, blocking.CallOptions>,
  WithSignal<blocking.QueryOptions, blocking.QueryOptions>,
  WithSignal<awaiting.QueryOptions, { readonly timeout?: number; readonly rows?: string }>,
] = [false, false, false, false];

test("calls have the same options in both worlds, and can be aborted where they are awaited", () => {
  assert.ok(seesOptions.every((equal) => !equal));
  holds<[
    WithSignal<awaiting.CallOptions, blocking.CallOptions>,
    WithSignal<awaiting.QueryOptions, blocking.QueryOptions>,
    WithSignal<awaiting.PortalOptions, blocking.PortalOptions>,
    WithSignal<awaiting.RowOptions, blocking.RowOptions>,
    WithSignal<awaiting.ValueOptions, blocking.ValueOptions>,
    WithSignal<awaiting.StreamOptions, blocking.StreamOptions>,
    WithSignal<awaiting.CopyOptions, blocking.CopyOptions>,
    WithSignal<awaiting.BatchOptions, blocking.BatchOptions>,
    WithSignal<awaiting.BeginOptions, blocking.BeginOptions>,
    WithSignal<awaiting.TransactionOptions, blocking.TransactionOptions>,
    WithSignal<awaiting.PoolTransactionOptions, blocking.PoolTransactionOptions>,
    WithSignal<awaiting.ListenOptions, blocking.ListenOptions>,
  ]>();
});

test("what a caller says of its rows holds in both worlds", () => {
  const { Conn: A } = awaiting, { Conn: B } = blocking;
  const [a, b] = [A.prototype, B.prototype];
  const [aPortal, bPortal] = [awaiting.Portal.prototype, blocking.Portal.prototype];
  const [aPool, bPool] = [awaiting.Pool.prototype, blocking.Pool.prototype];
  const [aPipeline, bPipeline] = [awaiting.Pipeline.prototype, blocking.Pipeline.prototype];
  holds<[
    Equal<Blocking<ReturnType<typeof a.query<Named>>>, ReturnType<typeof b.query<Named>>>,
    Equal<Blocking<ReturnType<typeof a.queryFirst<Named>>>, ReturnType<typeof b.queryFirst<Named>>>,
    Equal<Blocking<ReturnType<typeof a.queryAll<Named>>>, ReturnType<typeof b.queryAll<Named>>>,
    Equal<Blocking<ReturnType<typeof a.exec<Named>>>, ReturnType<typeof b.exec<Named>>>,
    Equal<Blocking<ReturnType<typeof a.execFirst<Named>>>, ReturnType<typeof b.execFirst<Named>>>,
    Equal<Blocking<ReturnType<typeof a.execOne<Named>>>, ReturnType<typeof b.execOne<Named>>>,
    Equal<Blocking<ReturnType<typeof a.execValue<bigint>>>, ReturnType<typeof b.execValue<bigint>>>,
    Equal<Blocking<ReturnType<typeof a.run<Named>>>, ReturnType<typeof b.run<Named>>>,
    Equal<Blocking<ReturnType<typeof a.stream<Named>>>, ReturnType<typeof b.stream<Named>>>,
    Equal<Blocking<ReturnType<typeof a.execIter<Named>>>, ReturnType<typeof b.execIter<Named>>>,
    Equal<Each<Parameters<typeof a.execIter<Named>>>, Parameters<typeof b.execIter<Named>>>,
    Equal<Blocking<ReturnType<typeof a.tx<Named>>>, ReturnType<typeof b.tx<Named>>>,
    Equal<Each<Parameters<typeof a.tx<Named>>>, Parameters<typeof b.tx<Named>>>,
    Equal<Blocking<ReturnType<typeof aPortal.fetch<Named>>>, ReturnType<typeof bPortal.fetch<Named>>>,
    Equal<Blocking<ReturnType<typeof aPipeline.claim<Named>>>, ReturnType<typeof bPipeline.claim<Named>>>,
    Equal<Blocking<ReturnType<typeof aPipeline.claimOne<Named>>>, ReturnType<typeof bPipeline.claimOne<Named>>>,
    Equal<ReturnType<typeof aPipeline.exec<Named>>, awaiting.Ticket<Named>>,
    Equal<ReturnType<typeof bPipeline.exec<Named>>, awaiting.Ticket<Named>>,
    Equal<Blocking<ReturnType<typeof aPool.query<Named>>>, ReturnType<typeof bPool.query<Named>>>,
    Equal<Blocking<ReturnType<typeof aPool.exec<Named>>>, ReturnType<typeof bPool.exec<Named>>>,
    Equal<Blocking<ReturnType<typeof aPool.execOne<Named>>>, ReturnType<typeof bPool.execOne<Named>>>,
    Equal<Blocking<ReturnType<typeof aPool.execValue<bigint>>>, ReturnType<typeof bPool.execValue<bigint>>>,
    Equal<Blocking<ReturnType<typeof aPool.stream<Named>>>, ReturnType<typeof bPool.stream<Named>>>,
    Equal<Blocking<ReturnType<typeof aPool.tx<Named>>>, ReturnType<typeof bPool.tx<Named>>>,
    Equal<Each<Parameters<typeof aPool.tx<Named>>>, Parameters<typeof bPool.tx<Named>>>,
    Equal<ReturnType<typeof b.query<Named>>, Named[]>,
    Equal<ReturnType<typeof b.execValue<bigint>>, bigint | null>,
  ]>();
});

test("each world has its own disposal and iteration, and not the other's", () => {
  holds<[
    Equal<Symbols<awaiting.Conn>, typeof Symbol.asyncDispose>,
    Equal<Symbols<blocking.Conn>, typeof Symbol.dispose>,
    Equal<Symbols<awaiting.Transaction>, typeof Symbol.asyncDispose>,
    Equal<Symbols<blocking.Transaction>, typeof Symbol.dispose>,
    Equal<Symbols<awaiting.Pipeline>, typeof Symbol.asyncDispose>,
    Equal<Symbols<blocking.Pipeline>, typeof Symbol.dispose>,
    Equal<Symbols<awaiting.Portal>, typeof Symbol.asyncDispose>,
    Equal<Symbols<blocking.Portal>, typeof Symbol.dispose>,
    Equal<Symbols<awaiting.PreparedStatement>, typeof Symbol.asyncDispose>,
    Equal<Symbols<blocking.PreparedStatement>, typeof Symbol.dispose>,
    Equal<Symbols<awaiting.RowStream<Named>>, typeof Symbol.asyncDispose | typeof Symbol.asyncIterator>,
    Equal<Symbols<blocking.RowStream<Named>>, typeof Symbol.dispose | typeof Symbol.iterator>,
    Equal<Symbols<awaiting.Notifications>, typeof Symbol.asyncDispose | typeof Symbol.asyncIterator>,
    Equal<Symbols<blocking.Notifications>, typeof Symbol.dispose | typeof Symbol.iterator>,
    Equal<Symbols<awaiting.Pool>, typeof Symbol.asyncDispose>,
    Equal<Symbols<blocking.Pool>, typeof Symbol.dispose>,
    Equal<Symbols<awaiting.PooledConn>, typeof Symbol.asyncDispose>,
    Equal<Symbols<blocking.PooledConn>, typeof Symbol.dispose>,
    Equal<Symbols<awaiting.PoolStream<Named>>, typeof Symbol.asyncDispose | typeof Symbol.asyncIterator>,
    Equal<Symbols<blocking.PoolStream<Named>>, typeof Symbol.dispose | typeof Symbol.iterator>,
    Equal<Symbols<awaiting.PoolNotifications>, typeof Symbol.asyncDispose | typeof Symbol.asyncIterator>,
    Equal<Symbols<blocking.PoolNotifications>, typeof Symbol.dispose | typeof Symbol.iterator>,
    Equal<Symbols<blocking.CopyStream>, typeof Symbol.dispose | typeof Symbol.iterator>,
    Equal<Symbols<awaiting.Executor>, never>,
    Equal<Symbols<blocking.Executor>, never>,
  ]>();
  for (const name of CLASSES) {
    const [a, b]: object[] = [awaiting[name].prototype, blocking[name].prototype];
    // A view ends with its pool.
    const disposes = name !== "PoolView";
    assert.deepEqual([Symbol.asyncDispose in a!, Symbol.dispose in a!], [disposes, false], name);
    assert.deepEqual([Symbol.asyncDispose in b!, Symbol.dispose in b!], [false, disposes], name);
    const iterates = /Stream|Notifications/.test(name);
    assert.deepEqual([Symbol.asyncIterator in a!, Symbol.iterator in a!], [iterates, false], name);
    assert.deepEqual([Symbol.asyncIterator in b!, Symbol.iterator in b!], [false, iterates], name);
  }
});

test("classes have the same members in both worlds, with the same number of parameters", () => {
  for (const name of CLASSES) {
    const members = membersOf(awaiting[name].prototype);
    assert.ok(members.length > 0, name);
    assert.deepEqual(members, membersOf(blocking[name].prototype), name);
  }
});

test("both worlds export the same names, and the main module what the awaiting one does", () => {
  assert.deepEqual(Object.keys(awaiting).sort(), Object.keys(blocking).sort());
  assert.deepEqual(Object.keys(main).sort(), Object.keys(awaiting).sort());
  const worldly: readonly string[] = [...CLASSES, "StatementExecutor", "Executor", "PoolExecutor", "cancel"];
  for (const name of Object.keys(main)) {
    assert.equal(Reflect.get(main, name), Reflect.get(awaiting, name));
    assert.equal(Reflect.get(awaiting, name) === Reflect.get(blocking, name), !worldly.includes(name), name);
  }
});

/** The names of methods with how many parameters they ask for, and of getters, through all base classes of pyro's. */
function membersOf(prototype: object): string[] {
  const members: string[] = [];
  const isOwn = (at: object): boolean => at !== Object.prototype && at !== Iterator.prototype;
  for (let at = prototype; isOwn(at); at = Object.getPrototypeOf(at)) {
    for (const [name, { value, get, set }] of Object.entries(Object.getOwnPropertyDescriptors(at))) {
      if (name === "constructor") continue;
      if (typeof value === "function") members.push(`${name}(${value.length})`);
      else members.push(`${name}${get ? " get" : ""}${set ? " set" : ""}`);
    }
  }
  return members.sort();
}
