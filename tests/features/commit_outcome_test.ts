import assert from "node:assert/strict";
import { outcomeOf, type ServerAnswer, type TransactionMark } from "../../src/features/commit_outcome.ts";
import { Random } from "../support/suite/random.ts";
import { test } from "../support/suite/test.ts";

const MARK: TransactionMark = {
  system: "7",
  timeline: 3,
  statisticsSince: "t0",
  id: "900",
  position: 1000n,
  isFlushed: true,
};
const SAME: ServerAnswer = {
  system: "7",
  timeline: 3,
  statisticsSince: "t0",
  status: "committed",
  replayed: undefined,
  wasStandby: false,
};
const CRASHED: ServerAnswer = { ...SAME, statisticsSince: "t1", replayed: 1200n };
const PROMOTED: ServerAnswer = { ...SAME, timeline: 4, statisticsSince: "t2", replayed: 1200n, wasStandby: true };

const CASES: readonly (readonly [name: string, answer: ServerAnswer, expected: string])[] = [
  ["the same server", SAME, "committed"],
  ["the same server, aborted", { ...SAME, status: "aborted" }, "not committed"],
  ["the same server, still at it", { ...SAME, status: "in progress" }, "pending"],
  ["the same server, started again in an orderly way", { ...SAME, replayed: undefined }, "committed"],
  ["a status that is forgotten", { ...SAME, status: undefined }, "unknown"],
  ["a standby, which may be promoted", { ...SAME, timeline: undefined }, "pending"],
  ["another cluster", { ...SAME, system: "8" }, "unknown"],
  ["a server that does not say when it crashed", { ...SAME, statisticsSince: undefined }, "unknown"],
  ["after a crash: the ID may be another's", CRASHED, "unknown"],
  ["after a crash that has lost it", { ...CRASHED, replayed: 999n }, "not committed"],
  ["after a crash, aborted", { ...CRASHED, status: "aborted" }, "not committed"],
  ["after a crash, or with statistics that were reset: in progress", { ...CRASHED, status: "in progress" }, "pending"],
  [
    "a server that does not say since when, in progress",
    { ...SAME, statisticsSince: undefined, status: "in progress" },
    "pending",
  ],
  ["after a crash, not used yet", { ...CRASHED, status: "future" }, "not committed"],
  ["a promoted standby that had its message", PROMOTED, "committed"],
  ["a promoted standby that had just that", { ...PROMOTED, replayed: 1000n }, "committed"],
  ["a promoted standby that had not", { ...PROMOTED, replayed: 999n }, "not committed"],
  ["a promoted standby, aborted", { ...PROMOTED, status: "aborted" }, "not committed"],
  ["a promoted standby, in progress: it is another's", { ...PROMOTED, status: "in progress" }, "not committed"],
  ["a promoted standby, not used yet", { ...PROMOTED, status: "future" }, "not committed"],
  ["a promoted standby that has crashed since", { ...PROMOTED, wasStandby: false }, "unknown"],
  ["a promoted standby that was started again", { ...PROMOTED, replayed: undefined, wasStandby: false }, "unknown"],
  ["two promotions later", { ...PROMOTED, timeline: 5 }, "unknown"],
  ["an older timeline", { ...PROMOTED, timeline: 2 }, "unknown"],
];

test("commit outcome: a promoted standby, of a primary that may have crashed before: unknown", () => {
  assert.equal(outcomeOf({ ...MARK, isFlushed: false }, PROMOTED), "unknown");
  assert.equal(outcomeOf({ ...MARK, isFlushed: false }, { ...PROMOTED, replayed: 999n }), "not committed");
});

for (const [name, answer, expected] of CASES) {
  test(`commit outcome: ${name}: ${expected}`, () => assert.equal(outcomeOf(MARK, answer), expected));
}

/** A record of the write-ahead log: its end, and the transaction that has written it. */
interface LogRecord {
  readonly end: bigint;
  readonly owner: object;
  readonly id: number;
  readonly isCommit: boolean;
}

/** A server as far as IDs and its log go. */
class ModelServer {
  log: LogRecord[] = [];
  /** The end of what a crash cannot lose, and a standby can have. */
  flushed = 0n;
  timeline = 1;
  statisticsSince = "start";
  replayed: bigint | undefined = undefined;
  wasStandby = false;
  nextId = 1;
  readonly open = new Map<object, number>();

  get end(): bigint {
    return this.log.at(-1)?.end ?? 0n;
  }

  begin(owner: object, writes: boolean): { readonly id: number; readonly position: bigint } {
    const id = this.nextId++;
    this.open.set(owner, id);
    return { id, position: writes ? this.write(owner, false) : this.end };
  }

  write(owner: object, isCommit: boolean): bigint {
    const id = this.open.get(owner)!;
    this.log.push({ end: this.end + 10n, owner, id, isCommit });
    if (isCommit) this.open.delete(owner);
    return this.end;
  }

  /** Recovers with the first records of a log. */
  recover(log: readonly LogRecord[]): void {
    this.log = [...log];
    this.flushed = this.end;
    this.open.clear();
    this.nextId = Math.max(0, ...this.log.map(({ id }) => id)) + 1;
    this.replayed = this.end;
  }

  answer(id: number): ServerAnswer {
    const { timeline, statisticsSince, replayed, wasStandby } = this;
    const isCommitted = this.log.some((record) => record.id === id && record.isCommit);
    const isOpen = [...this.open.values()].includes(id);
    const status = isCommitted ? "committed" : isOpen ? "in progress" : id >= this.nextId ? "future" : "aborted";
    return { system: "s", timeline, statisticsSince, replayed, wasStandby, status };
  }
}

test("commit outcome: whatever servers lose, no answer is wrong", () => {
  const seed = Math.floor(Math.random() * 2 ** 32);
  const random = new Random(seed);
  const upTo = (max: number): number => random.below(max + 1);
  const isIn = (percent: number): boolean => random.below(100) < percent;
  const settled = { committed: 0, "not committed": 0, unknown: 0, pending: 0 };
  for (let round = 0; round < 20_000; round++) {
    let primary = new ModelServer();
    const others = (): void => {
      for (let left = upTo(4); left > 0; left--) {
        const owner = {};
        primary.begin(owner, isIn(50));
        if (isIn(70)) primary.write(owner, true);
        if (isIn(20)) primary.flushed = primary.end;
      }
    };
    others();
    const own = {};
    const { id, position } = primary.begin(own, true);
    const { timeline, statisticsSince } = primary;
    others();
    const isFlushed = primary.flushed >= position;
    const mark = { system: "s", timeline, statisticsSince, id: String(id), position, isFlushed };
    if (isIn(60)) primary.write(own, true);
    else if (isIn(50)) primary.open.delete(own);
    for (let left = upTo(3), n = 0; left > 0; left--) {
      others();
      const isPromotion = isIn(50);
      // A standby has no more than what was flushed, a crash loses no more than what was not.
      const flushed = primary.log.filter(({ end }) => end <= primary.flushed);
      const unflushed = primary.log.length - flushed.length;
      const kept = isPromotion
        ? flushed.slice(0, flushed.length - upTo(Math.min(8, flushed.length)))
        : primary.log.slice(0, flushed.length + upTo(unflushed));
      if (isPromotion) {
        const standby = new ModelServer();
        Object.assign(standby, { timeline: primary.timeline + 1, wasStandby: true });
        standby.recover(kept);
        standby.statisticsSince = `standby ${round} ${n++}`;
        primary = standby;
      } else if (isIn(70)) {
        primary.recover(kept);
        primary.statisticsSince = `crash ${round} ${n++}`;
        primary.wasStandby = false;
      } else {
        // A shutdown loses nothing.
        primary.open.clear();
        primary.replayed = undefined;
        primary.wasStandby = false;
      }
      others();
    }
    const isCommitted = primary.log.some(({ owner, isCommit }) => owner === own && isCommit);
    const outcome = outcomeOf(mark, primary.answer(id));
    settled[outcome]++;
    if (outcome === "committed") assert.ok(isCommitted, `seed ${seed}, round ${round}`);
    if (outcome === "not committed") assert.ok(!isCommitted, `seed ${seed}, round ${round}`);
  }
  for (const count of Object.values(settled)) assert.ok(count > 0, JSON.stringify(settled));
});
