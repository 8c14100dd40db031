/**
 * The request of a query class of another package: what it writes is sent as it is, and it gets the server's messages
 * in their order.
 *
 * The messages are read inside of the session, and delivered in a microtask, since the query's methods send more
 * messages, and call users' functions.
 *
 * Source: documentation of node-postgres, "pg.Cursor"; source code of pg-cursor, for which methods are called when.
 */
import type { ServerFields } from "../errors.ts";
import type { Failure, ReplyReader, Request } from "../protocol/request.ts";
import { Backend } from "../wire/codes.ts";
import type { Inbox } from "../wire/inbox.ts";
import type { Outbox } from "../wire/outbox.ts";
import { attach, type Connection, type Writer } from "./connection.ts";
import { databaseError } from "./database_error.ts";
import { readFields } from "./fields.ts";
import type { SubmittedQuery } from "./interfaces.ts";
import { outside } from "./outside.ts";
import { readBytes } from "./values.ts";

/** A message of the server: its name, its content, and the query's method for it. */
interface Delivery {
  readonly name: string;
  readonly message: unknown;
  readonly handle?: (() => void) | undefined;
}

/** Sends what a query writes, and delivers what the server answers. */
export class SubmittedRequest implements Request<void>, Writer {
  readonly action = "run the query";
  syncMode: "explicit" | "implicit" | "deferred" = "deferred";
  readonly out: Outbox;
  /** The error with which the query refused to be sent. */
  refusal: Error | undefined = undefined;
  readonly #query: SubmittedQuery;
  readonly #connection: Connection;
  readonly #wake: () => void;
  /** Whether the server has refused it. */
  hasFailed = false;
  #isEncoding = false;
  #isOver = false;
  #deliveries: Delivery[] = [];

  /** `wake` sends what has been written to `out`. */
  constructor(query: SubmittedQuery, connection: Connection, out: Outbox, wake: () => void) {
    this.#query = query;
    this.#connection = connection;
    this.out = out;
    this.#wake = wake;
  }

  get isClosed(): boolean {
    // A second Sync would be answered when nobody waits for it.
    return this.hasFailed || this.#isOver || this.syncMode === "explicit";
  }

  written(syncMode?: "explicit" | "implicit"): void {
    if (syncMode !== undefined) this.syncMode = syncMode;
    if (!this.#isEncoding) this.#wake();
  }

  encode(): void {
    this.#isEncoding = true;
    try {
      attach(this.#connection, this);
      const refusal = this.#query.submit(this.#connection);
      if (refusal instanceof Error) throw this.refusal = refusal;
    } finally {
      this.#isEncoding = false;
    }
  }

  *reply(inbox: Inbox): ReplyReader<void> {
    for (;;) {
      while (!inbox.next()) yield "read";
      this.#read(inbox);
      if (inbox.code === Backend.ReadyForQuery) break;
    }
    this.#isOver = true;
  }

  mapError(fields: ServerFields): Failure | undefined {
    const error = databaseError(fields);
    this.#deliver("errorMessage", error, () => this.#query.handleError?.(error, this.#connection));
    this.hasFailed = true;
    return undefined;
  }

  /** Delivers what has not been delivered yet, and the end. */
  finish(): void {
    if (this.hasFailed) this.#deliver("readyForQuery", { name: "readyForQuery" });
    this.#flush();
    this.#isOver = true;
    attach(this.#connection, undefined);
  }

  #read(inbox: Inbox): void {
    const query = this.#query;
    const connection = this.#connection;
    switch (inbox.code) {
      case Backend.RowDescription: {
        const message = { name: "rowDescription", fields: readFields(inbox, true).fields };
        return this.#deliver(message.name, message, () => query.handleRowDescription?.(message));
      }
      case Backend.DataRow: {
        const message = { name: "dataRow", fields: textsOf(inbox) };
        return this.#deliver(message.name, message, () => query.handleDataRow?.(message));
      }
      case Backend.CommandComplete: {
        const message = { name: "commandComplete", text: inbox.cstring() };
        return this.#deliver(message.name, message, () => query.handleCommandComplete?.(message, connection));
      }
      case Backend.PortalSuspended:
        return this.#deliver("portalSuspended", undefined, () => query.handlePortalSuspended?.(connection));
      case Backend.EmptyQueryResponse:
        return this.#deliver("emptyQuery", undefined, () => query.handleEmptyQuery?.(connection));
      case Backend.ReadyForQuery:
        return this.#deliver("readyForQuery", undefined, () => query.handleReadyForQuery?.(connection));
      case Backend.CopyInResponse:
        return this.#deliver("copyInResponse", undefined, () => query.handleCopyInResponse?.(connection));
      case Backend.CopyData: {
        const message = { name: "copyData", chunk: readBytes(inbox, inbox.pos, inbox.limit) };
        return this.#deliver(message.name, message, () => query.handleCopyData?.(message, connection));
      }
    }
    const name = PLAIN_EVENTS.get(inbox.code);
    if (name === undefined) throw inbox.unexpected(this.action);
    this.#deliver(name, undefined);
  }

  #deliver(name: string, message: unknown, handle?: () => void): void {
    if (this.#deliveries.length === 0) queueMicrotask(() => this.#flush());
    this.#deliveries.push({ name, message: message ?? { name }, handle });
  }

  #flush(): void {
    const deliveries = this.#deliveries;
    this.#deliveries = [];
    for (const { name, message, handle } of deliveries) {
      if (handle !== undefined) outside(handle);
      outside(() => this.#connection.emit(name, message));
    }
  }
}

/** The values of a DataRow as texts, whatever their format is. */
function textsOf(inbox: Inbox): (string | null)[] {
  const values: (string | null)[] = [];
  for (let left = inbox.uint16(); left > 0; left--) {
    const length = inbox.int32();
    if (length === -1) {
      values.push(null);
      continue;
    }
    const end = inbox.pos + length;
    if (length < -1 || end > inbox.limit) throw inbox.malformed(`a value claims a length of ${length} bytes`);
    values.push(inbox.bytes.utf8Slice(inbox.pos, end));
    inbox.pos = end;
  }
  inbox.end();
  return values;
}

/** The messages of which query classes only get the event. */
const PLAIN_EVENTS: ReadonlyMap<number, string> = new Map([
  [Backend.ParseComplete, "parseComplete"],
  [Backend.BindComplete, "bindComplete"],
  [Backend.CloseComplete, "closeComplete"],
  [Backend.NoData, "noData"],
  [Backend.ParameterDescription, "parameterDescription"],
  [Backend.CopyOutResponse, "copyOutResponse"],
  [Backend.CopyDone, "copyDone"],
]);
