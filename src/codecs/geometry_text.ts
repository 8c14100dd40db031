/** Reads the text of geometric types. */
import { BadValue } from "./codec.ts";
import type { Point } from "./geometry_values.ts";

/** Reads the text of a shape from left to right. */
export class ShapeText {
  readonly #text: string;
  readonly #name: string;
  #at = 0;

  constructor(text: string, name: string) {
    this.#text = text;
    this.#name = name;
  }

  startsWith(character: string): boolean {
    return this.#text.startsWith(character, this.#at);
  }

  skip(character: string): this {
    if (!this.startsWith(character)) throw this.#bad();
    this.#at += 1;
    return this;
  }

  number(): number {
    NUMBER.lastIndex = this.#at;
    const text = NUMBER.exec(this.#text)?.[0];
    if (text === undefined) throw this.#bad();
    this.#at += text.length;
    return Number(text);
  }

  point(): Point {
    const x = this.skip("(").number();
    const y = this.skip(",").number();
    this.skip(")");
    return { x, y };
  }

  points(): Point[] {
    const points = [this.point()];
    while (this.startsWith(",")) points.push(this.skip(",").point());
    return points;
  }

  end(): void {
    if (this.#at !== this.#text.length) throw this.#bad();
  }

  #bad(): BadValue {
    return new BadValue(`it is not the text of ${this.#name} (at character ${this.#at})`);
  }
}

/** A float8 as the server prints it. */
const NUMBER = /-?(?:\d+(?:\.\d+)?(?:e[+-]\d+)?|Infinity)|NaN/y;
