import assert from "node:assert/strict";
import { ProtocolError } from "../../src/errors.ts";
import { Parameters } from "../../src/protocol/parameters.ts";
import { Inbox } from "../../src/wire/inbox.ts";
import { message, parameterStatus } from "../support/scripted/backend.ts";
import { Random } from "../support/suite/random.ts";
import { test } from "../support/suite/test.ts";

/** A session that reads settings as they come, and a map of them. */
class Reading {
  readonly parameters = new Parameters();
  readonly model = new Map<string, string>();
  readonly #inbox = new Inbox(() => assert.deepEqual(this.parameters.read(this.#inbox), this.#expected));
  #expected: { name: string; value: string } | undefined = undefined;

  report(name: string, value: string): void {
    this.#expected = { name, value };
    this.model.set(name, value);
    this.receive(parameterStatus(name, value));
    assert.equal(this.parameters.get(name), value);
  }

  receive(bytes: Uint8Array): void {
    this.#inbox.reserve().set(bytes);
    this.#inbox.commit(bytes.length);
    assert.equal(this.#inbox.next(), false);
  }

  check(): void {
    assert.deepEqual(this.parameters.object, Object.fromEntries(this.model));
    assert.ok(Object.isFrozen(this.parameters.object));
  }
}

test("parameters: a change in one session is not seen in another with the same start", () => {
  const [first, second] = [new Reading(), new Reading()];
  for (const session of [first, second]) {
    session.report("TimeZone", "UTC");
    session.report("DateStyle", "ISO, MDY");
  }
  const before = first.parameters.object;
  first.report("TimeZone", "Asia/Tokyo");
  second.report("DateStyle", "SQL, DMY");
  second.report("TimeZone", "UTC");
  for (const session of [first, second]) session.check();
  assert.deepEqual(before, { TimeZone: "UTC", DateStyle: "ISO, MDY" });
});

test("parameters: a setting whose bytes begin as another session's do is another setting", () => {
  const sessions = [["a", "b"], ["a", "bc"], ["a", ""], ["ab", ""], ["a", "b"]].map(([name, value]) => {
    const session = new Reading();
    session.report(name!, value!);
    return session;
  });
  for (const session of sessions) session.check();
});

test("parameters: what a session has kept does not change with the memory that it was received in", () => {
  const first = new Reading();
  first.report("kept", "one");
  first.report("kept", "two");
  const second = new Reading();
  second.report("kept", "one");
  second.check();
});

test("parameters: a malformed report is refused, whatever earlier sessions have reported", () => {
  new Reading().report("x", "y");
  for (const body of ["x\0y", "x\0y\0\0", "x", ""]) {
    assert.throws(
      () => new Reading().receive(message("S", (out) => out.text(body))),
      ProtocolError,
      JSON.stringify(body),
    );
  }
});

test("parameters: random starts and changes of many sessions", () => {
  const random = new Random(7);
  const names = Array.from({ length: 40 }, (_, i) => `setting_${i}`);
  const sessions: Reading[] = [];
  for (let i = 0; i < 300; i++) {
    const session = new Reading();
    const length = random.below(names.length);
    for (const name of names.slice(0, length)) {
      session.report(name, random.below(8) === 0 ? "x".repeat(random.below(400)) : "usual");
    }
    for (let k = random.below(4); k > 0; k--) session.report(names[random.below(names.length)]!, String(k));
    sessions.push(session);
  }
  for (const session of sessions) session.check();
});
