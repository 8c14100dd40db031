import assert from "node:assert/strict";
import { UsageError } from "../../src/errors.ts";
import { targetFrom, targetOptionsFrom } from "../../src/pool/view_options.ts";
import { refusal } from "../support/suite/refusal.ts";
import { test } from "../support/suite/test.ts";

test("view: its target is one of libpq's attributes", () => {
  for (const target of ["any", "read-write", "read-only", "primary", "standby", "prefer-standby"]) {
    assert.equal(targetFrom(target), target);
  }
  for (const target of ["prefer-primary", "master", "", undefined, 1]) {
    assert.match(refusal(UsageError, () => targetFrom(target)), /it must be one of any, .*prefer-standby$/);
  }
});

test("view: its options are a position and a time", () => {
  assert.deepEqual(targetOptionsFrom(undefined), { after: undefined, wait: 0 });
  assert.deepEqual(targetOptionsFrom({ after: "0/16B3748", wait: 5 }), { after: "0/16B3748", wait: 5 });
  for (const after of ["", "0", "0/", "0/16B3748'", "123456789/0", 5, null]) {
    assert.match(
      refusal(UsageError, () => targetOptionsFrom({ after })),
      /^Cannot use after.*as position\(\) returns it$/,
    );
  }
  assert.match(refusal(UsageError, () => targetOptionsFrom({ wait: -1 })), /^Cannot set wait to -1: /);
  assert.match(
    refusal(UsageError, () => targetOptionsFrom({ max: 1 })),
    /^Cannot use option "max": there are after, wait$/,
  );
  for (const options of ["0/1", null, []]) {
    assert.match(refusal(UsageError, () => targetOptionsFrom(options)), /they must be an object/);
  }
});
