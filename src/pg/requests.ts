/**
 * The requests of queries: the simple and the extended protocol, with parameters as text, as pg sends them.
 *
 * Source: PostgreSQL manual, "Frontend/Backend Protocol", sections "Simple Query" and "Extended Query".
 */
import type { Buffer } from "node:buffer";
import { Format } from "../codecs/codec.ts";
import type { ReplyReader, Request } from "../protocol/request.ts";
import { SimpleReplyGrammar } from "../protocol/simple_reply.ts";
import { checkCount, formatCodes } from "../rows/bind.ts";
import { Effect } from "../sql/statement.ts";
import { Backend, DescribeTarget, Frontend } from "../wire/codes.ts";
import { close, copyFail, describe, execute, flush, parse, query as queryMessage, sync } from "../wire/frontend.ts";
import type { Inbox } from "../wire/inbox.ts";
import type { Outbox } from "../wire/outbox.ts";
import type { Columns, RowChoice } from "./columns.ts";
import { readFields } from "./fields.ts";
import type { Plan, SimplePlan } from "./plans.ts";
import type { Prepared } from "./prepare_value.ts";
import { NO_SOURCE } from "./query.ts";
import type { QuerySink } from "./query_sink.ts";

/** Executes a text of any number of statements. */
export class SimpleRequest implements Request<void> {
  readonly action = "run the query";
  readonly syncMode = "implicit";
  readonly #plan: SimplePlan;
  readonly #sink: QuerySink;
  readonly #choice: RowChoice;

  constructor(plan: SimplePlan, sink: QuerySink, choice: RowChoice) {
    this.#plan = plan;
    this.#sink = sink;
    this.#choice = choice;
  }

  get sql(): string {
    return this.#plan.sql;
  }

  encode(out: Outbox): void {
    queryMessage(out, withoutNul(this.sql, "SQL text"));
  }

  *reply(inbox: Inbox, out: Outbox): ReplyReader<void> {
    const sink = this.#sink;
    let index = 0;
    const grammar = new SimpleReplyGrammar(this.action);
    for (;;) {
      while (!inbox.next()) yield "read";
      if (inbox.code === Backend.DataRow) {
        sink.row(inbox);
        continue;
      }
      grammar.step(inbox);
      switch (inbox.code) {
        case Backend.RowDescription: {
          const described = readFields(inbox, false);
          sink.begin(() => this.#plan.described(described, this.#choice, index));
          index++;
          break;
        }
        case Backend.CommandComplete:
          sink.complete(inbox);
          break;
        case Backend.CopyInResponse:
          copyFail(out, NO_SOURCE);
          break;
        case Backend.ReadyForQuery:
          return;
      }
    }
  }
}

/** How a statement is executed. */
export interface Execution {
  readonly plan: Plan;
  /** The name under which the server has the statement, or under which it gets it now; "" for none. */
  readonly name: string;
  /** Whether it is sent to the server. */
  readonly isNew: boolean;
  readonly values: readonly Prepared[];
  /** The names of statements to close. */
  readonly evicted: readonly string[];
}

/** Executes one statement, and sends it first if the server does not have it. */
export class ExtendedRequest implements Request<void> {
  readonly action = "execute the statement";
  syncMode: "explicit" | "deferred";
  /** Whether the server has parsed the statement. */
  parsed: boolean;
  /** Whether the server has bound it: an error that comes later is the statement's own. */
  bound = false;
  readonly #execution: Execution;
  readonly #sink: QuerySink;
  readonly #choice: RowChoice;
  #columns: Columns | undefined = undefined;
  /** Whether the server is asked for the columns. */
  readonly #describes: boolean;

  constructor(execution: Execution, sink: QuerySink, choice: RowChoice) {
    const { plan, isNew } = execution;
    // The server ignores a Sync while it waits for COPY's data.
    this.syncMode = (plan.effects & Effect.Copies) === 0 ? "explicit" : "deferred";
    this.parsed = !isNew;
    this.#execution = execution;
    this.#sink = sink;
    this.#choice = choice;
    this.#describes = isNew || !plan.isKnown || (plan.effects & Effect.Varies) !== 0;
  }

  get sql(): string {
    return this.#execution.plan.sql;
  }

  encode(out: Outbox): void {
    const { plan, name, isNew, values, evicted } = this.#execution;
    // Only here may the user's `getTypeParser` throw: what was noted for the request is undone then.
    if ((plan.effects & Effect.Varies) === 0) this.#columns = plan.columns(this.#choice);
    for (const old of evicted) close(out, DescribeTarget.Statement, old);
    if (isNew) parse(out, withoutNul(name, "name"), withoutNul(plan.sql, "SQL text"), []);
    bindTexts(out, "", name, values, this.#formats);
    if (this.#describes) describe(out, DescribeTarget.Portal, "");
    execute(out, "", 0);
    if (this.syncMode === "explicit") sync(out);
    else flush(out);
  }

  get #formats(): readonly number[] {
    if (this.#choice.isBinary) return [Format.Binary];
    return this.#columns === undefined ? [] : formatCodes(this.#columns.formats);
  }

  *reply(inbox: Inbox, out: Outbox): ReplyReader<void> {
    const { action } = this;
    const sink = this.#sink;
    for (let left = this.#execution.evicted.length; left > 0; left--) {
      while (!inbox.next()) yield "read";
      inbox.expect(Backend.CloseComplete, action);
    }
    if (!this.parsed) {
      while (!inbox.next()) yield "read";
      inbox.expect(Backend.ParseComplete, action);
      this.parsed = true;
    }
    while (!inbox.next()) yield "read";
    inbox.expect(Backend.BindComplete, action);
    this.bound = true;
    if (!this.#describes) {
      const columns = this.#columns;
      if (columns !== undefined) sink.begin(() => columns);
    } else {
      while (!inbox.next()) yield "read";
      this.#described(inbox);
    }
    for (;;) {
      while (!inbox.next()) yield "read";
      if (inbox.code === Backend.DataRow) sink.row(inbox);
      else if (this.#ends(inbox, out)) break;
    }
    if (this.syncMode === "deferred") {
      sync(out);
      this.syncMode = "explicit";
    }
    while (!inbox.next()) yield "read";
    inbox.expect(Backend.ReadyForQuery, action);
    this.#execution.plan.isKnown = true;
  }

  #described(inbox: Inbox): void {
    if (inbox.code !== Backend.RowDescription) return inbox.expect(Backend.NoData, this.action);
    const described = readFields(inbox, this.#choice.isBinary);
    this.#sink.begin(() => this.#execution.plan.described(described, this.#choice, this.#columns));
  }

  /** Reads a message that is no row; true if it is the statement's last. */
  #ends(inbox: Inbox, out: Outbox): boolean {
    switch (inbox.code) {
      case Backend.CommandComplete:
        this.#sink.complete(inbox);
        return true;
      case Backend.EmptyQueryResponse:
        return true;
      case Backend.CopyInResponse:
        copyFail(out, NO_SOURCE);
        return false;
      case Backend.CopyOutResponse:
      case Backend.CopyData:
      case Backend.CopyDone:
        if ((this.#execution.plan.effects & Effect.Copies) !== 0) return false;
    }
    throw inbox.unexpected(this.action);
  }
}

/** Writes Bind: strings as text, bytes in binary. */
export function bindTexts(
  out: Outbox,
  portal: string,
  name: string,
  values: readonly (string | Uint8Array | null)[],
  resultFormats: readonly number[],
): void {
  checkCount(values.length);
  const start = out.begin(Frontend.Bind);
  out.cstring(portal);
  out.cstring(name);
  const hasBytes = values.some((value) => typeof value === "object" && value !== null);
  out.int16(hasBytes ? values.length : 0);
  if (hasBytes) { for (const value of values) out.int16(isBytes(value) ? Format.Binary : Format.Text); }
  out.int16(values.length);
  for (let i = 0; i < values.length; i++) bindValue(out, values[i]!);
  out.int16(resultFormats.length);
  for (const format of resultFormats) out.int16(format);
  out.end(start);
}

function bindValue(out: Outbox, value: string | Uint8Array | null): void {
  if (value === null) return out.int32(-1);
  const length = out.beginValue();
  if (isBytes(value)) out.bytes(value);
  else out.text(value);
  out.endValue(length);
}

function isBytes(value: string | Uint8Array | null): value is Uint8Array | Buffer {
  return typeof value === "object" && value !== null;
}

/** A text that ends only where it ends: behind a NUL, the server would read another message. */
export function withoutNul(text: string, what: string): string {
  if (text.includes("\0")) {
    throw new Error(`Cannot send the ${what}: it has a NUL character, which PostgreSQL does not allow`);
  }
  return text;
}
