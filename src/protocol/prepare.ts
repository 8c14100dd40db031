/**
 * Prepares a statement, and reads the types of its parameters and columns.
 *
 * Source: PostgreSQL manual, "Frontend/Backend Protocol", section "Extended Query".
 */
import type { ServerFields } from "../errors.ts";
import { checkParameters } from "../rows/bind.ts";
import type { Registry } from "../codecs/registry.ts";
import { type Column, parameterDescription, rowDescription } from "../wire/backend.ts";
import { Backend, DescribeTarget } from "../wire/codes.ts";
import { close, describe, parse, sync } from "../wire/frontend.ts";
import type { Inbox } from "../wire/inbox.ts";
import type { Outbox } from "../wire/outbox.ts";
import type { Failure, ReplyReader, Request } from "./request.ts";
import { Prepared } from "./prepared.ts";
import { withPlaceholderHint } from "../sql/placeholders.ts";

/** The name under which a statement is prepared, and the names to close with it. */
export interface StatementSlot {
  /** The statement's name, "" for none. */
  readonly name: string;
  /** Names of the statements to close. */
  readonly evicted: readonly string[];
  /** As in {@linkcode Prepared.generation}. */
  readonly generation: number;
}

/** The request that prepares a string in that slot. */
export function prepareInSlot(
  { name, evicted, generation }: StatementSlot,
  sql: string,
  registry: Registry,
  syncMode: "explicit" | "deferred" = "explicit",
): Prepare {
  return new Prepare(name, sql, evicted, registry, syncMode, generation);
}

/** Close of the evicted statements, Parse and Describe. */
export class Prepare implements Request<Prepared> {
  readonly action = "prepare the statement";
  readonly sql: string;
  readonly syncMode: "explicit" | "deferred";
  readonly #name: string;
  readonly #evicted: readonly string[];
  readonly #registry: Registry;
  readonly #generation: number;

  /** If the Sync is deferred, a later request must send it. */
  constructor(
    name: string,
    sql: string,
    evicted: readonly string[],
    registry: Registry,
    syncMode: "explicit" | "deferred" = "explicit",
    generation: number = 0,
  ) {
    this.#name = name;
    this.sql = sql;
    this.#evicted = evicted;
    this.#generation = generation;
    this.#registry = registry;
    this.syncMode = syncMode;
  }

  encode(out: Outbox): void {
    encodePrepare(out, this.#name, this.sql, this.#evicted);
    if (this.syncMode === "explicit") sync(out);
  }

  *reply(inbox: Inbox): ReplyReader<Prepared> {
    const { parameterTypes, columns } = yield* readPrepare(inbox, this.#evicted, this.action);
    if (this.syncMode === "explicit") {
      while (!inbox.next()) yield "read";
      inbox.expect(Backend.ReadyForQuery, this.action);
    }
    return new Prepared(this.#name, this.sql, parameterTypes, columns, this.#registry, this.#generation);
  }

  mapError(fields: ServerFields): Failure {
    return { kind: "server", fields: withPlaceholderHint(fields, this.sql) };
  }
}

/** Close of the evicted statements, Parse, and Describe of the statement. */
export function encodePrepare(out: Outbox, name: string, sql: string, evicted: readonly string[]): void {
  checkParameters(sql);
  for (const old of evicted) close(out, DescribeTarget.Statement, old);
  parse(out, name, sql, []);
  describe(out, DescribeTarget.Statement, name);
}

/**
 * Reads the reply to {@linkcode encodePrepare}. `columns` is undefined for a statement without rows. `formats` are those
 * of its rows if none are asked for: text, but for bytea of QuestDB, which is binary always.
 */
export function* readPrepare(
  inbox: Inbox,
  evicted: readonly string[],
  action: string,
): ReplyReader<{ parameterTypes: number[]; columns: Column[] | undefined; formats: number[] }> {
  for (let left = evicted.length; left > 0; left--) {
    while (!inbox.next()) yield "read";
    inbox.expect(Backend.CloseComplete, action);
  }
  while (!inbox.next()) yield "read";
  inbox.expect(Backend.ParseComplete, action);
  while (!inbox.next()) yield "read";
  inbox.expect(Backend.ParameterDescription, action);
  const parameterTypes = parameterDescription(inbox);
  while (!inbox.next()) yield "read";
  if (inbox.code === Backend.RowDescription) return { parameterTypes, ...rowDescription(inbox) };
  inbox.expect(Backend.NoData, action);
  return { parameterTypes, columns: undefined, formats: [] };
}
