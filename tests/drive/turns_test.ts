/** Turns: first come first served, and what goes on comes before what has not begun. */
import assert from "node:assert/strict";
import { type Place, Turns } from "../../src/drive/turns.ts";
import { test } from "../support/test.ts";

/** Who has reached their turn, in order. */
class Log {
  readonly names: string[] = [];

  watch(name: string, place: Place | undefined): Place {
    assert.ok(place !== undefined, `${name} has to wait`);
    void place.reached.then(() => this.names.push(name));
    return place;
  }

  async is(...names: string[]): Promise<void> {
    for (let i = 0; i < 5; i++) await Promise.resolve();
    assert.deepEqual(this.names, names);
  }
}

test("turns: one at a time, in the order of the asking", async () => {
  const turns = new Turns();
  const log = new Log();
  assert.equal(turns.take(), undefined);
  for (const name of ["b", "c", "d"]) log.watch(name, turns.take());
  await log.is();
  turns.pass();
  await log.is("b");
  turns.pass();
  await log.is("b", "c");
  turns.pass();
  turns.pass();
  await log.is("b", "c", "d");
  assert.equal(turns.take(), undefined, "free again");
});

test("turns: who goes on comes before those that had none yet", async () => {
  const turns = new Turns();
  const log = new Log();
  turns.take();
  log.watch("new", turns.take());
  log.watch("on 1", turns.takeAgain());
  log.watch("on 2", turns.takeAgain());
  for (let i = 0; i < 4; i++) turns.pass();
  await log.is("on 1", "on 2", "new");
  assert.equal(turns.takeAgain(), undefined, "free again");
  turns.pass();
});

test("turns: who leaves the line is passed over, and the others keep their places", async () => {
  const turns = new Turns();
  const log = new Log();
  turns.take();
  const [b, , d] = ["b", "c", "d", "e"].map((name) => log.watch(name, turns.take()));
  b!.withdraw();
  d!.withdraw();
  d!.withdraw();
  turns.pass();
  turns.pass();
  await log.is("c", "e");
  turns.pass();
  assert.equal(turns.take(), undefined);
});

test("turns: to leave the line after the turn has come does not take it from the next", async () => {
  const turns = new Turns();
  const log = new Log();
  turns.take();
  const b = log.watch("b", turns.take());
  turns.pass();
  b.withdraw();
  log.watch("c", turns.take());
  await log.is("b");
  turns.pass();
  await log.is("b", "c");
});

test("turns: lent, only those that go on have it, one at a time, and then again the lender", async () => {
  const turns = new Turns();
  const log = new Log();
  turns.take();
  log.watch("new", turns.take());
  log.watch("on 1", turns.takeAgain());
  turns.lend();
  await log.is("on 1");
  log.watch("on 2", turns.takeAgain());
  await log.is("on 1");
  turns.pass();
  await log.is("on 1", "on 2");
  turns.pass();
  assert.equal(turns.takeAgain(), undefined, "nobody has borrowed it now");
  turns.pass();
  await log.is("on 1", "on 2");
  turns.reclaim();
  log.watch("late", turns.takeAgain());
  await log.is("on 1", "on 2");
  turns.pass();
  turns.pass();
  await log.is("on 1", "on 2", "late", "new");
});

test("turns: lent to nobody, nothing changes", async () => {
  const turns = new Turns();
  const log = new Log();
  turns.take();
  turns.lend();
  log.watch("new", turns.take());
  turns.reclaim();
  await log.is();
  turns.pass();
  await log.is("new");
  turns.pass();
  assert.equal(turns.take(), undefined);
});
