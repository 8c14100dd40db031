/** Plays recorded conversations without a server. */
import { UsageError } from "../errors.ts";
import type { DialFunction } from "../options/dial.ts";
import type { Opts } from "../options/opts.ts";
import { type Target, toOpts } from "../options/target.ts";
import { CANCEL_REQUEST, Frontend, SSL_REQUEST } from "../wire/codes.ts";
import { concat, copyOf, int32, MessageStream, type WholeMessage } from "../wire/framing.ts";
import { lineOf, messageBytes, messageOfLine, namedMessage } from "./message_text.ts";
import { bytesTo, type Peer, streamsTo } from "./peer.ts";
import { HEADER, oneByOne } from "./record.ts";
import { Comparable } from "./recordable.ts";

/** What {@linkcode replay} gives. */
export interface Replay {
  /** The function for `Opts.dial`. Connections get the conversations in the order in which they were recorded. */
  readonly dial: DialFunction;
  /**
   * Options for connections that get the recorded replies. A pool has one connection.
   *
   * @param target The options that the program uses otherwise. The server that they name is not reached, and nobody
   *   authenticates. Default: none.
   */
  opts(target?: Target): Opts;
  /**
   * Checks that all that was recorded has been said, and nothing else.
   *
   * @throws {Error} If not; it says what was recorded, and what has come.
   */
  verify(): void;
}

/**
 * Plays what {@linkcode record} has recorded: connections get the recorded replies, without a server. If they say
 * something else than was recorded, they fail with a `ConnectionError` whose cause says both.
 *
 * @param text The record.
 * @throws {UsageError} If it is none.
 *
 * @example A record that somebody has written
 * ```ts
 * import { Conn } from "@x/pyro/sync";
 * import { replay } from "@x/pyro/testing";
 * import assert from "node:assert/strict";
 *
 * const replayed = replay(`pyro conversation 1
 *
 * connection 1
 * > Startup
 * < Authentication [0, ""]
 * < ReadyForQuery ["I"]
 * > Query ["select title from book"]
 * < RowDescription [[["title", 0, 0, 25, -1, -1, 0]]]
 * < DataRow [["Emma"]]
 * < CommandComplete ["SELECT 1"]
 * < ReadyForQuery ["I"]
 * `);
 * using conn = new Conn(replayed.opts());
 * assert.deepEqual(conn.query("select title from book"), [{ title: "Emma" }]);
 * replayed.verify();
 * ```
 */
export function replay(text: string): Replay {
  const conversations = conversationsIn(text).map((entries) => new Conversation(entries));
  let opened = 0;
  const dial: DialFunction = (_address, { blocking }) => {
    const peer = new Client(() => conversations[opened++]);
    return blocking ? bytesTo(peer, NAME) : streamsTo(peer, NAME);
  };
  return {
    dial,
    opts: (target = "pg://replay@replay/replay") => oneByOne(toOpts(target)).dial(dial),
    verify(): void {
      for (const [i, conversation] of conversations.entries()) {
        const problem = i >= opened ? "it was not opened" : conversation.problem;
        if (problem !== undefined) throw new Error(`connection ${i + 1} of the record: ${problem}`);
      }
      if (opened > conversations.length) {
        throw new Error(`${opened} connections were opened, and ${conversations.length} were recorded`);
      }
    },
  };
}

/** A line of a record. */
type Entry =
  | { readonly from: "client"; readonly line: string }
  | { readonly from: "server"; readonly line: string; readonly bytes: Uint8Array | undefined };

function conversationsIn(text: string): Entry[][] {
  const [first, ...lines] = text.split(/\r?\n/);
  if (first !== HEADER) throw new UsageError(`Cannot replay the text: its first line must be "${HEADER}"`);
  const conversations: Entry[][] = [];
  for (const [i, line] of lines.entries()) {
    if (line === "" || line.startsWith("#")) continue;
    if (/^connection \d+$/.test(line)) conversations.push([]);
    else {
      try {
        conversations.at(-1)!.push(entryOf(line));
      } catch (cause) {
        throw new UsageError(
          `Cannot replay the text: line ${i + 2} must be "connection" and a number, or > or < and a message`,
          { cause },
        );
      }
    }
  }
  return conversations;
}

function entryOf(line: string): Entry {
  if (!/^[<>] /.test(line)) throw new SyntaxError("it is no message");
  const rest = line.slice(2);
  if (line.startsWith(">")) return { from: "client", line: lineOf(messageOfLine(rest)) };
  return {
    from: "server",
    line: rest,
    bytes: rest === "close" ? undefined : messageBytes("server", messageOfLine(rest)),
  };
}

/** A recorded conversation, as far as it was played. */
class Conversation {
  readonly #entries: readonly Entry[];
  /** The next entry of the client, and of the server. */
  #client = 0;
  #server = 0;
  /** How many Syncs and simple queries have come, and how many of them were answered; the startup counts too. */
  #asked = 0;
  #answered = 0;
  /** What the client has said that was not recorded. */
  #mismatch: string | undefined = undefined;

  constructor(entries: readonly Entry[]) {
    this.#entries = entries;
    this.#client = this.#nextOf("client", 0);
  }

  /** What was said wrongly, or is missing; undefined if it is complete. */
  get problem(): string | undefined {
    const next = this.#entries[this.#client];
    return this.#mismatch ?? (next && `"${next.line}" was recorded, and has not come`);
  }

  /** The client has said this; gives what the server says then, `"close"` for its end. */
  said(name: string, line: string): (Uint8Array | "close")[] {
    const expected = this.#entries[this.#client];
    const isSame = name === "Startup" ? expected?.line.startsWith(name) : expected?.line === line;
    if (!isSame) {
      this.#mismatch ??= `the client said ${line}, and the record has ${expected?.line ?? "nothing more"}`;
      throw new Error(this.#mismatch);
    }
    if (ASKING.includes(name)) this.#asked++;
    this.#client = this.#nextOf("client", this.#client + 1);
    const replies: (Uint8Array | "close")[] = [];
    while (this.#server < this.#client) this.#release(replies);
    return replies;
  }

  /**
   * The client waits. While it was recorded, it has sent more before it got the reply: gives the rest of the reply to what
   * it has asked now.
   */
  waited(): (Uint8Array | "close")[] {
    const replies: (Uint8Array | "close")[] = [];
    const { length } = this.#entries;
    const before = this.#answered;
    while (this.#answered < this.#asked && this.#answered === before && this.#server < length) this.#release(replies);
    return replies;
  }

  #release(into: (Uint8Array | "close")[]): void {
    const entry = this.#entries[this.#server++]!;
    if (entry.from === "client") return;
    into.push(entry.bytes ?? "close");
    if (entry.line.startsWith("ReadyForQuery")) this.#answered++;
  }

  #nextOf(from: Entry["from"], start: number): number {
    const index = this.#entries.findIndex((entry, i) => i >= start && entry.from === from);
    return index < 0 ? this.#entries.length : index;
  }
}

/** The server's side of a connection. */
class Client implements Peer {
  ended = false;
  readonly #open: () => Conversation | undefined;
  readonly #messages = new MessageStream(false);
  readonly #comparable = new Comparable();
  #conversation: Conversation | undefined = undefined;
  #output: Uint8Array = new Uint8Array();

  constructor(open: () => Conversation | undefined) {
    this.#open = open;
  }

  get available(): number {
    return this.#output.length;
  }

  take(into: Uint8Array): number {
    const count = Math.min(into.length, this.#output.length);
    into.set(this.#output.subarray(0, count));
    this.#output = this.#output.subarray(count);
    return count;
  }

  receive(bytes: Uint8Array): void {
    this.#messages.add(copyOf(bytes));
    for (let next = this.#messages.take(); next !== undefined; next = this.#messages.take()) {
      if (next.code === 0) this.#begin(next);
      else this.#said(next);
    }
  }

  stalled(): boolean {
    const replies = this.#conversation?.waited() ?? [];
    this.#send(replies);
    return replies.length > 0;
  }

  #begin({ bytes }: WholeMessage): void {
    const request = int32(bytes, 4);
    if (request === SSL_REQUEST) return this.#send([new Uint8Array([NOT_ENCRYPTED])]);
    if (request === CANCEL_REQUEST) return void (this.ended = true);
    this.#messages.isTyped = true;
    this.#conversation = this.#open();
    if (this.#conversation === undefined) throw new Error("no more connections were recorded");
    this.#send(this.#conversation.said("Startup", "Startup"));
  }

  #said({ code, bytes }: WholeMessage): void {
    if (code === Frontend.Terminate || code === Frontend.Password) return;
    const message = this.#comparable.of(namedMessage("client", code, bytes.subarray(5)));
    this.#send(this.#conversation!.said(message.name, lineOf(message)));
  }

  #send(replies: readonly (Uint8Array | "close")[]): void {
    for (const reply of replies) if (reply === "close") this.ended = true;
    this.#output = concat([this.#output, ...replies.filter((reply) => reply !== "close")]);
  }
}

/** Messages that a ReadyForQuery answers. */
const ASKING: readonly string[] = ["Startup", "Query", "Sync", "FunctionCall"];
const NOT_ENCRYPTED = 0x4e;
const NAME = "replayed";
