/**
 * Engines that speak PostgreSQL's protocol, each in its own way: in memory, for connections of both kinds. They answer
 * statements from a table, and keep statements, portals and the transaction status by the rules that are theirs.
 */
import type { BlockingBytes, ByteStreams, DialFunction } from "../../../mod.ts";
import * as backend from "./backend.ts";
import { type BodyReader, ClientMessages } from "./engine_messages.ts";

/** The answer to a statement: rows as text, a command tag, or an error. */
export interface Answer {
  readonly columns?: Readonly<Record<string, number>>;
  readonly rows?: readonly (readonly (string | null)[])[];
  readonly tag?: string;
  readonly error?: readonly [code: string, message: string];
}

/** What an engine does differently; without an option, as PostgreSQL. */
export interface EngineOptions {
  readonly name: string;
  /** The settings that it reports when it accepts a session. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Whether it gives a key for cancel requests. */
  readonly hasKey: boolean;
  /** Whether BEGIN begins nothing: the simple protocol always says idle, and ROLLBACK is refused. */
  readonly ignoresTransactions?: boolean;
  /** Whether it refuses SAVEPOINT. */
  readonly hasNoSavepoints?: boolean;
  /** Whether an open portal forbids everything else in a transaction. */
  readonly allowsOnePortal?: boolean;
  /** Types that it cannot send in binary. */
  readonly textOnly?: readonly number[];
  /** Types that it sends in binary only. */
  readonly binaryOnly?: readonly number[];
  /** Whether errors have nothing but severity, code and message, as before PostgreSQL 9.6. */
  readonly hasOldErrors?: boolean;
  /** What it does not know. */
  readonly refuses: readonly (readonly [statements: RegExp, code: string, message: string])[];
  /** What its tables answer. */
  answer(sql: string, params: readonly (string | null)[]): Answer;
}

/** An engine, and what it was asked. */
export class Engine {
  readonly options: EngineOptions;
  /** The statements that it was given, in order, of all sessions. */
  readonly statements: string[] = [];
  /** How many sessions were opened. */
  sessions = 0;
  /** Errors to answer with, each once, before anything else: the statement, the code and the message. */
  readonly failures: (readonly [sql: string, code: string, message: string])[] = [];

  constructor(options: EngineOptions) {
    this.options = options;
  }

  /** Opens a connection of either kind to it. */
  readonly dial: DialFunction = (_address, { blocking }) => {
    const received: Uint8Array[] = [];
    let push = (bytes: Uint8Array): void => void received.push(bytes);
    const session = new EngineSession(this, (bytes) => push(bytes));
    if (blocking) return blockingBytes(session, received);
    const readable = new ReadableStream<Uint8Array>({ start: (to) => void (push = (bytes) => to.enqueue(bytes)) });
    return { readable, writable: new WritableStream({ write: (chunk) => session.receive(chunk) }) } as ByteStreams;
  };
}

function blockingBytes(session: EngineSession, received: Uint8Array[]): BlockingBytes {
  return {
    read(into) {
      const [first] = received;
      if (first === undefined) return -1;
      const count = Math.min(first.length, into.length);
      into.set(first.subarray(0, count));
      if (count === first.length) received.shift();
      else received[0] = first.subarray(count);
      return count;
    },
    write(bytes) {
      session.receive(bytes.slice());
      return bytes.length;
    },
    close() {},
  };
}

interface Statement {
  readonly sql: string;
  readonly parameterTypes: readonly number[];
  readonly columns: Readonly<Record<string, number>> | undefined;
}

interface Portal {
  readonly statement: Statement;
  readonly params: readonly (string | null)[];
  readonly formats: readonly number[];
  rows: readonly (readonly (string | null)[])[] | undefined;
}

/** One session. */
class EngineSession {
  readonly #engine: Engine;
  readonly #push: (bytes: Uint8Array) => void;
  readonly #messages = new ClientMessages();
  readonly #statements = new Map<string, Statement>();
  readonly #portals = new Map<string, Portal>();
  #output: Uint8Array[] = [];
  #status: "I" | "T" | "E" = "I";
  #isSkipping = false;

  constructor(engine: Engine, push: (bytes: Uint8Array) => void) {
    this.#engine = engine;
    this.#push = push;
  }

  receive(bytes: Uint8Array): void {
    for (const { code, body } of this.#messages.add(bytes)) {
      if (code === "") this.#open(body);
      else if (code === "S") this.#sync();
      else if (code === "H") this.#flush();
      else if (code === "Q") this.#query(body.cstring());
      else if (!this.#isSkipping) this.#extended(code, body);
    }
  }

  #open(body: BodyReader): void {
    const { parameters, hasKey } = this.#engine.options;
    if (body.isSslRequest) return this.#push(new TextEncoder().encode("N"));
    this.#engine.sessions++;
    this.#send(backend.authentication(0));
    for (const [name, value] of Object.entries(parameters)) this.#send(backend.parameterStatus(name, value));
    if (hasKey) this.#send(backend.backendKeyData());
    this.#send(backend.readyForQuery());
    this.#flush();
  }

  /** Before the next Sync, errors make the rest be skipped; some engines count them as a failed transaction. */
  #sync(): void {
    const { ignoresTransactions } = this.#engine.options;
    const failed = this.#isSkipping && (this.#status !== "I" || ignoresTransactions);
    if (this.#isSkipping && !ignoresTransactions && this.#status === "T") this.#status = "E";
    if (this.#status === "I") this.#portals.clear();
    this.#isSkipping = false;
    this.#send(backend.readyForQuery(failed ? "E" : this.#status));
    this.#flush();
  }

  #query(text: string): void {
    for (const sql of text.split(";").map((part) => part.trim()).filter((part) => part !== "")) {
      const answer = this.#execute(sql, []);
      if (answer.error !== undefined) {
        this.#refuse(...answer.error);
        if (this.#status === "T") this.#status = "E";
        break;
      }
      if (answer.columns !== undefined) this.#send(backend.rowDescription({ ...answer.columns }));
      for (const row of answer.rows ?? []) this.#send(backend.dataRow(...row));
      this.#send(backend.commandComplete(answer.tag ?? `SELECT ${answer.rows?.length ?? 0}`));
    }
    this.#send(backend.readyForQuery(this.#engine.options.ignoresTransactions ? "I" : this.#status));
    this.#flush();
  }

  #extended(code: string, body: BodyReader): void {
    switch (code) {
      case "P":
        return this.#parse(body.cstring(), body.cstring());
      case "B":
        return this.#bind(body);
      case "D":
        return this.#describe(body.byte(), body.cstring());
      case "E":
        return this.#fetch(body.cstring(), body.int32());
      case "C":
        (body.byte() === "S" ? this.#statements : this.#portals).delete(body.cstring());
        return this.#send(backend.closeComplete());
      default:
        throw new Error(`The engine got a message ${code}`);
    }
  }

  #parse(name: string, sql: string): void {
    const refusal = this.#refusalOf(sql);
    if (refusal !== undefined) return this.#fail(...refusal);
    const count = Math.max(0, ...[...sql.matchAll(/\$(\d+)/g)].map(([, n]) => Number(n)));
    const types = Array.from({ length: count }, (_, i) => {
      const [, cast = ""] = new RegExp(`\\$${i + 1}::(\\w+)`).exec(sql) ?? [];
      return TYPES[cast] ?? 0;
    });
    const isControl = CONTROL.test(sql);
    const { columns } = isControl ? {} : this.#engine.options.answer(sql, types.map(() => null));
    this.#statements.set(name, { sql, parameterTypes: types, columns });
    this.#send(backend.parseComplete());
  }

  #bind(body: BodyReader): void {
    const [portal, name] = [body.cstring(), body.cstring()];
    const statement = this.#statements.get(name);
    if (statement === undefined) return this.#fail("26000", `no statement ${name}`);
    const formats = body.list(() => body.int16());
    const values = body.list(() => body.value());
    const params = values.map((value, i) => {
      return value && textOf(value, formats[i] ?? formats[0] ?? 0, statement.parameterTypes[i]!);
    });
    const asked = body.list(() => body.int16());
    const { textOnly = [], binaryOnly = [] } = this.#engine.options;
    const types = Object.values(statement.columns ?? {});
    const results = types.map((type, i) => binaryOnly.includes(type) ? 1 : asked[i] ?? asked[0] ?? 0);
    if (types.some((type, i) => results[i] === 1 && textOnly.includes(type))) {
      return this.#fail("08P01", "binary encoding of list types is not implemented");
    }
    this.#portals.set(portal, { statement, params, formats: results, rows: undefined });
    this.#send(backend.bindComplete());
  }

  #describe(kind: string, name: string): void {
    const portal = this.#portals.get(name);
    const { columns, parameterTypes } = kind === "S" ? this.#statements.get(name)! : portal!.statement;
    if (kind === "S") this.#send(backend.parameterDescription(...parameterTypes));
    if (columns === undefined) return this.#send(backend.noData());
    const { binaryOnly = [] } = this.#engine.options;
    const formats = Object.values(columns).map((type) => binaryOnly.includes(type) ? 1 : 0);
    this.#send(backend.rowDescription({ ...columns }, kind === "S" ? formats : portal!.formats));
  }

  #fetch(name: string, maxRows: number): void {
    const portal = this.#portals.get(name)!;
    const { statement, params, formats } = portal;
    let tag: string | undefined;
    if (portal.rows === undefined) {
      const answer = this.#execute(statement.sql, params, name);
      if (answer.error !== undefined) return this.#fail(...answer.error);
      portal.rows = answer.rows ?? [];
      tag = answer.tag;
    }
    const rows = portal.rows.slice(0, maxRows === 0 ? undefined : maxRows);
    portal.rows = portal.rows.slice(rows.length);
    const types = Object.values(statement.columns ?? {});
    for (const row of rows) {
      this.#send(
        backend.dataRow(...row.map((text, i) => text && (formats[i] === 1 ? bytesOf(text, types[i]!) : text))),
      );
    }
    const isSuspended = maxRows > 0 && rows.length === maxRows;
    this.#send(isSuspended ? backend.message("s") : backend.commandComplete(tag ?? `SELECT ${rows.length}`));
  }

  /** Executes a statement: what the engine refuses, what controls transactions, or what its tables answer. */
  #execute(sql: string, params: readonly (string | null)[], portal?: string): Answer {
    const { options, statements, failures } = this.#engine;
    statements.push(sql);
    const refusal = this.#refusalOf(sql, portal);
    if (refusal !== undefined) return { error: refusal };
    if (failures[0]?.[0] === sql) {
      const [, code, message] = failures.shift()!;
      // A transaction that cannot be committed is over.
      if (sql === "COMMIT") this.#status = "I";
      return { error: [code, message] };
    }
    return CONTROL.test(sql) ? this.#control(sql) : options.answer(sql, params);
  }

  #control(sql: string): Answer {
    const [word = ""] = sql.toUpperCase().split(" ");
    if (word === "COMMIT" || sql.toUpperCase() === "ROLLBACK") {
      const wasFailed = this.#status === "E";
      this.#status = "I";
      this.#portals.clear();
      return { tag: wasFailed ? "ROLLBACK" : word };
    }
    this.#status = "T";
    return { tag: word };
  }

  #refusalOf(sql: string, portal?: string): readonly [code: string, message: string] | undefined {
    const { options } = this.#engine;
    if (this.#status === "E" && !/^(rollback|commit)/i.test(sql)) return ["25P02", "the transaction has failed"];
    if (options.ignoresTransactions && /^(rollback|savepoint|release)/i.test(sql)) return ["42601", "mismatched input"];
    if (options.hasNoSavepoints && /^(savepoint|release|rollback to)/i.test(sql)) return ["0A000", "no savepoints"];
    const isOpen = [...this.#portals].some(([name, { rows }]) =>
      name !== portal && rows !== undefined && rows.length > 0
    );
    if (options.allowsOnePortal && isOpen) return ["0A000", "unimplemented: multiple active portals not supported"];
    const refused = options.refuses.find(([statements]) => statements.test(sql));
    return refused && [refused[1], refused[2]];
  }

  #fail(code: string, message: string): void {
    this.#isSkipping = true;
    this.#refuse(code, message);
  }

  #refuse(code: string, text: string): void {
    if (!this.#engine.options.hasOldErrors) return this.#send(backend.errorResponse(code, text));
    this.#send(backend.message("E", (out) => {
      for (const field of ["SERROR", `C${code}`, `M${text}`]) out.cstring(field);
      out.byte(0);
    }));
  }

  #send(bytes: Uint8Array): void {
    this.#output.push(bytes);
  }

  #flush(): void {
    if (this.#output.length > 0) this.#push(backend.concat(...this.#output));
    this.#output = [];
  }
}

/** The text of a parameter. */
function textOf(value: Uint8Array, format: number, type: number): string {
  const view = new DataView(value.buffer, value.byteOffset);
  if (format === 0 || ![20, 23].includes(type)) return new TextDecoder().decode(value);
  return String(type === 20 ? view.getBigInt64(0) : view.getInt32(0));
}

/** A value in binary. */
function bytesOf(text: string, type: number): Uint8Array {
  const bytes = new Uint8Array(type === 20 ? 8 : 4);
  const view = new DataView(bytes.buffer);
  switch (type) {
    case 16:
      return new Uint8Array([text === "t" ? 1 : 0]);
    case 20:
      view.setBigInt64(0, BigInt(text));
      return bytes;
    case 23:
      view.setInt32(0, Number(text));
      return bytes;
    default:
      return new TextEncoder().encode(text);
  }
}

const TYPES: Readonly<Record<string, number>> = { int4: 23, int8: 20, text: 25, varchar: 1043 };
const CONTROL = /^(begin|commit|rollback|savepoint|release)\b/i;
