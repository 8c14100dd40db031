import assert from "node:assert/strict";
import { array } from "../../src/codecs/array.ts";
import { BadValue, type Codec, textOf } from "../../src/codecs/codec.ts";
import {
  char,
  cid,
  int2vector,
  oidvector,
  pgLsn,
  pgSnapshot,
  tid,
  txidSnapshot,
  xid,
  xid8,
} from "../../src/codecs/system.ts";
import { Outbox } from "../../src/wire/outbox.ts";
import {
  decode,
  decodeHex,
  encode,
  encodeHex,
  hex,
  oidOf,
  readBoth,
  refused,
  roundTrip,
  sent,
} from "../support/values/codecs.ts";
import { refusal } from "../support/suite/refusal.ts";
import { test } from "../support/suite/test.ts";

const MAX = 2n ** 64n - 1n;
const SNAPSHOTS = [pgSnapshot, txidSnapshot];

/** Bodies of which every byte is accounted for. */
const SAMPLES: readonly (readonly [codec: Codec, digits: string])[] = [
  [char, "61"],
  [tid, "000000070001"],
  [xid, "00000007"],
  [cid, "00000007"],
  [xid8, "0000000000000007"],
  [pgLsn, "00000016b374d848"],
  [pgSnapshot, "00000001 000000000000000a 0000000000000014 000000000000000a"],
  [txidSnapshot, "00000000 000000000000000a 000000000000000a"],
  [oidvector, "00000001 00000000 0000001a 00000002 00000000 00000004 00000001 00000004 00000002"],
  [oidvector, "00000001 00000000 0000001a 00000000 00000000"],
  [int2vector, "00000001 00000000 00000015 00000001 00000000 00000002 fffe"],
];

function both(codec: Codec, digits: string, text: string, value: unknown = text): void {
  assert.deepEqual(readBoth(codec, hex(digits), text), value);
}

test('"char": every byte, as PostgreSQL 15 and later print it', () => {
  for (let byte = 0; byte < 256; byte++) {
    const text = byte === 0 ? "" : byte < 0x80 ? String.fromCharCode(byte) : `\\${byte.toString(8)}`;
    both(char, byte.toString(16).padStart(2, "0"), text);
  }
  both(char, "80", "\\200");
  both(char, "ff", "\\377");
  both(char, "5c", "\\");
});

test('"char": text that is no single byte is refused, as is what PostgreSQL 14 makes of a high one', () => {
  for (const text of ["\ufffd", "é", "\0", "\x80", "ab", "\\177", "\\400", "\\20", "\\2000", "\\2é0", "\\\\"]) {
    assert.equal(
      refusal(BadValue, () => char.parse(text)),
      "it is neither an ASCII character nor the octal form of a byte",
    );
  }
});

test("tid: block and item, without signs", () => {
  both(tid, "000000000001", "(0,1)");
  both(tid, "ffffffffffff", "(4294967295,65535)");
  for (const text of ["", "secret", "(0,1", "0,1", "(0, 1)", "(-1,1)", "(0,1)\n", "(,)"]) {
    assert.equal(refusal(BadValue, () => tid.parse(text)), "it is not the text of tid");
  }
});

test("xid and cid: numbers without a sign", () => {
  for (const codec of [xid, cid]) {
    for (const value of [0, 3, 0xffff_ffff]) roundTrip(codec, value);
    both(codec, "ffffffff", "4294967295", 0xffff_ffff);
    assert.match(refused(codec, -1), /^the number is out of range: 0 to 4294967295$/);
  }
  assert.deepEqual([xid.name, cid.name], ["xid", "cid"]);
});

test("xid8: bigints without a sign", () => {
  for (const value of [0n, 1n, 2n ** 63n - 1n, 2n ** 63n, MAX]) roundTrip(xid8, value);
  both(xid8, "ffffffffffffffff", "18446744073709551615", MAX);
  both(xid8, "8000000000000000", "9223372036854775808", 2n ** 63n);
  assert.equal(encodeHex(xid8, MAX), "ffffffffffffffff");
  roundTrip(xid8, Number.MAX_SAFE_INTEGER, 2n ** 53n - 1n);
  roundTrip(xid8, -0, 0n);
});

test("xid8: what is out of range, inexact or of another kind is refused", () => {
  for (const value of [-1n, MAX + 1n]) assert.equal(refused(xid8, value), "the bigint is out of range: 0 to 2^64-1");
  for (const value of [-1, 0.5, 2 ** 53, NaN, Infinity]) {
    assert.equal(
      refused(xid8, value),
      "the number must be an integer from 0 to 2^53-1, where numbers are exact; give a bigint",
    );
  }
  for (const value of [true, {}, [], undefined]) {
    assert.match(refused(xid8, value), /was given where a bigint or a number is needed$/);
  }
  for (const text of ["", "secret", "-1", "0x10", "010", " 1", "1 ", "1.0", "18446744073709551616"]) {
    refusal(BadValue, () => xid8.parse(text));
  }
});

test("pg_lsn: two halves in upper case without zeros in front", () => {
  both(pgLsn, "00000016b374d848", "16/B374D848");
  both(pgLsn, "0000000000000000", "0/0");
  both(pgLsn, "0000000000000abc", "0/ABC");
  both(pgLsn, "ffffffffffffffff", "FFFFFFFF/FFFFFFFF");
  assert.equal(pgLsn.parse("0/00000ABC"), "0/ABC");
  assert.equal(pgLsn.parse("00000016/00000000"), "16/0");
  for (const text of ["", "secret", "16", "/", "16/", "/16", "16/b374d848", "1/123456789", "0/1 ", "0/1/2"]) {
    assert.equal(refusal(BadValue, () => pgLsn.parse(text)), "it is not the text of pg_lsn");
  }
});

test("snapshots: xmin, xmax and the transactions between them", () => {
  for (const codec of SNAPSHOTS) {
    both(codec, "00000000 000000000000000a 000000000000000a", "10:10:");
    both(codec, "00000001 000000000000000a 0000000000000014 000000000000000a", "10:20:10");
    const three = "00000003 000000000000000a 0000000000000014 000000000000000a 000000000000000e 000000000000000f";
    both(codec, three, "10:20:10,14,15");
    both(codec, "00000000 7fffffffffffffff ffffffffffffffff", "9223372036854775807:18446744073709551615:");
    for (
      const text of [
        "",
        "secret",
        "10",
        "10:20",
        "10:20:,",
        "10:20:1,",
        "10:20:,1",
        "10:20:1,,2",
        "10:20:x",
        ":20:",
        "10:20:10\n",
      ]
    ) {
      assert.equal(refusal(BadValue, () => codec.parse(text)), `it is not the text of ${codec.name}`);
    }
  }
});

test("snapshots: millions of transactions are read", () => {
  const text = `1:9:${"1,".repeat(5_000_000)}1`;
  assert.ok(pgSnapshot.parse(text) === text);
});

test("snapshots: a count that is not that of the transactions is refused at once", () => {
  const ends = "000000000000000a 0000000000000014";
  const claims: readonly (readonly [digits: string, complaint: string])[] = [
    ["", "it is shorter than a snapshot's header"],
    ["00000000 000000000000000a", "it is shorter than a snapshot's header"],
    [`00000001 ${ends}`, "it has 0 bytes instead of 8"],
    [`00000000 ${ends} 000000000000000a`, "it has 8 bytes instead of 0"],
    [`7fffffff ${ends} 000000000000000a`, "it has 8 bytes instead of 17179869176"],
    [`ffffffff ${ends}`, "it has 0 bytes instead of 34359738360"],
    [`20000001 ${ends} 000000000000000a`, "it has 8 bytes instead of 4294967304"],
  ];
  for (const codec of SNAPSHOTS) {
    for (const [digits, complaint] of claims) {
      assert.equal(refusal(BadValue, () => decodeHex(codec, digits)), complaint);
    }
  }
});

test("types that come as text: strings are the only parameters, and are sent as they are", () => {
  for (const codec of [char, tid, pgLsn, ...SNAPSHOTS]) {
    assert.equal(sent(codec, "as it is"), "as it is");
    for (const value of [1, 1n, true, {}, [], undefined]) {
      assert.equal(encode(codec, value), undefined);
      assert.match(refused(codec, value), /was given where a string is needed$/);
    }
  }
});

test("vectors: both ends of the elements' types come back", () => {
  roundTrip(oidvector, [0, 1, 0xffff_ffff]);
  roundTrip(int2vector, [-0x8000, -1, 0, 0x7fff]);
  roundTrip(int2vector, [7]);
  roundTrip(oidvector, [1n, 2], [1, 2]);
  roundTrip(int2vector, [-0], [0]);
  roundTrip(oidvector, Array.from({ length: 5000 }, (_, i) => i));
  assert.deepEqual(oidvector.parse("1 2 3"), [1, 2, 3]);
  assert.deepEqual(int2vector.parse("1 -2"), [1, -2]);
  const bytes = "00000001 00000000 00000015 00000002 00000000 00000002 0001 00000002 fffe";
  assert.equal(encodeHex(int2vector, [1, -2]), bytes.replaceAll(" ", ""));
  assert.equal(int2vector.text([1, -2]), "1 -2");
});

test("vectors: one without elements is sent as text, as the server refuses its own binary form of it", () => {
  both(oidvector, "00000001 00000000 0000001a 00000000 00000000", "", []);
  both(int2vector, "00000001 00000000 00000015 00000000 00000000", "", []);
  for (const codec of [oidvector, int2vector]) {
    assert.equal(encode(codec, []), undefined);
    assert.equal(sent(codec, []), "");
  }
});

test("vectors: all of a value is checked before any of it is written", () => {
  const out = new Outbox();
  refusal(BadValue, () => oidvector.encode(out, [1, 2, -1]));
  assert.equal(out.size, 0);
});

test("vectors: elements that are out of range or no integers are refused", () => {
  assert.equal(refused(oidvector, [1, -1]), "the number is out of range: 0 to 4294967295");
  assert.equal(refused(int2vector, [0x8000]), "the number is out of range: -32768 to 32767");
  assert.equal(refused(int2vector, [2n ** 64n]), "the bigint is out of range: -32768 to 32767");
  for (const value of [0.5, NaN, Infinity]) assert.equal(refused(oidvector, [value]), "the number must be an integer");
  for (const value of [null, undefined, "1", [1], {}]) {
    assert.match(refused(oidvector, [1, value]), /was given where a number or a bigint is needed$/);
  }
  assert.match(refused(oidvector, [1, , 2]), /^undefined was given/);
  for (const value of [1, true, {}, new Uint32Array(1), undefined]) {
    assert.match(refused(oidvector, value), /was given where an array of numbers is needed$/);
  }
});

test("vectors: those that start elsewhere, or have no dimension, are read too", () => {
  const header = "00000001 00000000 0000001a 00000001";
  for (const start of ["00000001", "ffffffff", "00000005"]) {
    assert.deepEqual(decodeHex(oidvector, `${header} ${start} 00000004 00000007`), [7]);
  }
  assert.deepEqual(decodeHex(oidvector, "00000000 00000000 0000001a"), []);
});

test("vectors: false headers and elements are refused at once", () => {
  const header = "00000001 00000000 0000001a";
  const element = "00000004 00000001";
  const claims: readonly (readonly [digits: string, complaint: string])[] = [
    ["", "it is shorter than a vector's header"],
    ["00000001 00000000 0000001a", "it is shorter than a vector's header"],
    [`00000000 00000000 0000001a 00000001 00000000 ${element}`, "it claims 0 dimensions"],
    [`00000002 00000000 0000001a 00000001 00000000 ${element}`, "it claims 2 dimensions"],
    [`00000001 00000001 0000001a 00000001 00000000 ${element}`, "it claims to have NULLs"],
    [`00000001 00000000 00000017 00000001 00000000 ${element}`, "its elements have type 23 instead of 26"],
    [`${header} 00000002 00000000 ${element}`, "it has 8 bytes instead of 16"],
    [`${header} 00000000 00000000 ${element}`, "it has 8 bytes instead of 0"],
    [`${header} 7fffffff 00000000 ${element}`, "it has 8 bytes instead of 17179869176"],
    [`${header} ffffffff 00000000 ${element}`, "it has 8 bytes instead of 34359738360"],
    [`${header} 20000001 00000000 ${element}`, "it has 8 bytes instead of 4294967304"],
    [`${header} 00000001 00000000 00000003 00000001`, "an element's length is wrong"],
    [`${header} 00000001 00000000 ffffffff 00000001`, "an element's length is wrong"],
  ];
  for (const [digits, complaint] of claims) {
    assert.equal(refusal(BadValue, () => decodeHex(oidvector, digits)), complaint);
  }
});

test("vectors: other text is refused", () => {
  for (const text of ["secret", " ", " 1", "1 ", "1  2", "1,2", "{1,2}", "0x1", "1.0", "1e3", "-0", "+1", "01"]) {
    assert.equal(refusal(BadValue, () => oidvector.parse(text)), "it is not the text of oidvector");
  }
  refusal(BadValue, () => oidvector.parse("-1"));
  refusal(BadValue, () => oidvector.parse("4294967296"));
  refusal(BadValue, () => int2vector.parse("32768"));
});

test("vectors: in arrays of them, an array of nothing but numbers is one vector", () => {
  const vectors = array("oidvector[]", oidvector, oidOf("oidvector"));
  const digits = "00000001 00000001 0000001e 00000002 00000001 0000001c" +
    "00000001 00000000 0000001a 00000001 00000000 00000004 00000007 ffffffff";
  assert.deepEqual(readBoth(vectors, hex(digits), "{7,NULL}"), [[7], null]);
  assert.equal(encodeHex(vectors, [[7], null]), digits.replaceAll(" ", ""));
  roundTrip(vectors, [[1, 2], null, [3]]);
  roundTrip(vectors, [[[1, 2], [3]], [null, [4, 5, 6]]]);
  roundTrip(vectors, [[1n, 2]], [[1, 2]]);
  assert.match(refused(vectors, [1, 2]), /^a number was given where an array of numbers is needed$/);
});

test("vectors: an array inside that has no elements is one empty vector, and makes all of it text", () => {
  const vectors = array("int2vector[]", int2vector, oidOf("int2vector"));
  assert.equal(sent(vectors, [[]]), '{""}');
  assert.equal(sent(vectors, [[1, -2], []]), '{"1 -2",""}');
  assert.equal(encodeHex(vectors, []), "000000000000000000000016");
  roundTrip(vectors, [[], [1, -2]]);
  roundTrip(vectors, []);
});

test("system types: a body cut short anywhere, or with bytes behind it, is refused", () => {
  for (const [codec, digits] of SAMPLES) {
    const body = hex(digits);
    decode(codec, body);
    for (let length = 0; length < body.length; length++) {
      refusal(BadValue, () => decode(codec, body.slice(0, length)));
    }
    for (const more of [1, 2, 4, 8]) {
      refusal(BadValue, () => decode(codec, Uint8Array.of(...body, ...new Uint8Array(more))));
    }
  }
});

test("system types: with any other byte anywhere, a body is refused or its value comes back", () => {
  let values = 0;
  for (const [codec, digits] of SAMPLES) {
    const body = hex(digits);
    for (let at = 0; at < body.length; at++) {
      for (const byte of [0, 1, 0x27, 0x7f, 0x80, 0xc0, 0xff, body[at]! ^ 1, body[at]! ^ 0x80]) {
        const value = valueOf(codec, body.with(at, byte));
        if (value === undefined) continue;
        assert.deepEqual(codec.parse(textOf(codec, value)), value);
        values += 1;
      }
    }
  }
  assert.ok(values > 200, `${values} of the bodies have a value`);
});

/** The value of a body; undefined if it is refused. */
function valueOf(codec: Codec, body: Uint8Array): unknown {
  try {
    return decode(codec, body);
  } catch (error) {
    assert.ok(error instanceof BadValue, `${codec.name} of ${[...body]}: ${error}`);
    return undefined;
  }
}
