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
import { queueMicrotask } from "../timers.ts";
import { Backend } from "../wire/codes.ts";
import { Inbox } from "../wire/inbox.ts";
import type { Outbox } from "../wire/outbox.ts";
import { attach, type Connection, detach, emitMessage, readyMessage, type Writer } from "./connection.ts";
import { isFull, isTaken, receive } from "./connection_stream.ts";
import { databaseError } from "./database_error.ts";
import { readFields } from "./fields.ts";
import type { SubmittedQuery } from "./interfaces.ts";
import { outside } from "./outside.ts";
import { readBytes } from "./values.ts";

/** A message of the server: its name, its content, and the query's method for it. */
interface Delivery {
  readonly name: string | undefined;
  readonly message: unknown;
  readonly handle?: (() => void) | undefined;
}

/** What sends and receives for a request. */
export interface RequestLink {
  /** Sends what has been written. */
  wake(): void;
  /** Continues a reply that was paused. */
  resume(): void;
}

/** What hears of the outcome, before the query's method is called for it. */
export interface RequestOwner {
  /** The server has refused the query. */
  refused(): void;
  /** The server is ready for the next query; `status` is that of the transaction. */
  ready(status: string): void;
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
  readonly #link: RequestLink;
  readonly #owner: RequestOwner;
  /** Whether the server has refused it. */
  hasFailed = false;
  #isEncoding = false;
  #isOver = false;
  #deliveries: Delivery[] = [];
  /** The server's error, while the query has it as bytes. */
  #refused: Delivery | undefined = undefined;
  /** Frames the bytes that the query has returned to the stream. */
  #returned: Inbox | undefined = undefined;

  constructor(query: SubmittedQuery, connection: Connection, out: Outbox, link: RequestLink, owner: RequestOwner) {
    this.#query = query;
    this.#connection = connection;
    this.out = out;
    this.#link = link;
    this.#owner = owner;
  }

  get isClosed(): boolean {
    // A second Sync would be answered when nobody waits for it.
    return this.hasFailed || this.#isOver || this.syncMode === "explicit";
  }

  written(syncMode?: "explicit" | "implicit"): void {
    if (syncMode !== undefined) this.syncMode = syncMode;
    if (!this.#isEncoding) this.#link.wake();
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
    const { stream } = this.#connection;
    let isThere = inbox.next();
    for (let isEnd = false; !isEnd;) {
      while (!isThere) {
        yield "read";
        isThere = inbox.next();
      }
      isEnd = inbox.code === Backend.ReadyForQuery;
      if (!isTaken(stream)) {
        this.#read(inbox);
        isThere = !isEnd && inbox.next();
        continue;
      }
      const start = inbox.pos - HEADER_LENGTH;
      let end = inbox.limit;
      isThere = false;
      while (!isEnd && end - start < CHUNK_LENGTH && (isThere = inbox.next())) {
        isEnd = inbox.code === Backend.ReadyForQuery;
        end = inbox.limit;
      }
      this.#deliverBytes(readBytes(inbox, start, end));
      // What refuses the rest is the current message of the inbox.
      while (!isEnd && !inbox.refused && isFull(stream)) yield "paused";
      isThere = !isEnd && !inbox.refused && inbox.next();
    }
    this.#isOver = true;
  }

  mapError(fields: ServerFields): Failure | undefined {
    const error = databaseError(fields);
    const handle = (): void => {
      delete this.#connection.submittedNamedStatements[nameOf(this.#query)];
      this.#owner.refused();
      this.#query.handleError?.(error, this.#connection);
    };
    if (isTaken(this.#connection.stream)) {
      this.#refused = { name: "errorMessage", message: error, handle };
      this.#deliverBytes(ERROR_RESPONSE);
    } else this.#deliver("errorMessage", error, handle);
    this.hasFailed = true;
    return undefined;
  }

  /** Reads bytes that the query had taken and gave back. */
  received(bytes: Uint8Array): void {
    const inbox = this.#returned ??= trusted(new Inbox(() => {}));
    for (let rest = bytes; rest.length > 0;) {
      const room = inbox.reserve();
      const part = rest.subarray(0, room.length);
      room.set(part);
      inbox.commit(part.length);
      rest = rest.subarray(part.length);
      for (;;) {
        if (inbox.next()) this.#read(inbox);
        else if (!inbox.refused) break;
        else {
          inbox.refused = false;
          this.#deliverRefusal();
        }
      }
    }
  }

  consumed(): void {
    this.#link.resume();
  }

  unasked(name: string, message: unknown): void {
    // The session reports it behind all that has arrived; the server sends it before it is ready for the next query.
    const isEnd = this.#deliveries.at(-1)?.name === "readyForQuery";
    const end = isEnd ? this.#deliveries.pop() : undefined;
    this.#deliver(name, message);
    if (end !== undefined) this.#deliveries.push(end);
  }

  /** Delivers what has not been delivered yet, and the end. */
  finish(status: string): void {
    // The connection was lost before the query had read so far.
    this.#deliverRefusal();
    if (this.hasFailed) this.#deliver("readyForQuery", readyMessage(status));
    this.#flush();
    this.#isOver = true;
    detach(this.#connection, this);
  }

  #read(inbox: Inbox): void {
    const query = this.#query;
    const connection = this.#connection;
    const { code } = inbox;
    const length = inbox.limit - inbox.pos + LENGTH_LENGTH;
    switch (code) {
      case Backend.RowDescription: {
        const { fields } = readFields(inbox, true);
        const message = { name: "rowDescription", length, fieldCount: fields.length, fields };
        return this.#deliver(message.name, message, () => query.handleRowDescription?.(message));
      }
      case Backend.DataRow: {
        const fields = textsOf(inbox);
        const message = { name: "dataRow", length, fieldCount: fields.length, fields };
        return this.#deliver(message.name, message, () => query.handleDataRow?.(message));
      }
      case Backend.CommandComplete: {
        const message = { name: "commandComplete", length, text: inbox.cstring() };
        return this.#deliver(message.name, message, () => query.handleCommandComplete?.(message, connection));
      }
      case Backend.ReadyForQuery: {
        const status = String.fromCharCode(inbox.transactionStatus);
        return this.#deliver("readyForQuery", readyMessage(status), () => {
          this.#owner.ready(status);
          query.handleReadyForQuery?.(connection);
        });
      }
      case Backend.CopyData: {
        const message = { name: "copyData", length, chunk: readBytes(inbox, inbox.pos, inbox.limit) };
        return this.#deliver(message.name, message, () => query.handleCopyData?.(message, connection));
      }
    }
    const name = PLAIN_EVENTS.get(code);
    if (name === undefined) throw inbox.unexpected(this.action);
    this.#deliver(name, { name, length }, this.#handlerOf(code));
  }

  /** The query's method for a message without content that it could use. */
  #handlerOf(code: number): (() => void) | undefined {
    const query = this.#query;
    const connection = this.#connection;
    switch (code) {
      case Backend.ParseComplete:
        return () => noteStatement(query, connection);
      case Backend.PortalSuspended:
        return () => query.handlePortalSuspended?.(connection);
      case Backend.EmptyQueryResponse:
        return () => query.handleEmptyQuery?.(connection);
      case Backend.CopyInResponse:
        return () => query.handleCopyInResponse?.(connection);
    }
    return undefined;
  }

  #deliver(name: string | undefined, message: unknown, handle?: () => void): void {
    if (this.#deliveries.length === 0) queueMicrotask(() => this.#flush());
    this.#deliveries.push({ name, message, handle });
  }

  #deliverRefusal(): void {
    const refused = this.#refused;
    this.#refused = undefined;
    if (refused !== undefined) this.#deliver(refused.name, refused.message, refused.handle);
  }

  #deliverBytes(bytes: Uint8Array): void {
    this.#deliver(undefined, undefined, () => receive(this.#connection.stream, bytes));
  }

  #flush(): void {
    const deliveries = this.#deliveries;
    this.#deliveries = [];
    for (const { name, message, handle } of deliveries) {
      if (name !== undefined) emitMessage(this.#connection, name, message, handle);
      else if (handle !== undefined) outside(handle);
    }
  }
}

/** The server has the statement of a query that has a name. */
function noteStatement(query: SubmittedQuery, { parsedStatements, submittedNamedStatements }: Connection): void {
  const name = nameOf(query);
  if (name === "") return;
  if (query.text !== undefined) parsedStatements[name] = query.text;
  delete submittedNamedStatements[name];
}

/** The name under which a query prepares its statement, or "". */
function nameOf({ name }: SubmittedQuery): string {
  return name ?? "";
}

/** The bytes of a message's length, which counts itself. */
const LENGTH_LENGTH = 4;

/** The code and the length of a message. */
const HEADER_LENGTH = 5;

/** How many bytes a query that reads the stream gets at least, if so many have arrived. */
const CHUNK_LENGTH = 32_768;

/** An ErrorResponse without fields, for queries that only look for its code: its content is known already. */
const ERROR_RESPONSE = Uint8Array.of(Backend.ErrorResponse, 0, 0, 0, 5, 0);

/** An inbox for bytes of a server that has authenticated. */
function trusted(inbox: Inbox): Inbox {
  inbox.trust();
  return inbox;
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

/** The messages of which nothing is read, and their events. */
const PLAIN_EVENTS: ReadonlyMap<number, string> = new Map([
  [Backend.ParseComplete, "parseComplete"],
  [Backend.PortalSuspended, "portalSuspended"],
  [Backend.EmptyQueryResponse, "emptyQuery"],
  [Backend.CopyInResponse, "copyInResponse"],
  [Backend.BindComplete, "bindComplete"],
  [Backend.CloseComplete, "closeComplete"],
  [Backend.NoData, "noData"],
  [Backend.ParameterDescription, "parameterDescription"],
  [Backend.CopyOutResponse, "copyOutResponse"],
  [Backend.CopyDone, "copyDone"],
]);
