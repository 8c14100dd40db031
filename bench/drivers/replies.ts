/** What raw loops receive: framed, and decoded by hand for the rows that they ask for, without any check. */
import { Buffer } from "node:buffer";
import type { Person } from "../workloads/people.ts";

/** Of Buffer, what its types do not say. */
type Bytes = Buffer<ArrayBuffer> & { utf8Slice(start: number, end: number): string };

/** The replies to some requests, put together from what a socket gives. */
export class Replies {
  readonly #bytes = Buffer.from(new ArrayBuffer(CAPACITY)) as Bytes;
  readonly #view = new DataView(this.#bytes.buffer);
  #length = 0;
  /** Where the first message begins that is not whole yet. */
  #framed = 0;
  #outstanding = 0;

  /** So many replies are to come. */
  expect(count: number): void {
    this.#length = this.#framed = 0;
    this.#outstanding = count;
  }

  /** Where to receive into. */
  room(): Uint8Array<ArrayBuffer> {
    return this.#length === 0 ? this.#bytes : this.#bytes.subarray(this.#length);
  }

  /** The beginning of {@linkcode room} is filled. Whether all replies are there. */
  received(count: number): boolean {
    this.#length += count;
    while (this.#framed + 5 <= this.#length) {
      const end = this.#framed + 1 + this.#view.getInt32(this.#framed + 1);
      if (end > this.#length) break;
      const code = this.#bytes[this.#framed];
      if (code === ERROR) throw new Error(`The server refused: ${this.#bytes.utf8Slice(this.#framed, end)}`);
      if (code === READY) this.#outstanding--;
      this.#framed = end;
    }
    return this.#outstanding === 0;
  }

  /** As {@linkcode received}, of a chunk that is elsewhere. */
  push(chunk: Uint8Array): boolean {
    this.#bytes.set(chunk, this.#length);
    return this.received(chunk.length);
  }

  /** The value of the only row's only column, an int4. */
  number(): number {
    return this.#view.getInt32(AFTER_BIND_COMPLETE + 11);
  }

  /** The rows of `bench`. */
  people(): Person[] {
    const people: Person[] = [];
    for (let at = 0; at < this.#framed; at += 1 + this.#view.getInt32(at + 1)) {
      if (this.#bytes[at] === DATA_ROW) people.push(this.#person(at + 7));
    }
    return people;
  }

  #person(at: number): Person {
    const view = this.#view;
    const id = view.getInt32(at + 4);
    at += 8;
    const name = this.#text(at);
    at += 4 + view.getInt32(at);
    const age = view.getInt32(at + 4);
    at += 8;
    const email = this.#text(at);
    at += 4 + view.getInt32(at);
    const score = view.getFloat64(at + 4);
    return { id, name, age, email, score, description: this.#text(at + 12) };
  }

  #text(at: number): string {
    return this.#bytes.utf8Slice(at + 4, at + 4 + this.#view.getInt32(at));
  }
}

const CAPACITY = 0x40_0000;
const AFTER_BIND_COMPLETE = 5;
const DATA_ROW = 0x44;
const ERROR = 0x45;
const READY = 0x5a;
