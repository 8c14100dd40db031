/** Changes that turn a recorded stream of messages into one that no server sends. */
import type { Arbitrary, FastCheck } from "../installed/fast_check.ts";

/** A change; the numbers are reduced to what there is. */
export interface Mutation {
  readonly kind: typeof KINDS[number];
  readonly at: number;
  readonly length: number;
  readonly value: number;
}

/** Makes changes. */
export function mutations(fc: FastCheck): Arbitrary<Mutation[]> {
  const one = fc.record<Mutation>({
    kind: fc.constantFrom(...KINDS),
    at: fc.nat(0xffff),
    length: fc.nat(40),
    value: fc.oneof(fc.nat(255), fc.constantFrom(...NUMBERS)),
  });
  return fc.array(one, { minLength: 1, maxLength: 4 });
}

/** The bytes after the changes, one after the other. */
export function mutated(bytes: Uint8Array, changes: readonly Mutation[]): Uint8Array {
  return changes.reduce((before, change) => mutate(before, change), bytes);
}

function mutate(bytes: Uint8Array, { kind, at, length, value }: Mutation): Uint8Array {
  if (bytes.length === 0) return bytes;
  if (kind.startsWith("message")) return mutateMessage(bytes, kind, at, value);
  const start = at % bytes.length;
  const [before, piece, after] = [
    bytes.subarray(0, start),
    bytes.subarray(start, start + length),
    bytes.subarray(start),
  ];
  switch (kind) {
    case "byte":
      return bytes.with(start, value & 0xff);
    case "bit":
      return bytes.with(start, bytes[start]! ^ (1 << (value & 7)));
    case "int32":
      return join(before, int32(value), after.subarray(4));
    case "int16":
      return join(before, int32(value).subarray(2), after.subarray(2));
    case "insert":
      return join(before, new Uint8Array(length).fill(value & 0xff), after);
    case "remove":
      return join(before, after.subarray(length));
    case "repeat":
      return join(before, piece, after);
    default:
      return before;
  }
}

/** Whole messages, so that what stands behind them is still understood. */
function mutateMessage(bytes: Uint8Array, kind: Mutation["kind"], at: number, value: number): Uint8Array {
  const messages = split(bytes);
  const index = at % messages.length;
  const chosen = messages[index]!;
  const [before, after] = [messages.slice(0, index), messages.slice(index + 1)];
  switch (kind) {
    case "message left out":
      return join(...before, ...after);
    case "message repeated":
      return join(...before, chosen, chosen, ...after);
    case "message moved":
      return join(...before, ...after.slice(0, 1), chosen, ...after.slice(1));
    case "message of another type":
      return join(...before, chosen.with(0, CODES.charCodeAt(value % CODES.length)), ...after);
    default: {
      // One byte of the body, and the length with it.
      const body = value % 2 === 0 ? chosen.subarray(5, -1) : join(chosen.subarray(5), Uint8Array.of(value & 0xff));
      return join(...before, chosen.subarray(0, 1), int32(body.length + 4), body, ...after);
    }
  }
}

/** The messages of a stream; what is none is the last. */
function split(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const messages: Uint8Array[] = [];
  let at = 0;
  while (at + 5 <= bytes.length) {
    const end = at + 1 + view.getInt32(at + 1);
    if (end < at + 5 || end > bytes.length) break;
    messages.push(bytes.subarray(at, end));
    at = end;
  }
  if (at < bytes.length || messages.length === 0) messages.push(bytes.subarray(at));
  return messages;
}

function int32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value);
  return bytes;
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const KINDS = [
  "byte",
  "bit",
  "int32",
  "int16",
  "insert",
  "remove",
  "repeat",
  "cut",
  "message left out",
  "message repeated",
  "message moved",
  "message of another type",
  "message of another length",
] as const;

/** Lengths, counts and OIDs that are likely to be wrong. */
const NUMBERS = [-1, -2, 0x7fff_ffff, -0x8000_0000, 0xffff, 0x1_0000, 0x3fff_ffff, 3, 23, 25, 2249, 1009];
/** All types of messages that a server sends. */
const CODES = "RK23CWdcGHDIEvnNAtS1sZT";
