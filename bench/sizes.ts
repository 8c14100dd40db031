/** How much of everything there is. */

/** How much of everything there is. */
export interface Sizes {
  /** Rows of the table `bench`: at least those that are selected by key. */
  readonly rows: number;
  readonly mixed: number;
  /** Rows inserted by an operation of `insert_batch`: a multiple of its batches. */
  readonly inserted: number;
  /** Point selects in flight at once. */
  readonly inFlight: number;
  /** Round trips of `fresh`. */
  readonly fresh: number;
  readonly streamed: number;
  /** Rows of a COPY: a multiple of a block. */
  readonly copied: number;
  /** Requests of an operation of `http`. */
  readonly requests: number;
}

/** To measure with. */
export const FULL: Sizes = {
  rows: 300_000,
  mixed: 50_000,
  inserted: 10_000,
  inFlight: 10_000,
  fresh: 5000,
  streamed: 5_000_000,
  copied: 1_000_000,
  requests: 10_000,
};

/** To see that everything works. */
export const QUICK: Sizes = {
  rows: 10_000,
  mixed: 1000,
  inserted: 2000,
  inFlight: 1000,
  fresh: 200,
  streamed: 20_000,
  copied: 10_000,
  requests: 500,
};
