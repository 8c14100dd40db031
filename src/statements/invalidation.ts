/**
 * Invalidation by statements: they may change what text means or what types are, and they may undo such
 * changes.
 *
 * A statement that is submitted behind a change is prepared behind it: the statement cache is
 * invalidated when the change is submitted, and once more when the end of its transaction, or of a part
 * of it, is submitted. As other connections do not see the types of an open transaction, its connection
 * has a private catalog until then.
 */
import type { PendingRequest } from "../protocol/request.ts";
import { Effect, effectsOfStatements } from "../sql/statement.ts";
import type { Context } from "./context.ts";

/** The effects of the statements of a string, in the simple protocol. */
export function effectsOf(sql: string, { session }: Context): number {
  return effectsOfStatements(sql, session.parameters["standard_conforming_strings"] === "off");
}

/** Whether a submitted request has succeeded. */
export function succeeded(pending: PendingRequest<unknown> | undefined): boolean {
  return pending?.settled === true && pending.failure === undefined;
}

/** Tracks the changes of the open transaction, and invalidates what depends on them. */
export class Invalidation {
  /** How many changes were submitted. */
  #submitted = 0;
  /** Of those, how many can no longer be undone. */
  #settled = 0;

  /** Whether there are changes that can be undone. */
  get pending(): boolean {
    return this.#submitted > this.#settled;
  }

  /** A statement with these effects is about to be submitted; the number is for {@linkcode Invalidation.end}. */
  begin(effects: number, { statements, registry }: Context): number {
    const isEnd = (effects & Effect.Ends) !== 0 && this.pending;
    if ((effects & CHANGING) !== 0) this.#submitted++;
    if ((effects & Effect.Redefines) !== 0 || isEnd) statements.invalidate();
    if ((effects & Effect.AltersTypes) !== 0 || (isEnd && registry.hasPrivateCatalog)) registry.usePrivateCatalog();
    return this.#submitted;
  }

  /** The statement has ended; `number` is the one that {@linkcode Invalidation.begin} returned. */
  end(effects: number, number: number, succeeded: boolean, { statements, registry, session }: Context): void {
    if ((effects & Effect.DropsStatements) !== 0 && succeeded) statements.dropAll();
    if (session.transactionStatus !== "idle" || number < this.#submitted) return;
    this.#settled = number;
    registry.useSharedCatalog();
  }
}

/** Effects that are changes. */
const CHANGING = Effect.Redefines | Effect.AltersTypes;
