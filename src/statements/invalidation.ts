/**
 * Invalidation: a statement may change what text means or what types are, or undo such a change.
 *
 * The statement cache is invalidated when such a change is submitted, so that later statements are prepared after it.
 * It is invalidated again when the end of the transaction, or the end of a savepoint, is submitted. Other connections
 * do not see the types of an open transaction, so its connection has a private catalog until the transaction ends.
 */
import type { PendingRequest } from "../protocol/request.ts";
import { Effect, effectsOfStatements } from "../sql/statement.ts";
import type { Context } from "./context.ts";

/** The effects of the statements of a string, in the simple protocol. */
export function effectsOf(sql: string, { session }: Context): number {
  return effectsOfStatements(sql, session.parameter("standard_conforming_strings") === "off");
}

/** Whether a submitted request has succeeded. */
export function succeeded(pending: PendingRequest<unknown> | undefined): boolean {
  return pending?.settled === true && pending.failure === undefined;
}

/** The same; undefined if it was sent, and its caller gave up before it had an outcome. */
export function outcomeOf(pending: PendingRequest<unknown> | undefined): boolean | undefined {
  return pending === undefined || pending.settled || pending.withdrawn ? succeeded(pending) : undefined;
}

/** Tracks the changes of the open transaction, and invalidates what depends on them. */
export class Invalidation {
  /** The number of changes that were submitted. */
  #submitted = 0;
  /** The number of those that can no longer be undone. */
  #settled = 0;

  /** Whether there are changes that can be undone. */
  get pending(): boolean {
    return this.#submitted > this.#settled;
  }

  /**
   * Must be called before a statement with these effects is submitted. Returns the number for {@linkcode
   * Invalidation.end}.
   */
  begin(effects: number, { statements, registry }: Context): number {
    const isEnd = (effects & Effect.Ends) !== 0 && this.pending;
    if ((effects & CHANGING) !== 0) this.#submitted++;
    if ((effects & Effect.DropsStatements) !== 0) statements.beginDropping();
    else if ((effects & Effect.Redefines) !== 0 || isEnd) statements.invalidate();
    if ((effects & Effect.AltersTypes) !== 0 || (isEnd && registry.hasPrivateCatalog)) registry.usePrivateCatalog();
    return this.#submitted;
  }

  /** Must be called when the statement has ended. `number` is what {@linkcode Invalidation.begin} returned. */
  end(effects: number, number: number, succeeded: boolean, { statements, registry, session }: Context): void {
    if ((effects & Effect.DropsStatements) !== 0 && succeeded) statements.endDropping();
    if (session.transactionStatus !== "idle" || number < this.#submitted) return;
    this.#settled = number;
    registry.useSharedCatalog();
  }
}

/** The effects that count as changes. */
const CHANGING = Effect.Redefines | Effect.AltersTypes;
