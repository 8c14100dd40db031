/** Keeps objects of classes as parameters until they are sent. */

/**
 * An object of a class that pyro does not know, with its JSON text at the time of the call: such
 * objects cannot be copied, and most of them are sent as JSON.
 */
export class Instance {
  readonly original: object;
  readonly json: string;

  constructor(original: object, json: string) {
    this.original = original;
    this.json = json;
  }
}

/** The value itself, for codecs that do not need its JSON text. */
export function originalOf(value: unknown): unknown {
  return value instanceof Instance ? value.original : value;
}
