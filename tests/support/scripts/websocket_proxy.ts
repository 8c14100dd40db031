/**
 * A WebSocket proxy as Neon's `wsproxy`: it connects to the server that `?address=` names, until its input ends.
 * Messages are split where they should make no difference, with pings between. `/text` sends text, `/close` closes with
 * 1011, `/never` does not answer. Prints its address. Run by Node.
 *
 * Source: RFC 6455.
 */
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { connect } from "node:net";
import process from "node:process";
import type { Duplex } from "node:stream";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const [CONTINUED, TEXT, BINARY, CLOSE, PING, PONG] = [0, 1, 2, 8, 9, 10];
const FINAL = 0x80;

const server = createServer();
server.on("upgrade", (request, socket) => {
  const url = new URL(request.url!, "http://proxy");
  if (url.pathname === "/never") return;
  const accept = createHash("sha1").update(request.headers["sec-websocket-key"] + GUID).digest("base64");
  const protocol = request.headers["sec-websocket-protocol"];
  socket.write(
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      `Sec-WebSocket-Accept: ${accept}\r\n${protocol ? `Sec-WebSocket-Protocol: ${protocol}\r\n` : ""}\r\n`,
  );
  socket.on("error", () => socket.destroy());
  if (url.pathname === "/text") send(socket, FINAL | TEXT!, Buffer.from("hello"));
  else if (url.pathname === "/close") {
    send(socket, FINAL | CLOSE!, Buffer.from([1011 >> 8, 1011 & 255, ...Buffer.from("no")]));
    socket.end();
  } else relay(socket, url.searchParams.get("address")!);
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (typeof address === "object") console.log(`listening on 127.0.0.1:${address!.port}`);
});
process.stdin.on("end", () => process.exit()).resume();

function relay(socket: Duplex, address: string): void {
  const { hostname, port } = new URL(`tcp://${address}`);
  const upstream = connect(Number(port), hostname);
  const receive = receiver((opcode, data) => {
    if (opcode === CLOSE) {
      send(socket, FINAL | CLOSE!, data.subarray(0, 2));
      upstream.destroy();
    } else if (opcode !== PING && opcode !== PONG) upstream.write(data);
  });
  socket.on("data", receive).on("close", () => upstream.destroy());
  upstream.on("data", (chunk) => {
    const middle = chunk.length >> 1;
    send(socket, BINARY!, chunk.subarray(0, middle));
    send(socket, FINAL | PING!, Buffer.from("?"));
    send(socket, FINAL | CONTINUED!, chunk.subarray(middle));
  });
  upstream.on("error", () => send(socket, FINAL | CLOSE!, Buffer.from([1011 >> 8, 1011 & 255])));
  upstream.on("close", () => {
    send(socket, FINAL | CLOSE!, Buffer.from([1000 >> 8, 1000 & 255]));
    socket.end();
  });
}

/** Sends a frame, which a server does not mask. */
function send(socket: Duplex, first: number, data: Uint8Array): void {
  if (socket.destroyed || socket.writableEnded) return;
  const header = data.length < 126 ? Buffer.from([first, data.length]) : Buffer.alloc(10);
  if (data.length >= 126) {
    header[0] = first;
    header[1] = 127;
    header.writeBigUInt64BE(BigInt(data.length), 2);
  }
  socket.write(Buffer.concat([header, data]));
}

/** Calls back with the data of each frame, which a client masks. */
function receiver(each: (opcode: number, data: Buffer) => void): (chunk: Buffer) => void {
  let bytes = Buffer.alloc(0);
  return (chunk) => {
    bytes = Buffer.concat([bytes, chunk]);
    while (bytes.length >= 2) {
      const short = bytes[1]! & 0x7f;
      const header = 2 + (short === 126 ? 2 : short === 127 ? 8 : 0);
      if (bytes.length < header + 4) return;
      const length = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
      if (bytes.length < header + 4 + length) return;
      const mask = bytes.subarray(header, header + 4);
      const data = Buffer.from(bytes.subarray(header + 4, header + 4 + length));
      for (let i = 0; i < length; i++) data[i]! ^= mask[i & 3]!;
      each(bytes[0]! & 15, data);
      bytes = bytes.subarray(header + 4 + length);
    }
  };
}
