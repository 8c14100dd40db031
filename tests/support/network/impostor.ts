/**
 * A server that has another server's certificate, but not its key: it begins a handshake of TLS 1.2, and
 * records what the client says to it. It computes no keys, since a client must stop at its signature.
 *
 * It runs in its own thread, since blocking connections stop the thread that they are used on.
 *
 * Source: RFC 5246, section 7.4; RFC 8422, section 5.4.
 */
import { Buffer } from "node:buffer";
import type { KeyObject } from "node:crypto";
import { Worker } from "node:worker_threads";

/** What an impostor shows. */
export interface ImpostorOptions {
  /** The certificate, in DER. */
  readonly certificate: Uint8Array;
  /** The key with which it signs, of the certificate's type. */
  readonly key: KeyObject;
}

/** A running impostor. */
export interface Impostor extends AsyncDisposable {
  readonly port: number;
  /** The records of TLS behind the client's first: `alert`, `key exchange`, `data` and so on. */
  heard(): Promise<string[]>;
}

/** Starts an impostor on a free port of 127.0.0.1. */
export async function startImpostor({ certificate, key }: ImpostorOptions): Promise<Impostor> {
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(`(${impostorMain})();`)}`), {
    workerData: {
      certificate: Buffer.from(certificate).toString("base64"),
      key: key.export({ type: "pkcs8", format: "pem" }),
      isRsa: key.asymmetricKeyType === "rsa",
    },
  });
  const next = <T>(): Promise<T> =>
    new Promise((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
    });
  const port = await next<number>();
  return {
    port,
    heard() {
      const answer = next<string[]>();
      worker.postMessage("heard");
      return answer;
    },
    async [Symbol.asyncDispose]() {
      await worker.terminate();
    },
  };
}

/** Runs in the worker, so it must not refer to anything outside. */
function impostorMain(): void {
  const { parentPort, workerData } = process.getBuiltinModule("node:worker_threads");
  const { createServer } = process.getBuiltinModule("node:net");
  const { Buffer } = process.getBuiltinModule("node:buffer");
  const { createECDH, randomBytes, sign } = process.getBuiltinModule("node:crypto");
  const heard: string[] = [];

  /** Bytes with their length before them. */
  const vector = (size: number, ...parts: Uint8Array[]): Uint8Array => {
    const content = Buffer.concat(parts);
    const length = Buffer.alloc(size);
    length.writeUIntBE(content.length, 0, size);
    return Buffer.concat([length, content]);
  };
  const bytes = (...values: number[]): Uint8Array => Buffer.from(values);
  const message = (type: number, ...parts: Uint8Array[]): Uint8Array =>
    Buffer.concat([bytes(type), vector(3, ...parts)]);
  const record = (...messages: Uint8Array[]): Uint8Array => Buffer.concat([bytes(22, 3, 3), vector(2, ...messages)]);

  /** All messages of the server's first flight. */
  const flight = (clientRandom: Uint8Array): Uint8Array => {
    const serverRandom = randomBytes(32);
    // ECDHE with the certificate's type of key, AES-128-GCM, SHA-256.
    const cipher = bytes(0xc0, workerData.isRsa ? 0x2f : 0x2b);
    // Without both, clients end the connection for other reasons: renegotiation_info, extended_master_secret.
    const extensions = [bytes(0xff, 1), vector(2, vector(1)), bytes(0, 0x17), vector(2)];
    const hello = [bytes(3, 3), serverRandom, vector(1), cipher, bytes(0), vector(2, ...extensions)];
    const ecdh = createECDH("prime256v1");
    const parameters = Buffer.concat([bytes(3, 0, 0x17), vector(1, ecdh.generateKeys())]);
    const signed = Buffer.concat([clientRandom, serverRandom, parameters]);
    const signature = sign("sha256", signed, workerData.key as string);
    const algorithm = workerData.isRsa ? bytes(4, 1) : bytes(4, 3);
    return Buffer.concat([
      record(message(2, ...hello)),
      record(message(11, vector(3, vector(3, Buffer.from(workerData.certificate, "base64"))))),
      record(message(12, parameters, algorithm, vector(2, signature))),
      record(message(14)),
    ]);
  };

  const nameOf = (type: number, first: number): string => {
    if (type === 22 && first === 16) return "key exchange";
    return { 20: "change of keys", 21: "alert", 22: "handshake", 23: "data" }[type] ?? `type ${type}`;
  };

  const server = createServer((socket) => {
    socket.on("error", () => {});
    let received = Buffer.alloc(0);
    let state: "clear text" | "hello" | "answered" = "clear text";
    socket.on("data", (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (state === "clear text") {
        if (received.length < 8) return;
        received = received.subarray(8);
        socket.write("S");
        state = "hello";
      }
      while (received.length >= 5 && received.length >= 5 + received.readUInt16BE(3)) {
        const body = received.subarray(5, 5 + received.readUInt16BE(3));
        if (state === "answered") heard.push(nameOf(received[0]!, body[0]!));
        else socket.write(flight(body.subarray(6, 38)));
        state = "answered";
        received = received.subarray(5 + body.length);
        // There is no answer to what follows.
        if (heard.includes("change of keys")) socket.end();
      }
    });
  });
  parentPort!.on("message", () => parentPort!.postMessage(heard));
  server.listen(0, "127.0.0.1", () => parentPort!.postMessage((server.address() as { port: number }).port));
}
