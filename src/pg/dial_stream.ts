/** Connects through a stream that the user gives, such as that of a tunnel or of a connector of a cloud. */
import { Buffer } from "node:buffer";
import { type Duplex, Readable, Writable } from "node:stream";
import type { ByteStreams, DialAddress } from "../options/dial.ts";
import type { ClientConfig } from "./interfaces.ts";

/** A stream that may have to be connected, as sockets of `node:net` have. */
type Connectable = Duplex & { connect?(port: number, host: string): unknown; connecting?: boolean };

/** The connection over the stream of a configuration, or over the one that its function makes. */
export async function dialStream(
  given: NonNullable<ClientConfig["stream"]>,
  config: ClientConfig,
  { host, port, path }: DialAddress,
  signal: AbortSignal,
): Promise<ByteStreams> {
  const stream: Connectable = typeof given === "function" ? given(config) : given;
  signal.addEventListener("abort", () => stream.destroy(), { once: true });
  if (typeof stream.connect === "function") {
    await new Promise<void>((resolve, reject) => {
      stream.once("connect", resolve);
      stream.once("error", reject);
      stream.connect!(port ?? 0, host ?? path);
    });
  }
  const readable = Readable.toWeb(stream) as ReadableStream<Uint8Array>;
  const writable = Writable.toWeb(stream) as WritableStream<Uint8Array>;
  const asBuffer = new TransformStream<Uint8Array, Uint8Array>({
    // Streams of node take no Uint8Array of other realms.
    transform: (chunk, controller) => controller.enqueue(Buffer.from(chunk)),
  });
  asBuffer.readable.pipeTo(writable).catch(() => {});
  return { readable, writable: asBuffer.writable, close: () => stream.destroy() };
}
