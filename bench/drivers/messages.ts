/** The bytes that raw loops send and expect: the same messages as a driver's, written by hand. */
import { USER } from "../driver.ts";
import { PING } from "../workloads/ping.ts";

/** StartupMessage, for a server that trusts. */
export function startup(): Uint8Array<ArrayBuffer> {
  const parameters = `user\0${USER}\0database\0postgres\0\0`;
  return framed(undefined, int32(3 << 16), text(parameters));
}

/** Parse and Sync for the statement `s`. */
export function parse(): Uint8Array<ArrayBuffer> {
  return joined(framed("P", text(`s\0${PING}\0`), int16(0)), SYNC);
}

/** Bind, Execute and Sync, with the parameter still to be written at {@linkcode PARAMETER}. */
export function execute(): Uint8Array<ArrayBuffer> {
  const bind = framed("B", text("\0s\0"), int16(1), int16(1), int16(1), int32(4), int32(0), int16(1), int16(1));
  return joined(bind, framed("E", text("\0"), int32(0)), SYNC);
}

/** Where the parameter lies in {@linkcode execute}. */
export const PARAMETER = 18;

/** Where the result lies in what the server answers: after BindComplete and the head of DataRow. */
export const RESULT = 16;

/** Whether what was received ends with ReadyForQuery. */
export function isReady(bytes: Uint8Array, length: number): boolean {
  return length >= 6 && bytes[length - 6] === 0x5a && bytes[length - 5] === 0 && bytes[length - 2] === 5;
}

const SYNC = framed("S");

function framed(type: string | undefined, ...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const body = joined(...parts);
  return joined(type === undefined ? new Uint8Array() : text(type), int32(body.length + 4), body);
}

function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

function int16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value);
}

function int32(value: number): Uint8Array {
  return Uint8Array.of(value >> 24, value >> 16, value >> 8, value);
}
