/** A statement that the server has prepared. */
import type { Codec } from "../codecs/codec.ts";
import { type ColumnCodecs, columnCodecs, type ColumnTypes } from "../codecs/column_codecs.ts";
import { Description } from "../rows/description.ts";
import { formatCodes } from "../rows/bind.ts";
import type { Registry } from "../codecs/registry.ts";
import type { Column } from "../wire/backend.ts";
import { Effect, effectsOfStatement } from "../sql/statement.ts";

/** A prepared statement: its name, its parameters and its rows. */
export class Prepared {
  /** Its name on the server, "" for the unnamed one. */
  readonly name: string;
  readonly sql: string;
  /** Its side effects, as bits of `Effect`. */
  readonly effects: number;
  /** The generation in which it was submitted for preparing, as in `StatementCache.generation`. */
  readonly generation: number;
  /** Whether its parameter types may be outdated, because a value did not fit. */
  isDoubtful = false;
  /** OIDs of its parameters' types. */
  readonly parameterTypes: readonly number[];
  readonly parameterCodecs: readonly Codec[];
  /** Its rows, in the formats of {@linkcode resultFormats}; undefined for a statement without rows. */
  readonly description: Description | undefined;
  /** The result formats, as Bind encodes them. */
  readonly resultFormats: readonly number[];
  readonly #catalogVersion: number;
  readonly #complete: boolean;
  /** The same statement with the columns of the last call that had types of its own. */
  #typed: { readonly types: ColumnTypes; readonly statement: Prepared } | undefined = undefined;

  constructor(
    name: string,
    sql: string,
    parameterTypes: readonly number[],
    columns: readonly Column[] | undefined,
    registry: Registry,
    generation: number = 0,
    effects: number = effectsOfStatement(sql),
    codecs: ColumnCodecs = registry,
  ) {
    this.name = name;
    this.sql = sql;
    this.effects = effects;
    this.generation = generation;
    this.parameterTypes = parameterTypes;
    this.parameterCodecs = parameterTypes.map((oid) => registry.codec(oid));
    const formats = columns?.map((column) => codecs.columnCodec(column).binary ? 1 : 0) ?? [];
    this.description = columns && new Description(columns, formats, codecs);
    this.resultFormats = formatCodes(formats);
    this.#catalogVersion = registry.catalog.version;
    this.#complete = !this.types.some((type) => registry.isUnknown(type));
  }

  /** Whether it is COPY. No request can be pipelined behind one. */
  get isCopy(): boolean {
    return (this.effects & Effect.Copies) !== 0;
  }

  /** The OIDs of its parameter types, and its columns, which contain their types. */
  get types(): (number | Column)[] {
    return [...this.parameterTypes, ...this.description?.columns ?? []];
  }

  /** The OIDs of the types of its parameters and columns. */
  get typeOids(): number[] {
    return this.types.map((type) => typeof type === "number" ? type : type.typeOid);
  }

  /**
   * Whether its codecs are up to date: all its types were known when it was made, the catalog was not invalidated
   * since, and no value failed to fit.
   */
  isCurrent(registry: Registry): boolean {
    return this.#complete && !this.isDoubtful && this.#catalogVersion === registry.catalog.version;
  }

  /** The same statement with the codecs that its types have now, under the same name or another. */
  renewed(registry: Registry, name: string = this.name, codecs: ColumnCodecs = registry): Prepared {
    return new Prepared(
      name,
      this.sql,
      this.parameterTypes,
      this.description?.columns,
      registry,
      this.generation,
      this.effects,
      codecs,
    );
  }

  /** The same statement for a call that has types of its own. Its row readers are used again by the next such call. */
  withTypes(types: ColumnTypes | undefined, registry: Registry): Prepared {
    if (types === undefined || this.description === undefined) return this;
    if (this.#typed?.types !== types) {
      this.#typed = { types, statement: this.renewed(registry, this.name, columnCodecs(types, registry)) };
    }
    return this.#typed.statement;
  }
}
