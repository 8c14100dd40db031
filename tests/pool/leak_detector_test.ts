/** Connections that do not come back. */
import assert from "node:assert/strict";
import { Lease } from "../../src/pool/lease.ts";
import { LeakDetector, type PoolLeak } from "../../src/pool/leak_detector.ts";
import { collectedUntil } from "../support/suite/garbage.ts";
import { test } from "../support/suite/test.ts";

/** Watches with a clock of its own. */
class Scene {
  now = 0;
  readonly reports: PoolLeak[] = [];
  readonly reclaimed: string[] = [];
  readonly undone: string[] = [];
  readonly leaks: LeakDetector<string>;

  constructor(timeout: number) {
    this.leaks = new LeakDetector(
      timeout,
      () => this.now,
      (leak) => {
        this.reports.push(leak);
        throw new Error("a listener's own failure");
      },
      (member) => this.reclaimed.push(member),
    );
  }

  watch(lease: Lease, member: string, place: string = "the place"): () => void {
    return this.leaks.watch(lease, member, new Error(place), () => this.undone.push(member));
  }
}

test("leaks: what is out for too long is reported once, with the place where it was taken", () => {
  const scene = new Scene(100);
  const lease = new Lease();
  scene.watch(lease, "a");
  scene.now = 30;
  const end = scene.watch(new Lease(), "b", "another place");
  assert.equal(scene.leaks.nextCheckAt, 100);
  scene.now = 100;
  scene.leaks.check();
  scene.leaks.check();
  assert.equal(scene.reports.length, 1);
  assert.deepEqual([scene.reports[0]!.kind, scene.reports[0]!.milliseconds], ["late", 100]);
  assert.match(scene.reports[0]!.stack, /the place[^]*leak_detector_test/);
  assert.equal(scene.leaks.nextCheckAt, 130);
  end();
  assert.equal(scene.leaks.nextCheckAt, Infinity);
  scene.now = 1000;
  scene.leaks.check();
  assert.equal(scene.reports.length, 1);
  assert.deepEqual(scene.reclaimed, []);
  assert.equal(lease.isEnded, false);
});

test("leaks: without a limit nothing is late", () => {
  const scene = new Scene(Infinity);
  scene.watch(new Lease(), "a");
  scene.now = 1e12;
  scene.leaks.check();
  assert.deepEqual([scene.reports, scene.leaks.nextCheckAt], [[], Infinity]);
});

test("leaks: once the pool has closed its connections, none is late or forgotten", async () => {
  const scene = new Scene(1000);
  for (let i = 0; i < 20; i++) scene.watch(new Lease(), `${i}`);
  const held = new Lease();
  const end = scene.watch(held, "held");
  scene.leaks.end();
  const other = new Scene(Infinity);
  for (let i = 0; i < 20; i++) other.watch(new Lease(), `${i}`);
  assert.ok(await collectedUntil(() => other.reclaimed.length > 0), "leases are collected");
  scene.now = 1e12;
  scene.leaks.check();
  assert.deepEqual([scene.reports, scene.reclaimed, scene.leaks.nextCheckAt], [[], [], Infinity]);
  held.check("be held until here");
  end();
});

test("leaks: what nobody can give back any more is taken back, what was given back is not", async () => {
  const scene = new Scene(Infinity);
  const held = new Lease();
  for (let i = 0; i < 20; i++) {
    const lease = new Lease();
    const end = scene.watch(lease, `${i}`);
    if (i < 10) end();
  }
  scene.watch(held, "held");
  assert.ok(await collectedUntil(() => scene.reclaimed.length > 0), "something was taken back");
  assert.ok(scene.reclaimed.every((member) => Number(member) >= 10), scene.reclaimed.join());
  assert.equal(new Set(scene.reclaimed).size, scene.reclaimed.length, "each once");
  assert.ok(scene.reports.every(({ kind }) => kind === "forgotten"));
  const returned = Array.from({ length: 10 }, (_, i) => `${i}`);
  assert.deepEqual(scene.undone, [...returned, ...scene.reclaimed], "what their users have set is undone for both");
  held.check("be held until here");
});
