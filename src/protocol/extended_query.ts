/**
 * Executing a statement in the extended protocol: with parameters, results in binary.
 *
 * Source: PostgreSQL manual, "Frontend/Backend Protocol", section "Extended Query".
 */
import type { ServerFields } from "../errors.ts";
import { Description } from "../rows/description.ts";
import { Format } from "../codecs/codec.ts";
import { bind, wrongCount } from "../rows/bind.ts";
import { type ColumnCodecs, columnCodecs, type ColumnTypes } from "../codecs/column_codecs.ts";
import type { Registry } from "../codecs/registry.ts";
import { untyped } from "../rows/untyped.ts";
import { Effect } from "../sql/statement.ts";
import { type Column, rowDescription } from "../wire/backend.ts";
import { Backend, DescribeTarget } from "../wire/codes.ts";
import { describe, parse } from "../wire/frontend.ts";
import type { Inbox } from "../wire/inbox.ts";
import type { Outbox } from "../wire/outbox.ts";
import type { Failure, ReplyReader, Request } from "./request.ts";
import { ALL_ROWS, encodeExecution, ExecutionReply, syncModeOf } from "./execution.ts";
import { mapCopyInError } from "./misplaced_copy.ts";
import { encodePrepare, readPrepare, type StatementSlot } from "./prepare.ts";
import { Prepared } from "./prepared.ts";
import type { ResultCollector } from "../rows/collectors.ts";

/**
 * A statement of whose types nothing is known: the request that executes it prepares it first. Its
 * parameters and rows travel as text.
 */
export class NewStatement {
  readonly sql: string;
  readonly slot: StatementSlot;
  /** Its side effects, as bits of `Effect`. */
  readonly effects: number;
  /** Called once the server has the statement, even if executing it then fails. */
  readonly onPrepared: (statement: Prepared) => void;

  constructor(sql: string, slot: StatementSlot, effects: number, onPrepared: (statement: Prepared) => void) {
    this.sql = sql;
    this.slot = slot;
    this.effects = effects;
    this.onPrepared = onPrepared;
  }
}

/**
 * How a statement is executed: with the types that are known of it, or as a new one. A prepared statement
 * without a name is parsed again, because the server does not keep it.
 */
export type StatementPlan = Prepared | NewStatement;

/** What a reply to {@linkcode encodeStatement} says about the statement. */
export interface StatementReply {
  readonly action: string;
  /** The types that the call gives to the columns, if it does. */
  readonly types: ColumnTypes | undefined;
  /** Whether the server has bound the statement: an error that comes later is the statement's own. */
  bound: boolean;
  /** Whether the statement returned other columns than it is known to return. */
  changed: boolean;
  /** The new statement, once the server has prepared it. */
  prepared: Prepared | undefined;
}

/**
 * Bind, and what must precede it. A statement without a name is described too. All of it is one request:
 * behind a pooler, nothing may come between these messages.
 */
export function encodeStatement(out: Outbox, plan: StatementPlan, values: readonly unknown[]): void {
  if (plan instanceof NewStatement) {
    encodePrepare(out, plan.slot.name, plan.sql, plan.slot.evicted);
    return bindUntyped(out, plan.slot.name, values);
  }
  const { name, sql, parameterTypes, parameterCodecs, resultFormats } = plan;
  if (name === "") parse(out, "", sql, parameterTypes);
  bind(out, "", name, parameterCodecs, values, resultFormats, sql);
  if (name === "") describe(out, DescribeTarget.Portal, "");
}

/** Bind of a statement whose types are not known. */
export function bindUntyped(out: Outbox, name: string, values: readonly unknown[]): void {
  // Not by map, which skips the holes of an array.
  bind(out, "", name, Array.from(values, () => untyped), values, []);
}

/** The reply to {@linkcode encodeStatement}: the description of the rows, undefined if there are none. */
export function* readStatement(
  inbox: Inbox,
  plan: StatementPlan,
  request: StatementReply,
  registry: Registry,
): ReplyReader<Description | undefined> {
  const { action, types } = request;
  if (plan instanceof NewStatement) {
    const { sql, slot: { name, evicted, generation }, effects } = plan;
    const { parameterTypes, columns, formats } = yield* readPrepare(inbox, evicted, action);
    request.prepared = new Prepared(name, sql, parameterTypes, columns, registry, generation, effects);
    plan.onPrepared(request.prepared);
    yield* readBindComplete(inbox, request);
    return columns && new Description(columns, formats, columnCodecs(types, registry));
  }
  const known = plan.description;
  if (plan.name !== "") {
    yield* readBindComplete(inbox, request);
    return known;
  }
  while (!inbox.next()) yield "read";
  inbox.expect(Backend.ParseComplete, action);
  yield* readBindComplete(inbox, request);
  const description = yield* readDescription(inbox, known, columnCodecs(types, registry), action);
  request.changed = description !== known;
  return description;
}

/** The description of rows that come as text. */
export function textDescription(
  columns: readonly Column[] | undefined,
  codecs: ColumnCodecs,
): Description | undefined {
  return columns && new Description(columns, columns.map(() => Format.Text), codecs);
}

function* readBindComplete(inbox: Inbox, request: StatementReply): ReplyReader<void> {
  while (!inbox.next()) yield "read";
  inbox.expect(Backend.BindComplete, request.action);
  request.bound = true;
}

/**
 * The reply to Describe of a portal: its row description, undefined if it returns no rows. If it equals
 * the known description, that one is returned, so that its row readers are used again.
 */
export function* readDescription(
  inbox: Inbox,
  known: Description | undefined,
  codecs: ColumnCodecs,
  action: string,
): ReplyReader<Description | undefined> {
  while (!inbox.next()) yield "read";
  if (inbox.code === Backend.RowDescription) {
    const { columns, formats } = rowDescription(inbox);
    return known?.describes(columns, formats) ? known : new Description(columns, formats, codecs);
  }
  inbox.expect(Backend.NoData, action);
  return undefined;
}

/** Executes a statement: what {@linkcode encodeStatement} sends, Execute and Sync in one request. */
export class ExecuteStatement<T> implements Request<T>, StatementReply {
  readonly action = "execute the statement";
  syncMode: "explicit" | "deferred";
  bound = false;
  changed = false;
  prepared: Prepared | undefined = undefined;
  readonly types: ColumnTypes | undefined;
  readonly #plan: StatementPlan;
  readonly #values: readonly unknown[];
  readonly #collector: ResultCollector<T>;
  readonly #registry: Registry;

  constructor(
    plan: StatementPlan,
    values: readonly unknown[],
    collector: ResultCollector<T>,
    registry: Registry,
    types?: ColumnTypes,
  ) {
    this.syncMode = syncModeOf((plan.effects & Effect.Copies) !== 0);
    this.types = types;
    this.#plan = types === undefined || plan instanceof NewStatement ? plan : plan.withTypes(types, registry);
    this.#values = values;
    this.#collector = collector;
    this.#registry = registry;
  }

  get sql(): string {
    return this.#plan.sql;
  }

  encode(out: Outbox): void {
    encodeStatement(out, this.#plan, this.#values);
    encodeExecution(out, "", ALL_ROWS, this.syncMode);
  }

  *reply(inbox: Inbox, out: Outbox): ReplyReader<T> {
    const plan = this.#plan;
    let description: Description | undefined;
    if (plan instanceof Prepared && plan.name !== "") {
      // The path of most calls, without a second generator.
      while (!inbox.next()) yield "read";
      inbox.expect(Backend.BindComplete, this.action);
      this.bound = true;
      description = plan.description;
    } else description = yield* readStatement(inbox, plan, this, this.#registry);
    if (description !== undefined) this.#collector.begin(description);
    const execution = new ExecutionReply(this, this.#collector, ALL_ROWS);
    while (!execution.read(inbox, out)) yield "read";
    return this.#collector.result();
  }

  mapError(fields: ServerFields): Failure | undefined {
    const expected = this.prepared?.parameterTypes.length ?? 0;
    if (expected !== this.#values.length && this.prepared !== undefined) {
      return { kind: "unusable", error: wrongCount(expected, this.#values.length, this.sql) };
    }
    return mapCopyInError(fields);
  }
}
