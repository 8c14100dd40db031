/** A server that follows a script, for what a real one does not show when it is wanted. */
import type { DialFunction } from "../options/dial.ts";
import { bad } from "../options/option_values.ts";
import { bytesTo, type Peer, streamsTo } from "./peer.ts";
import { type ClientMessage, Script, type ScriptStep } from "./script.ts";

/** Options of {@linkcode ScriptedServer}. */
export interface ScriptedServerOptions {
  /** How many bytes of a reply the client gets at a time, at most. Default: all that there are. */
  readonly chunk?: number | undefined;
}

/**
 * A server without a socket that expects certain messages, and replies to them: for what a real server does not show when
 * it is wanted, such as a full disk, a connection that is lost in the middle of a reply, or a bug. Use it with
 * `Opts.dial`. Replies are made with the functions that are named after the messages; {@linkcode welcome} and
 * {@linkcode queryReply} make those that are needed most.
 *
 * If the client says something else, its connection fails with a `ConnectionError` whose cause says what was expected and
 * what came. A Terminate need not be expected.
 *
 * @example
 * ```ts
 * import { Conn, Opts } from "@x/pyro";
 * import { errorResponse, queryReply, readyForQuery, ScriptedServer, welcome } from "@x/pyro/testing";
 * import assert from "node:assert/strict";
 *
 * const server = new ScriptedServer([[
 *   ["Startup", welcome()],
 *   ["Query", [errorResponse("53100", "could not extend file: No space left on device"), readyForQuery()]],
 *   ["Query", ({ sql }) => queryReply({ asked: 25 }, [[sql!]])],
 *   ["Query", "close"],
 * ]]);
 * await using conn = await Conn.connect(new Opts("pg://ada@library").dial(server.dial));
 * await assert.rejects(conn.queryDrop("insert into book default values"), { code: "53100" });
 * assert.deepEqual(await conn.queryFirst("table book"), { asked: "table book" });
 * await assert.rejects(conn.queryDrop("select 1"), { connectionLost: true });
 * server.verify();
 * ```
 *
 * @example Without promises
 * ```ts
 * import { Conn, Opts } from "@x/pyro/sync";
 * import { queryReply, ScriptedServer, welcome } from "@x/pyro/testing";
 * import assert from "node:assert/strict";
 *
 * const server = new ScriptedServer([[["Startup", welcome()], ["Query", queryReply({ n: 23 }, [["42"]])]]]);
 * using conn = new Conn(new Opts("pg://ada@library").dial(server.dial));
 * assert.deepEqual(conn.query("select 42 as n"), [{ n: 42 }]);
 * server.verify();
 * ```
 */
export class ScriptedServer {
  readonly #scripts: readonly Script[];
  readonly #chunk: number;
  #opened = 0;

  /**
   * Makes a server. Its connections are opened by {@linkcode ScriptedServer.dial}.
   *
   * @param scripts One script for each connection, in the order in which they are opened. Cancel requests are connections
   *   too.
   * @throws {UsageError} If `chunk` is less than 1.
   */
  constructor(scripts: readonly (readonly ScriptStep[])[], options: ScriptedServerOptions = {}) {
    this.#scripts = scripts.map((steps) => new Script(steps));
    this.#chunk = options.chunk ?? Infinity;
    if (!(this.#chunk >= 1)) throw bad("chunk", options.chunk, "it must be a number of bytes from 1");
  }

  /** The function for `Opts.dial`. */
  readonly dial: DialFunction = (_address, { blocking }) => {
    const script = this.#scripts[this.#opened++];
    if (script === undefined) throw new Error(`connection ${this.#opened} is opened, and there is no script for it`);
    const peer = inChunks(script, this.#chunk);
    return blocking ? bytesTo(peer, NAME) : streamsTo(peer, NAME);
  };

  /** What the clients have sent, those of the first connection first. */
  get messages(): readonly ClientMessage[] {
    return this.#scripts.flatMap(({ messages }) => messages);
  }

  /**
   * Checks that all that was expected has come, and nothing else.
   *
   * @throws {Error} If not; it says what was expected, and what has come.
   */
  verify(): void {
    for (const [i, script] of this.#scripts.entries()) {
      try {
        if (i >= this.#opened) throw new Error("it was not opened");
        script.verify();
      } catch (error) {
        throw new Error(`connection ${i + 1}: ${error instanceof Error ? error.message : error}`, { cause: error });
      }
    }
    if (this.#opened > this.#scripts.length) {
      throw new Error(`${this.#opened} connections were opened, and there are ${this.#scripts.length} scripts`);
    }
  }
}

function inChunks(script: Script, chunk: number): Peer {
  return {
    receive: (bytes) => script.receive(bytes),
    take: (into) => script.take(into, chunk),
    get available() {
      return script.available;
    },
    get ended() {
      return script.ended;
    },
  };
}

const NAME = "scripted";
