/** In which order a pool tries its hosts, what it remembers of them, and when it leaves one. */
import assert from "node:assert/strict";
import { HostChoice } from "../../src/connect/host_choice.ts";
import { hostName, HostRoles } from "../../src/connect/host_roles.ts";
import type { SessionTarget } from "../../src/connect/session_role.ts";
import { planWith, tcp } from "../support/scripted/plans.ts";
import { TableClock } from "../support/scripted/handshakes.ts";
import { test } from "../support/suite/test.ts";

const PRIMARY = { isStandby: false, isReadOnly: false };
const STANDBY = { isStandby: true, isReadOnly: true };
const NAMES = ["a", "b", "c"];

/** A choice among the hosts a, b and c, on a clock that begins at 1000. */
class Chosen {
  readonly clock = new TableClock();
  readonly roles = new HostRoles(100);
  readonly choice: HostChoice;

  constructor(target?: SessionTarget) {
    this.choice = new HostChoice(this.roles, target);
  }

  found(name: string, role: typeof PRIMARY | undefined, timedOut?: boolean): void {
    this.roles.found(`${name}:5432`, role, this.clock.time, timedOut);
  }

  get plan() {
    return this.choice.apply(planWith(this.clock, { endpoints: NAMES.map((name) => tcp(name)), timeout: 30_000 }));
  }

  get order(): string {
    return this.plan.endpoints.map((endpoint) => hostName(endpoint)[0]).join("");
  }
}

test("hosts: a list is tried in its order, and a pool prefers the primary", () => {
  const chosen = new Chosen();
  assert.equal(chosen.order, "abc");
  assert.equal(chosen.choice.target, "prefer-primary");
  chosen.found("a", STANDBY);
  assert.equal(chosen.order, "bca");
  chosen.found("c", PRIMARY);
  assert.equal(chosen.order, "cba");
  chosen.found("c", undefined);
  assert.equal(chosen.order, "bac");
  chosen.clock.time += 100;
  assert.equal(chosen.order, "abc", "nothing is relied on for longer");
});

test("hosts: the target of a view decides, before the options'", () => {
  const chosen = new Chosen("standby");
  for (const [name, role] of [["a", PRIMARY], ["b", STANDBY], ["c", STANDBY]] as const) chosen.found(name, role);
  assert.equal(chosen.order, "bca");
  const given = chosen.choice.apply(planWith(chosen.clock, { endpoints: [tcp("a")], attrs: "primary" }));
  assert.equal(given.attrs, "standby");
});

test("hosts: a view spreads its connections", () => {
  const chosen = new Chosen("any");
  assert.equal(chosen.order, "abc");
  chosen.choice.opened("a:5432", 1);
  assert.equal(chosen.order, "bca");
  chosen.choice.opened("b:5432", 1);
  chosen.choice.opened("c:5432", 1);
  chosen.choice.closed("b:5432");
  assert.equal(chosen.order, "bac");
  assert.deepEqual(chosen.choice.stats().map(({ size }) => size), [1, 0, 1]);
});

test("hosts: what is more than a host's share is known", () => {
  const chosen = new Chosen("standby");
  assert.equal(chosen.order, "abc");
  for (const [name, role] of [["a", PRIMARY], ["b", STANDBY], ["c", STANDBY]] as const) chosen.found(name, role);
  for (let i = 0; i < 5; i++) chosen.choice.opened("b:5432", 1);
  assert.deepEqual([...chosen.choice.surplus()], [["b:5432", 2], ["c:5432", -3]]);
});

test("hosts: passwords go with their hosts", () => {
  const chosen = new Chosen();
  chosen.found("a", undefined);
  const plan = chosen.choice.apply(
    planWith(chosen.clock, { endpoints: [tcp("a"), tcp("b")], passwords: ["first", "second"], password: "first" }),
  );
  assert.deepEqual(plan.passwords, ["second", "first"]);
  assert.equal(plan.password, "second");
});

test("hosts: one that did not answer gets little time at first, and more each time", () => {
  const chosen = new Chosen();
  assert.deepEqual(chosen.plan.timeouts, [Infinity, Infinity, Infinity]);
  chosen.found("a", undefined);
  const limitOf = (name: string): number => chosen.roles.timeoutFor(`${name}:5432`);
  const first = limitOf("a");
  assert.ok(first > 0 && first < 1000);
  chosen.found("a", undefined, true);
  chosen.found("a", undefined, true);
  assert.equal(limitOf("a"), 4 * first);
  chosen.found("a", PRIMARY);
  assert.equal(limitOf("a"), Infinity);
  chosen.found("a", undefined);
  assert.equal(limitOf("a"), first);
  chosen.choice.opened("a:5432", 5000);
  assert.ok(limitOf("a") > 5000, "a slow host has the time that it needs");
});

test("hosts: those that were passed over are looked at again", () => {
  const chosen = new Chosen("standby");
  assert.equal(chosen.order, "abc");
  for (const [name, role] of [["a", PRIMARY], ["b", STANDBY], ["c", undefined]] as const) chosen.found(name, role);
  const outdated = (): string[] => chosen.choice.outdated(chosen.clock.time).map(hostName);
  assert.deepEqual(outdated(), []);
  chosen.clock.time += 100;
  assert.deepEqual(outdated(), ["a:5432", "c:5432"]);
});

/** Whether a pool leaves a host whose server reports these, when it has refused to write or changed its report. */
function leaves(target: SessionTarget | undefined, standby: string | undefined, isRefusal: boolean, hosts: number = 3) {
  const chosen = new Chosen(target);
  chosen.choice.apply(planWith(chosen.clock, { endpoints: NAMES.slice(0, hosts).map((name) => tcp(name)) }));
  const parameters: Record<string, string | undefined> = standby === undefined
    ? {}
    : { in_hot_standby: standby, default_transaction_read_only: "off" };
  const session = { parameter: (name: string) => parameters[name] };
  const role = chosen.choice.changedRole("a:5432", session, isRefusal, chosen.clock.time);
  assert.equal(chosen.choice.changedRole("a:5432", session, isRefusal, chosen.clock.time), undefined, "only once");
  return role !== undefined;
}

test("hosts: a pool leaves a standby that refuses to write, unless it wants standbys", () => {
  assert.equal(leaves(undefined, "on", true), true);
  assert.equal(leaves(undefined, "on", true, 1), true, "the only host may lead to another server now");
  assert.equal(leaves(undefined, "off", true), false, "the transaction is read-only");
  assert.equal(leaves(undefined, undefined, true), true, "nothing is reported");
  assert.equal(leaves("primary", "on", true), true);
  assert.equal(leaves("prefer-standby", "on", true), false);
  assert.equal(leaves("any", "on", true), false);
});

test("hosts: a view of standbys leaves one that was promoted", () => {
  assert.equal(leaves("standby", "off", false), true);
  assert.equal(leaves("prefer-standby", "off", false), true);
  assert.equal(leaves("standby", "on", false), false);
  assert.equal(leaves("any", "off", false), false);
  assert.equal(leaves(undefined, "off", false), false);
});
