/** What every message looks like in a trace, in whatever pieces it comes. */
import assert from "node:assert/strict";
import { WireTrace } from "../../src/trace/wire_trace.ts";
import { Authentication, Backend, DescribeTarget, Frontend, PROTOCOL_3_0 } from "../../src/wire/codes.ts";
import * as frontend from "../../src/wire/frontend.ts";
import { Outbox } from "../../src/wire/outbox.ts";
import * as backend from "../support/scripted/backend.ts";
import { Random } from "../support/suite/random.ts";
import { test } from "../support/suite/test.ts";

type Piece = readonly [side: "sent" | "received", bytes: Uint8Array];

/** The lines of a conversation whose bytes come at most `size` at a time. */
function lines(pieces: readonly Piece[], size: number = Infinity): string[] {
  const told: string[] = [];
  const trace = new WireTrace((line) => told.push(line), () => "now");
  for (const [side, bytes] of pieces) {
    for (let at = 0; at < bytes.length; at += size) trace[side](bytes.slice(at, at + size));
  }
  return told.map((line) => {
    assert.ok(line.startsWith("now\t"), line);
    return line.slice(4);
  });
}

/** The same in every size of pieces. */
function traced(...pieces: readonly Piece[]): string[] {
  const whole = lines(pieces);
  for (const size of [1, 2, 7]) assert.deepEqual(lines(pieces, size), whole, `in pieces of ${size}`);
  return whole;
}

function written(write: (out: Outbox) => void): Uint8Array {
  const out = new Outbox();
  write(out);
  return out.pending().slice();
}

const sent = (write: (out: Outbox) => void): Piece => ["sent", written(write)];
const received = (...messages: Uint8Array[]): Piece => ["received", backend.concat(...messages)];

/** Begins a session: what comes first is of another form. */
const STARTUP = sent((out) => frontend.startup(out, PROTOCOL_3_0, [["user", "ada"]]));

/** What the client sends, and its line. */
const FROM_CLIENT: readonly (readonly [write: (out: Outbox) => void, line: string])[] = [
  [(out) => frontend.query(out, 'select "ä"\n  from t'), 'F\t25\tQuery\t "select "ä"\n  from t"'],
  [(out) => frontend.parse(out, "s", "select $1", [23, 0]), 'F\t26\tParse\t "s" "select $1" 2 23 0'],
  [(out) => frontend.parse(out, "", "", [0xffff_fff0]), 'F\t12\tParse\t "" "" 1 -16'],
  [
    (out) => bind(out, [1, 0], [new Uint8Array([0, 0x7f, 0x20, 0x7e, 0xe4]), null, new Uint8Array()], [1]),
    "F\t37\tBind\t \"p\" \"s\" 2 1 0 3 5 '\\x00\\x7f ~\\xe4' -1 0 '' 1 1",
  ],
  [(out) => frontend.describe(out, DescribeTarget.Statement, "s"), 'F\t7\tDescribe\t S "s"'],
  [(out) => frontend.describe(out, DescribeTarget.Portal, ""), 'F\t6\tDescribe\t P ""'],
  [(out) => frontend.close(out, DescribeTarget.Statement, "s"), 'F\t7\tClose\t S "s"'],
  [(out) => frontend.execute(out, "p", 100), 'F\t10\tExecute\t "p" 100'],
  [(out) => frontend.sync(out), "F\t4\tSync"],
  [(out) => frontend.flush(out), "F\t4\tFlush"],
  [(out) => frontend.copyData(out, new Uint8Array([0x61, 9, 0x62, 10])), "F\t8\tCopyData\t 'a\\x09b\\x0a'"],
  [(out) => frontend.copyData(out, new Uint8Array()), "F\t4\tCopyData\t ''"],
  [(out) => frontend.copyDone(out), "F\t4\tCopyDone"],
  [(out) => frontend.copyFail(out, "no"), 'F\t7\tCopyFail\t "no"'],
  [(out) => out.bytes(frontend.TERMINATE), "F\t4\tTerminate"],
];

/** What the server sends, and its line. */
const FROM_SERVER: readonly (readonly [message: Uint8Array, line: string])[] = [
  [backend.backendKeyData(42, new Uint8Array([0x73, 0x65, 0x63, 0x72])), "B\t12\tBackendKeyData\t 42 ***"],
  [backend.backendKeyData(42, new Uint8Array(32).fill(0x73)), "B\t40\tBackendKeyData\t 42 ***"],
  [backend.bindComplete(), "B\t4\tBindComplete"],
  [backend.closeComplete(), "B\t4\tCloseComplete"],
  [backend.commandComplete("INSERT 0 1"), 'B\t15\tCommandComplete\t "INSERT 0 1"'],
  [backend.message("W", (out) => copyFormats(out, 0, 0)), "B\t11\tCopyBothResponse\t \\x00 2 0 0"],
  [backend.copyData("x\ty"), "B\t7\tCopyData\t 'x\\x09y'"],
  [backend.copyDone(), "B\t4\tCopyDone"],
  [backend.message("G", (out) => copyFormats(out, 1, 1)), "B\t11\tCopyInResponse\t \\x00 2 1 1"],
  [backend.message("H", (out) => copyFormats(out)), "B\t7\tCopyOutResponse\t \\x00 0"],
  [backend.dataRow("a'b", null, "", "ä"), "B\t27\tDataRow\t 4 3 'a'b' -1 0 '' 2 '\\xc3\\xa4'"],
  [backend.dataRow(), "B\t6\tDataRow\t 0"],
  [backend.emptyQueryResponse(), "B\t4\tEmptyQueryResponse"],
  [backend.errorResponse("22012", "oh"), 'B\t30\tErrorResponse\t S "ERROR" V "ERROR" C "22012" M "oh" \\x00'],
  [
    backend.message("v", (out) => {
      out.int32(0);
      out.int32(1);
      out.cstring("_pq_.x");
    }),
    'B\t19\tNegotiateProtocolVersion\t 0 1 "_pq_.x"',
  ],
  [backend.noData(), "B\t4\tNoData"],
  [backend.noticeResponse("oh"), 'B\t32\tNoticeResponse\t S "NOTICE" V "NOTICE" C "00000" M "oh" \\x00'],
  [backend.notificationResponse("ch", "hello", 7), 'B\t17\tNotificationResponse\t 7 "ch" "hello"'],
  [backend.parameterDescription(23, 25), "B\t14\tParameterDescription\t 2 23 25"],
  [backend.parameterStatus("TimeZone", "UTC"), 'B\t17\tParameterStatus\t "TimeZone" "UTC"'],
  [backend.parseComplete(), "B\t4\tParseComplete"],
  [backend.message("s"), "B\t4\tPortalSuspended"],
  [backend.readyForQuery("T"), "B\t5\tReadyForQuery\t T"],
  [backend.rowDescription({ n: 23, t: 25 }), 'B\t46\tRowDescription\t 2 "n" 0 0 23 65535 -1 0 "t" 0 0 25 65535 -1 0'],
  [backend.authentication(Authentication.Ok), "B\t8\tAuthenticationOk"],
  [backend.authentication(Authentication.KerberosV5), "B\t8\tAuthenticationKerberosV5"],
  [backend.authentication(Authentication.CleartextPassword), "B\t8\tAuthenticationCleartextPassword"],
  [
    backend.authentication(Authentication.Md5Password, (out) => out.text("salt")),
    "B\t12\tAuthenticationMD5Password\t ***",
  ],
  [backend.authentication(Authentication.Gss), "B\t8\tAuthenticationGSS"],
  [
    backend.authentication(Authentication.GssContinue, (out) => out.text("data")),
    "B\t12\tAuthenticationGSSContinue\t ***",
  ],
  [backend.authentication(Authentication.Sspi), "B\t8\tAuthenticationSSPI"],
  [
    backend.authentication(Authentication.Sasl, (out) => {
      out.cstring("SCRAM-SHA-256");
      out.byte(0);
    }),
    'B\t23\tAuthenticationSASL\t "SCRAM-SHA-256" ""',
  ],
  [
    backend.authentication(Authentication.SaslContinue, (out) => out.text("r=nonce")),
    "B\t15\tAuthenticationSASLContinue\t ***",
  ],
  [
    backend.authentication(Authentication.SaslFinal, (out) => out.text("v=signature")),
    "B\t19\tAuthenticationSASLFinal\t ***",
  ],
  [backend.authentication(99), "B\t8\tUnknown authentication message 99"],
];

test("trace: every message of the client", () => {
  for (const [write, line] of FROM_CLIENT) assert.deepEqual(traced(STARTUP, sent(write)).slice(1), [line]);
  const codes = new Set(FROM_CLIENT.map(([write]) => written(write)[0]!));
  for (const [name, code] of Object.entries(Frontend)) {
    if (name !== "Password") assert.ok(codes.has(code), `${name} is among them`);
  }
});

test("trace: every message of the server", () => {
  for (const [message, line] of FROM_SERVER) assert.deepEqual(traced(received(message)), [line]);
  const codes = new Set(FROM_SERVER.map(([message]) => message[0]!));
  for (const [name, code] of Object.entries(Backend)) assert.ok(codes.has(code), `${name} is among them`);
});

test("trace: messages behind each other, in one piece and in many", () => {
  assert.deepEqual(
    traced(STARTUP, sent((out) => FROM_CLIENT.forEach(([write]) => write(out)))).slice(1),
    FROM_CLIENT.map(([, line]) => line),
  );
  assert.deepEqual(
    traced(received(...FROM_SERVER.map(([message]) => message))),
    FROM_SERVER.map(([, line]) => line),
  );
});

test("trace: what a connection begins with", () => {
  assert.deepEqual(
    traced(
      sent((out) => frontend.sslRequest(out)),
      ["received", new Uint8Array([0x53])],
      sent((out) => frontend.startup(out, PROTOCOL_3_0, [["user", "ada"], ["geqo", ""]])),
      received(backend.readyForQuery()),
    ),
    [
      "F\t8\tSSLRequest\t 1234 5679",
      "B\t1\tSSLResponse\t S",
      'F\t24\tStartupMessage\t 3 0 "user" "ada" "geqo" ""',
      "B\t5\tReadyForQuery\t I",
    ],
  );
  assert.deepEqual(
    traced(sent((out) => frontend.sslRequest(out)), ["received", new Uint8Array([0x4e])], STARTUP),
    ["F\t8\tSSLRequest\t 1234 5679", "B\t1\tSSLResponse\t N", 'F\t18\tStartupMessage\t 3 0 "user" "ada"'],
  );
  assert.deepEqual(
    traced(sent((out) => frontend.cancelRequest(out, 4711, new TextEncoder().encode("SECRET")))),
    ["F\t18\tCancelRequest\t 1234 5678 4711 ***"],
  );
});

test("trace: answers to Authentication have the names of what was asked for, and hide all they say", () => {
  const { CleartextPassword, Md5Password, Sasl, SaslContinue, Gss } = Authentication;
  for (
    const [method, write, name] of [
      [CleartextPassword, (out: Outbox) => frontend.password(out, "SECRET"), "PasswordMessage"],
      [Md5Password, (out: Outbox) => frontend.password(out, "md5SECRET"), "PasswordMessage"],
      [Sasl, (out: Outbox) => frontend.saslInitial(out, "SCRAM-SHA-256", "n,,SECRET"), "SASLInitialResponse"],
      [SaslContinue, (out: Outbox) => frontend.saslResponse(out, "c=SECRET"), "SASLResponse"],
      [Gss, (out: Outbox) => frontend.password(out, "SECRET"), "UnknownAuthenticationResponse"],
      // A server that wants to see a password under another name.
      [Sasl, (out: Outbox) => frontend.password(out, "SECRET"), "SASLInitialResponse"],
    ] as const
  ) {
    assert.deepEqual(
      traced(STARTUP, received(backend.authentication(method)), sent(write)).slice(2),
      [`F\tNN\t${name}\t ***`],
    );
  }
  assert.deepEqual(
    traced(STARTUP, sent((out) => frontend.password(out, "SECRET"))).slice(1),
    ["F\tNN\tUnknownAuthenticationResponse\t ***"],
  );
});

test("trace: a malformed message is a line that says so, and the next one is as it should be", () => {
  const ready = backend.readyForQuery();
  for (
    const [message, line] of [
      [backend.message("Z"), "B\t4\tReadyForQuery\t (malformed: it is cut short)"],
      [backend.message("1", (out) => out.text("abc")), "B\t7\tParseComplete (malformed: 3 bytes are left over)"],
      [backend.message("R"), "B\t4\tAuthentication\t (malformed: it is cut short)"],
      [backend.message("R", (out) => out.int16(0)), "B\t6\tAuthentication\t (malformed: it is cut short)"],
      [backend.message("C", (out) => out.text("abc")), "B\t7\tCommandComplete\t (malformed: a text does not end)"],
      [backend.message("D", (out) => out.int16(2)), "B\t6\tDataRow\t 2 (malformed: it is cut short)"],
      [
        backend.message("D", (out) => {
          out.int16(1);
          out.int32(9);
          out.text("abc");
        }),
        "B\t13\tDataRow\t 1 9 (malformed: it is cut short)",
      ],
      [
        backend.message("D", (out) => {
          out.int16(1);
          out.int32(-2);
        }),
        "B\t10\tDataRow\t 1 -2 (malformed: a value has a length of -2)",
      ],
      [backend.message("E", (out) => out.text("M")), "B\t5\tErrorResponse\t M (malformed: a text does not end)"],
      [backend.message("y", (out) => out.text("abc")), "B\t7\tUnknown message: 79 (malformed: 3 bytes are left over)"],
      [backend.message("\x07"), "B\t4\tUnknown message: 07"],
    ] as const
  ) {
    assert.deepEqual(traced(received(message, ready)), [line, "B\t5\tReadyForQuery\t I"]);
  }
});

test("trace: whatever is corrupted, it neither throws nor depends on the pieces, and lines are bounded", () => {
  const random = new Random(7);
  const client = backend.concat(STARTUP[1], ...FROM_CLIENT.map(([write]) => written(write)));
  const server = backend.concat(...FROM_SERVER.map(([message]) => message));
  let malformed = 0;
  for (let round = 0; round < 500; round++) {
    const pieces = ([["sent", client], ["received", server]] as const).map(([side, bytes]): Piece => {
      const corrupted = bytes.slice();
      for (let i = 0; i < 3; i++) corrupted[random.below(corrupted.length)] = random.below(256);
      return [side, corrupted];
    });
    const whole = lines(pieces);
    assert.deepEqual(lines(pieces, 1 + random.below(20)), whole);
    assert.ok(whole.every((line) => line.length < 100_000));
    if (whole.some((line) => line.includes("malformed"))) malformed++;
  }
  assert.ok(malformed > 100, `${malformed} rounds had malformed messages`);
});

test("trace: behind a length that cannot be, nothing more is shown of that side", () => {
  const garbage = new TextEncoder().encode("Z\0\0\0\x03 and so on");
  assert.deepEqual(traced(["received", garbage], STARTUP, received(backend.readyForQuery())), [
    "B\t3\tUnknown message (malformed: no message is that short, and what follows is not shown)",
    'F\t18\tStartupMessage\t 3 0 "user" "ada"',
  ]);
  assert.deepEqual(traced(["sent", new Uint8Array([0, 0, 0, 7, 0, 3, 0])]), [
    "F\t7\tUnknown message (malformed: no message is that short, and what follows is not shown)",
  ]);
});

test("trace: of long texts and values the beginning is shown, and what follows them", () => {
  const long = "x".repeat(5000);
  assert.deepEqual(traced(received(backend.dataRow(long, "next"))), [
    `B\t5018\tDataRow\t 2 5000 '${"x".repeat(4096)}' (904 bytes left out) 4 'next'`,
  ]);
  assert.deepEqual(traced(STARTUP, sent((out) => frontend.parse(out, "", long, [23]))).slice(1), [
    `F\t5012\tParse\t "" "${"x".repeat(4096)}" (904 bytes left out) 1 23`,
  ]);
  assert.deepEqual(traced(received(backend.copyData("y".repeat(4097)))), [
    `B\t4101\tCopyData\t '${"y".repeat(4096)}' (1 bytes left out)`,
  ]);
});

test("trace: a line has an end, however many values a message has", () => {
  const row = backend.dataRow(...Array<string>(60).fill("z".repeat(4000)));
  const [line, next] = traced(received(row, backend.readyForQuery()));
  const whole = / 4000 'z{4000}'/g;
  const shown = line!.match(whole)!.length;
  assert.ok(shown > 10 && shown < 20, `${shown} values`);
  assert.equal(line!.replace(whole, ""), `B\t240246\tDataRow\t 60 (${(60 - shown) * 4004} bytes left out)`);
  assert.equal(next, "B\t5\tReadyForQuery\t I");
  assert.match(
    traced(received(backend.message("E", (out) => {
      for (let i = 0; i < 40; i++) {
        out.text("M");
        out.cstring("m".repeat(4000));
      }
      out.byte(0);
    })))[0]!,
    / \(\d+ bytes left out\)$/,
  );
});

test("trace: a value of any size is never held", () => {
  const told: string[] = [];
  const trace = new WireTrace((line) => told.push(line), () => "now");
  const size = 500_000_000;
  trace.received(written((out) => {
    out.byte(Backend.DataRow);
    out.int32(4 + 2 + 4 + size);
    out.int16(1);
    out.int32(size);
  }));
  const piece = new Uint8Array(1_000_000).fill(0x61);
  for (let fed = 0; fed < size; fed += piece.length) {
    assert.deepEqual(told, []);
    trace.received(piece);
  }
  assert.deepEqual(told, [
    `now\tB\t500000010\tDataRow\t 1 500000000 '${"a".repeat(4096)}' (499995904 bytes left out)`,
  ]);
});

test("trace: what its listener throws is ignored", () => {
  let calls = 0;
  const trace = new WireTrace(() => {
    calls++;
    throw new Error("not now");
  }, () => "now");
  trace.received(backend.concat(backend.parseComplete(), backend.bindComplete()));
  trace.received(backend.readyForQuery());
  assert.equal(calls, 3);
});

test("trace: it keeps nothing of what it is given", () => {
  const told: string[] = [];
  const trace = new WireTrace((line) => told.push(line), () => "now");
  const bytes = backend.dataRow("abcdef");
  const first = bytes.slice(0, 14);
  trace.received(first);
  first.fill(0);
  trace.received(bytes.slice(14));
  assert.deepEqual(told, ["now\tB\t16\tDataRow\t 1 6 'abcdef'"]);
});

function bind(out: Outbox, formats: number[], values: (Uint8Array | null)[], results: number[]): void {
  const start = out.begin(Frontend.Bind);
  out.cstring("p");
  out.cstring("s");
  out.int16(formats.length);
  for (const format of formats) out.int16(format);
  out.int16(values.length);
  for (const value of values) {
    out.int32(value?.length ?? -1);
    if (value !== null) out.bytes(value);
  }
  out.int16(results.length);
  for (const format of results) out.int16(format);
  out.end(start);
}

function copyFormats(out: Outbox, ...formats: number[]): void {
  out.byte(0);
  out.int16(formats.length);
  for (const format of formats) out.int16(format);
}
