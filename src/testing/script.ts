/** The server's side of a scripted connection: expects messages of the client, and replies. Knows no promises. */
import { CANCEL_REQUEST, SSL_REQUEST } from "../wire/codes.ts";
import { concat, copyOf, int32, MessageStream, textsAt, type WholeMessage } from "../wire/framing.ts";
import { nameOf } from "./message_text.ts";

/** A message that a client has sent. */
export interface ClientMessage {
  /** As in the manual: `Query`, `Parse`, `Startup`, …; `Password` for all that authenticates. */
  readonly name: string;
  /** Its bytes behind the type and the length. */
  readonly body: Uint8Array;
  /** The SQL text of a Query or Parse. */
  readonly sql?: string | undefined;
}

/** What a scripted server does: it sends bytes, or closes the connection. */
export type Reply = Uint8Array | "close" | readonly (Uint8Array | "close")[];

/**
 * A step of a script: the names of the messages that are expected, with blanks between them, as `"Parse Describe Sync"`;
 * and the reply to them, or a function that gives it and gets the last of them.
 */
export type ScriptStep = readonly [expected: string, reply: Reply | ((message: ClientMessage) => Reply)];

/** The server's side of one connection. */
export class Script {
  /** What the client has sent. */
  readonly messages: ClientMessage[] = [];
  /** Whether the server has closed the connection; what it has sent before can still be read. */
  ended = false;
  readonly #steps: ScriptStep[];
  readonly #client = new MessageStream(true);
  #names: string[] = [];
  #output: Uint8Array = new Uint8Array();
  /** What was wrong, which the client perhaps has not reported. */
  #problem: unknown = undefined;

  constructor(steps: readonly ScriptStep[]) {
    this.#steps = [...steps];
  }

  /** Whether all that is expected has come. */
  get finished(): boolean {
    return this.#steps.length === 0;
  }

  /** How many bytes can be read. */
  get available(): number {
    return this.#output.length;
  }

  /** Takes bytes of the client; throws if they are not what is expected. */
  receive(bytes: Uint8Array): void {
    this.#client.add(copyOf(bytes));
    for (;;) {
      // Messages without a type begin with their length, whose first byte is 0.
      this.#client.isTyped = this.#client.first !== 0;
      const next = this.#client.take();
      if (next === undefined) return;
      this.messages.push(messageOf(next));
      this.#names.push(this.messages.at(-1)!.name);
      try {
        this.#answer();
      } catch (error) {
        this.#problem ??= error;
        throw error;
      }
    }
  }

  /** Gives the client at most `chunk` bytes. */
  take(into: Uint8Array, chunk: number = Infinity): number {
    const count = Math.min(this.#output.length, into.length, chunk);
    into.set(this.#output.subarray(0, count));
    this.#output = this.#output.subarray(count);
    return count;
  }

  /** Throws if something else has come than was expected, or if something is missing. */
  verify(): void {
    if (this.#problem !== undefined) throw this.#problem;
    const [next] = this.#steps;
    if (next === undefined) return;
    const said = this.messages.map(shown).join(", ");
    throw new Error(`"${next[0]}" is expected, and has not come; the client has said ${said || "nothing"}`);
  }

  #answer(): void {
    const [expected, reply] = this.#steps[0] ?? ["nothing", new Uint8Array()];
    const said = this.#names.join(" ");
    if (said === "Terminate" && expected !== said) return void (this.#names = []);
    if (said !== expected && !expected.startsWith(`${said} `)) {
      const all = this.messages.slice(-this.#names.length).map(shown).join(", ");
      throw new Error(`the client said ${all} where "${expected}" is expected`);
    }
    if (said !== expected) return;
    this.#steps.shift();
    this.#names = [];
    const given = typeof reply === "function" ? reply(this.messages.at(-1)!) : reply;
    for (const part of typeof given === "string" || given instanceof Uint8Array ? [given] : given) {
      if (part === "close") this.ended = true;
      else this.#output = concat([this.#output, part]);
    }
  }
}

function messageOf({ code, bytes }: WholeMessage): ClientMessage {
  if (code === 0) return { name: untypedName(int32(bytes, 4)), body: bytes.slice(4) };
  const name = nameOf("client", code) ?? "something unknown";
  const body = bytes.slice(5);
  if (name === "Query") return { name, body, sql: textsAt(body, 0, body.length, 1)[0] };
  return name === "Parse" ? { name, body, sql: textsAt(body, 0, body.length, 2)[1] } : { name, body };
}

function untypedName(code: number): string {
  if (code === SSL_REQUEST) return "SslRequest";
  if (code === CANCEL_REQUEST) return "CancelRequest";
  return code >> 16 === 3 ? "Startup" : "something unknown";
}

/** A message as errors show it. */
function shown({ name, sql }: ClientMessage): string {
  return sql === undefined ? name : `${name} ${JSON.stringify(sql)}`;
}
