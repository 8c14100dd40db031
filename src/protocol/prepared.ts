/** What is known of a statement that the server has prepared. */
import type { Codec } from "../types/codec.ts";
import { Description } from "../types/description.ts";
import { formatCodes } from "../types/parameters.ts";
import type { Registry } from "../types/registry.ts";
import type { Column } from "../wire/backend.ts";
import { couldCopy, effectOnStatements, effectOnTypes } from "./sql_text.ts";

/** A prepared statement: its name there, its parameters and its rows. */
export class Prepared {
  /** Its name on the server, "" for the unnamed one. */
  readonly name: string;
  readonly sql: string;
  /** Whether it may be a COPY, behind which nothing can be pipelined. */
  readonly couldCopy: boolean;
  readonly effectOnTypes: ReturnType<typeof effectOnTypes>;
  readonly effectOnStatements: ReturnType<typeof effectOnStatements>;
  /** OIDs of its parameters' types. */
  readonly parameterTypes: readonly number[];
  readonly parameterCodecs: readonly Codec[];
  /** Its rows in the formats that {@linkcode resultFormats} asks for; undefined for a statement without rows. */
  readonly description: Description | undefined;
  /** How Bind asks for the formats. */
  readonly resultFormats: readonly number[];
  readonly #catalogVersion: number;
  readonly #complete: boolean;

  constructor(
    name: string,
    sql: string,
    parameterTypes: readonly number[],
    columns: readonly Column[] | undefined,
    registry: Registry,
  ) {
    this.name = name;
    this.sql = sql;
    this.couldCopy = couldCopy(sql);
    this.effectOnTypes = effectOnTypes(sql);
    this.effectOnStatements = effectOnStatements(sql);
    this.parameterTypes = parameterTypes;
    this.parameterCodecs = parameterTypes.map((oid) => registry.codec(oid));
    const formats = columns?.map((column) => registry.columnCodec(column).binary ? 1 : 0) ?? [];
    this.description = columns && new Description(columns, formats, registry);
    this.resultFormats = formatCodes(formats);
    this.#catalogVersion = registry.catalog.version;
    this.#complete = !this.types.some((type) => registry.isUnknown(type));
  }

  /** The types of its parameters, and its columns, which have theirs. */
  get types(): (number | Column)[] {
    return [...this.parameterTypes, ...this.description?.columns ?? []];
  }

  /** Whether all its types were known when it was made, and nothing that was known then has been forgotten. */
  isCurrent(registry: Registry): boolean {
    return this.#complete && this.#catalogVersion === registry.catalog.version;
  }

  /** The same statement with what is known of its types now, under the same name on the server or another. */
  renewed(registry: Registry, name: string = this.name): Prepared {
    return new Prepared(name, this.sql, this.parameterTypes, this.description?.columns, registry);
  }
}
