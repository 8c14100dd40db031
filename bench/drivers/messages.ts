/** The bytes that raw loops send: the same messages as a driver's, written by hand. */
import { USER } from "../driver.ts";

/** StartupMessage, for a server that trusts. */
export function startup(): Uint8Array<ArrayBuffer> {
  const parameters = `user\0${USER}\0database\0postgres\0\0`;
  return framed(undefined, int32(3 << 16), text(parameters));
}

/** Executes one prepared statement, whose parameter is an int4. */
export class Request {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;

  /** `name` has one letter. */
  constructor(name: string) {
    const bind = framed("B", text(`\0${name}\0`), int16(1), int16(1), int16(1), int32(4), int32(0), int16(1), int16(1));
    this.bytes = joined(bind, framed("E", text("\0"), int32(0)), SYNC);
    this.#view = new DataView(this.bytes.buffer);
  }

  /** Bind, Execute and Sync with that parameter; the same bytes each time. */
  with(parameter: number): Uint8Array<ArrayBuffer> {
    this.#view.setInt32(PARAMETER, parameter);
    return this.bytes;
  }
}

/** Parse and Sync. */
export function parse(name: string, sql: string): Uint8Array<ArrayBuffer> {
  return joined(framed("P", text(`${name}\0${sql}\0`), int16(0)), SYNC);
}

const SYNC = framed("S");
const PARAMETER = 18;

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
