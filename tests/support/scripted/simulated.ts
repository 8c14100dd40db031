/**
 * A server that answers every request by the rules of the protocol, without a database: a query returns one
 * or three rows with the number 1. It can be made to refuse, to hang until it is cancelled, and to close,
 * each at a given message.
 */
import type { AsyncTransport, SyncTransport, TlsSession } from "../../../src/transport/transport.ts";
import { TLS_SESSION } from "./tls_sessions.ts";
import {
  bindComplete,
  closeComplete,
  commandComplete,
  copyData,
  copyDone,
  copyResponse,
  dataRow,
  emptyQueryResponse,
  errorResponse,
  message,
  noData,
  parameterDescription,
  parseComplete,
  readyForQuery,
  rowDescription,
} from "./backend.ts";
import { int4 } from "./links.ts";

/** What fails, by the number of the message. */
export interface Trouble {
  readonly refuseAt?: number;
  readonly hangAt?: number;
  readonly loseAt?: number;
}

interface Portal {
  readonly sql: string;
  readonly isBinary: boolean;
  left: number;
}

/** The server's side. */
class Simulated {
  readonly #trouble: Trouble;
  #received: Uint8Array = new Uint8Array();
  #count = 0;
  #status: "I" | "T" | "E" = "I";
  /** Everything up to the next Sync is skipped. */
  #skips = false;
  #copies = false;
  /** The message that is not answered before it is cancelled. */
  #hanging: string | undefined = undefined;
  #output: Uint8Array[] = [];
  readonly #statements = new Map<string, { sql: string; types: number[] }>();
  readonly #portals = new Map<string, Portal>();
  ended = false;

  constructor(trouble: Trouble) {
    this.#trouble = trouble;
  }

  get available(): number {
    return this.#output.length;
  }

  /** A cancel request. */
  cancel(): void {
    const hanging = this.#hanging;
    if (hanging === undefined) return;
    this.#hanging = undefined;
    this.#refuse("57014", hanging === "Q");
    this.receive(new Uint8Array());
  }

  take(into: Uint8Array): number {
    const next = this.#output[0];
    if (next === undefined) return 0;
    const count = Math.min(next.length, into.length);
    into.set(next.subarray(0, count));
    if (count === next.length) this.#output.shift();
    else this.#output[0] = next.subarray(count);
    return count;
  }

  receive(bytes: Uint8Array): void {
    const joined = new Uint8Array(this.#received.length + bytes.length);
    joined.set(this.#received);
    joined.set(bytes, this.#received.length);
    this.#received = joined;
    while (this.#hanging === undefined && !this.ended && this.#received.length >= 5) {
      const length = new DataView(this.#received.buffer).getInt32(1) + 1;
      if (this.#received.length < length) return;
      const code = String.fromCharCode(this.#received[0]!);
      const body = this.#received.slice(5, length);
      this.#received = this.#received.slice(length);
      this.#handle(code, body);
    }
  }

  #say(...messages: readonly Uint8Array[]): void {
    this.#output.push(...messages);
  }

  #handle(code: string, body: Uint8Array): void {
    if (code === "X") this.ended = true;
    if ("XdcfHS".includes(code)) return this.#handleAnyway(code);
    if (this.#skips) return;
    const count = ++this.#count;
    if (count === this.#trouble.loseAt) this.ended = true;
    else if (count === this.#trouble.refuseAt) this.#refuse("22012", code === "Q");
    else if (count === this.#trouble.hangAt) this.#hanging = code;
    else if (code === "Q") this.#query(text(body, 0));
    else this.#extended(code, body);
  }

  /** Handles messages that are not requests. */
  #handleAnyway(code: string): void {
    if (code === "S") {
      this.#skips = false;
      if (this.#status === "I") this.#portals.clear();
      this.#say(readyForQuery(this.#status));
    } else if (this.#copies && code === "c") {
      this.#copies = false;
      this.#say(commandComplete("COPY 1"), readyForQuery(this.#status));
    } else if (this.#copies && code === "f") {
      this.#copies = false;
      this.#refuse("57014", true);
    }
  }

  /** Refuses a message. A simple query ends by itself; extended query messages are skipped up to the Sync. */
  #refuse(code: string, isQuery: boolean): void {
    if (this.#status === "T") this.#status = "E";
    this.#say(errorResponse(code, "refused"));
    if (isQuery) this.#say(readyForQuery(this.#status));
    else this.#skips = true;
  }

  /** The tag of a statement; undefined if it is refused. */
  #execute(sql: string): string | undefined {
    const word = /^\s*(\w*)/.exec(sql)![1]!.toUpperCase();
    const ends = word === "ROLLBACK" || word === "COMMIT";
    if (this.#status === "E" && !ends) return undefined;
    if (/conflict/.test(sql)) return undefined;
    if (word === "BEGIN") this.#status = "T";
    if (word === "ROLLBACK" && / TO /.test(sql)) this.#status = "T";
    else if (ends) {
      const failed = this.#status === "E";
      this.#status = "I";
      this.#portals.clear();
      return failed ? "ROLLBACK" : word;
    }
    if (word === "DISCARD") this.#statements.clear();
    return word === "SELECT" ? "SELECT 1" : word === "INSERT" ? "INSERT 0 1" : word;
  }

  #query(sql: string): void {
    if (sql.trim() === "") return this.#say(emptyQueryResponse(), readyForQuery(this.#status));
    for (const statement of sql.split(";")) {
      const tag = this.#execute(statement);
      if (tag === undefined) return this.#refuse(/conflict/.test(sql) ? "40001" : "25P02", true);
      if (/^\s*copy .* from stdin/i.test(statement)) {
        this.#copies = true;
        return this.#say(copyResponse("G"));
      }
      if (tag === "COPY") this.#say(copyResponse("H"), copyData("1\n"), copyData("2\n"), copyDone());
      if (tag === "SELECT 1") this.#say(rowDescription({ n: 23 }), dataRow("1"));
      this.#say(commandComplete(tag));
    }
    this.#say(readyForQuery(this.#status));
  }

  #extended(code: string, body: Uint8Array): void {
    const view = new DataView(body.buffer);
    if (code === "P") {
      const name = text(body, 0);
      const sql = text(body, bytes(name) + 1);
      const at = bytes(name) + bytes(sql) + 2;
      const given = Array.from({ length: view.getInt16(at) }, (_, i) => view.getInt32(at + 2 + 4 * i));
      const count = new Set(sql.match(/\$\d+/g)).size;
      const types = Array.from({ length: count }, (_, i) => given[i] || 23);
      if (this.#status === "E") return this.#refuse("25P02", false);
      this.#statements.set(name, { sql, types });
      this.#say(parseComplete());
    } else if (code === "B") {
      const portal = text(body, 0);
      const name = text(body, bytes(portal) + 1);
      const statement = this.#statements.get(name);
      if (statement === undefined) return this.#refuse("26000", false);
      // The formats of results are at the end, usually one for all.
      const isBinary = body.at(-1) === 1;
      this.#portals.set(portal, { sql: statement.sql, isBinary, left: /one/.test(statement.sql) ? 1 : 3 });
      this.#say(bindComplete());
    } else if (code === "D") {
      const name = text(body, 1);
      const isStatement = body[0] === "S".charCodeAt(0);
      const statement = isStatement ? this.#statements.get(name) : this.#portals.get(name);
      if (statement === undefined) return this.#refuse(isStatement ? "26000" : "34000", false);
      if ("types" in statement) this.#say(parameterDescription(...statement.types));
      const isBinary = "isBinary" in statement && statement.isBinary;
      this.#say(isRows(statement.sql) ? rowDescription({ n: 23 }, isBinary ? 1 : 0) : noData());
    } else if (code === "E") this.#executePortal(body);
    else if (code === "C") this.#say(closeComplete());
  }

  #executePortal(body: Uint8Array): void {
    const name = text(body, 0);
    const portal = this.#portals.get(name);
    if (portal === undefined) return this.#refuse("34000", false);
    const maxRows = new DataView(body.buffer).getInt32(bytes(name) + 1);
    const tag = this.#execute(portal.sql);
    if (tag === undefined) return this.#refuse("25P02", false);
    if (!isRows(portal.sql)) return this.#say(commandComplete(tag));
    const count = maxRows === 0 ? portal.left : Math.min(maxRows, portal.left);
    portal.left -= count;
    for (let i = 0; i < count; i++) this.#say(dataRow(portal.isBinary ? int4(1) : "1"));
    this.#say(count === maxRows ? message("s") : commandComplete(`SELECT ${count}`));
  }
}

function isRows(sql: string): boolean {
  return /^\s*select/i.test(sql);
}

function text(body: Uint8Array, at: number): string {
  return new TextDecoder().decode(body.subarray(at, body.indexOf(0, at)));
}

function bytes(name: string): number {
  return new TextEncoder().encode(name).length;
}

/** A simulated server as a transport that awaits. */
export class SimulatedAsync extends Simulated implements AsyncTransport {
  readonly addresses = undefined;
  #wake: (() => void) | undefined;
  #closed = false;

  async read(into: Uint8Array): Promise<number> {
    while (this.available === 0 && !this.ended && !this.#closed) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    return this.take(into);
  }

  write(bytes: Uint8Array): number {
    this.receive(bytes.slice());
    this.#wake?.();
    return bytes.length;
  }

  override cancel(): void {
    super.cancel();
    this.#wake?.();
  }

  startTls(): Promise<TlsSession> {
    return Promise.resolve(TLS_SESSION);
  }

  keepProcess(): void {}

  close(): void {
    this.#closed = true;
    this.#wake?.();
  }
}

/** A simulated server as a transport that blocks. A wait with a limit ends at once if nothing can arrive. */
export class SimulatedSync extends Simulated implements SyncTransport {
  readonly addresses = undefined;
  readonly canStartTls = true;

  read(into: Uint8Array): number {
    if (this.available > 0) return this.take(into);
    return this.ended ? 0 : -1;
  }

  write(bytes: Uint8Array): number {
    this.receive(bytes.slice());
    return bytes.length;
  }

  wait(writable: boolean, milliseconds: number): boolean {
    if (this.available > 0 || this.ended || writable) return true;
    if (milliseconds !== Infinity) return false;
    throw new Error("both sides wait for each other");
  }

  startTls(): TlsSession {
    return TLS_SESSION;
  }

  close(): void {}
}
