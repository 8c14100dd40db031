/** Encodes the messages that a server sends, for scripted servers. */
import { Outbox } from "../../../src/wire/outbox.ts";

/** Any message, by its type and a function that writes its body. */
export function message(code: string, write: (out: Outbox) => void = () => {}): Uint8Array {
  const out = new Outbox();
  const start = out.begin(code.charCodeAt(0));
  write(out);
  out.end(start);
  return out.pending().slice();
}

/** Messages, one after the other. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
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

export function parameterStatus(name: string, value: string): Uint8Array {
  return message("S", (out) => {
    out.cstring(name);
    out.cstring(value);
  });
}

export function backendKeyData(processId: number = 42, secret: Uint8Array = new Uint8Array([1, 2, 3, 4])): Uint8Array {
  return message("K", (out) => {
    out.int32(processId);
    out.bytes(secret);
  });
}

export function readyForQuery(status: "I" | "T" | "E" = "I"): Uint8Array {
  return message("Z", (out) => out.byte(status.charCodeAt(0)));
}

export function parseComplete(): Uint8Array {
  return message("1");
}

export function bindComplete(): Uint8Array {
  return message("2");
}

export function closeComplete(): Uint8Array {
  return message("3");
}

export function noData(): Uint8Array {
  return message("n");
}

export function emptyQueryResponse(): Uint8Array {
  return message("I");
}

export function commandComplete(tag: string): Uint8Array {
  return message("C", (out) => out.cstring(tag));
}

export function parameterDescription(...types: number[]): Uint8Array {
  return message("t", (out) => {
    out.int16(types.length);
    for (const type of types) out.int32(type);
  });
}

/** Columns by name and type; all text unless `format` says binary, for all of them or each. */
export function rowDescription(
  columns: Readonly<Record<string, number>> | [string, number][],
  format: number | readonly number[] = 0,
): Uint8Array {
  const entries = Array.isArray(columns) ? columns : Object.entries(columns);
  return message("T", (out) => {
    out.int16(entries.length);
    for (const [i, [name, type]] of entries.entries()) {
      out.cstring(name);
      out.int32(0);
      out.int16(0);
      out.int32(type);
      out.int16(-1);
      out.int32(-1);
      out.int16(typeof format === "number" ? format : format[i]!);
    }
  });
}

/** Values as text or as bytes; null is NULL. */
export function dataRow(...values: (string | Uint8Array | null)[]): Uint8Array {
  return message("D", (out) => {
    out.int16(values.length);
    for (const value of values) {
      if (value === null) {
        out.int32(-1);
        continue;
      }
      const length = out.beginValue();
      if (typeof value === "string") out.text(value);
      else out.bytes(value);
      out.endValue(length);
    }
  });
}

/** Fields by their letters. */
function fields(code: "E" | "N", values: Readonly<Record<string, string>>): Uint8Array {
  return message(code, (out) => {
    for (const [letter, value] of Object.entries(values)) {
      out.byte(letter.charCodeAt(0));
      out.cstring(value);
    }
    out.byte(0);
  });
}

export function errorResponse(
  code: string = "42601",
  text: string = "syntax error",
  severity: string = "ERROR",
): Uint8Array {
  return fields("E", { S: severity, V: severity, C: code, M: text });
}

export function noticeResponse(text: string): Uint8Array {
  return fields("N", { S: "NOTICE", V: "NOTICE", C: "00000", M: text });
}

export function notificationResponse(channel: string, payload: string, pid: number = 7): Uint8Array {
  return message("A", (out) => {
    out.int32(pid);
    out.cstring(channel);
    out.cstring(payload);
  });
}

/** CopyInResponse (`G`) or CopyOutResponse (`H`), text format. */
export function copyResponse(code: "G" | "H"): Uint8Array {
  return message(code, (out) => {
    out.byte(0);
    out.int16(0);
  });
}

export function copyData(text: string): Uint8Array {
  return message("d", (out) => out.text(text));
}

export function copyDone(): Uint8Array {
  return message("c");
}
