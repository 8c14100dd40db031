/**
 * The connection as query classes of other packages see it: they write messages by its methods, and listen to its
 * events.
 *
 * It writes only while such a query is the client's current one. After an error, the session itself ends the group with
 * a Sync, and everything that the query still writes is dropped until the ReadyForQuery, as the server would do.
 */
import { EventEmitter } from "node:events";
import type { OpenedConnection } from "../async/opened.ts";
import { DescribeTarget } from "../wire/codes.ts";
import * as frontend from "../wire/frontend.ts";
import type { Outbox } from "../wire/outbox.ts";
import { ConnectionStream, show, type StreamOwner } from "./connection_stream.ts";
import { parameterMessage } from "./database_error.ts";
import type { BindConfig, ExecuteConfig, MessageConfig, QueryParse } from "./interfaces.ts";
import { outside } from "./outside.ts";
import { prepareValue } from "./prepare_value.ts";
import { bindTexts, withoutNul } from "./requests.ts";

/** Where the current query's messages go. */
export interface Writer {
  readonly out: Outbox;
  /** Whether the messages of now are dropped. */
  readonly isClosed: boolean;
  /** Called when a message has been written. */
  written(syncMode?: "explicit" | "implicit"): void;
  /** Reads bytes of the reply that the query had taken from the stream. */
  received(bytes: Uint8Array): void;
  /** Called when the query has read some of the stream's bytes. */
  consumed(): void;
  /** Emits a message that is no part of the reply, after those of the reply that have arrived before it. */
  unasked(name: string, message: unknown): void;
}

/** Directs what a connection writes. It is no method, since it is not for users. */
export let attach: (connection: Connection, writer: Writer) => void;

/** Drops what a connection writes, unless it is directed to another writer by now. */
export let detach: (connection: Connection, writer: Writer) => void;

/** Lets the current query emit a message that is no part of its reply; false if there is none. */
let emitLater: (connection: Connection, name: string, message: unknown) => boolean;

/** The text of a statement that the server has, or is about to have, under a name that a user gave. */
export function textOfName(
  name: string,
  { parsedStatements, submittedNamedStatements }: Connection,
): string | undefined {
  return parsedStatements[name] ?? submittedNamedStatements[name];
}

/** Whether a program listens to the messages of replies. */
export let isObserved: (connection: Connection) => boolean;

/** The connection is open: its stream gets to know the socket, and listeners hear of the session. */
export function reportOpened(connection: Connection, link: OpenedConnection["link"]): void {
  show(connection.stream, link);
  reportParameters(connection, link.session);
  report(connection, "readyForQuery", () => readyMessage("I"));
}

/** The message ReadyForQuery, as listeners get it. */
export function readyMessage(status: string): Readonly<Record<string, unknown>> {
  return { name: "readyForQuery", length: 5, status };
}

/** Emits settings of the session, by default all of them. Libraries learn the server's version in this way. */
export function reportParameters(
  connection: Connection,
  session: { readonly parameters: Readonly<Record<string, string>> },
  only?: string,
): void {
  if (!isHeard(connection, "parameterStatus")) return;
  const { parameters } = session;
  const names = only === undefined ? Object.keys(parameters) : [only];
  for (const name of names) {
    report(connection, "parameterStatus", () => parameterMessage(name, parameters[name]!));
  }
}

/** Emits a message that the server has sent unasked, behind those that it has sent before. */
export function report(connection: Connection, name: string, make: () => object): void {
  if (!isHeard(connection, name)) return;
  const message = make();
  if (!emitLater(connection, name, message)) emitMessage(connection, name, message);
}

function isHeard(connection: Connection, name: string): boolean {
  return connection.listenerCount(name) > 0 || connection.listenerCount("message") > 0;
}

/** Emits a message of the server: as a message, and by its name. `handle` is called between the two. */
export function emitMessage(connection: Connection, name: string, message: unknown, handle?: () => void): void {
  if (connection.listenerCount("message") > 0) outside(() => connection.emit("message", message));
  if (handle !== undefined) outside(handle);
  outside(() => connection.emit(name, message));
}

/** Writes messages, and emits those of the server: `rowDescription`, `noData`, `readyForQuery`, … */
export class Connection extends EventEmitter {
  /** The socket, with the members that query classes and programs use. */
  readonly stream: ConnectionStream;
  /** The texts of the statements that the server has under names that users gave. */
  parsedStatements: Record<string, string> = Object.create(null);
  /** Those that are being prepared. */
  submittedNamedStatements: Record<string, string> = Object.create(null);
  #writer: Writer | undefined = undefined;
  readonly #owner: StreamOwner;
  /** Whether there ever was a listener to a message of replies. */
  #mayBeObserved = false;

  /** Internal: a {@linkcode Client} makes its own. */
  constructor(owner: StreamOwner) {
    super();
    this.#owner = owner;
    this.stream = new ConnectionStream(owner, {
      write: (bytes) => this.#write((out) => out.bytes(bytes)),
      received: (bytes) => this.#writer?.received(bytes),
      consumed: () => this.#writer?.consumed(),
    });
    this.stream.on("error", (error) => this.emit("error", error));
    this.on("newListener", (name) => this.#mayBeObserved ||= REPLY_EVENTS.includes(name));
  }

  static {
    isObserved = (connection) =>
      connection.#mayBeObserved && REPLY_EVENTS.some((name) => connection.listenerCount(name) > 0);
    attach = (connection, writer) => connection.#writer = writer;
    emitLater = (connection, name, message) => {
      const writer = connection.#writer;
      writer?.unasked(name, message);
      return writer !== undefined;
    };
    detach = (connection, writer) => {
      if (connection.#writer === writer) connection.#writer = undefined;
    };
  }

  /** Sends a text in the simple protocol. */
  query(text: string): void {
    this.#write((out) => frontend.query(out, withoutNul(text, "SQL text")), "implicit");
  }

  /** Sends Parse. */
  parse({ name = "", text, types = [] }: QueryParse, _more?: boolean): void {
    const oids = Array.isArray(types) ? types : [];
    this.#write((out) => frontend.parse(out, withoutNul(name, "name"), withoutNul(text, "SQL text"), oids));
  }

  /** Sends Bind. */
  bind({ portal, statement, binary, values, valueMapper }: BindConfig, _more?: boolean): void {
    const texts = Array.from(values ?? [], (value, i) => prepareValue(valueMapper ? valueMapper(value, i) : value));
    this.#write((out) => bindTexts(out, portal ?? "", statement ?? "", texts, binary ? [1] : []));
  }

  /** Sends Describe. */
  describe({ type, name }: MessageConfig, _more?: boolean): void {
    this.#write((out) => frontend.describe(out, targetOf(type), name ?? ""));
  }

  /** Sends Execute. */
  execute({ portal, rows }: ExecuteConfig = {}, _more?: boolean): void {
    this.#write((out) => frontend.execute(out, portal ?? "", Number(rows ?? 0)));
  }

  /** Sends Close. If no query class writes, a statement is closed when it is its turn among the queries. */
  close({ type, name }: MessageConfig, _more?: boolean): void {
    if (type === "S" && (this.#writer?.isClosed ?? true)) return this.#closeLater(name);
    this.#write((out) => frontend.close(out, targetOf(type), name ?? ""));
  }

  /** Sends Flush. */
  flush(): void {
    this.#write(frontend.flush);
  }

  /** Sends Sync. */
  sync(): void {
    this.#write(frontend.sync, "explicit");
  }

  /** Sends data of a COPY FROM STDIN. */
  sendCopyFromChunk(chunk: Uint8Array): void {
    this.#write((out) => frontend.copyData(out, chunk));
  }

  /** Ends the data of a COPY FROM STDIN. */
  endCopyFrom(): void {
    this.#write(frontend.copyDone);
  }

  /** Ends a COPY FROM STDIN with an error. */
  sendCopyFail(message: string): void {
    this.#write((out) => frontend.copyFail(out, withoutNul(message, "reason")));
  }

  /** Closes the connection. */
  end(): void {
    this.stream.destroy();
  }

  /** Keeps the process alive until the connection is closed. */
  ref(): void {
    this.stream.ref();
  }

  /** Lets the process end although the connection is open. */
  unref(): void {
    this.stream.unref();
  }

  #closeLater(name: string | undefined): void {
    this.#owner.submit({
      submit: (connection) => {
        connection.close({ type: "S", name });
        connection.sync();
      },
    });
  }

  #write(message: (out: Outbox) => void, syncMode?: "explicit" | "implicit"): void {
    const writer = this.#writer;
    if (writer === undefined || writer.isClosed) return;
    message(writer.out);
    writer.written(syncMode);
  }
}

/** The events of messages that the client reads by itself, unless somebody listens to them. */
const REPLY_EVENTS: readonly string[] = [
  ...["readyForQuery", "rowDescription", "dataRow", "commandComplete", "emptyQuery", "errorMessage", "noData"],
  ...["parseComplete", "bindComplete", "closeComplete", "portalSuspended", "parameterDescription", "message"],
];

function targetOf(type: string): typeof DescribeTarget[keyof typeof DescribeTarget] {
  return type === "P" ? DescribeTarget.Portal : DescribeTarget.Statement;
}
