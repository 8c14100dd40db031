/**
 * Portals: statements whose rows are fetched in parts.
 *
 * In a transaction a portal lives until that ends, so each request ends with Sync. Outside of one the
 * Sync would end the portal, so requests end with Flush, and the Sync comes when the portal is done.
 *
 * Source: PostgreSQL manual, "Frontend/Backend Protocol", section "Extended Query".
 */
import type { ServerFields } from "../errors.ts";
import { bind } from "../rows/bind.ts";
import type { Registry } from "../codecs/registry.ts";
import { Backend, Target } from "../wire/codes.ts";
import { close, describe, flush, parse, sync } from "../wire/frontend.ts";
import type { Inbox } from "../wire/inbox.ts";
import type { Outbox } from "../wire/outbox.ts";
import type { Conversation, Exchange, Failure, Script } from "./request.ts";
import { endOf, ExecutionReply, readDescription, requestExecution } from "./execution.ts";
import { explainCopyIn } from "./misplaced_copy.ts";
import type { Prepared } from "./prepared.ts";
import type { Sink } from "../rows/collectors.ts";

/** Bind of a portal, and for a statement that the server does not keep Parse before and Describe behind it. */
export class OpenPortal implements Exchange<void> {
  readonly action = "open the portal";
  readonly ends: "sync" | "open";
  readonly conversation: Conversation | undefined;
  readonly #portal: string;
  readonly #statement: Prepared;
  readonly #values: readonly unknown[];
  readonly #registry: Registry;
  /** Whether it will give other columns than the statement is known to give. */
  changed = false;

  /** A portal that has the connection for itself is closed by {@linkcode EndConversation}. */
  constructor(
    portal: string,
    statement: Prepared,
    values: readonly unknown[],
    registry: Registry,
    conversation: Conversation | undefined,
  ) {
    this.ends = conversation === undefined ? "sync" : "open";
    this.conversation = conversation;
    this.#portal = portal;
    this.#statement = statement;
    this.#values = values;
    this.#registry = registry;
  }

  get sql(): string {
    return this.#statement.sql;
  }

  request(out: Outbox): void {
    const { name, sql, parameterTypes, parameterCodecs, resultFormats } = this.#statement;
    if (name === "") parse(out, "", sql, parameterTypes);
    bind(out, this.#portal, name, parameterCodecs, this.#values, resultFormats);
    if (name === "") describe(out, Target.Portal, this.#portal);
    if (this.ends === "sync") sync(out);
    else flush(out);
  }

  *reply(inbox: Inbox): Script<void> {
    if (this.#statement.name === "") {
      while (!inbox.next()) yield "read";
      inbox.expect(Backend.ParseComplete, this.action);
    }
    while (!inbox.next()) yield "read";
    inbox.expect(Backend.BindComplete, this.action);
    if (this.#statement.name === "") {
      const { description } = this.#statement;
      this.changed = description !== (yield* readDescription(inbox, description, this.#registry, this.action));
    }
    if (this.ends === "open") return;
    while (!inbox.next()) yield "read";
    inbox.expect(Backend.ReadyForQuery, this.action);
  }
}

/** Some rows of a portal. */
export interface Fetched<T> {
  readonly rows: T;
  /** Whether the server has stopped because it was asked for no more; there may be no more all the same. */
  readonly hasMore: boolean;
}

/** Execute of a portal, for at most so many rows. */
export class FetchPortal<T> implements Exchange<Fetched<T>> {
  readonly action = "fetch rows";
  ends: "sync" | "open";
  readonly conversation: Conversation | undefined;
  readonly #portal: string;
  readonly #statement: Prepared;
  readonly #maxRows: number;
  readonly #sink: Sink<T>;

  /** `maxRows` 0 means all. */
  constructor(
    portal: string,
    statement: Prepared,
    maxRows: number,
    sink: Sink<T>,
    conversation: Conversation | undefined,
  ) {
    this.ends = conversation === undefined ? endOf(statement.isCopy) : "open";
    this.conversation = conversation;
    this.#portal = portal;
    this.#statement = statement;
    this.#maxRows = maxRows;
    this.#sink = sink;
  }

  get sql(): string {
    return this.#statement.sql;
  }

  request(out: Outbox): void {
    requestExecution(out, this.#portal, this.#maxRows, this.ends);
  }

  *reply(inbox: Inbox, out: Outbox): Script<Fetched<T>> {
    const { description } = this.#statement;
    if (description !== undefined) this.#sink.begin(description);
    const keepsOpen = this.conversation !== undefined;
    const execution = new ExecutionReply(this, this.#sink, this.#maxRows, keepsOpen);
    while (!execution.read(inbox, out)) yield "read";
    return { rows: this.#sink.result(), hasMore: execution.hasMore! };
  }

  explain(fields: ServerFields): Failure | undefined {
    return explainCopyIn(fields);
  }
}

/** Close of a portal in a transaction. */
export class ClosePortal implements Exchange<void> {
  readonly action = "close the portal";
  readonly ends = "sync";
  readonly #portal: string;

  constructor(portal: string) {
    this.#portal = portal;
  }

  request(out: Outbox): void {
    close(out, Target.Portal, this.#portal);
    sync(out);
  }

  *reply(inbox: Inbox): Script<void> {
    while (!inbox.next()) yield "read";
    inbox.expect(Backend.CloseComplete, this.action);
    while (!inbox.next()) yield "read";
    inbox.expect(Backend.ReadyForQuery, this.action);
  }
}

/** Sync: the end of what was executed without one, which is when the server commits it. */
export class EndConversation implements Exchange<void> {
  readonly action: string;
  readonly ends = "sync";
  readonly conversation: Conversation;
  /** A pipeline waits for the outcomes of what was submitted in it. */
  readonly isUnwanted: boolean;

  constructor(conversation: Conversation) {
    this.action = `end ${conversation.name}`;
    this.conversation = conversation;
    this.isUnwanted = conversation.isShared === true;
  }

  request(out: Outbox): void {
    sync(out);
  }

  *reply(inbox: Inbox): Script<void> {
    while (!inbox.next()) yield "read";
    inbox.expect(Backend.ReadyForQuery, this.action);
  }
}
