/** Who may submit, and when: both tables cell by cell, and random walks beside a model that knows no lists. */
import assert from "node:assert/strict";
import {
  type Access,
  ADMISSION,
  Admission,
  type AdmissionRequest,
  type AdmissionState,
  type Exclusive,
  FORBIDDEN,
  type Restriction,
} from "../../src/protocol/admission.ts";
import { AdmissionEntry } from "../../src/protocol/admission_entry.ts";
import { growsInProportion } from "../support/suite/growth.ts";
import { Random } from "../support/suite/random.ts";
import { test } from "../support/suite/test.ts";

const ACCESSES: readonly Access[] = ["call", "submit", "barrier", "exclusive", "reserve"];
const REQUESTS: readonly AdmissionRequest[] = ["begin", "continue", "barrier", "submit"];
const stream: Exclusive = { name: "a stream" };
const copy: Exclusive = { name: "a copy", isSingleCall: true };
const pipeline: Exclusive = { name: "a pipeline" };

/** A connection on which only that stands in the way. */
const OBSTACLES: Readonly<Record<Restriction, () => Admission>> = {
  lost: () => Object.assign(new Admission(), { isLost: true }),
  closing: () => Object.assign(new Admission(), { isClosing: true }),
  encoding: () => Object.assign(new Admission(), { isEncoding: true }),
  exclusive: () => with_((admission) => admission.beginExclusive(stream)),
  "exclusive call": () => with_((admission) => admission.beginExclusive(copy)),
  ending: () => with_((admission) => (admission.beginExclusive(stream), admission.announceEnd(stream))),
  reserved: () => with_((admission) => admission.reserveExclusive(pipeline)),
};

function with_(prepare: (admission: Admission) => void): Admission {
  const admission = new Admission();
  prepare(admission);
  return admission;
}

test("admission: what each restriction forbids", () => {
  const table = Object.entries(FORBIDDEN).map(([refusal, row]) =>
    [refusal.padEnd(14), ...ACCESSES.map((access) => (row[access] ? "no" : "yes").padEnd(9))].join(" ").trim()
  );
  assert.deepEqual([["".padEnd(14), ...ACCESSES.map((access) => access.padEnd(9))].join(" ").trimEnd(), ...table], [
    "               call      submit    barrier   exclusive reserve",
    "lost           yes       no        yes       yes       yes",
    "closing        no        yes       yes       yes       no",
    "encoding       yes       no        yes       yes       yes",
    "exclusive      no        no        no        no        no",
    "exclusive call yes       no        no        no        no",
    "ending         yes       no        no        no        yes",
    "reserved       no        yes       yes       yes       no",
  ]);
  for (const [refusal, make] of Object.entries(OBSTACLES)) {
    for (const access of ACCESSES) {
      const expected = FORBIDDEN[refusal as Restriction][access] ? refusal : undefined;
      assert.equal(make().restrictionOn(access), expected, `${refusal}, ${access}`);
    }
  }
  for (const access of ACCESSES) assert.equal(new Admission().restrictionOn(access), undefined);
});

test("admission: what has the connection for itself is not in its own way, and what has ended in nobody's", () => {
  for (const access of ACCESSES) {
    assert.equal(OBSTACLES.exclusive().restrictionOn(access, stream), undefined);
    assert.equal(OBSTACLES.reserved().restrictionOn(access, pipeline), undefined);
  }
  const admission = OBSTACLES.exclusive();
  admission.reserveExclusive(pipeline);
  assert.equal(admission.open, pipeline);
  assert.equal(admission.restrictionOn("call"), "exclusive");
  assert.equal(admission.restrictionOn("submit", pipeline), "exclusive");
  admission.endExclusive(pipeline);
  assert.equal(admission.open, stream);
  admission.endExclusive(copy);
  assert.equal(admission.isExclusiveTo(stream), true, "only what has it gives it back");
  admission.announceEnd(stream);
  admission.endExclusive(stream);
  admission.beginExclusive(stream);
  assert.equal(admission.restrictionOn("call"), "exclusive", "the next time it is not ending");
});

test("admission: an operation that is ending stays so while another one behind it ends too", () => {
  const admission = new Admission();
  admission.beginExclusive(stream);
  admission.announceEnd(stream);
  assert.equal(admission.restrictionOn("reserve"), undefined);
  admission.reserveExclusive(pipeline);
  assert.equal(admission.restrictionOn("call"), "reserved");
  admission.announceEnd(pipeline);
  assert.equal(admission.restrictionOn("call"), undefined, "both are ending, so a call waits");
  assert.equal(admission.restrictionOn("submit"), "ending");
  admission.endExclusive(stream);
  assert.equal(admission.restrictionOn("call"), undefined);
  admission.endExclusive(pipeline);
  admission.beginExclusive(pipeline);
  assert.equal(admission.restrictionOn("call"), "exclusive", "the next time it is not ending");
});

test("admission: on a lost connection, what is open is in nobody's way", () => {
  const admission = OBSTACLES.exclusive();
  admission.reserveExclusive(pipeline);
  admission.isLost = true;
  assert.deepEqual(ACCESSES.map((access) => admission.restrictionOn(access)).filter(Boolean), ["lost"]);
  assert.equal(admission.restrictionOn("submit"), "lost");
});

test("admission: reasons name what is in the way", () => {
  const reasons = Object.entries(OBSTACLES).map(([refusal, make]) => make().reason(refusal as Restriction));
  assert.deepEqual(reasons, [
    "the connection is closed",
    "the connection is closed",
    "the connection is encoding or decoding a value just now",
    "a stream is open on this connection",
    "a copy is open on this connection",
    "a stream is open on this connection",
    "a pipeline is open on this connection",
  ]);
});

/** A connection in that state, with the op that may submit, if there is one, and one that has begun. */
const STATES: Readonly<
  Record<AdmissionState, () => { admission: Admission; submitter: AdmissionEntry; begun: AdmissionEntry }>
> = {
  free: () => {
    const [admission, submitter, begun] = [new Admission(), new AdmissionEntry(), new AdmissionEntry()];
    for (const entry of [begun, submitter]) (admission.begin(entry), admission.release(entry));
    return { admission, submitter, begun };
  },
  single: () => {
    const [admission, submitter, begun] = [new Admission(), new AdmissionEntry(), new AdmissionEntry()];
    admission.begin(begun);
    admission.suspend(begun);
    admission.begin(submitter);
    return { admission, submitter, begun };
  },
  concurrent: () => {
    const [admission, submitter, begun] = [new Admission(), new AdmissionEntry(), new AdmissionEntry()];
    admission.begin(begun);
    admission.release(begun);
    admission.begin(submitter);
    return { admission, submitter, begun };
  },
  draining: () => {
    const scene = STATES.concurrent();
    scene.admission.barrier(scene.submitter);
    return scene;
  },
  gated: () => {
    const scene = STATES.single();
    scene.admission.gate(new AdmissionEntry());
    return scene;
  },
};

test("admission: who waits in each state", () => {
  const table = Object.entries(ADMISSION).map(([state, row]) =>
    [state.padEnd(10), ...REQUESTS.map((request) => row[request].padEnd(8))].join(" ").trim()
  );
  assert.deepEqual([["".padEnd(10), ...REQUESTS.map((request) => request.padEnd(8))].join(" ").trimEnd(), ...table], [
    "           begin    continue barrier  submit",
    "free       admit    admit    admit    admit",
    "single     wait     wait     admit    admit",
    "concurrent wait     wait     wait     admit",
    "draining   wait     admit    wait     admit",
    "gated      wait     wait     wait     wait",
  ]);
  for (const [state, make] of Object.entries(STATES)) {
    const row = ADMISSION[state as AdmissionState];
    assert.equal(make().admission.state, state);
    assert.equal(make().admission.begin(new AdmissionEntry()), row.begin, `${state}, begin`);
    const { admission, begun } = make();
    if (state === "single" || state === "gated") admission.resume(begun);
    assert.equal(admission.continue(begun, false), row.continue, `${state}, continue`);
    if (state === "free" || state === "draining") continue; // Only the op that may submit asks for these.
    for (const request of ["barrier", "submit"] as const) {
      const scene = make();
      assert.equal(scene.admission[request](scene.submitter), row[request], `${state}, ${request}`);
    }
  }
});

test("admission: the last that asks to be alone comes first, and what continues before both", () => {
  const admission = new Admission();
  const log: string[] = [];
  const entry = (name: string): AdmissionEntry =>
    Object.assign(new AdmissionEntry(), { onAdmitted: () => log.push(name) });
  const [a, b, c, d] = ["a", "b", "c", "d"].map(entry) as [
    AdmissionEntry,
    AdmissionEntry,
    AdmissionEntry,
    AdmissionEntry,
  ];
  for (const begun of [a, b]) (admission.begin(begun), admission.release(begun));
  admission.begin(c);
  admission.begin(d);
  assert.equal(admission.barrier(c), "wait");
  assert.equal(admission.continue(b, false), "admit");
  assert.equal(admission.barrier(b), "wait", "neither waits for the other");
  assert.equal(admission.continue(a, false), "admit");
  assert.deepEqual(log, []);
  admission.leave(a);
  assert.deepEqual(log, ["b"]);
  admission.release(b);
  assert.deepEqual(log, ["b"], "it is still under way");
  admission.leave(b);
  admission.leave(c);
  assert.deepEqual(log, ["b", "c", "d"]);
});

test("admission: who goes on behind others is not waited for by one in front of it", () => {
  const admission = new Admission();
  const [a, b] = [new AdmissionEntry(), new AdmissionEntry()];
  let isAlone = false;
  admission.begin(a);
  admission.release(a);
  admission.begin(b);
  b.onAdmitted = () => isAlone = true;
  assert.equal(admission.barrier(b), "wait");
  assert.equal(admission.continue(a, true), "wait");
  assert.equal(isAlone, true);
});

/** The model: what each op does, and by these words who may submit. It looks at everybody each time. */
interface Op {
  readonly name: number;
  readonly entry: AdmissionEntry;
  does:
    | "wait to begin"
    | "wait behind"
    | "wait to continue"
    | "wait to be alone"
    | "submit"
    | "go on"
    | "call"
    | "wait at the gate";
  /** When it asked for what it waits for. */
  since: number;
}

class Model {
  readonly ops: Op[] = [];
  gates = 0;

  get submitter(): Op | undefined {
    return this.ops.find(({ does }) => does === "submit" || does === "wait at the gate");
  }

  /** What happens by itself: at most one op is admitted. */
  admitted(): Op | undefined {
    if (this.gates > 0 || this.submitter !== undefined) return undefined;
    const oldest = (...kinds: Op["does"][]): Op | undefined =>
      this.ops.filter(({ does }) => kinds.includes(does)).sort((x, y) => x.since - y.since)[0];
    const continuing = oldest("wait to continue");
    if (continuing !== undefined) return continuing;
    const barriers = this.ops.filter(({ does }) => does === "wait to be alone").sort((x, y) => y.since - x.since);
    if (barriers.length === 0) return oldest("wait to begin", "wait behind");
    return this.ops.some(({ does }) => does === "go on") ? undefined : barriers[0];
  }
}

function walk(seed: number, steps: number): void {
  const random = new Random(seed);
  const admission = new Admission();
  const model = new Model();
  let names = 0;
  let clock = 0;
  /** Those that the admission has let go on, since the model was asked last. */
  let told: Op[] = [];
  const where = (step: number, what: string): string => `seed ${seed}, step ${step}: ${what}`;
  const settle = (step: number, what: string): void => {
    for (let next = model.admitted(); next !== undefined; next = model.admitted()) {
      assert.equal(told.shift()?.name, next.name, where(step, what));
      next.does = "submit";
    }
    assert.deepEqual(told.map(({ name }) => name), [], where(step, what));
    assert.equal(model.ops.find(({ entry }) => admission.maySubmit(entry)), model.submitter, where(step, what));
  };
  for (let step = 0; step < steps; step++) {
    const op = model.ops.length === 0 ? undefined : random.pick(model.ops);
    const asks = (answer: string, does: Op["does"], of: Op = op!): void => {
      of.does = does;
      of.since = ++clock;
      // The model says the same by admitting it now, or not.
      if (answer === "admit") told.push(of);
    };
    let what = "";
    if (op === undefined || random.below(4) === 0) {
      what = "begin";
      const entry = new AdmissionEntry();
      const made: Op = { name: names++, entry, does: "wait to begin", since: ++clock };
      entry.onAdmitted = () => void told.push(made);
      model.ops.push(made);
      asks(admission.begin(entry), "wait to begin", made);
    } else {
      switch (op.does) {
        case "submit": {
          const choice = random.below(5);
          what = ["submit", "release", "call", "barrier", "leave"][choice]!;
          if (choice === 0) {
            if (admission.submit(op.entry) === "wait") op.does = "wait at the gate";
            assert.equal(op.does === "wait at the gate", model.gates > 0, where(step, what));
          } else if (choice === 1) {
            op.does = "go on";
            admission.release(op.entry);
          } else if (choice === 2) {
            op.does = "call";
            admission.suspend(op.entry);
          } else if (choice === 3) {
            op.does = "wait to be alone";
            op.since = ++clock;
            if (admission.barrier(op.entry) === "admit") told.push(op);
          } else leave(op);
          break;
        }
        case "go on": {
          const choice = random.below(4);
          what = ["continue", "continue behind", "call", "leave"][choice]!;
          if (choice < 2) {
            op.does = choice === 0 ? "wait to continue" : "wait behind";
            op.since = ++clock;
            if (admission.continue(op.entry, choice === 1) === "admit") told.push(op);
          } else if (choice === 2) {
            op.does = "call";
            admission.suspend(op.entry);
          } else leave(op);
          break;
        }
        case "call":
          what = "return";
          op.does = "go on";
          admission.resume(op.entry);
          break;
        default: {
          // What waits can only be given up, or others go on.
          const choice = random.below(6);
          if (choice === 0) {
            what = "leave while waiting";
            leave(op);
          } else if (choice === 1 && op.does !== "wait to begin") {
            what = "give up";
            op.does = op.does === "wait at the gate" ? "submit" : "go on";
            admission.giveUp(op.entry);
          } else if (choice === 2) {
            what = "gate";
            const gate = new AdmissionEntry();
            model.gates++;
            admission.gate(gate);
          } else if (choice === 3 && model.gates > 0) {
            what = "ungate";
            model.gates--;
            // Those at the gate are told before the next one is admitted.
            const atGate = model.ops.filter(({ does }) => does === "wait at the gate");
            admission.ungate();
            if (model.gates > 0) break;
            for (const waiting of atGate) {
              assert.equal(told.shift(), waiting, where(step, what));
              waiting.does = "submit";
            }
          }
        }
      }
    }
    settle(step, what);
  }
  // And everybody comes to an end.
  while (model.gates-- > 0) admission.ungate();
  model.gates = 0;
  for (const op of model.ops) if (op.does === "wait at the gate") op.does = "submit";
  told = [];
  for (let rest = steps; model.ops.length > 0; rest--) {
    assert.ok(rest > -10 * steps, where(rest, "somebody waits for ever"));
    for (let next = model.admitted(); next !== undefined; next = model.admitted()) next.does = "submit";
    const able = model.ops.find(({ does }) => ["submit", "go on", "call"].includes(does));
    assert.ok(able !== undefined, where(rest, "everybody waits"));
    assert.equal(
      admission.maySubmit(able.entry),
      able.does === "submit",
      where(rest, "the model and the admission agree"),
    );
    leave(able);
  }
  assert.equal(admission.state, "free", where(steps, "at the end"));

  function leave(op: Op): void {
    model.ops.splice(model.ops.indexOf(op), 1);
    admission.leave(op.entry);
  }
}

test("admission: random walks go as a model says, and come to an end", () => {
  for (let seed = 0; seed < 300; seed++) walk(seed, 200);
  const fresh = Math.floor(Math.random() * 0x1_0000_0000);
  console.log(`admission: a fresh walk with seed ${fresh}`);
  walk(fresh, 20_000);
});

test("admission: giving up takes the same time wherever one stands", () => {
  for (const fromTheEnd of [false, true]) {
    growsInProportion(10_000, (length) => {
      const admission = new Admission();
      const entries = Array.from({ length }, () => new AdmissionEntry());
      for (const entry of entries) admission.begin(entry);
      return () => {
        for (let i = 1; i < length; i++) admission.leave(entries[fromTheEnd ? length - i : i]!);
      };
    });
  }
});

test("admission: between two cancel requests, the op that they are for may submit, and no other", () => {
  const admission = new Admission();
  const [own, other] = [new AdmissionEntry(), new AdmissionEntry()];
  const admitted: AdmissionEntry[] = [];
  for (const entry of [own, other]) entry.onAdmitted = () => admitted.push(entry);
  assert.equal(admission.begin(own), "admit");
  assert.equal(admission.gate(new AdmissionEntry()), "admit");
  assert.equal(admission.submit(own), "wait");
  assert.equal(admission.begin(other), "wait");
  admission.letThrough(own);
  assert.deepEqual(admitted, [own]);
  assert.equal(admission.submit(own), "admit");
  admission.holdBack();
  assert.equal(admission.submit(own), "wait");
  admission.ungate();
  assert.deepEqual(admitted, [own, own]);
  admission.leave(own);
  assert.deepEqual(admitted, [own, own, other]);
});
