/** Helpers for the tests of batches: a table, and sources of parameter sets. */
import assert from "node:assert/strict";
import type { Conn, PyroError } from "../../../mod.ts";
import { attempt } from "./call_bodies.ts";

export type Sets = Iterable<readonly unknown[]> | AsyncIterable<readonly unknown[]>;

export const INSERT = "insert into t values ($1)";

/** A temporary table `t` of numbers from 0, each of them once. */
export async function table(conn: Conn): Promise<void> {
  await conn.queryDrop("create temporary table t (n int unique check (n >= 0))");
}

export async function content(conn: Conn): Promise<unknown> {
  return await conn.execValue("select coalesce(array_agg(n order by n), '{}') from t");
}

export async function count(conn: Conn): Promise<number> {
  return Number(await conn.execValue("select count(*) from t"));
}

/** No transaction is open, and the connection works, batches included. */
export async function isFree(conn: Conn): Promise<void> {
  await conn.ping();
  assert.equal(conn.transactionStatus, "idle");
  assert.equal(await conn.execBatch("select $1::int4", [[1], [2]]), 2);
  assert.equal(await conn.tx((tx) => tx.execValue("select $1::int4", [42])), 42);
}

/** Arrays of one number each. */
export function singles(from: number, to: number): number[][] {
  return Array.from({ length: to - from }, (_, i) => [from + i]);
}

/** A source that counts what is asked of it. */
export class Counted implements Iterable<readonly unknown[]> {
  taken = 0;
  returned = 0;
  ended = false;
  /** How often it was asked after its end. */
  tooMuch = 0;
  readonly #next: (index: number) => readonly unknown[] | undefined;

  constructor(next: (index: number) => readonly unknown[] | undefined) {
    this.#next = next;
  }

  [Symbol.iterator](): Iterator<readonly unknown[]> {
    return {
      next: () => {
        if (this.ended || this.returned > 0) this.tooMuch++;
        const value = this.#next(this.taken);
        if (value === undefined) this.ended = true;
        else this.taken++;
        return value === undefined ? { done: true, value: undefined } : { done: false, value };
      },
      return: () => {
        this.returned++;
        return { done: true, value: undefined };
      },
    };
  }
}

export async function fails(call: () => unknown): Promise<PyroError & { code?: string }> {
  let failed: unknown;
  await assert.rejects(attempt(call), (error) => {
    failed = error;
    return true;
  });
  return failed as PyroError & { code?: string };
}
