/** What is here of a stream: a batch of rows, taken one by one. */

/** The rows of the last batch that were not taken yet. */
export class FetchedRows<R> {
  #rows: (R | undefined)[] = [];
  #next = 0;
  /** Whether no batch comes after this one. */
  isLast = false;

  /** Whether all were taken. */
  get isEmpty(): boolean {
    return this.#next >= this.#rows.length;
  }

  /** The next batch. */
  put({ rows, hasMore }: { readonly rows: R[]; readonly hasMore: boolean }): void {
    this.#rows = rows;
    this.#next = 0;
    this.isLast = !hasMore;
  }

  /** The next row. It is forgotten at once: the fewer rows live, the less memory collectors take. */
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
