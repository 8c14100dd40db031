/** A loop of the same messages over the runtime's own socket, without any driver: the floor for promises. */
import { connect } from "node:net";
import { join } from "node:path";
import type { Driver, Target } from "../driver.ts";
import { execute, isReady, PARAMETER, parse, RESULT, startup } from "./messages.ts";

/** Sends, and resolves with what is received up to ReadyForQuery. */
type Exchange = (bytes: Uint8Array<ArrayBuffer>) => Promise<DataView>;

export const driver: Driver = async (target) => {
  const exchange = await ("Deno" in globalThis ? overDeno : "Bun" in globalThis ? overBun : overNode)(target);
  await exchange(startup());
  await exchange(parse());
  const request = execute();
  const view = new DataView(request.buffer);
  return {
    ping: async (i) => {
      view.setInt32(PARAMETER, i);
      return (await exchange(request)).getInt32(RESULT);
    },
  };
};

async function overDeno({ transport, port, directory }: Target): Promise<Exchange> {
  const conn = transport === "unix"
    ? await Deno.connect({ transport: "unix", path: socketPath(directory, port) })
    : await Deno.connect({ hostname: "127.0.0.1", port });
  if ("setNoDelay" in conn) conn.setNoDelay(true);
  const buffer = new Uint8Array(65_536);
  const view = new DataView(buffer.buffer);
  return async (bytes) => {
    await conn.write(bytes);
    let length = 0;
    do {
      length += await conn.read(buffer.subarray(length)) ?? ended();
    } while (!isReady(buffer, length));
    return view;
  };
}

async function overBun({ transport, port, directory }: Target): Promise<Exchange> {
  const inbox = new Chunks();
  const socket = await (Reflect.get(globalThis, "Bun") as BunApi).connect({
    ...(transport === "unix" ? { unix: socketPath(directory, port) } : { hostname: "127.0.0.1", port }),
    socket: { data: (_, chunk) => inbox.push(chunk) },
  });
  socket.setNoDelay(true);
  return (bytes) => inbox.answerTo(() => socket.write(bytes));
}

async function overNode({ transport, port, directory }: Target): Promise<Exchange> {
  const inbox = new Chunks();
  const socket = transport === "unix" ? connect(socketPath(directory, port)) : connect(port, "127.0.0.1");
  socket.setNoDelay(true);
  await new Promise((resolve) => socket.once("connect", resolve));
  socket.on("data", (chunk) => inbox.push(chunk));
  return (bytes) => inbox.answerTo(() => socket.write(bytes));
}

/** What sockets with callbacks received, put together. */
class Chunks {
  readonly #buffer = new Uint8Array(65_536);
  readonly #view = new DataView(this.#buffer.buffer);
  #length = 0;
  #settle: (view: DataView) => void = () => {};

  answerTo(send: () => void): Promise<DataView> {
    this.#length = 0;
    return new Promise((resolve) => {
      this.#settle = resolve;
      send();
    });
  }

  push(chunk: Uint8Array): void {
    this.#buffer.set(chunk, this.#length);
    this.#length += chunk.length;
    if (isReady(this.#buffer, this.#length)) this.#settle(this.#view);
  }
}

interface BunApi {
  connect(options: {
    unix?: string;
    hostname?: string;
    port?: number;
    socket: { data(socket: unknown, chunk: Uint8Array): void };
  }): Promise<{ write(bytes: Uint8Array): number; setNoDelay(on: boolean): void }>;
}

function socketPath(directory: string, port: number): string {
  return join(directory, `.s.PGSQL.${port}`);
}

function ended(): never {
  throw new Error("The server has closed the connection");
}
