/**
 * Isolation levels.
 *
 * Source: PostgreSQL manual, "Transaction Isolation".
 */
import { UsageError } from "../errors.ts";

/** What a transaction sees of others; the name of the level in SQL. */
export type IsolationLevel = "READ UNCOMMITTED" | "READ COMMITTED" | "REPEATABLE READ" | "SERIALIZABLE";

/** What {@linkcode IsolationLevel} is as a value. */
export interface IsolationLevels {
  /** The level of that name: in any case, its words apart, together, or joined by `_` or `-`. */
  (name: string): IsolationLevel;
  /** The same as ReadCommitted in PostgreSQL. */
  readonly ReadUncommitted: "READ UNCOMMITTED";
  /** Each statement sees what was committed before it began. PostgreSQL's default. */
  readonly ReadCommitted: "READ COMMITTED";
  /** All statements see what was committed before the first began; conflicting writes fail with 40001. */
  readonly RepeatableRead: "REPEATABLE READ";
  /** The result is that of some order of the transactions, one after the other; others fail with 40001. */
  readonly Serializable: "SERIALIZABLE";
}

/**
 * The isolation levels, and a function that takes any spelling of their names.
 *
 * @example
 * ```ts
 * import { IsolationLevel } from "@x/pyro";
 * import assert from "node:assert/strict";
 *
 * assert.equal(IsolationLevel("repeatable_read"), IsolationLevel.RepeatableRead);
 * assert.equal(IsolationLevel("ReadCommitted"), "READ COMMITTED");
 * ```
 */
export const IsolationLevel: IsolationLevels = Object.freeze(Object.assign(
  parse,
  {
    ReadUncommitted: "READ UNCOMMITTED",
    ReadCommitted: "READ COMMITTED",
    RepeatableRead: "REPEATABLE READ",
    Serializable: "SERIALIZABLE",
  } as const,
));

function parse(name: string): IsolationLevel {
  const letters = typeof name === "string" ? name.replaceAll(/[\s_-]/g, "").toUpperCase() : undefined;
  const level = LEVELS.find((level) => level.replace(" ", "") === letters);
  if (level !== undefined) return level;
  const given = typeof name === "string" ? JSON.stringify(name) : `a value of type ${typeof name}`;
  throw new UsageError(
    `Cannot use isolation level ${given}: it must be read uncommitted, read committed, repeatable read or serializable`,
  );
}

const LEVELS = ["READ UNCOMMITTED", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"] as const;
