import assert from "node:assert/strict";
import { type GroupMember, PoolGroup } from "../../src/pool/pool_group.ts";
import { test } from "../support/suite/test.ts";

class Member implements GroupMember {
  size: number;
  idle: number;
  waiting = 0;
  served = 0;

  constructor(size: number, idle: number) {
    this.size = size;
    this.idle = idle;
  }

  yieldIdle(): boolean {
    if (this.idle === 0) return false;
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

test("group: another member's idle connection makes room, and never one's own", () => {
  const [a, b] = [new Member(2, 2), new Member(2, 1)] as const;
  const group = groupOf(4, a, b);
  assert.equal(group.makeRoom(a), true);
  assert.deepEqual([a.size, b.size], [2, 1]);
  assert.equal(group.makeRoom(a), false);
});

test("group: a member whose callers have no connection at all gets the next one", () => {
  const [a, b] = [new Member(4, 0), new Member(0, 0)] as const;
  const group = groupOf(4, a, b);
  assert.equal(group.isStarving(a), false);
  b.waiting = 1;
  assert.equal(group.isStarving(a), true);
  assert.equal(group.isStarving(b), false);
  group.serveOthers(a);
  assert.deepEqual([a.served, b.served], [0, 1]);
  b.size = 1;
  assert.equal(group.isStarving(a), false);
});
