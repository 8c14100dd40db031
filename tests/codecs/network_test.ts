import assert from "node:assert/strict";
import { array } from "../../src/codecs/array.ts";
import { BadValue, type Codec } from "../../src/codecs/codec.ts";
import { cidr, inet, macaddr, macaddr8 } from "../../src/codecs/network.ts";
import { decode, decodeHex, encode, hex, oidOf, readBoth, refused, sent } from "../support/values/codecs.ts";
import { Random } from "../support/suite/random.ts";
import { refusal } from "../support/suite/refusal.ts";
import { test } from "../support/suite/test.ts";

/** An IPv6 address as text and as its 16 bytes; the text is the server's. */
const IPV6: readonly (readonly [text: string, digits: string])[] = [
  ["::", "0000 0000 0000 0000 0000 0000 0000 0000"],
  ["::1", "0000 0000 0000 0000 0000 0000 0000 0001"],
  ["::100", "0000 0000 0000 0000 0000 0000 0000 0100"],
  ["1::", "0001 0000 0000 0000 0000 0000 0000 0000"],
  ["0:0:1::", "0000 0000 0001 0000 0000 0000 0000 0000"],
  ["::1:1:0:0:1:1", "0000 0000 0001 0001 0000 0000 0001 0001"],
  ["1:0:0:2::3", "0001 0000 0000 0002 0000 0000 0000 0003"],
  ["1:0:2:3:4:5:6:7", "0001 0000 0002 0003 0004 0005 0006 0007"],
  ["0:1:1:1:1:1:1:0", "0000 0001 0001 0001 0001 0001 0001 0000"],
  ["1:1:1:1:1:1::", "0001 0001 0001 0001 0001 0001 0000 0000"],
  ["2001:db8:abcd::f00:1", "2001 0db8 abcd 0000 0000 0000 0f00 0001"],
  ["::1.2.3.4", "0000 0000 0000 0000 0000 0000 0102 0304"],
  ["::0.1.0.0", "0000 0000 0000 0000 0000 0000 0001 0000"],
  ["::1:0:0", "0000 0000 0000 0000 0000 0001 0000 0000"],
  ["::1:2:3:4", "0000 0000 0000 0000 0001 0002 0003 0004"],
  ["::ffff:1.2.3.4", "0000 0000 0000 0000 0000 ffff 0102 0304"],
  ["::ffff:0.0.0.0", "0000 0000 0000 0000 0000 ffff 0000 0000"],
  ["::fffe:102:304", "0000 0000 0000 0000 0000 fffe 0102 0304"],
  ["::1:ffff:0:0", "0000 0000 0000 0000 0001 ffff 0000 0000"],
  ["ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff".repeat(8)],
];

/** Bodies of which every byte is accounted for. */
const SAMPLES: readonly (readonly [codec: Codec, digits: string])[] = [
  [inet, "02 20 00 04 01020304"],
  [inet, `03 40 00 10 ${"00".repeat(16)}`],
  [cidr, "02 18 01 04 01020300"],
  [cidr, `03 80 01 10 ${"20".repeat(16)}`],
  [macaddr, "08002b010203"],
  [macaddr8, "08002bfffe010203"],
];

function both(codec: Codec, digits: string, text: string): void {
  assert.equal(readBoth(codec, hex(digits), text), text);
}

test("inet: a host has no netmask, anything else has", () => {
  both(inet, "02 20 00 04 01020304", "1.2.3.4");
  both(inet, "02 18 00 04 01020304", "1.2.3.4/24");
  both(inet, "02 00 00 04 00000000", "0.0.0.0/0");
  both(inet, "02 20 00 04 ffffffff", "255.255.255.255");
  both(inet, "02 1f 00 04 ffffffff", "255.255.255.255/31");
});

test("inet: IPv6 is shortened as the server does", () => {
  for (const [text, digits] of IPV6) {
    both(inet, `03 80 00 10 ${digits}`, text);
    both(inet, `03 7f 00 10 ${digits}`, `${text}/127`);
    both(inet, `03 00 00 10 ${digits}`, `${text}/0`);
  }
});

test("cidr: the netmask is always there", () => {
  both(cidr, "02 20 01 04 01020304", "1.2.3.4/32");
  both(cidr, "02 18 01 04 01020300", "1.2.3.0/24");
  both(cidr, "02 00 01 04 00000000", "0.0.0.0/0");
  for (const [text, digits] of IPV6) both(cidr, `03 80 01 10 ${digits}`, `${text}/128`);
});

test("macaddr and macaddr8: pairs of digits in lower case", () => {
  both(macaddr, "08002b0a0bff", "08:00:2b:0a:0b:ff");
  both(macaddr, "000000000000", "00:00:00:00:00:00");
  both(macaddr8, "08002bfffe0a0bff", "08:00:2b:ff:fe:0a:0b:ff");
});

test("inet and cidr: headers that contradict themselves are refused", () => {
  const address = "01020304";
  const claims: readonly (readonly [codec: Codec, digits: string, complaint: string])[] = [
    [inet, "", "it is shorter than a network address's header"],
    [inet, "02 20 00", "it is shorter than a network address's header"],
    [inet, `00 20 00 04 ${address}`, "0 is no address family"],
    [inet, `0a 20 00 10 ${address.repeat(4)}`, "10 is no address family"],
    [inet, `02 21 00 04 ${address}`, "its netmask has 33 bits"],
    [inet, `03 81 00 10 ${address.repeat(4)}`, "its netmask has 129 bits"],
    [inet, `02 20 01 04 ${address}`, "its flag for inet or cidr does not match its type"],
    [cidr, `02 20 00 04 ${address}`, "its flag for inet or cidr does not match its type"],
    [cidr, `02 20 02 04 ${address}`, "its flag for inet or cidr does not match its type"],
    [inet, `02 20 00 10 ${address.repeat(4)}`, "it claims 16 bytes of address instead of 4"],
    [inet, `03 20 00 04 ${address}`, "it claims 4 bytes of address instead of 16"],
    [inet, `02 20 00 04 010203`, "it has 3 bytes instead of 4"],
    [cidr, `03 20 01 10 ${address.repeat(5)}`, "it has 20 bytes instead of 16"],
  ];
  for (const [codec, digits, complaint] of claims) {
    assert.equal(refusal(BadValue, () => decodeHex(codec, digits)), complaint);
  }
});

test("network types: a body cut short anywhere, or with bytes behind it, is refused", () => {
  for (const [codec, digits] of SAMPLES) {
    const body = hex(digits);
    assert.equal(typeof decode(codec, body), "string");
    for (let length = 0; length < body.length; length++) {
      refusal(BadValue, () => decode(codec, body.slice(0, length)));
    }
    for (let more = 1; more <= 16; more++) {
      refusal(BadValue, () => decode(codec, Uint8Array.of(...body, ...new Uint8Array(more))));
    }
  }
});

test("network types: whatever is decoded is a text that is parsed", () => {
  const random = new Random(869);
  for (const [codec, digits] of SAMPLES) {
    const body = hex(digits);
    for (let i = 0; i < 500; i++) {
      // Behind the header: any byte makes an address, and zeros make the interesting ones.
      const start = codec === inet || codec === cidr ? 4 : 0;
      for (let at = start; at < body.length; at++) body[at] = random.pick([0, 0, 0, 0, 1, 0xff, random.below(256)]);
      const text = decode(codec, body) as string;
      assert.equal(codec.parse(text), text);
    }
  }
});

test("network types: random bodies are refused or have a value that is parsed", () => {
  const random = new Random(650);
  const counts = { values: 0, refusals: 0 };
  for (const [codec, digits] of SAMPLES) {
    for (let i = 0; i < 500; i++) {
      const body = hex(digits).with(random.below(hex(digits).length), random.below(256));
      try {
        const text = decode(codec, body) as string;
        assert.equal(codec.parse(text), text);
        counts.values += 1;
      } catch (error) {
        assert.ok(error instanceof BadValue, `${codec.name} of ${[...body]}: ${error}`);
        counts.refusals += 1;
      }
    }
  }
  assert.ok(counts.values > 1000 && counts.refusals > 300, JSON.stringify(counts));
});

test("network types: other text is refused, and the message has no content", () => {
  const foreign: readonly (readonly [codec: Codec, texts: readonly string[]])[] = [
    [inet, ["", "secret", "1.2.3.4/", "1.2.3.4/1234", "1.2.3.4 ", "::1\n", "FE80::1", "1.2.3.4/24/24"]],
    [cidr, ["", "secret", "1.2.3.4", "::1", "1.2.3.4/"]],
    [macaddr, ["", "secret", "08:00:2b:01:02", "08:00:2B:01:02:03", "08:00:2b:01:02:03:04:05", "08-00-2b-01-02-03"]],
    [macaddr8, ["", "secret", "08:00:2b:01:02:03", "08:00:2b:01:02:03:04:05:06"]],
  ];
  for (const [codec, texts] of foreign) {
    for (const text of texts) {
      assert.equal(refusal(BadValue, () => codec.parse(text)), `it is not the text of ${codec.name}`);
    }
  }
});

test("network types: strings are the only parameters, and are sent as they are", () => {
  for (const [codec] of SAMPLES) {
    assert.equal(sent(codec, "as it is"), "as it is");
    for (const value of [1, 1n, true, {}, [], new Uint8Array(4), undefined]) {
      assert.equal(encode(codec, value), undefined);
      assert.match(refused(codec, value), /was given where a string is needed$/);
    }
  }
});

test("network types: arrays come in both formats and are sent as text", () => {
  const inets = array("inet[]", inet, oidOf("inet"));
  const digits = "00000001 00000001 00000365 00000002 00000001 00000008 02180004 01020304 ffffffff";
  assert.deepEqual(readBoth(inets, hex(digits), "{1.2.3.4/24,NULL}"), ["1.2.3.4/24", null]);
  assert.equal(sent(inets, ["1.2.3.4/24", "::1", null]), '{"1.2.3.4/24","::1",NULL}');
});
