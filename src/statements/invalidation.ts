/**
 * What statements do beside their results: they change what text means, what types are, and they undo
 * such changes.
 *
 * What is submitted behind a change is prepared behind it: text is forgotten when the change is
 * submitted, and once more when what ends its transaction, or a part of it, is. As nobody else sees the
 * types of an open transaction, its connection has a catalog of its own until then.
 */
import type { Ticket } from "../protocol/request.ts";
import { Effect, effectsOfStatements } from "../sql/statement.ts";
import type { Context } from "./context.ts";

/** What the statements of a string do, in the simple protocol. */
export function effectsOf(sql: string, { session }: Context): number {
  return effectsOfStatements(sql, session.parameters["standard_conforming_strings"] === "off");
}

/** Whether what was submitted has come to a good end. */
export function succeeded(ticket: Ticket<unknown> | undefined): boolean {
  return ticket?.settled === true && ticket.failure === undefined;
}

/** Changes that the transaction which is open, or may be, has made. */
export class Changes {
  /** How many were submitted. */
  #count = 0;
  /** Of those, how many can no longer be undone. */
  #settled = 0;

  /** Whether there are some. */
  get pending(): boolean {
    return this.#count > this.#settled;
  }

  /** Something is about to be submitted that does this; the number is for {@linkcode Changes.end}. */
  begin(effects: number, { statements, registry }: Context): number {
    const isEnd = (effects & Effect.Ends) !== 0 && this.pending;
    if ((effects & CHANGING) !== 0) this.#count++;
    if ((effects & Effect.Redefines) !== 0 || isEnd) statements.redefine();
    if ((effects & Effect.AltersTypes) !== 0 || (isEnd && registry.isApart)) registry.part();
    return this.#count;
  }

  /** It is over; `number` is what {@linkcode Changes.begin} gave. */
  end(effects: number, number: number, succeeded: boolean, { statements, registry, session }: Context): void {
    if ((effects & Effect.DropsStatements) !== 0 && succeeded) statements.forgetAll();
    if (session.transactionStatus !== "idle" || number < this.#count) return;
    this.#settled = number;
    registry.rejoin();
  }
}

/** What {@linkcode Changes} have to know of. */
const CHANGING = Effect.Redefines | Effect.AltersTypes;
