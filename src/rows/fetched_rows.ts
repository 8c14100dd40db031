/** The fetched rows of a stream, taken one by one. */

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
