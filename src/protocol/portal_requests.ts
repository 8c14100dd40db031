/**
 * Portals: statements whose rows are fetched in parts.
 *
 * In a transaction, a portal lives until the transaction ends, so each request ends with Sync. Outside of one, a Sync
 * would end the portal, so requests end with Flush, and the Sync is sent when the portal is closed.
 *
 * Source: PostgreSQL manual, "Frontend/Backend Protocol", section "Extended Query".
 */
import type { ServerFields } from "../errors.ts";
import { bind } from "../rows/bind.ts";
import type { ColumnCodecs } from "../codecs/column_codecs.ts";
import { Backend, DescribeTarget } from "../wire/codes.ts";
import { close, describe, flush, parse, sync } from "../wire/frontend.ts";
import type { Inbox } from "../wire/inbox.ts";
import type { Outbox } from "../wire/outbox.ts";
import type { ExclusiveOperation, Failure, ReplyReader, Request } from "./request.ts";
import { encodeExecution, ExecutionReply, syncModeOf } from "./execution.ts";
import { readDescription } from "./extended_query.ts";
import { mapCopyInError } from "./misplaced_copy.ts";
import type { Prepared } from "./prepared.ts";
import type { ResultCollector } from "../rows/collectors.ts";

/** Bind of a portal. For an unnamed statement, also Parse before it and Describe after it. */
export class OpenPortal implements Request<void> {
  readonly action = "open the portal";
  readonly syncMode: "explicit" | "deferred";
  readonly exclusive: ExclusiveOperation | undefined;
  readonly #portal: string;
  readonly #statement: Prepared;
  readonly #values: readonly unknown[];
  readonly #codecs: ColumnCodecs;
  /** Whether the columns of the portal differ from those of the known description. */
  changed = false;

  /** An exclusive portal is closed by {@linkcode EndExclusive}. */
  constructor(
    portal: string,
    statement: Prepared,
    values: readonly unknown[],
    codecs: ColumnCodecs,
    exclusive: ExclusiveOperation | undefined,
  ) {
    this.syncMode = exclusive === undefined ? "explicit" : "deferred";
    this.exclusive = exclusive;
    this.#portal = portal;
    this.#statement = statement;
    this.#values = values;
    this.#codecs = codecs;
  }

  get sql(): string {
    return this.#statement.sql;
  }

  encode(out: Outbox): void {
    const { name, sql, parameterTypes, parameterCodecs, resultFormats } = this.#statement;
    if (name === "") parse(out, "", sql, parameterTypes);
    bind(out, this.#portal, name, parameterCodecs, this.#values, resultFormats, sql);
    if (name === "") describe(out, DescribeTarget.Portal, this.#portal);
    if (this.syncMode === "explicit") sync(out);
    else flush(out);
  }

  *reply(inbox: Inbox): ReplyReader<void> {
    if (this.#statement.name === "") {
      while (!inbox.next()) yield "read";
      inbox.expect(Backend.ParseComplete, this.action);
    }
    while (!inbox.next()) yield "read";
    inbox.expect(Backend.BindComplete, this.action);
    if (this.#statement.name === "") {
      const { description } = this.#statement;
      this.changed = description !== (yield* readDescription(inbox, description, this.#codecs, this.action));
    }
    if (this.syncMode === "deferred") return;
    while (!inbox.next()) yield "read";
    inbox.expect(Backend.ReadyForQuery, this.action);
  }
}

/** Some rows of a portal. */
export interface Fetched<T> {
  readonly rows: T;
  /** Whether the server stopped at the row limit. Even then there may be no more rows. */
  readonly hasMore: boolean;
}

/** Execute of a portal, for at most `maxRows` rows. */
export class FetchPortal<T> implements Request<Fetched<T>> {
  readonly action = "fetch rows";
  syncMode: "explicit" | "deferred";
  readonly exclusive: ExclusiveOperation | undefined;
  readonly #portal: string;
  readonly #statement: Prepared;
  readonly #maxRows: number;
  readonly #collector: ResultCollector<T>;

  /** `maxRows` 0 means all. */
  constructor(
    portal: string,
    statement: Prepared,
    maxRows: number,
    collector: ResultCollector<T>,
    exclusive: ExclusiveOperation | undefined,
  ) {
    this.syncMode = exclusive === undefined ? syncModeOf(statement.isCopy) : "deferred";
    this.exclusive = exclusive;
    this.#portal = portal;
    this.#statement = statement;
    this.#maxRows = maxRows;
    this.#collector = collector;
  }

  get sql(): string {
    return this.#statement.sql;
  }

  encode(out: Outbox): void {
    encodeExecution(out, this.#portal, this.#maxRows, this.syncMode);
  }

  *reply(inbox: Inbox, out: Outbox): ReplyReader<Fetched<T>> {
    const { description } = this.#statement;
    if (description !== undefined) this.#collector.begin(description);
    const leavesSyncDeferred = this.exclusive !== undefined;
    const execution = new ExecutionReply(this, this.#collector, this.#maxRows, leavesSyncDeferred);
    while (!execution.read(inbox, out)) yield "read";
    return { rows: this.#collector.result(), hasMore: execution.hasMore! };
  }

  mapError(fields: ServerFields): Failure | undefined {
    return mapCopyInError(fields);
  }
}

/** Close of a portal in a transaction. */
export class ClosePortal implements Request<void> {
  readonly action = "close the portal";
  readonly syncMode = "explicit";
  readonly #portal: string;

  constructor(portal: string) {
    this.#portal = portal;
  }

  encode(out: Outbox): void {
    close(out, DescribeTarget.Portal, this.#portal);
    sync(out);
  }

  *reply(inbox: Inbox): ReplyReader<void> {
    while (!inbox.next()) yield "read";
    inbox.expect(Backend.CloseComplete, this.action);
    while (!inbox.next()) yield "read";
    inbox.expect(Backend.ReadyForQuery, this.action);
  }
}

/**
 * Sync after requests of an exclusive operation that had none. Outside of a transaction, the server then commits
 * them.
 */
export class EndExclusive implements Request<void> {
  readonly action: string;
  readonly syncMode = "explicit";
  readonly exclusive: ExclusiveOperation;
  /** True for a pipeline, whose callers wait for its statements only. */
  readonly isDetached: boolean;

  constructor(exclusive: ExclusiveOperation) {
    this.action = `end ${exclusive.name}`;
    this.exclusive = exclusive;
    this.isDetached = exclusive.outlivesCalls === true;
  }

  encode(out: Outbox): void {
    sync(out);
  }

  *reply(inbox: Inbox): ReplyReader<void> {
    while (!inbox.next()) yield "read";
    inbox.expect(Backend.ReadyForQuery, this.action);
  }
}
