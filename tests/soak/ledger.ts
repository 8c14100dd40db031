/** A table in which calls leave rows, and what it has to hold in the end. */
import type { Conn } from "../../mod.ts";
import type { Fate, Watch } from "./watch.ts";

/** Numbers calls that write, and remembers what became of them. */
export class Ledger {
  readonly #fates = new Uint8Array(MOST);
  #last = 0;

  /** The number of a new call. */
  next(): number {
    return ++this.#last % MOST;
  }

  /** What a call has to write. */
  rows(call: number): [call: number, amount: number][] {
    return Array.from({ length: count(call) }, (_, i) => [call, amount(call, i)]);
  }

  settle(call: number, fate: Fate): void {
    this.#fates[call] = FATES.indexOf(fate) + 1;
  }

  async create(conn: Conn): Promise<void> {
    await conn.queryDrop("create table ledger (call int4 not null, amount int4 not null)");
  }

  /** Compares it with what was confirmed: all rows of a call or none, and which of both where that is known. */
  async check(conn: Conn, watch: Watch): Promise<string> {
    const found = new Uint8Array(this.#last + 1);
    const sums = "select call, count(*)::int4 as rows, sum(amount)::int4 as sum from ledger group by call";
    for await (const { call, rows, sum } of conn.stream<{ call: number; rows: number; sum: number }>(sums)) {
      const expected = this.rows(call).reduce((sum, [, amount]) => sum + amount, 0);
      if (rows !== count(call) || sum !== expected) {
        watch.wrong(`ledger: call ${call} left ${rows} rows with ${sum}, not ${count(call)} with ${expected}`);
      }
      found[call] = 1;
    }
    const tally = { done: 0, undone: 0, unknown: 0, present: 0 };
    for (let call = 1; call <= this.#last; call++) {
      const fate = FATES[this.#fates[call]! - 1] ?? "unknown";
      tally[fate]++;
      if (fate === "unknown" && found[call]) tally.present++;
      if (fate === "done" && !found[call]) watch.wrong(`ledger: call ${call} was confirmed and is not there`);
      if (fate === "undone" && found[call]) watch.wrong(`ledger: call ${call} was undone and is there`);
    }
    return `${tally.done} confirmed, ${tally.undone} undone, ${tally.unknown} unknown of which ${tally.present} are there`;
  }
}

function count(call: number): number {
  return 1 + call % 5;
}

function amount(call: number, i: number): number {
  return (call * 31 + i * 7) % 1000;
}

const FATES: readonly Fate[] = ["done", "undone", "unknown"];
/** Taken at once, so that it is not seen as growth. */
const MOST = 8_000_000;
