/** Reads connection cases as lines of JSON, and writes what libpq makes of each. It changes its own environment. */
import process from "node:process";
import { createInterface } from "node:readline";
import { LibpqReader } from "../installed/libpq_outcome.ts";
import { lineOf } from "../installed/libpq_process.ts";

using libpq = new LibpqReader();
for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(lineOf(libpq.outcomeOf(JSON.parse(line))));
}
