/** A decoder that can read one row only, as somebody would write it who had no other: without any check. */
import { Buffer } from "node:buffer";
import type { Driver } from "../driver.ts";
import { recordedRows } from "./decode_rows.ts";

/** Of Buffer, what its types do not say. */
type Bytes = Buffer & { utf8Slice(start: number, end: number): string };

export const driver: Driver = () => {
  const given = recordedRows();
  // As received: in pieces of a socket's size, copied into a buffer.
  const bytes = Buffer.from(new ArrayBuffer(given.length)) as Bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

  function text(at: number): string {
    return bytes.utf8Slice(at + 4, at + 4 + view.getInt32(at));
  }

  return Promise.resolve({
    decode: () => {
      bytes.set(given);
      let row: unknown;
      for (let at = 0; at < bytes.length;) {
        const end = at + 1 + view.getInt32(at + 1);
        const id = view.getInt32(at + 11);
        at += 15;
        const name = text(at);
        at += 4 + view.getInt32(at);
        const email = text(at);
        at += 4 + view.getInt32(at);
        const description = text(at);
        at += 4 + view.getInt32(at);
        const age = view.getInt32(at + 4);
        const score = view.getFloat64(at + 12);
        row = { id, name, email, description, age, score };
        at = end;
      }
      return row;
    },
  });
};
