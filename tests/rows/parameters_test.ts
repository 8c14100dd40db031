import assert from "node:assert/strict";
import { EncodeError, UsageError } from "../../src/errors.ts";
import { bind, formatCodes, wrongCount } from "../../src/rows/bind.ts";
import { Outbox } from "../../src/wire/outbox.ts";
import { codec, hex } from "../support/values/codecs.ts";
import { refusal } from "../support/suite/refusal.ts";
import { test } from "../support/suite/test.ts";

/** The Bind message for these values. */
function bound(types: string, values: readonly unknown[], results: readonly number[] = []): Uint8Array {
  const out = new Outbox();
  bind(out, "", "s1", types.split(" ").filter((type) => type !== "").map((type) => codec(type)), values, results);
  return new Uint8Array(out.pending());
}

/** The complaint about one value, alone and behind others. */
function complaintOf(type: string, value: unknown): string {
  const alone = refusal(EncodeError, () => bound(type, [value]));
  assert.match(alone, /^Cannot encode parameter \$1 as /);
  const third = refusal(EncodeError, () => bound(`int4 text ${type}`, [1, "x", value]));
  assert.equal(third, alone.replace("$1", "$3"));
  return alone.slice("Cannot encode parameter $1 as ".length);
}

test("bind: portal, statement, a format per value, the values, the formats of results", () => {
  assert.deepEqual(
    bound("int4 numeric text date bool", [7, 1234, 616, null, "t"], [1, 0, 1]),
    hex(
      "42 0000003e" + "00" + "733100" +
        "0005 0001 0000 0001 0000 0000" +
        "0005" +
        "00000004 00000007" +
        "00000004 31323334" +
        "00000003 363136" +
        "ffffffff" +
        "00000001 74" +
        "0003 0001 0000 0001",
    ),
  );
});

test("bind: without values and results", () => {
  assert.deepEqual(bound("", []), hex("42 0000000e 00 733100 0000 0000 0000"));
});

test("bind: strings are text for every type, and empty is not NULL", () => {
  assert.deepEqual(
    bound("int4 text jsonb text", ["", "", "", null]),
    hex("42 0000 0026 00 733100 0004 0000 0000 0000 0000 0004 00000000 00000000 00000000 ffffffff 0000"),
  );
});

test("bind: an array with a string for a number is text as a whole", () => {
  assert.deepEqual(
    bound("int4[]", [[1, "2"]]),
    hex("42 0000 001d 00 733100 0001 0000 0001 00000009 7b2231222c2232227d 0000"),
  );
});

test("bind: what stands in the outbox before stays as it is", () => {
  const out = new Outbox();
  out.int32(0x0102_0304);
  bind(out, "p", "", [codec("int2")], [5], [1]);
  assert.deepEqual(
    new Uint8Array(out.pending()),
    hex("01020304 42 00000017 7000 00 0001 0001 0001 00000002 0005 0001 0001"),
  );
});

test("bind: undefined is refused, with the parameter's number, its type and the kind", () => {
  assert.equal(
    complaintOf("int4", undefined),
    "int4: undefined was given where a number or a bigint is needed; NULL is null",
  );
  for (
    const type of "bool int8 float8 numeric text uuid bytea date time timestamp timestamptz inet int4[]".split(" ")
  ) {
    assert.match(complaintOf(type, undefined), /: undefined was given where /);
  }
  assert.equal(complaintOf("json", undefined), `json: $ is undefined, ${NO_FORM}`);
  assert.match(complaintOf("int4[]", [1, undefined]), /^int4\[\]: undefined was given/);
  assert.equal(refusal(EncodeError, () => bound("text", new Array(1))).includes("$1 as text: undefined"), true);
});

test("bind: a value that does not fit is an EncodeError that is safe to retry and leaves the connection", () => {
  assert.equal(complaintOf("int2", 40_000), "int2: the number is out of range: -32768 to 32767");
  assert.equal(complaintOf("bool", 1), "bool: a number was given where a boolean is needed");
  assert.equal(complaintOf("date", new Date(NaN)), "date: the Date is invalid");
  assert.match(complaintOf("text", "secret\0"), /^text: the text contains a NUL character/);
  assert.equal(complaintOf("jsonb", { a: 1n }), `jsonb: $.a is a bigint, ${NO_FORM}`);
  assert.throws(() => bound("int4", [{}]), (error) => {
    assert.ok(error instanceof EncodeError);
    assert.deepEqual([error.name, error.safeToRetry, error.connectionLost], ["EncodeError", false, false]);
    return true;
  });
});

test("bind: what a value's own toJSON throws is the cause of an EncodeError", () => {
  const thrown = new TypeError("secret");
  const value = {
    toJSON(): never {
      throw thrown;
    },
  };
  assert.throws(() => bound("text json", ["x", value]), (error) => {
    assert.ok(error instanceof EncodeError);
    assert.equal(error.message, "Cannot encode parameter $2 as json: its codec failed on an object");
    assert.equal(error.cause, thrown);
    return true;
  });
});

test("bind: too many or too few values are a UsageError with both counts", () => {
  for (const [types, values] of [["int4", []], ["int4 int4", [1]], ["", [1]], ["int4", [1, 2]]] as const) {
    const expected = types === "" ? 0 : types.split(" ").length;
    const message = refusal(UsageError, () => bound(types, values));
    assert.equal(message, `Cannot bind ${values.length} parameters: the statement has ${expected}`);
    assert.equal(wrongCount(expected, values.length, "").message, message);
    assert.equal(wrongCount(expected, values.length, "").safeToRetry, false);
  }
});

test("bind: counts are unsigned, up to 65535", () => {
  const int2 = codec("int2");
  for (const count of [40_000, 65_535]) {
    const out = new Outbox();
    bind(out, "", "", new Array(count).fill(int2), Array.from({ length: count }, (_, i) => i & 0xff), []);
    const bytes = out.pending();
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    assert.equal(view.getInt32(1), bytes.length - 1);
    assert.equal(view.getUint16(7), count);
    assert.equal(view.getUint16(9 + 2 * count), count);
    assert.equal(view.getUint16(9), 1);
    assert.equal(view.getUint16(9 + 2 * (count - 1)), 1);
    assert.equal(bytes.length, 7 + 2 + 2 * count + 2 + 6 * count + 2);
    assert.equal(view.getInt16(bytes.length - 4), (count - 1) & 0xff);
  }
});

test("bind: 65536 values are refused, with what to do instead", () => {
  const count = 65_536;
  const codecs = new Array(count).fill(codec("int2"));
  assert.throws(() => bind(new Outbox(), "", "", codecs, new Array(count).fill(1), []), (error) => {
    assert.ok(error instanceof UsageError && !error.safeToRetry);
    assert.match(
      error.message,
      /^Cannot send 65536 parameters: the protocol allows 65535 in one statement; pass arrays/,
    );
    return true;
  });
});

test("formats of results: said once where all are alike", () => {
  assert.deepEqual(formatCodes([]), []);
  assert.deepEqual(formatCodes([0]), []);
  assert.deepEqual(formatCodes([0, 0, 0]), []);
  assert.deepEqual(formatCodes([1]), [1]);
  assert.deepEqual(formatCodes([1, 1, 1]), [1]);
  assert.deepEqual(formatCodes([1, 0, 1]), [1, 0, 1]);
  assert.deepEqual(formatCodes([0, 1]), [0, 1]);
});

const NO_FORM = "which JSON has no form for; give JSON text (toJson makes some), an object with toJSON, or use a codec";
