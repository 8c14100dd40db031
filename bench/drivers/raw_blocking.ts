/** Loops of the same messages over libc's send, poll and recv, without any driver: the floor for blocking. */
import { join } from "node:path";
import { loadBun } from "../../src/transport/ffi_bun.ts";
import { loadDeno } from "../../src/transport/ffi_deno.ts";
import { loadNode } from "../../src/transport/ffi_node.ts";
import {
  AF_INET,
  AF_UNIX,
  IPPROTO_TCP,
  type LibC,
  MSG_NOSIGNAL,
  POLLIN,
  SOCK_STREAM,
  TCP_NODELAY,
} from "../../src/transport/libc.ts";
import type { Driver, Operation, Target } from "../driver.ts";
import { PING } from "../workloads/ping.ts";
import { after, selecting } from "../workloads/select.ts";
import { parse, Request, startup } from "./messages.ts";
import { Replies } from "./replies.ts";

export const driver: Driver = (target) => {
  const libc = ("Deno" in globalThis ? loadDeno : "Bun" in globalThis ? loadBun : loadNode)();
  if (libc === undefined) throw new Error("There is no FFI here");
  const fd = dial(libc, target);
  const replies = new Replies();
  const readable = new Uint8Array(8);
  new DataView(readable.buffer).setInt32(0, fd, true);
  readable[4] = POLLIN;

  function exchange(bytes: Uint8Array): Replies {
    libc!.send(fd, bytes, bytes.length, MSG_NOSIGNAL);
    replies.expect(1);
    let count = 0;
    do {
      // Faster than to wait in recv.
      libc!.poll(readable, 1, -1);
      const room = replies.room();
      count = libc!.recv(fd, room, room.length, 0);
      if (count <= 0) throw new Error("The server has closed the connection");
    } while (!replies.received(count));
    return replies;
  }

  function statement(name: string, sql: string): (parameter: number) => Replies {
    let request: Request | undefined;
    return (parameter) => {
      if (request === undefined) exchange(parse(name, sql));
      request ??= new Request(name);
      return exchange(request.with(parameter));
    };
  }

  function select(name: string, rows: number): Operation {
    const ask = statement(name, selecting(rows));
    return (i) => ask(after(i)).people();
  }

  exchange(startup());
  const ping = statement("p", PING);
  return Promise.resolve({
    ping: (i) => ping(i).number(),
    select_1: select("a", 1),
    select_10: select("b", 10),
  });
};

function dial(libc: LibC, { transport, port, directory }: Target): number {
  const unix = transport === "unix";
  const fd = libc.socket(unix ? AF_UNIX : AF_INET, SOCK_STREAM, 0);
  const address = new Uint8Array(unix ? 110 : 16);
  address[0] = unix ? AF_UNIX : AF_INET;
  if (unix) address.set(new TextEncoder().encode(join(directory, `.s.PGSQL.${port}`)), 2);
  else address.set([port >> 8, port, 127, 0, 0, 1], 2);
  if (libc.connect(fd, address, address.length) !== 0) throw new Error("Cannot connect");
  if (!unix) libc.setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, Uint8Array.of(1, 0, 0, 0), 4);
  return fd;
}
