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

/** A column of a result: where it comes from, 0 if from no table, and the type that it is described with. */
export interface ColumnOrigin {
  readonly tableOid: number;
  readonly columnNumber: number;
  readonly typeOid: number;
}

/** What connections know of a database's types. */
export class Catalog {
  readonly #types = new Map<number, TypeInfo>();
  /** What {@linkcode nesting} has found, as long as nothing is added. */
  readonly #nestings = new Map<number, number>();
  /** The domains that columns of tables are declared with, by {@linkcode keyOf}. */
  readonly #domains = new Map<string, number>();
  /** Whether the server was asked since the version is this one. */
  #wasAsked = false;
  #version = ++versions;

  /** Changes when what was known is forgotten: what was made of it is then to be made again. No other catalog has the same. */
  get version(): number {
    return this.#version;
  }

  get(oid: number): TypeInfo | undefined {
    return this.#types.get(oid);
  }

  /**
   * How many types are inside of each other in a type, itself included and those that come with
   * PostgreSQL not; infinite for what contains itself. Counts without recursion, whose depth would be the server's.
   */
  nesting(oid: number): number {
    const begun = new Set<number>();
    const path = [oid];
    for (let at = path.at(-1); at !== undefined; at = path.at(-1)) {
      const parts = this.#nestings.has(at) ? [] : partsOf(this.#types.get(at));
      if (!begun.has(at) && parts.length > 0) {
        begun.add(at);
        for (const part of parts) if (!begun.has(part)) path.push(part);
        continue;
      }
      path.pop();
      if (this.#nestings.has(at)) continue;
      // A part without a count is one that this is a part of.
      const deepest = parts.reduce((most, part) => Math.max(most, this.#nestings.get(part) ?? Infinity), 0);
      this.#nestings.set(at, this.#types.has(at) ? deepest + 1 : 0);
    }
    return this.#nestings.get(oid)!;
  }

  /** What the server answered when it was asked for types, which may be nothing. */
  addTypes(types: readonly TypeInfo[]): void {
    this.#wasAsked = true;
    this.#nestings.clear();
    for (const type of types) this.#types.set(type.oid, type);
  }

  /** The domain that a column is declared with, which results do not tell; undefined if there is none, or it is not known. */
  domainOf(column: ColumnOrigin): number | undefined {
    return this.#domains.get(keyOf(column));
  }

  /** A column is declared with that domain. */
  addDomain(column: ColumnOrigin, domain: number): void {
    this.#wasAsked = true;
    this.#domains.set(keyOf(column), domain);
  }

  /** Whether one of these types has attributes, somewhere inside: they can become others while the type stays. */
  hasAttributes(oids: Iterable<number>): boolean {
    const inside = new Set(oids);
    // What is added while it is gone through is gone through as well.
    for (const oid of inside) {
      const type = this.#types.get(oid);
      if (type?.shape.kind === "composite") return true;
      for (const part of partsOf(type)) inside.add(part);
    }
    return false;
  }

  /** Types may have changed. */
  invalidate(): void {
    if (!this.#wasAsked) return;
    this.#wasAsked = false;
    this.#types.clear();
    this.#domains.clear();
    this.#nestings.clear();
    this.#version = ++versions;
  }
}

/** What tells a column from others, and from itself with another type. */
export function keyOf({ tableOid, columnNumber, typeOid }: ColumnOrigin): string {
  return `${tableOid}.${columnNumber}.${typeOid}`;
}

/** The types that a type is made of. */
function partsOf(type: TypeInfo | undefined): readonly number[] {
  switch (type?.shape.kind) {
    case "array":
      return [type.shape.element];
    case "domain":
      return [type.shape.base];
    case "range":
      return [type.shape.subtype];
    case "multirange":
      return [type.shape.range];
    case "composite":
      return type.shape.attributes.map(({ oid }) => oid);
    default:
      return [];
  }
}

/** How many versions catalogs have had. */
let versions = 0;
