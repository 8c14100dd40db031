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
}

/** What the stream of a connection does for its client. */
export interface StreamOwner {
  /** Closes the connection at once. */
  destroy(error?: Error): void;
  /** Whether the connection keeps the process alive while nothing is outstanding. */
  keepProcess(wanted: boolean): void;
  /** Resolves when little is unsent. */
  drained(): Promise<void>;
}

/** What is known of an open connection. */
type SocketFacts = Pick<OpenedConnection["link"], "addresses" | "tls" | "encrypted">;

/** What the stream of a connection does with bytes. */
interface StreamLink {
  /** Sends bytes of the current query. */
  write(bytes: Uint8Array): void;
  /** Reads bytes of the reply to it. */
  received(bytes: Uint8Array): void;
  /** Called when there is room for more of them. */
  consumed(): void;
}

/** Whether the current query reads from a stream itself. Not for users. */
export let isTaken: (stream: ConnectionStream) => boolean;

/** Whether so much waits to be read by it that no more is to be received. */
export let isFull: (stream: ConnectionStream) => boolean;

/** Lets a stream say what is known of its open connection. */
export let show: (stream: ConnectionStream, facts: SocketFacts) => void;

/** Gives bytes of a reply to the query that has taken a stream, or to the connection if it has been put back. */
export let receive: (stream: ConnectionStream, bytes: Uint8Array) => void;

/** Resolves when no query has taken a stream, and all its bytes have been read. */
export let released: (stream: ConnectionStream) => Promise<void>;

/** Directs what a connection writes. It is no method, since it is not for users. */
export let attach: (connection: Connection, writer: Writer) => void;

/** Drops what a connection writes, unless it is directed to another writer by now. */
export let detach: (connection: Connection, writer: Writer) => void;

/** The text of a statement that the server has, or is about to have, under a name that a user gave. */
export function textOfName(
  name: string,
  { parsedStatements, submittedNamedStatements }: Connection,
): string | undefined {
  return parsedStatements[name] ?? submittedNamedStatements[name];
}

/** Emits settings of the session, by default all of them. Libraries learn the server's version in this way. */
export function reportParameters(
  connection: Connection,
  session: { readonly parameters: Readonly<Record<string, string>> },
  only?: string,
): void {
  if (connection.listenerCount("parameterStatus") === 0) return;
  const { parameters } = session;
  const names = only === undefined ? Object.keys(parameters) : [only];
  for (const name of names) {
    const message = parameterMessage(name, parameters[name]!);
    outside(() => connection.emit("parameterStatus", message));
  }
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

  /** Internal: a {@linkcode Client} makes its own. */
  constructor(owner: StreamOwner) {
    super();
    this.stream = new ConnectionStream(owner, {
      write: (bytes) => this.#write((out) => out.bytes(bytes)),
      received: (bytes) => this.#writer?.received(bytes),
      consumed: () => this.#writer?.consumed(),
    });
    this.stream.on("error", (error) => this.emit("error", error));
  }

  static {
    attach = (connection, writer) => connection.#writer = writer;
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

  /** Sends Close. */
  close({ type, name }: MessageConfig, _more?: boolean): void {
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

  #write(message: (out: Outbox) => void, syncMode?: "explicit" | "implicit"): void {
    const writer = this.#writer;
    if (writer === undefined || writer.isClosed) return;
    message(writer.out);
    writer.written(syncMode);
  }
}

/**
 * The socket of a connection. Bytes that are written must be whole messages of COPY.
 *
 * The connection listens to `data`. A query class that removes that listener gets the messages of its reply as bytes,
 * by `read()` and the event `readable`, until it puts the listener back: `to` of pg-copy-streams does so.
 */
export class ConnectionStream extends EventEmitter {
  /** Whether the connection is open. */
  writable = true;
  /** Whether it was closed by {@linkcode destroy}. */
  destroyed = false;
  readonly #owner: StreamOwner;
  readonly #link: StreamLink;
  #facts: SocketFacts | undefined = undefined;
  #isDraining = false;
  #unread: Uint8Array[] = [];
  #unreadBytes = 0;

  /** Internal: a {@linkcode Connection} makes its own. */
  constructor(owner: StreamOwner, link: StreamLink) {
    super();
    this.#owner = owner;
    this.#link = link;
    this.on("data", (bytes: Uint8Array) => link.received(bytes));
  }

  static {
    isTaken = (stream) => stream.listenerCount("data") === 0;
    isFull = (stream) => stream.#unreadBytes >= MAX_UNREAD;
    show = (stream, facts) => stream.#facts = facts;
    receive = (stream, bytes) => stream.#receive(bytes);
    released = async (stream) => {
      while (stream.writable && stream.listenerCount("data") === 0) await stream.#change();
      stream.resume();
    };
  }

  /** True if the connection is encrypted; otherwise undefined, as of a socket of `node:net`. */
  get encrypted(): true | undefined {
    return this.#facts?.tls === undefined ? undefined : true;
  }

  /** Whether the server's certificate has been verified; undefined if the connection is not encrypted. */
  get authorized(): boolean | undefined {
    const { tls, encrypted } = this.#facts ?? {};
    return tls && (encrypted?.certificate !== undefined || encrypted?.isVerified === true);
  }

  /** The protocol that the server has confirmed by ALPN, or false; undefined if the connection is not encrypted. */
  get alpnProtocol(): string | false | undefined {
    return this.#facts?.tls && (this.#facts.tls.alpn ?? false);
  }

  /** The server's IP address; undefined for a Unix socket. */
  get remoteAddress(): string | undefined {
    return this.#facts?.addresses?.remote.host;
  }

  /** The server's port; undefined for a Unix socket. */
  get remotePort(): number | undefined {
    return this.#facts?.addresses?.remote.port;
  }

  /** Writes bytes; the event `drain` tells when little of it is unsent, if the result is false. */
  write(bytes: Uint8Array): boolean {
    this.#link.write(bytes);
    if (this.#isDraining) return false;
    this.#isDraining = true;
    this.#owner.drained().then(() => {
      this.#isDraining = false;
      this.emit("drain");
    });
    return false;
  }

  /** The next bytes of a reply, if the query class has taken the stream; otherwise, or if there are none yet, null. */
  read(): Uint8Array | null {
    if (this.listenerCount("data") > 0) return null;
    const bytes = this.#unread.shift();
    if (bytes === undefined) return null;
    const wasFull = this.#unreadBytes >= MAX_UNREAD;
    this.#unreadBytes -= bytes.length;
    if (wasFull && this.#unreadBytes < MAX_UNREAD) this.#link.consumed();
    return bytes;
  }

  /** Has no effect: bytes wait to be read in any case. */
  pause(): this {
    return this;
  }

  /** Gives bytes that were not read to the listeners of `data`. */
  resume(): this {
    if (this.listenerCount("data") === 0) return this;
    const unread = this.#unread;
    this.#unread = [];
    this.#unreadBytes = 0;
    for (const bytes of unread) this.emit("data", bytes);
    return this;
  }

  /** Closes the connection at once; queries fail with `error`. */
  destroy(error?: Error): this {
    this.writable = false;
    this.destroyed = true;
    this.#owner.destroy(error);
    return this;
  }

  /** Closes the connection at once. */
  end(): this {
    this.writable = false;
    this.#owner.destroy();
    return this;
  }

  /** Internal: the connection is closed. */
  ended(): void {
    this.writable = false;
    this.emit("end");
    this.emit("close");
  }

  /** Keeps the process alive until the connection is closed. */
  ref(): this {
    this.#owner.keepProcess(true);
    return this;
  }

  /** Lets the process end although the connection is open. */
  unref(): this {
    this.#owner.keepProcess(false);
    return this;
  }

  /** Has no effect: `keepAlive` and `keepAliveInitialDelayMillis` are options of the client. */
  setKeepAlive(_isOn?: boolean, _initialDelay?: number): this {
    return this;
  }

  /** Has no effect: there never is a delay. */
  setNoDelay(_isOn?: boolean): this {
    return this;
  }

  /** Has no effect: messages are gathered in any case. */
  cork(): void {}

  /** Has no effect: messages are gathered in any case. */
  uncork(): void {}

  #receive(bytes: Uint8Array): void {
    this.#unread.push(bytes);
    this.#unreadBytes += bytes.length;
    if (this.listenerCount("data") > 0) this.resume();
    else this.emit("readable");
  }

  /** Resolves when a listener has been added, or when the connection is closed. */
  #change(): Promise<void> {
    return new Promise((resolve) => {
      const changed = (): void => {
        this.off("newListener", changed).off("close", changed);
        resolve();
      };
      this.on("close", changed).on("newListener", changed);
    });
  }
}

/** How many bytes may wait for a query class before no more are received. */
const MAX_UNREAD = 65_536;

function targetOf(type: string): typeof DescribeTarget[keyof typeof DescribeTarget] {
  return type === "P" ? DescribeTarget.Portal : DescribeTarget.Statement;
}
