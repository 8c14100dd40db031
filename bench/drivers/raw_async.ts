/**
 * Loops of the same messages over the runtime's own socket, without any driver: the floor for promises.
 * Many selects in flight are one write and no promise each.
 */
import { connect } from "node:net";
import { join } from "node:path";
import type { Driver, Operation, Target } from "../driver.ts";
import { keyOf } from "../workloads/in_flight.ts";
import { isPerson, POINT } from "../workloads/people.ts";
import { PING } from "../workloads/ping.ts";
import { after, selecting } from "../workloads/select.ts";
import { parse, Request, startup } from "./messages.ts";
import { Replies } from "./replies.ts";

/** Sends, and resolves with so many replies. */
type Exchange = (bytes: Uint8Array<ArrayBuffer>, count?: number) => Promise<Replies>;

export const driver: Driver = async (target) => {
  const { sizes } = target;
  const exchange = await ("Deno" in globalThis ? overDeno : "Bun" in globalThis ? overBun : overNode)(target);
  await exchange(startup());

  function statement(name: string, sql: string): (parameter: number) => Promise<Replies> {
    let request: Request | undefined;
    const first = async (parameter: number): Promise<Replies> => {
      await exchange(parse(name, sql));
      request = new Request(name);
      return await exchange(request.with(parameter));
    };
    return (parameter) => request === undefined ? first(parameter) : exchange(request.with(parameter));
  }

  function select(name: string, rows: number): Operation {
    const ask = statement(name, selecting(rows));
    return async (i) => (await ask(after(i))).people();
  }

  const ping = statement("p", PING);
  const one = statement("o", POINT);
  return {
    ping: async (i) => (await ping(i)).number(),
    select_1: select("a", 1),
    select_10: select("b", 10),
    in_flight: async () => {
      await one(1);
      const request = new Request("o");
      const all = new Uint8Array(request.bytes.length * sizes.inFlight);
      for (let k = 0; k < sizes.inFlight; k++) all.set(request.with(keyOf(k)), k * request.bytes.length);
      const replies = await exchange(all, sizes.inFlight);
      return replies.people().filter((row, k) => isPerson(row, keyOf(k))).length;
    },
  };
};

async function overDeno({ transport, port, directory }: Target): Promise<Exchange> {
  const conn = transport === "unix"
    ? await Deno.connect({ transport: "unix", path: socketPath(directory, port) })
    : await Deno.connect({ hostname: "127.0.0.1", port });
  if ("setNoDelay" in conn) conn.setNoDelay(true);
  const replies = new Replies();
  const sendRest = async (bytes: Uint8Array, sent: number): Promise<void> => {
    while (sent < bytes.length) sent += await conn.write(bytes.subarray(sent));
  };
  return async (bytes, count = 1) => {
    replies.expect(count);
    const sent = await conn.write(bytes);
    const rest = sent < bytes.length ? sendRest(bytes, sent) : undefined;
    while (!replies.received(await conn.read(replies.room()) ?? ended()));
    await rest;
    return replies;
  };
}

async function overBun({ transport, port, directory }: Target): Promise<Exchange> {
  const inbox = new Inbox();
  let rest = new Uint8Array();
  const send = (bytes: Uint8Array<ArrayBuffer>): void => {
    rest = bytes.subarray(Math.max(0, socket.write(bytes)));
  };
  const socket = await (Reflect.get(globalThis, "Bun") as BunApi).connect({
    ...(transport === "unix" ? { unix: socketPath(directory, port) } : { hostname: "127.0.0.1", port }),
    socket: { data: (_, chunk) => inbox.push(chunk), drain: () => rest.length === 0 || send(rest) },
  });
  socket.setNoDelay(true);
  return (bytes, count = 1) => inbox.answersTo(() => send(bytes), count);
}

async function overNode({ transport, port, directory }: Target): Promise<Exchange> {
  const inbox = new Inbox();
  const socket = transport === "unix" ? connect(socketPath(directory, port)) : connect(port, "127.0.0.1");
  socket.setNoDelay(true);
  await new Promise((resolve) => socket.once("connect", resolve));
  socket.on("data", (chunk) => inbox.push(chunk));
  return (bytes, count = 1) => inbox.answersTo(() => socket.write(bytes), count);
}

/** What sockets with callbacks receive. */
class Inbox {
  readonly #replies = new Replies();
  #settle: (replies: Replies) => void = () => {};

  answersTo(send: () => void, count: number): Promise<Replies> {
    this.#replies.expect(count);
    return new Promise((resolve) => {
      this.#settle = resolve;
      send();
    });
  }

  push(chunk: Uint8Array): void {
    if (this.#replies.push(chunk)) this.#settle(this.#replies);
  }
}

interface BunApi {
  connect(options: {
    unix?: string;
    hostname?: string;
    port?: number;
    socket: { data(socket: unknown, chunk: Uint8Array): void; drain(): void };
  }): Promise<{ write(bytes: Uint8Array): number; setNoDelay(on: boolean): void }>;
}

function socketPath(directory: string, port: number): string {
  return join(directory, `.s.PGSQL.${port}`);
}

function ended(): never {
  throw new Error("The server has closed the connection");
}
