/** Records conversations with a server. */
import type { Opts } from "../options/opts.ts";
import { type Target, targetOpts } from "../options/target.ts";
import { variable } from "../runtime/runtime.ts";
import { Backend, CANCEL_REQUEST, Frontend } from "../wire/codes.ts";
import { copyOf, int32, MessageStream, type WholeMessage } from "../wire/framing.ts";
import { lineOf, namedMessage } from "./message_text.ts";
import { dialThrough, type Middle } from "./middle.ts";
import { Comparable } from "./recordable.ts";

/** The first line of a record: the format, and its version. */
export const HEADER = "pyro conversation 1";

/** What {@linkcode record} gives. */
export interface Recording {
  /** Options for the connections that are recorded. A pool has one connection. */
  readonly opts: Opts;
  /** The conversations so far, for {@linkcode replay}: a line for each message. */
  text(): string;
}

/**
 * Records what connections and their server say, as a text that people can read and compare, and that {@linkcode replay}
 * plays without a server. The connections work as always.
 *
 * The record has no passwords, nothing of the authentication, and no cancel keys; strings behind PASSWORD in SQL are
 * `'***'`. It has the SQL, the parameters and the rows: record with data that may be seen. Cancel requests are not
 * recorded. Names of statements are numbered, so that two records of the same calls differ only in what the server says.
 *
 * @param target The server to connect to, as for `Conn.connect`. Blocking connections cannot be encrypted.
 * @throws {UsageError} If the target is malformed.
 *
 * @example
 * ```ts
 * import { Conn } from "@x/pyro";
 * import { record, replay } from "@x/pyro/testing";
 * import assert from "node:assert/strict";
 *
 * const square = (conn: Conn, n: number) => conn.execValue("select $1::int4 * $1", [n]);
 *
 * const recording = record("pg://");
 * {
 *   await using conn = await Conn.connect(recording.opts);
 *   assert.equal(await square(conn, 12), 144);
 * }
 * // Usually, the text is written into a file. No server is needed from here on.
 * const replayed = replay(recording.text());
 * {
 *   await using conn = await Conn.connect(replayed.opts());
 *   assert.equal(await square(conn, 12), 144);
 * }
 * replayed.verify();
 * ```
 */
export function record(target?: Target): Recording {
  const opts = targetOpts(target, variable);
  const connections: (readonly string[])[] = [];
  const middle = (): Middle => new Recorder((lines) => connections.push(lines));
  return {
    opts: oneByOne(opts).dial(dialThrough(opts, middle, "recorded")),
    text: () =>
      [
        HEADER,
        ...connections.map((lines, i) => ["", `connection ${i + 1}`, ...lines].join("\n")),
        "",
      ].join("\n"),
  };
}

/** Options with which a pool says the same each time. */
export function oneByOne(opts: Opts): Opts {
  return opts.poolMaxConcurrency(1).poolMaxIdleConn(1).poolMaxPipelined(1);
}

/** Records one connection. */
class Recorder implements Middle {
  readonly toServer: Uint8Array[] = [];
  readonly toClient: Uint8Array[] = [];
  readonly #lines: string[] = [];
  readonly #begin: (lines: readonly string[]) => number;
  #number = 0;
  readonly #client = new MessageStream(false);
  readonly #server = new MessageStream(true);
  readonly #comparable = new Comparable();
  /** Whether a session has begun; what comes before, and with cancel requests, is not recorded. */
  #isOpen = false;
  #isOver = false;

  constructor(begin: (lines: readonly string[]) => number) {
    this.#begin = begin;
  }

  fromClient(bytes: Uint8Array): void {
    const copy = copyOf(bytes);
    this.toServer.push(copy);
    if (this.#isOver) return;
    this.#client.add(copy);
    for (let next = this.#client.take(); next !== undefined; next = this.#client.take()) this.#said(next);
  }

  fromServer(bytes: Uint8Array): void {
    const copy = copyOf(bytes);
    this.toClient.push(copy);
    if (!this.#isOpen) return;
    this.#server.add(copy);
    for (let next = this.#server.take(); next !== undefined; next = this.#server.take()) this.#answered(next);
  }

  serverEnded(): void {
    if (this.#isOpen && !this.#isOver) this.#lines.push("< close");
  }

  #said({ code, bytes }: WholeMessage): void {
    if (code === 0) {
      const request = int32(bytes, 4);
      if (request === CANCEL_REQUEST) this.#isOver = true;
      if (request >> 16 !== PROTOCOL) return;
      this.#isOpen = this.#client.isTyped = true;
      this.#number = this.#begin(this.#lines);
      const message = namedMessage("client", UNTYPED, bytes.subarray(4));
      return void this.#lines.push(`> ${lineOf(message)}`);
    }
    if (code === Frontend.Terminate) this.#isOver = true;
    if (code === Frontend.Terminate || code === Frontend.Password) return;
    const message = this.#comparable.of(namedMessage("client", code, bytes.subarray(5)));
    this.#lines.push(`> ${lineOf(message)}`);
  }

  #answered({ code, bytes }: WholeMessage): void {
    const isSecret = code === Backend.Authentication && int32(bytes, 5) !== 0;
    if (isSecret) return;
    const message = code === Backend.BackendKeyData
      ? { name: "BackendKeyData", fields: [this.#number, "none"] }
      : namedMessage("server", code, bytes.subarray(5));
    this.#lines.push(`< ${lineOf(message)}`);
  }
}

const PROTOCOL = 3;
/** The type under which messages without one are known. */
const UNTYPED = 0x30;
