/** Objects of classes, as parameters that are kept until they are sent. */

/**
 * An object of a class that pyro does not know, with the JSON text that it had when its call was made:
 * such objects cannot be copied, and most of them are sent as JSON.
 */
export class Instance {
  readonly original: object;
  readonly json: string;

  constructor(original: object, json: string) {
    this.original = original;
    this.json = json;
  }
}

/** The value itself, for those who want something else of it than JSON. */
export function originalOf(value: unknown): unknown {
  return value instanceof Instance ? value.original : value;
}
