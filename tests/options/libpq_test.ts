import assert from "node:assert/strict";
import { test } from "../support/suite/test.ts";
import { CASES } from "./libpq/cases.ts";
import { ADDITIONS, compare, MEANINGS, REFUSALS } from "./libpq/differences.ts";
import { outcomeOf } from "./libpq/pyro.ts";
import { readRecorded } from "./libpq/recorded.ts";

test("libpq: the record is of these cases", () => {
  assert.ok(CASES.length >= 300);
  assert.deepEqual(
    readRecorded().map(({ text, variables, files }) => ({ text, variables, files })),
    CASES,
    "tools/record_libpq.ts has to be run",
  );
});

test("libpq: pyro makes the same of every string, environment and file, but for a list of reasons", () => {
  const used = new Set<string>();
  const different: string[] = [];
  for (const recorded of readRecorded()) {
    const { text, variables, files, libpq18 } = recorded;
    const pyro = outcomeOf(recorded);
    const compared = compare(recorded, libpq18, pyro);
    if (compared === "equal") continue;
    if (compared === "different") {
      different.push(
        [JSON.stringify({ text, variables, files }), JSON.stringify(libpq18), JSON.stringify(pyro)].join("\n  "),
      );
    } else {
      used.add(compared.reason);
    }
  }
  assert.deepEqual(different, []);
  const reasons = [...REFUSALS, ...ADDITIONS, ...MEANINGS].map(({ reason }) => reason);
  assert.deepEqual([...used].sort(), reasons.sort(), "every reason is needed");
});

test("libpq: versions 15 and 18 differ by a few things only", () => {
  for (const { text, variables, libpq15, libpq18 } of readRecorded()) {
    if (libpq15 === undefined) continue;
    const isUnknown = "refused" in libpq15 && /invalid connection option|LDAP/.test(libpq15.refused);
    const isOtherWording = "refused" in libpq15 && "refused" in libpq18;
    const hasNewVariable = Object.entries(variables).some(([name, value]) =>
      /LOADBALANCE|NEGOTIATION|CERTMODE|PROTOCOL|REQUIREAUTH/.test(name) || value === "system"
    );
    const hasNewValue = text.includes("sslrootcert=system");
    const hasSpaces = /^postgresql:.* /.test(text);
    assert.ok(isUnknown || isOtherWording || hasNewVariable || hasNewValue || hasSpaces, text);
  }
});
