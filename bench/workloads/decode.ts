/** Decoding without a server. */
import type { Workload } from "./workload.ts";

/** Rows of an operation. */
export const DECODED_ROWS = 1000;

export const decode: Workload = {
  title: () => "Decoding a row of 6 columns: int4, 3 text, int4, float8",
  units: () => DECODED_ROWS,
  pinned: true,
  base: "a decoder of that very row, by hand",
  transports: ["none"],
  check: (_, row) => (row as { score: number }).score === 0.5 * DECODED_ROWS,
};
