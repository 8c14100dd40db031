/** Rows as the server sends them: int4, 3 text, int4, float8, in binary. */
import { DECODED_ROWS } from "../workloads/decode.ts";

/** Names and types of the columns. */
export const COLUMNS: readonly (readonly [name: string, oid: number])[] = [
  ["id", 23],
  ["name", 25],
  ["email", 25],
  ["description", 25],
  ["age", 23],
  ["score", 701],
];

/** The DataRow messages of one operation. */
export function recordedRows(): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  const parts: Uint8Array[] = [];
  for (let i = 1; i <= DECODED_ROWS; i++) {
    const texts = [`user ${i}`, `user${i}@example.com`, `This is the description of user number ${i}.`];
    const values = [int4(i), ...texts.map((text) => encoder.encode(text)), int4(20 + i % 60), float8(i * 0.5)];
    const fields = values.flatMap((value) => [int4(value.length), value]);
    const length = 6 + fields.reduce((sum, field) => sum + field.length, 0);
    parts.push(Uint8Array.of(0x44), int4(length), Uint8Array.of(0, COLUMNS.length), ...fields);
  }
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function int4(value: number): Uint8Array {
  return Uint8Array.of(value >> 24, value >> 16, value >> 8, value);
}

function float8(value: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return new Uint8Array(view.buffer);
}
