/**
 * A database's own types, as its catalog describes them.
 *
 * Connections to one database share a catalog, so that only the first of them has to look types up.
 */

/** A type of the catalog. */
export interface TypeInfo {
  readonly oid: number;
  /** `pg_type.typname`. */
  readonly name: string;
  readonly schema: string;
  /** The separator of elements in the text of an array of this type. */
  readonly delimiter: string;
  readonly shape: TypeShape;
}

/** The parts of a type, as OIDs. */
export type TypeShape =
  /** No parts: a base type, an enum, a pseudo-type. */
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

/**
 * A column of a result: its table and number, 0 if it comes from no table, and the type that the server
 * reports for it.
 */
export interface ColumnOrigin {
  readonly tableOid: number;
  readonly columnNumber: number;
  readonly typeOid: number;
}

/** The types of one database, shared by its connections. */
export class Catalog {
  readonly #types = new Map<number, TypeInfo>();
  /** Results of {@linkcode nesting}, kept until types are added. */
  readonly #nestings = new Map<number, number>();
  /** The domains with which columns of tables are declared, by {@linkcode keyOf}. */
  readonly #domains = new Map<string, number>();
  /** Whether the server was queried since the version changed. */
  #wasAsked = false;
  #version = ++versions;

  /**
   * Changes with each invalidation: codecs and statements made of its types must then be made again. No
   * two catalogs have the same version.
   */
  get version(): number {
    return this.#version;
  }

  get(oid: number): TypeInfo | undefined {
    return this.#types.get(oid);
  }

  /**
   * How deep types are nested in a type, itself included and built-in types excluded; infinite for a type that
   * contains itself. Not recursive, since the server decides how deep.
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
      // A part without a count contains this type.
      const deepest = parts.reduce((most, part) => Math.max(most, this.#nestings.get(part) ?? Infinity), 0);
      this.#nestings.set(at, this.#types.has(at) ? deepest + 1 : 0);
    }
    return this.#nestings.get(oid)!;
  }

  /** Adds the server's answer to a query for types, which may be empty. */
  addTypes(types: readonly TypeInfo[]): void {
    this.#wasAsked = true;
    this.#nestings.clear();
    for (const type of types) this.#types.set(type.oid, type);
  }

  /**
   * The domain with which a column is declared, which results do not contain; undefined if there is
   * none, or it is not known.
   */
  domainOf(column: ColumnOrigin): number | undefined {
    return this.#domains.get(keyOf(column));
  }

  /** Notes that a column is declared with a domain. */
  addDomain(column: ColumnOrigin, domain: number): void {
    this.#wasAsked = true;
    this.#domains.set(keyOf(column), domain);
  }

  /** Whether one of these types contains attributes, at any depth: these can change while the type stays. */
  hasAttributes(oids: Iterable<number>): boolean {
    const inside = new Set(oids);
    // The loop also visits the OIDs that it adds.
    for (const oid of inside) {
      const type = this.#types.get(oid);
      if (type?.shape.kind === "composite") return true;
      for (const part of partsOf(type)) inside.add(part);
    }
    return false;
  }

  /** Drops all types, since they may have changed. */
  invalidate(): void {
    if (!this.#wasAsked) return;
    this.#wasAsked = false;
    this.#types.clear();
    this.#domains.clear();
    this.#nestings.clear();
    this.#version = ++versions;
  }
}

/** Identifies a column together with its type. */
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

/** The number of versions that catalogs have had. */
let versions = 0;
