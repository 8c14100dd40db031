/**
 * Isolation levels.
 *
 * Source: PostgreSQL manual, "Transaction Isolation".
 */
import { UsageError } from "../errors.ts";

/** An isolation level, by its name in SQL. */
export type IsolationLevel = "READ UNCOMMITTED" | "READ COMMITTED" | "REPEATABLE READ" | "SERIALIZABLE";

/** The type of the value {@linkcode IsolationLevel}. */
export interface IsolationLevels {
  /** The level of a name, in any case; its words may be separate, together, or joined by `_` or `-`. */
  (name: string): IsolationLevel;
  /** The same as ReadCommitted in PostgreSQL. */
  readonly ReadUncommitted: "READ UNCOMMITTED";
  /** Each statement sees what was committed before it began. PostgreSQL's default. */
  readonly ReadCommitted: "READ COMMITTED";
  /** All statements see what was committed before the first one began; conflicting writes fail with 40001. */
  readonly RepeatableRead: "REPEATABLE READ";
  /**
   * The result is the same as if the transactions were executed one after the other; otherwise one
   * fails with 40001.
   */
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
  // A function of its own: bundlers that keep names define them on hoisted functions after this has frozen it.
  (name: string) => parse(name),
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
