/**
 * Copies parameters when their call is made: a call may have to wait for admission, for types or for a
 * retry, and its caller may change the values meanwhile.
 *
 * Mutable values are copied deeply: arrays, plain objects, Maps, bytes, Dates. An object of another
 * class is kept with its JSON text; a user's codec gets the object itself. Values that cannot be
 * copied, or throw when they are read, are left for the codec to refuse.
 */
import { Instance } from "../codecs/instance.ts";
import { Interval } from "../codecs/interval.ts";
import { JsonValue } from "../codecs/json.ts";
import { stringify } from "../codecs/json_text.ts";
import { Range } from "../codecs/range.ts";

/** The values, with mutable ones copied. An array that was copied here is returned as it is. */
export function snapshotOf(values: readonly unknown[]): readonly unknown[] {
  const copies = values.slice();
  for (let i = 0; i < copies.length; i++) {
    const value = copies[i];
    if (typeof value !== "object" || value === null) continue;
    if (COPYABLE.has(values)) return values;
    new Snapshot().copyInto(copies, i);
    COPYABLE.add(copies);
    return copies;
  }
  return copies;
}

/** Copies values that may refer to each other, and to themselves. */
class Snapshot {
  readonly #copies = new Map<object, unknown>();
  /** Copies whose members are not copied yet. */
  readonly #shallow: (unknown[] | Record<string, unknown>)[] = [];

  /** Replaces the members of an array, from index `first` on, by copies. */
  copyInto(values: unknown[], first: number): void {
    for (let i = first; i < values.length; i++) values[i] = this.#copy(values[i]);
    // Not recursive, since a value may be nested deeply.
    for (let copy = this.#shallow.pop(); copy !== undefined; copy = this.#shallow.pop()) {
      if (Array.isArray(copy)) {
        for (let i = 0; i < copy.length; i++) copy[i] = this.#copy(copy[i]);
        continue;
      }
      for (const key of Object.keys(copy)) {
        const value = copy[key];
        if (typeof value === "object" && value !== null) copy[key] = this.#copy(value);
      }
    }
  }

  #copy(value: unknown): unknown {
    if (typeof value !== "object" || value === null) return value;
    let copy = this.#copies.get(value);
    if (copy === undefined) {
      try {
        copy = this.#copyOf(value);
      } catch {
        copy = value;
      }
      this.#copies.set(value, copy);
    }
    return copy;
  }

  #copyOf(value: object): unknown {
    if (Array.isArray(value)) return this.#container(Array.from(value));
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === null || Object.getPrototypeOf(prototype) === null) {
      if (typeof (value as { toJSON?: unknown }).toJSON === "function") return new Instance(value, stringify(value));
      return this.#container({ ...value });
    }
    if (ArrayBuffer.isView(value)) return copyOfView(value);
    if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) return value.slice(0);
    if (value instanceof Date) return Object.setPrototypeOf(new Date(value), prototype as object);
    if (value instanceof JsonValue) return new JsonValue(this.#copy(value.value));
    if (value instanceof Range) {
      return Object.assign(Object.create(prototype as object), value, {
        lower: this.#copy(value.lower),
        upper: this.#copy(value.upper),
      });
    }
    if (value instanceof Map) return new Map(Array.from(value, ([key, item]) => [this.#copy(key), this.#copy(item)]));
    if (value instanceof Interval || IS_TEMPORAL.test(Object.prototype.toString.call(value))) return value;
    return new Instance(value, stringify(value));
  }

  #container<T extends unknown[] | Record<string, unknown>>(copy: T): T {
    this.#shallow.push(copy);
    return copy;
  }
}

function copyOfView(value: ArrayBufferView): unknown {
  if (value instanceof DataView) {
    return new DataView(value.buffer.slice(value.byteOffset, value.byteOffset + value.byteLength));
  }
  // A Buffer's own slice would share its memory.
  return Uint8Array.prototype.slice.call(value);
}

/** Copies made here, which no other code can change. */
const COPYABLE = new WeakSet<readonly unknown[]>();
/** Temporal's values are immutable. */
const IS_TEMPORAL = /^\[object Temporal\./;
