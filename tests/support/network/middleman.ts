/**
 * Somebody between a client and a server who decrypts and encrypts: has a certificate of its own for the
 * client, and another TLS connection to the server.
 */
import { connect as dial, createServer, type Server, type Socket } from "node:net";
import { connect as startTls, createServer as createTlsServer, type TLSSocket } from "node:tls";
import { selfSignedCertificate } from "../installed/certificate.ts";

/** Changes what the server sends, for the client. */
export type Change = (bytes: Uint8Array) => Uint8Array;

/** The one in the middle, until disposed. */
export class Middleman implements AsyncDisposable {
  readonly port: number;
  readonly #servers: readonly Server[];
  readonly #sockets: Set<Socket>;

  private constructor(port: number, servers: readonly Server[], sockets: Set<Socket>) {
    this.port = port;
    this.#servers = servers;
    this.#sockets = sockets;
  }

  /** Listens before the server on that port. */
  static async start(serverPort: number, change: Change = (bytes) => bytes): Promise<Middleman> {
    const sockets = new Set<Socket>();
    const kept = <S extends Socket>(socket: S): S => {
      sockets.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => sockets.delete(socket));
      return socket;
    };
    const { key, certificate: cert } = selfSignedCertificate("localhost");
    const inner = createTlsServer({ key, cert }, async (client: TLSSocket) => {
      kept(client).pause();
      const server = kept(await encrypted(kept(dial(serverPort, "127.0.0.1"))));
      server.on("data", (bytes: Uint8Array) => client.write(change(bytes)));
      server.on("close", () => client.end());
      client.on("close", () => server.end());
      client.pipe(server);
    });
    const innerPort = await listen(inner);
    // Answers the request for TLS, and hands the rest to the TLS server.
    const outer = createServer((client) => {
      kept(client).once("data", () => {
        client.pause();
        client.write("S");
        const decrypting = kept(dial(innerPort, "127.0.0.1"));
        client.pipe(decrypting);
        decrypting.pipe(client);
      });
    });
    return new Middleman(await listen(outer), [inner, outer], sockets);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    for (const server of this.#servers) await new Promise((resolve) => server.close(resolve));
  }
}

/** The connection to the server, encrypted. */
async function encrypted(socket: Socket): Promise<TLSSocket> {
  await new Promise<void>((resolve) => socket.once("connect", () => resolve()));
  socket.write(Uint8Array.of(0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f));
  await new Promise<void>((resolve) => socket.once("data", () => resolve()));
  socket.removeAllListeners("data");
  return await new Promise((resolve) => {
    const tls = startTls({ socket, rejectUnauthorized: false }, () => resolve(tls));
  });
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  return (server.address() as { port: number }).port;
}
