import assert from "node:assert/strict";
import { type GroupMember, PoolGroup } from "../../src/pool/pool_group.ts";
import { test } from "../support/suite/test.ts";

class Member implements GroupMember {
  size: number;
  idle: number;
  waiting = 0;
  inUse = 0;
  served = 0;
  idleFor = 0;

  constructor(size: number, idle: number) {
    this.size = size;
    this.idle = idle;
  }

  yieldIdle(milliseconds: number): boolean {
    if (this.idle === 0 || this.idleFor < milliseconds) return false;
    this.idle--;
    this.size--;
    return true;
  }

  serve(): void {
    this.served++;
  }
}

function groupOf(max: number, ...members: readonly Member[]): PoolGroup {
  const group = new PoolGroup(max);
  for (const member of members) group.add(member);
  return group;
}

test("group: its members share the maximum", () => {
  const [a, b] = [new Member(2, 0), new Member(1, 0)] as const;
  const group = groupOf(4, a, b);
  assert.equal(group.hasRoom, true);
  b.size = 2;
  assert.equal(group.hasRoom, false);
});

test("group: callers of all members wait for the same connections, and count together", () => {
  const [a, b] = [new Member(3, 0), new Member(0, 0)] as const;
  const group = groupOf(4, a, b);
  a.inUse = 3;
  assert.equal(group.isCrowded(0), false, "there is room for one more");
  b.waiting = 1;
  assert.equal(group.isCrowded(0), true);
  assert.equal(group.isCrowded(1), false);
  a.waiting = 1;
  assert.equal(group.isCrowded(1), true);
  assert.equal(group.isCrowded(Infinity), false);
});

test("group: a member with less than its share gets the idle connection of one that has more", () => {
  const [a, b] = [new Member(1, 1), new Member(3, 3)] as const;
  const group = groupOf(4, a, b);
  assert.equal(group.makeRoom(b), false, "it has its share");
  assert.equal(group.makeRoom(a), true);
  a.size++;
  assert.deepEqual([a.size, b.size], [2, 2]);
  assert.equal(group.makeRoom(a), false, "now both have their share, and would take it from each other");
});

test("group: beyond its share, a member gets what nobody uses", () => {
  const [a, b] = [new Member(2, 0), new Member(2, 2)] as const;
  const group = groupOf(4, a, b);
  assert.equal(group.makeRoom(a), false);
  b.idleFor = 10_000;
  assert.equal(group.makeRoom(a), true);
  assert.equal(b.size, 1);
});

test("group: a member with more than its share gives the next connection to callers of another", () => {
  const [a, b] = [new Member(4, 0), new Member(0, 0)] as const;
  const group = groupOf(4, a, b);
  assert.equal(group.mustYield(a), false, "nobody waits for it");
  b.waiting = 3;
  assert.equal(group.mustYield(a), true);
  assert.equal(group.mustYield(b), false);
  group.serveOthers(a);
  assert.deepEqual([a.served, b.served], [0, 1]);
  a.size = b.size = 2;
  assert.equal(group.mustYield(a), false, "both have their share");
});

test("group: a member that has none gets any idle connection, and looks again while all are in use", () => {
  const [a, b, c] = [new Member(1, 1), new Member(1, 0), new Member(0, 0)] as const;
  const group = groupOf(2, a, b, c);
  c.waiting = 1;
  assert.equal(group.mustYield(b), true);
  assert.equal(group.makeRoom(c), true);
  assert.equal(group.retryAt(c, () => 100), Infinity);
  a.size = 1;
  const at = group.retryAt(c, () => 100);
  assert.ok(at > 100 && at < Infinity);
  assert.equal(group.retryAt(b, () => 100), Infinity, "nobody waits");
});
