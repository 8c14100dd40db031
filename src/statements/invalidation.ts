/**
 * What statements do beside their results: they change what text means, what types are, and they undo
 * such changes.
 *
 * What is submitted behind a change is prepared behind it: text is forgotten when the change is
 * submitted, and once more when what ends its transaction, or a part of it, is. As nobody else sees the
 * types of an open transaction, its connection has a catalog of its own until then.
 */
import type { PendingRequest } from "../protocol/request.ts";
import { Effect, effectsOfStatements } from "../sql/statement.ts";
import type { Context } from "./context.ts";

/** What the statements of a string do, in the simple protocol. */
export function effectsOf(sql: string, { session }: Context): number {
  return effectsOfStatements(sql, session.parameters["standard_conforming_strings"] === "off");
}

/** Whether what was submitted has come to a good end. */
export function succeeded(pending: PendingRequest<unknown> | undefined): boolean {
  return pending?.settled === true && pending.failure === undefined;
}

/** Changes that the transaction which is open, or may be, has made. */
export class Invalidation {
  /** How many were submitted. */
  #submitted = 0;
  /** Of those, how many can no longer be undone. */
  #settled = 0;

  /** Whether there are some. */
  get pending(): boolean {
    return this.#submitted > this.#settled;
  }

  /** Something is about to be submitted that does this; the number is for {@linkcode Invalidation.end}. */
  begin(effects: number, { statements, registry }: Context): number {
    const isEnd = (effects & Effect.Ends) !== 0 && this.pending;
    if ((effects & CHANGING) !== 0) this.#submitted++;
    if ((effects & Effect.Redefines) !== 0 || isEnd) statements.invalidate();
    if ((effects & Effect.AltersTypes) !== 0 || (isEnd && registry.hasPrivateCatalog)) registry.usePrivateCatalog();
    return this.#submitted;
  }

  /** It is over; `number` is what {@linkcode Invalidation.begin} gave. */
  end(effects: number, number: number, succeeded: boolean, { statements, registry, session }: Context): void {
    if ((effects & Effect.DropsStatements) !== 0 && succeeded) statements.dropAll();
    if (session.transactionStatus !== "idle" || number < this.#submitted) return;
    this.#settled = number;
    registry.useSharedCatalog();
  }
}

/** What {@linkcode Invalidation} have to know of. */
const CHANGING = Effect.Redefines | Effect.AltersTypes;
