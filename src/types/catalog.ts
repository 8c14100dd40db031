/**
 * The types that a database has besides those that come with PostgreSQL, as its catalog describes them.
 *
 * Connections to one database share a catalog, so that only the first of them has to ask.
 */

/** A type of the catalog. */
export interface TypeInfo {
  readonly oid: number;
  /** `pg_type.typname`. */
  readonly name: string;
  readonly schema: string;
  /** What stands between the elements of an array of it, in text. */
  readonly delimiter: string;
  readonly shape: TypeShape;
}

/** What a type is made of; types are OIDs. */
export type TypeShape =
  /** Nothing: a base type, an enum, a pseudo-type. */
  | { readonly kind: "base" | "enum" | "pseudo" }
  | { readonly kind: "array"; readonly element: number }
  | { readonly kind: "domain"; readonly base: number }
  | { readonly kind: "range"; readonly subtype: number }
  | { readonly kind: "multirange"; readonly range: number }
  | { readonly kind: "composite"; readonly attributes: readonly Attribute[] };

/** An attribute of a composite type. */
export interface Attribute {
  readonly name: string;
  readonly oid: number;
}

/** What connections know of a database's types. */
export class Catalog {
  readonly #types = new Map<number, TypeInfo | undefined>();
  #version = ++versions;

  /** Changes when what was known is forgotten: what was made of it is then to be made again. No other catalog has the same. */
  get version(): number {
    return this.#version;
  }

  /** Whether the server was asked for the type, even if there is none. */
  knows(oid: number): boolean {
    return this.#types.has(oid);
  }

  get(oid: number): TypeInfo | undefined {
    return this.#types.get(oid);
  }

  /** What the server answered when it was asked for these. */
  learn(asked: readonly number[], types: readonly TypeInfo[]): void {
    for (const oid of asked) this.#types.set(oid, undefined);
    for (const type of types) this.#types.set(type.oid, type);
  }

  /** Whether one of these types has attributes, somewhere inside: they can become others while the type stays. */
  hasAttributes(oids: Iterable<number>): boolean {
    const inside = new Set(oids);
    // What is added while it is gone through is gone through as well.
    for (const oid of inside) {
      const shape = this.#types.get(oid)?.shape;
      if (shape === undefined) continue;
      if (shape.kind === "composite") return true;
      for (const part of partsOf(shape)) inside.add(part);
    }
    return false;
  }

  /** Types may have changed. */
  forget(): void {
    if (this.#types.size === 0) return;
    this.#types.clear();
    this.#version = ++versions;
  }
}

function partsOf(shape: TypeShape): readonly number[] {
  switch (shape.kind) {
    case "array":
      return [shape.element];
    case "domain":
      return [shape.base];
    case "range":
      return [shape.subtype];
    case "multirange":
      return [shape.range];
    default:
      return [];
  }
}

/** How many versions catalogs have had. */
let versions = 0;
