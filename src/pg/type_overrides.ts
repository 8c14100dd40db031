/** Parsers of types that differ from the module's, for one client or one query. */
import type { CustomTypesConfig } from "./interfaces.ts";
import { type TypeParser, types } from "./types.ts";

/**
 * Parsers by OID and format; for other types those of `base` are used, or the module's.
 *
 * @example
 * ```ts
 * import { TypeOverrides } from "@x/pyro/pg";
 * import assert from "node:assert/strict";
 *
 * const own = new TypeOverrides();
 * own.setTypeParser(1700, (text) => Number(text));
 * assert.equal(own.getTypeParser(1700)("1.5"), 1.5);
 * assert.equal(own.getTypeParser(16)("t"), true);
 * ```
 */
export class TypeOverrides implements CustomTypesConfig {
  /** Internal, as is everything in pg that begins with `_`. */
  readonly _types: CustomTypesConfig;
  /** The parsers of texts. */
  readonly text: Record<number, TypeParser> = {};
  /** The parsers of bytes. */
  readonly binary: Record<number, TypeParser> = {};

  /** Overrides of nothing yet. */
  constructor(base?: CustomTypesConfig) {
    this._types = base || types;
  }

  /** The parsers of a format that were set here. */
  getOverrides(format: string): Record<number, TypeParser> {
    return format === "text" ? this.text : format === "binary" ? this.binary : {};
  }

  /** Sets a parser; the format is `text` if it is left out. */
  setTypeParser(oid: number, format: string | TypeParser, parser?: TypeParser): void {
    if (typeof format === "function") this.text[oid] = format;
    else this.getOverrides(format)[oid] = parser!;
  }

  /** The parser of a type; the format is `text` if it is left out. */
  getTypeParser(oid: number, format?: string): TypeParser {
    return this.getOverrides(format || "text")[oid] || this._types.getTypeParser(oid, format || "text");
  }
}
