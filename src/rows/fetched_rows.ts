/** The fetched rows of a stream, taken one by one. */
import type { Column } from "../wire/backend.ts";

/** What is known of a stream besides its rows. */
export interface StreamDescription {
  /** The columns; undefined until the first row was requested. */
  readonly columns: readonly Column[] | undefined;
  /** The command tag without numbers; undefined until the statement has completed. */
  readonly command: string | undefined;
  /** The number of rows; undefined until the statement has completed. */
  readonly affected: number | undefined;
}

/** The rows of the last batch that have not been taken yet. */
export class FetchedRows<R> {
  #rows: (R | undefined)[] = [];
  #next = 0;
  /** Whether no batch comes after this one. */
  isLast = false;

  /** Whether all rows were taken. */
  get isEmpty(): boolean {
    return this.#next >= this.#rows.length;
  }

  /** Adds the next batch. */
  put({ rows, hasMore }: { readonly rows: R[]; readonly hasMore: boolean }): void {
    this.#rows = rows;
    this.#next = 0;
    this.isLast = !hasMore;
  }

  /**
   * Takes the next row, and keeps no reference to it: the fewer rows live, the less memory the garbage
   * collector needs.
   */
  take(): R {
    const row = this.#rows[this.#next] as R;
    this.#rows[this.#next++] = undefined;
    return row;
  }

  /** Drops the rows that are left. */
  clear(): void {
    this.#rows = [];
  }
}
