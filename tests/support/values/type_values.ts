/** Values of every type that pyro knows, random ones and edge cases, as rows contain them. */
import { Interval, Range } from "../../../mod.ts";
import { Random } from "../suite/random.ts";

/** Makes a random value of a type. */
type Generator = (random: Random) => unknown;

/** Random values, and values that are tried every time. */
interface Source {
  /** One as the server prints it, for TYPES.md. */
  readonly example: string;
  /** The first version of PostgreSQL with the type, if some tested servers lack it. */
  readonly since?: number;
  readonly random: Generator;
  readonly edges: readonly unknown[];
}

/** Values of a type on a server of that version; the edge cases first. */
export function valuesOf(name: string, major: number, count: number): unknown[] {
  const source = sourceOf(name);
  const random = new Random(count * 31 + name.length);
  const edges = source.edges.filter((edge) => major >= 17 || !isInfiniteInterval(name, edge));
  return [...edges, ...Array.from({ length: count }, () => source.random(random))];
}

/** A random value of a type. */
export function randomValueOf(name: string, random: Random): unknown {
  return sourceOf(name).random(random);
}

/** A value of a type as the server prints it. */
export function exampleOf(name: string): string {
  return sourceOf(name).example;
}

function sourceOf(name: string): Source {
  const source = SOURCES[name];
  if (source !== undefined) return source;
  throw new Error(`There are no values of ${name}: add some to SOURCES in tests/support/values/type_values.ts`);
}

/** The names of the types that have values here. */
export function typesWithValues(): string[] {
  return Object.keys(SOURCES);
}

/** The first version of PostgreSQL with a type; 0 for types that all servers have. */
export function sinceOf(name: string): number {
  return SOURCES[name]?.since ?? SINCE[name] ?? 0;
}

function isInfiniteInterval(name: string, value: unknown): boolean {
  return name === "interval" && (value === Infinity || value === -Infinity);
}

const int = (bits: number): Generator => (random) => {
  const size = 2 ** (1 + random.below(bits));
  return random.below(size) - (random.below(2) === 0 ? 0 : size / 2 | 0);
};
const clamp = (value: number, min: number, max: number): number => Math.min(max, Math.max(min, value));
const word: Generator = (random) => Array.from({ length: random.below(12) }, () => random.pick(CHARACTERS)).join("");
const lexeme = (random: Random): string => word(random) as string || "x";
const float: Generator = (random) => {
  const view = new DataView(new ArrayBuffer(8));
  view.setUint32(0, random.below(2 ** 32));
  view.setUint32(4, random.below(2 ** 32));
  const value = view.getFloat64(0);
  return Number.isNaN(value) ? 0.1 : value;
};
const ordinary: Generator = (random) => (random.below(2_000_001) - 1_000_000) / random.pick([1, 2, 3, 7, 100]);
const point = (random: Random): { x: number; y: number } => ({
  x: ordinary(random) as number,
  y: ordinary(random) as number,
});
const points = (random: Random): { x: number; y: number }[] =>
  Array.from({ length: 1 + random.below(5) }, () => point(random));
const bits: Generator = (random) => Array.from({ length: random.below(40) }, () => random.below(2)).join("");
const octets = (random: Random, count: number): string =>
  Array.from({ length: count }, () => random.below(256).toString(16).padStart(2, "0")).join(":");
const days = (random: Random): number => random.below(9_000_000) - 2_451_545;
const micros = (random: Random): number => random.below(86_400_000_000);
const date = (random: Random): Temporal.PlainDate => Temporal.PlainDate.from("2000-01-01").add({ days: days(random) });
const time = (random: Random): Temporal.PlainTime => new Temporal.PlainTime().add({ microseconds: micros(random) });
const timestamp = (random: Random): Temporal.PlainDateTime => date(random).toPlainDateTime(time(random));
const instant = (random: Random): Temporal.Instant => timestamp(random).toZonedDateTime("UTC").toInstant();
const numeric: Generator = (random) => {
  const digits = (count: number): string => Array.from({ length: count }, () => random.below(10)).join("");
  const whole = digits(random.below(30)).replace(/^0+/, "") || "0";
  const scale = random.below(30);
  const text = scale === 0 ? whole : `${whole}.${digits(scale)}`;
  return /[1-9]/.test(text) && random.below(2) === 0 ? `-${text}` : text;
};
const json: Generator = (random) =>
  random.pick<Generator>([
    () => null,
    () => random.below(2) === 0,
    () => ordinary(random),
    () => word(random),
    () => Array.from({ length: random.below(4) }, () => json(random)),
    () => ({ [word(random) as string]: json(random), "a b": [json(random)] }),
  ])(random);
const ordered = <T>(generate: (random: Random) => T, compare: (a: T, b: T) => number): Generator => (random) => {
  const [lower, upper] = [generate(random), generate(random)].sort(compare) as [T, T];
  if (compare(lower, upper) === 0) return random.below(2) === 0 ? Range.empty() : new Range(lower, upper, "[]");
  return random.pick([
    new Range(lower, upper, "[)"),
    new Range(lower, upper, "()"),
    new Range(lower, upper, "(]"),
    new Range(null, upper, "()"),
    new Range(lower, null, "[)"),
    new Range<T>(null, null),
  ]);
};
/** Ranges of discrete types, in the server's form `[)`. */
const stepped = <T>(generate: (random: Random) => T, compare: (a: T, b: T) => number): Generator => (random) => {
  const [lower, upper] = [generate(random), generate(random)].sort(compare) as [T, T];
  if (compare(lower, upper) === 0) return Range.empty();
  return random.pick([
    new Range(lower, upper),
    new Range(null, upper),
    new Range(lower, null),
    new Range<T>(null, null),
  ]);
};
const small = (random: Random): number => random.below(2_000_000) - 1_000_000;
const big = (random: Random): bigint => BigInt(small(random)) * 3_000_000_000n;
const decimal = (random: Random): string => (small(random) / 100).toFixed(random.pick([2, 3]));
const byNumber = <T>(a: T, b: T): number => Number(a) - Number(b);
const multi = (generate: (at: number) => Range): Generator => (random) =>
  Array.from({ length: random.below(4) }, (_, i) => generate(i * 1000 + random.below(400)));
const day = (at: number): Temporal.PlainDate => Temporal.PlainDate.from("1990-01-01").add({ days: at });

const TEXT_EDGES = ["", " ", "NULL", '"', "\\", "{}", "(,)", "[a,b)", "'", "🎉 é \u2028", "a\tb\nc", "x".repeat(5000)];
const CHARACTERS = ["a", "b", "Z", "0", " ", "'", '"', "\\", ",", "{", "}", "(", ")", "[", "é", "🎉", "=", ">", ":"];

const SOURCES: Readonly<Record<string, Source>> = {
  bool: { example: "t", random: (random) => random.below(2) === 0, edges: [true, false] },
  int2: {
    example: "-7",
    random: (random) => clamp(int(16)(random) as number, -0x8000, 0x7fff),
    edges: [0, -1, -0x8000, 0x7fff],
  },
  int4: { example: "42", random: int(31), edges: [0, -1, -0x8000_0000, 0x7fff_ffff] },
  int8: {
    example: "9007199254740993",
    random: (random) => BigInt.asIntN(64, BigInt(random.below(2 ** 32)) << 32n | BigInt(random.below(2 ** 32))),
    edges: [0n, -1n, -(2n ** 63n), 2n ** 63n - 1n, 2n ** 53n + 1n],
  },
  oid: { example: "16384", random: (random) => random.below(2 ** 32), edges: [0, 0xffff_ffff] },
  xid: { example: "571", random: (random) => random.below(2 ** 32), edges: [0, 0xffff_ffff] },
  cid: { example: "7", random: (random) => random.below(2 ** 32), edges: [0, 0xffff_ffff] },
  xid8: {
    example: "571",
    since: 13,
    random: (random) => BigInt(random.below(2 ** 32)) << 32n | BigInt(random.below(2 ** 32)),
    edges: [0n, 2n ** 64n - 1n],
  },
  float4: {
    example: "0.1",
    random: (random) => Math.fround(ordinary(random) as number),
    edges: [0, -0, NaN, Infinity, -Infinity, Math.fround(1e-45), Math.fround(3.4e38)],
  },
  float8: { example: "0.1", random: float, edges: [0, -0, NaN, Infinity, -Infinity, 5e-324, Number.MAX_VALUE, 0.1] },
  numeric: {
    example: "1.50",
    random: numeric,
    edges: ["0", "0.00", "NaN", "Infinity", "-Infinity", `${"9".repeat(1000)}.${"1".repeat(1000)}`, "-0.0001"],
  },
  text: { example: "Ada", random: word, edges: TEXT_EDGES },
  varchar: { example: "Ada", random: word, edges: TEXT_EDGES },
  bpchar: { example: "ab", random: word, edges: ["", "a", "a "] },
  name: { example: "pg_class", random: word, edges: ["", "a", "é".repeat(31)] },
  char: { example: "a", random: (random) => random.pick(["a", "Z", " ", "'", '"', ",", "{"]), edges: [""] },
  xml: { example: "<a/>", random: (random) => `<a>${random.below(1000)}</a>`, edges: ["<a/>", "text", ""] },
  bytea: {
    example: "\\x0001ff",
    random: (random) => random.bytes(random.below(40)),
    edges: [new Uint8Array(), Uint8Array.of(0, 0x5c, 0x27, 0xff)],
  },
  uuid: {
    example: "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
    random: (random) => octets(random, 16).replaceAll(":", "").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-"),
    edges: ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"],
  },
  date: {
    example: "2024-02-29",
    random: date,
    edges: [
      Infinity,
      -Infinity,
      Temporal.PlainDate.from("-004713-11-24"),
      Temporal.PlainDate.from("0000-12-31"),
      Temporal.PlainDate.from("+012345-01-01"),
      "5874897-12-31",
    ],
  },
  time: {
    example: "12:34:56.789",
    random: time,
    edges: [new Temporal.PlainTime(), Temporal.PlainTime.from("23:59:59.999999"), "24:00:00"],
  },
  timetz: {
    example: "12:34:56+02",
    random: (random) =>
      `${time(random).toString({ smallestUnit: "second" })}${
        random.pick(["+00", "-03:30", "+05:45", "-15:59:59", "+12"])
      }`,
    edges: ["00:00:00+00", "24:00:00-03:30:15", "23:59:59.999999+15:59"],
  },
  timestamp: {
    example: "2024-02-29 12:34:56.789012",
    random: timestamp,
    edges: [
      Infinity,
      -Infinity,
      Temporal.PlainDateTime.from("-004713-11-24T00:00"),
      Temporal.PlainDateTime.from("1999-12-31T23:59:59.999999"),
      "294276-12-31 23:59:59.999999",
    ],
  },
  timestamptz: {
    example: "2024-02-29 14:34:56.789012+02",
    random: instant,
    edges: [
      Infinity,
      -Infinity,
      Temporal.Instant.from("-000043-03-15T12:00:00.000001Z"),
      Temporal.Instant.from("1969-12-31T23:59:59.999999Z"),
      "294276-12-31 23:59:59.999999+00",
    ],
  },
  interval: {
    example: "1 year 2 mons -3 days +04:05:06.789",
    random: (random) =>
      new Interval({
        months: int(12)(random) as number,
        days: int(12)(random) as number,
        microseconds: BigInt(int(31)(random) as number) * 1_000_003n,
      }),
    edges: [
      new Interval({}),
      new Interval({ months: 14, days: -3, microseconds: 1n }),
      new Interval({ microseconds: -1n }),
      new Interval({ months: -1, days: 1, microseconds: -1n }),
      Infinity,
      -Infinity,
    ],
  },
  json: {
    example: '{"a": [1, null]}',
    random: json,
    edges: [{}, [], "", 0, true, { "__proto__": 1 }, { a: { b: [1, { c: null }] } }],
  },
  jsonb: { example: '{"a": [1, null]}', random: json, edges: [{}, [], "", 0, true, { a: { b: [1, { c: null }] } }] },
  jsonpath: {
    example: '$."a"[*]',
    random: (random) => `$."a${random.below(100)}"[*]?(@ > ${random.below(100)})`,
    edges: ["$", 'strict $."a"'],
  },
  bit: { example: "1011", random: bits, edges: ["", "0", "1", "10101010101"] },
  varbit: { example: "101", random: bits, edges: ["", "0", "1", "111111111"] },
  inet: {
    example: "192.168.0.1/24",
    random: (random) =>
      random.pick([
        `${octetsOf(random)}`,
        `${octetsOf(random)}/${random.below(32)}`,
        `2001:db8::${(1 + random.below(65535)).toString(16)}`,
        `fe80::1/${random.below(128)}`,
      ]),
    edges: ["0.0.0.0/0", "255.255.255.255", "::", "::ffff:1.2.3.4", "::1/0"],
  },
  cidr: {
    example: "192.168.0.0/16",
    random: (random) => `${random.below(256)}.0.0.0/8`,
    edges: ["0.0.0.0/0", "192.168.1.5/32", "::/0", "2001:db8::/32"],
  },
  macaddr: {
    example: "08:00:2b:01:02:03",
    random: (random) => octets(random, 6),
    edges: ["00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"],
  },
  macaddr8: {
    example: "08:00:2b:01:02:03:04:05",
    random: (random) => octets(random, 8),
    edges: ["00:00:00:00:00:00:00:00"],
  },
  point: {
    example: "(1,2)",
    random: point,
    edges: [{ x: 0, y: -0 }, { x: Infinity, y: -Infinity }, { x: NaN, y: 1e-300 }],
  },
  line: {
    example: "{1,-1,0}",
    random: (random) => ({ a: 1 + random.below(100), b: ordinary(random), c: ordinary(random) }),
    edges: [{ a: 1, b: 0, c: 0 }],
  },
  lseg: {
    example: "[(1,2),(3,4)]",
    random: (random) => ({ start: point(random), end: point(random) }),
    edges: [{ start: { x: 0, y: 0 }, end: { x: 0, y: 0 } }],
  },
  box: {
    example: "(3,4),(1,2)",
    random: (random) => {
      const { x, y } = point(random);
      return { high: { x: x + random.below(9), y: y + random.below(9) }, low: { x, y } };
    },
    edges: [{ high: { x: 1, y: 1 }, low: { x: 1, y: 1 } }],
  },
  path: {
    example: "[(1,2),(3,4)]",
    random: (random) => ({ closed: random.below(2) === 0, points: points(random) }),
    edges: [{ closed: false, points: [{ x: 1, y: 2 }] }],
  },
  polygon: {
    example: "((0,0),(0,1),(1,0))",
    random: (random) => ({ points: points(random) }),
    edges: [{ points: [{ x: 1, y: 2 }] }],
  },
  circle: {
    example: "<(1,2),3>",
    random: (random) => ({ center: point(random), radius: random.below(1000) / 7 }),
    edges: [{ center: { x: 0, y: 0 }, radius: 0 }],
  },
  tid: {
    example: "(0,1)",
    random: (random) => `(${random.below(2 ** 32)},${random.below(65536)})`,
    edges: ["(0,0)", "(4294967295,65535)"],
  },
  pg_lsn: {
    example: "16/B374D848",
    random: (random) => `${random.below(2 ** 32).toString(16)}/${random.below(2 ** 32).toString(16)}`.toUpperCase(),
    edges: ["0/0", "FFFFFFFF/FFFFFFFF"],
  },
  pg_snapshot: {
    example: "10:20:10,14",
    since: 13,
    random: (random) => {
      const at = 1 + random.below(1000);
      return `${at}:${at + 10}:${at + 1},${at + 5}`;
    },
    edges: ["1:1:"],
  },
  txid_snapshot: {
    example: "10:20:10",
    random: (random) => {
      const at = 1 + random.below(1000);
      return `${at}:${at + 10}:${at + 1}`;
    },
    edges: ["1:1:"],
  },
  oidvector: {
    example: "23 25",
    random: (random) => Array.from({ length: random.below(6) }, () => random.below(2 ** 32)),
    edges: [[], [0], [0xffff_ffff]],
  },
  int2vector: {
    example: "1 2 3",
    random: (random) => Array.from({ length: random.below(6) }, () => random.below(0x10000) - 0x8000),
    edges: [[], [-1]],
  },
  refcursor: { example: "cursor", random: word, edges: [""] },
  tsvector: {
    example: "'fat':2 'rat':3A",
    random: (random) =>
      [...new Set(Array.from({ length: random.below(6) }, () => lexeme(random)))].map((text) =>
        `'${text.replaceAll("\\", "\\\\").replaceAll("'", "''")}':${1 + random.below(9)}${random.pick(["", "A", "B"])}`
      ).join(" "),
    edges: ["", "'a' 'b':1A,3"],
  },
  tsquery: { example: "'fat' & 'rat':*", random: (random) => query(random, 3), edges: ["", "'a' & !'b' <2> 'c':*AB"] },
  int4range: { example: "[1,5)", random: stepped(small, byNumber), edges: [Range.empty(), new Range(1, 5)] },
  int8range: { example: "(,5)", random: stepped(big, byNumber), edges: [Range.empty(), new Range(1n, 2n ** 62n)] },
  numrange: { example: "[1.5,2]", random: ordered(decimal, byNumber), edges: [Range.empty(), new Range("1.10", null)] },
  daterange: {
    example: "[2024-01-01,2024-02-01)",
    random: stepped(date, Temporal.PlainDate.compare),
    edges: [Range.empty(), new Range<unknown>(-Infinity, Infinity)],
  },
  tsrange: { example: "empty", random: ordered(timestamp, Temporal.PlainDateTime.compare), edges: [Range.empty()] },
  tstzrange: {
    example: "[,)",
    random: ordered(instant, Temporal.Instant.compare),
    edges: [new Range<unknown>(null, Infinity, "()")],
  },
  int4multirange: {
    example: "{[1,3),[5,)}",
    since: 14,
    random: multi((at) => new Range(at, at + 9)),
    edges: [[], [new Range(null, 1), new Range(5, null)]],
  },
  int8multirange: {
    example: "{[1,3)}",
    since: 14,
    random: multi((at) => new Range(BigInt(at), BigInt(at + 9))),
    edges: [[]],
  },
  nummultirange: {
    example: "{[1.5,2]}",
    since: 14,
    random: multi((at) => new Range(`${at}.5`, `${at + 9}`, "(]")),
    edges: [[]],
  },
  datemultirange: {
    example: "{[2024-01-01,2024-02-01)}",
    since: 14,
    random: multi((at) => new Range(day(at), day(at + 9))),
    edges: [[]],
  },
  tsmultirange: {
    example: "{}",
    since: 14,
    random: multi((at) => new Range(day(at).toPlainDateTime(), day(at + 9).toPlainDateTime(), "[]")),
    edges: [[]],
  },
  tstzmultirange: {
    example: "{}",
    since: 14,
    random: multi((at) =>
      new Range(day(at).toZonedDateTime("UTC").toInstant(), day(at + 9).toZonedDateTime("UTC").toInstant(), "()")
    ),
    edges: [[]],
  },
};

function octetsOf(random: Random): string {
  return `${1 + random.below(255)}.${random.below(256)}.${random.below(256)}.${random.below(256)}`;
}

/** A tsquery for a parameter; the server returns its own text of it. */
function query(random: Random, depth: number): string {
  if (depth === 0 || random.below(3) === 0) {
    const text = lexeme(random).replaceAll("\\", "\\\\").replaceAll("'", "''");
    return `'${text}'${random.pick(["", ":*", ":AB", ":*D"])}`;
  }
  if (random.below(4) === 0) return `!(${query(random, depth - 1)})`;
  return `(${query(random, depth - 1)}) ${random.pick(["&", "|", "<->", "<3>"])} (${query(random, depth - 1)})`;
}

/** Types that are only known as text, and are newer than PostgreSQL 12. */
const SINCE: Readonly<Record<string, number>> = {
  pg_brin_bloom_summary: 14,
  pg_brin_minmax_multi_summary: 14,
  regcollation: 13,
};
