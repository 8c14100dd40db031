/** COPY in and out, in the text format. */
import type { Sizes } from "../sizes.ts";
import { create, many, person, setup } from "./people.ts";
import type { Workload } from "./workload.ts";

/** The statement that copies in. */
export const COPY_IN = "copy copied (name, age, email, score, description) from stdin";

/** The statement that copies out. */
export function copyingOut(sizes: Sizes): string {
  return `copy (${many(sizes.copied, sizes, "name, age, email, score, description")}) to stdout`;
}

/** Rows of a block. */
export const BLOCK_ROWS = 500;

/** The data of that many rows: the same block of 500 again and again, so that little memory lives. */
export function* blocks({ copied }: Sizes): Generator<Uint8Array<ArrayBuffer>> {
  const lines = Array.from({ length: BLOCK_ROWS }, (_, k) => `${person(k + 1).join("\t")}\n`);
  const block = new TextEncoder().encode(lines.join(""));
  for (let sent = 0; sent < copied; sent += BLOCK_ROWS) yield block;
}

export const copyIn: Workload = {
  title: ({ copied }) => `A row of 5 columns, copied in (of ${copied})`,
  units: ({ copied }) => copied,
  pinned: false,
  base: "`psql`",
  transports: ["unix"],
  setup: () => create("copied"),
  before: "truncate copied",
  statement: () => COPY_IN,
  once: true,
  check: (_, rows, { copied }) => rows === copied,
};

export const copyOut: Workload = {
  title: ({ copied }) => `A row of 5 columns, copied out (of ${copied})`,
  units: ({ copied }) => copied,
  pinned: false,
  base: "`psql`",
  transports: ["unix"],
  setup,
  statement: copyingOut,
  once: true,
  // The bytes of a row, which differ with its number's digits.
  check: (_, bytes, { copied }) => Number(bytes) >= 90 * copied && Number(bytes) <= 110 * copied,
};
