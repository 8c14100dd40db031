import assert from "node:assert/strict";
import { DEFAULT_CHOICES } from "../../src/options/choices.ts";
import { Catalog, type TypeInfo, type TypeShape } from "../../src/codecs/catalog.ts";
import { BadValue } from "../../src/codecs/codec.ts";
import { Registry } from "../../src/codecs/registry.ts";
import { Outbox } from "../../src/wire/outbox.ts";
import { decode } from "../support/values/codecs.ts";
import { test } from "../support/suite/test.ts";

const FIRST = 100_000;

function info(oid: number, shape: TypeShape): TypeInfo {
  return { oid, name: `t${oid}`, schema: "public", delimiter: ",", shape };
}

const composite = (...oids: number[]): TypeShape => ({
  kind: "composite",
  attributes: oids.map((oid, i) => ({ name: `a${i}`, oid })),
});

/** Types that each have the one before inside, the first an int4; the last is that of the highest OID. */
function chain(length: number, shape: (inner: number, i: number) => TypeShape): TypeInfo[] {
  return Array.from({ length }, (_, i) => info(FIRST + i, shape(i === 0 ? 23 : FIRST + i - 1, i)));
}

function registryOf(types: readonly TypeInfo[]): Registry {
  const catalog = new Catalog();
  catalog.addTypes(types);
  return new Registry(DEFAULT_CHOICES, catalog);
}

function isRefused(registry: Registry, oid: number): void {
  const codec = registry.codec(oid);
  for (
    const use of [
      () => codec.parse("()"),
      () => codec.text({ a0: null }),
      () => codec.encode(new Outbox(), { a0: null }),
      () => decode(codec, new Uint8Array(8)),
    ]
  ) {
    assert.throws(use, (error: Error) => {
      assert.ok(error instanceof BadValue, String(error));
      assert.match(error.message, /its types are nested more than 100 deep/);
      return true;
    });
  }
}

const SHAPES: Readonly<Record<string, (inner: number, i: number) => TypeShape>> = {
  composites: (inner) => composite(inner),
  domains: (base) => ({ kind: "domain", base }),
  arrays: (element) => ({ kind: "array", element }),
  ranges: (subtype) => ({ kind: "range", subtype }),
  multiranges: (range) => ({ kind: "multirange", range }),
  mixed: (inner, i) => [composite(inner, 25, inner), SHAPES["arrays"]!(inner, i), SHAPES["domains"]!(inner, i)][i % 3]!,
};

for (const [name, shape] of Object.entries(SHAPES)) {
  test(`nesting: ${name} inside of each other are read up to a depth, and refused beyond, whatever is asked for first`, () => {
    const types = chain(20_000, shape);
    for (const order of [[19_999, 150, 100, 99, 50], [50, 99, 100, 150, 19_999], [100, 99, 19_999]]) {
      const registry = registryOf(types);
      for (const i of order) {
        if (i >= 100) isRefused(registry, FIRST + i);
        else assert.notEqual(registry.codec(FIRST + i).parse, registry.codec(FIRST + 100).parse);
      }
    }
  });
}

test("nesting: what is learned later counts", () => {
  const types = chain(1000, SHAPES["composites"]!);
  const catalog = new Catalog();
  // From the outside to the inside, in parts that are not deep alone.
  for (let at = 950; at >= 0; at -= 50) {
    catalog.addTypes(types.slice(at, at + 50));
    assert.doesNotThrow(() => new Registry(DEFAULT_CHOICES, catalog).codec(FIRST + at + 49));
  }
  isRefused(new Registry(DEFAULT_CHOICES, catalog), FIRST + 999);
});

test("nesting: types that contain themselves are refused, and those that do not are read", () => {
  const [a, b, c, d, e] = [1, 2, 3, 4, 5].map((i) => FIRST + i) as [number, number, number, number, number];
  const types = [
    info(a, composite(23, b)),
    info(b, { kind: "array", element: c }),
    info(c, { kind: "domain", base: a }),
    info(d, composite(e, 23, a)),
    info(e, composite(23, 25)),
    info(FIRST, { kind: "domain", base: FIRST }),
  ];
  for (const order of [[a, b, c, d, FIRST], [d, c, b, a, FIRST]]) {
    const registry = registryOf(types);
    for (const oid of order) isRefused(registry, oid);
    assert.deepEqual(registry.codec(e).parse("(1,x)"), { a0: 1, a1: "x" });
  }
});

test("nesting: a type that has the same types in it many times is counted and made once", () => {
  const registry = registryOf(chain(99, (inner) => composite(inner, inner, inner)));
  assert.deepEqual(registry.codec(FIRST + 98).parse("(,,)"), { a0: null, a1: null, a2: null });
});

test("nesting: a codec of the user's is asked also for a type that is too deep", () => {
  const catalog = new Catalog();
  catalog.addTypes(chain(1000, SHAPES["composites"]!));
  const codec = { parse: (text: string) => `given ${text}` };
  const registry = new Registry({ ...DEFAULT_CHOICES, codec: { [`t${FIRST + 999}`]: codec } }, catalog);
  assert.equal(registry.codec(FIRST + 999).parse("()"), "given ()");
});
