/** Encodes the messages that a server sends: those of `@x/pyro/testing`, and what only these tests need. */
import { concat as joined, encoded } from "../../../src/wire/framing.ts";
import type { Outbox } from "../../../src/wire/outbox.ts";

export * from "../../../src/testing/server_messages.ts";

/** Any message, by its type and a function that writes its body. */
export function message(code: string, write: (out: Outbox) => void = () => {}): Uint8Array {
  return encoded((out) => {
    const start = out.begin(code.charCodeAt(0));
    write(out);
    out.end(start);
  });
}

/** Messages, one after the other. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return joined(parts);
}

/** Authentication with a method; `write` adds the bytes after the number. */
export function authentication(method: number, write: (out: Outbox) => void = () => {}): Uint8Array {
  return message("R", (out) => {
    out.int32(method);
    write(out);
  });
}

/** NegotiateProtocolVersion: the server's version, and the options that it does not know. */
export function negotiateProtocolVersion(version: number, ...options: readonly string[]): Uint8Array {
  return message("v", (out) => {
    out.int32(version);
    out.int32(options.length);
    for (const option of options) out.cstring(option);
  });
}

/**
 * What a server whose newest version is `newest` says to a StartupMessage, of which `body` is given, before
 * authentication: nothing if it has everything that the client asks for.
 */
export function negotiation(body: Uint8Array, newest: number): Uint8Array {
  const version = new DataView(body.buffer, body.byteOffset).getInt32(0);
  const texts = new TextDecoder().decode(body.subarray(4)).split("\0");
  const unknown = texts.filter((text, i) => i % 2 === 0 && text.startsWith("_pq_."));
  if (version <= newest && unknown.length === 0) return new Uint8Array();
  return negotiateProtocolVersion(Math.min(version, newest), ...unknown);
}
