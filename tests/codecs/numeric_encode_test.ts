/** The binary format of values that are given as text, where COPY takes no other. */
import assert from "node:assert/strict";
import { BadValue } from "../../src/codecs/codec.ts";
import { Outbox } from "../../src/wire/outbox.ts";
import { codec, decode, shown } from "../support/values/codecs.ts";
import { Random } from "../support/suite/random.ts";
import { refusal } from "../support/suite/refusal.ts";
import { test } from "../support/suite/test.ts";
import { valuesOf } from "../support/values/type_values.ts";

function encoded(name: string, text: string): unknown {
  const out = new Outbox();
  codec(name).encodeText!(out, text);
  return shown(decode(codec(name), new Uint8Array(out.pending())));
}

test("encodeText: what was printed is read again", () => {
  for (const name of ["numeric", "uuid"]) {
    for (const value of valuesOf(name, 18, 2000)) assert.equal(encoded(name, value as string), value);
  }
  for (const name of ["date", "time", "timestamp", "timestamptz"]) {
    for (const value of valuesOf(name, 18, 500)) {
      const text = typeof value === "string" ? value : codec(name).text(value);
      assert.deepEqual(encoded(name, text), shown(value));
    }
  }
});

test("encodeText: numeric in other words", () => {
  for (
    const [text, value] of [
      ["+1", "1"],
      ["1e3", "1000"],
      ["1.5e-3", "0.0015"],
      [".5", "0.5"],
      ["5.", "5"],
      ["-0.00", "0.00"],
      [" 7 ", "7"],
      ["inf", "Infinity"],
      ["+inf", "Infinity"],
      ["-Infinity", "-Infinity"],
      ["nan", "NaN"],
      ["0e10", "0"],
      ["1e131071", `1${"0".repeat(131_071)}`],
    ]
  ) assert.equal(encoded("numeric", text!), value, text!.slice(0, 20));
  const random = new Random(7);
  for (let i = 0; i < 500; i++) {
    const number = (random.below(2_000_001) - 1_000_000) * 10 ** (random.below(40) - 20);
    assert.equal(Number(encoded("numeric", String(number))), number);
  }
});

test("encodeText: what is no value of the type is refused", () => {
  for (const text of ["", " ", ".", "-", "e5", "1e", "1 2", "0x", "x", "constructor", "--1", "1e131072", "1e-16384"]) {
    refusal(BadValue, () => encoded("numeric", text));
  }
  for (const text of ["", "0", "g".repeat(32), "0".repeat(33)]) refusal(BadValue, () => encoded("uuid", text));
  for (const text of ["", "2024-02-30", "today"]) refusal(BadValue, () => encoded("date", text));
});

test("encodeText: the server's last date and time are read, and what is later is refused, not wrapped around", () => {
  assert.equal(encoded("date", "5874897-12-31"), "5874897-12-31");
  for (const text of ["5874898-01-01", "5881610-07-11", "5881610-07-12", "9999999-12-31"]) {
    refusal(BadValue, () => encoded("date", text));
  }
  assert.equal(encoded("timestamp", "294276-12-31 23:59:59.999999"), "294276-12-31 23:59:59.999999");
  assert.equal(encoded("timestamptz", "294277-01-01T00:59:59+01:00"), "294276-12-31 23:59:59+00");
  for (const text of ["294276-12-31T23:59:59.9999996Z", "294277-01-01T00:00:00Z", "700000-01-01T00:00:00Z"]) {
    refusal(BadValue, () => encoded("timestamp", text));
    refusal(BadValue, () => encoded("timestamptz", text));
  }
});
