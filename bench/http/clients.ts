/**
 * The process that makes requests: connections that are kept alive, each with a request at a time.
 * It reads lines `COUNT FIRST`, and answers each with the number of right responses. Written on sockets,
 * so that it takes as little of the machine as it can.
 *
 * Usage: clients.ts PORT
 */
import { connect, type Socket } from "node:net";
import process from "node:process";
import { createInterface } from "node:readline";
import { CLIENTS } from "../workloads/http.ts";
import { KEYS } from "../workloads/people.ts";

/** A connection. */
class Client {
  readonly #socket: Socket;
  #received = "";
  #settle: (body: string) => void = () => {};

  constructor(port: number) {
    this.#socket = connect(port, "127.0.0.1");
    this.#socket.setNoDelay(true);
    this.#socket.setEncoding("latin1");
    this.#socket.on("data", (chunk: string) => {
      this.#received += chunk;
      const head = this.#received.indexOf("\r\n\r\n");
      if (head === -1) return;
      const length = Number(/content-length: *(\d+)/i.exec(this.#received)?.[1] ?? NaN);
      // A chunked response would never end here.
      if (Number.isNaN(length)) throw new Error(`There is no length in ${this.#received}`);
      if (this.#received.length < head + 4 + length) return;
      const body = this.#received.slice(head + 4);
      this.#received = "";
      this.#settle(body);
    });
    this.#socket.on("close", () => {
      throw new Error("The web server has closed a connection");
    });
  }

  get(path: string): Promise<string> {
    return new Promise((resolve) => {
      this.#settle = resolve;
      this.#socket.write(`GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`);
    });
  }
}

const clients = Array.from({ length: CLIENTS }, () => new Client(Number(process.argv[2])));

for await (const line of createInterface({ input: process.stdin })) {
  const [count, first] = line.split(" ").map(Number) as [number, number];
  let sent = 0;
  let right = 0;
  await Promise.all(clients.map(async (client) => {
    while (sent < count) {
      const id = 1 + (first + sent++) % KEYS;
      const body = await client.get(`/${id}`);
      if (body.startsWith(`{"id":${id},`) && body.includes(`"email":"user${id}@example.com"`)) right++;
    }
  }));
  console.log(right);
}
process.exit();
