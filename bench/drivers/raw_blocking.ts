/** A loop of the same messages over libc's blocking send and recv, without any driver: the floor for blocking. */
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
  SOCK_STREAM,
  TCP_NODELAY,
} from "../../src/transport/libc.ts";
import type { Driver, Target } from "../driver.ts";
import { execute, isReady, PARAMETER, parse, RESULT, startup } from "./messages.ts";

export const driver: Driver = (target) => {
  const libc = ("Deno" in globalThis ? loadDeno : "Bun" in globalThis ? loadBun : loadNode)();
  if (libc === undefined) throw new Error("There is no FFI here");
  const fd = dial(libc, target);
  const buffer = new Uint8Array(65_536);
  const answer = new DataView(buffer.buffer);

  function exchange(bytes: Uint8Array): void {
    libc!.send(fd, bytes, bytes.length, MSG_NOSIGNAL);
    let length = 0;
    do {
      const count = libc!.recv(fd, length === 0 ? buffer : buffer.subarray(length), buffer.length - length, 0);
      if (count <= 0) throw new Error("The server has closed the connection");
      length += count;
    } while (!isReady(buffer, length));
  }

  exchange(startup());
  exchange(parse());
  const request = execute();
  const view = new DataView(request.buffer);
  return Promise.resolve({
    ping: (i) => {
      view.setInt32(PARAMETER, i);
      exchange(request);
      return answer.getInt32(RESULT);
    },
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
