/**
 * Attacks on a client that connects, over real sockets: each ends with an error that says what is wrong, in bounded
 * memory, with the connection closed, and without a secret that the real server would not have been sent.
 *
 * What a server may say in which order is tested message by message in `tests/protocol`.
 */
import { ConnectionError, ProtocolError, ServerError } from "../../mod.ts";
import type { Move } from "../support/network/attacker.ts";
import { type Attack, withstandAll } from "../support/network/attacks.ts";
import {
  authentication,
  backendKeyData,
  concat,
  dataRow,
  errorResponse,
  message,
  negotiateProtocolVersion,
  noticeResponse,
  notificationResponse,
  parameterStatus,
  readyForQuery,
} from "../support/scripted/backend.ts";

const OK = authentication(0);
const CLEARTEXT = authentication(3);
const MD5 = authentication(5, (out) => out.int32(7));
const SASL = authentication(10, (out) => {
  out.cstring("SCRAM-SHA-256");
  out.byte(0);
});
const READY = readyForQuery();
const GOOD_FIRST = "r={nonce}server,s=c2FsdA==,i=4096";

function text(words: string): Uint8Array {
  return new TextEncoder().encode(words);
}

function send(...messages: readonly Uint8Array[]): Move {
  return { send: concat(...messages) };
}

/** A message that claims a length, with nothing behind it. */
function claiming(code: string, length: number): Uint8Array {
  const bytes = message(code);
  new DataView(bytes.buffer, bytes.byteOffset).setInt32(1, length);
  return bytes;
}

function final(words: string): Uint8Array {
  return authentication(12, (out) => out.text(words));
}

/** An attack that ends with a ProtocolError. */
function refused(name: string, message: RegExp, ...moves: Move[]): Attack {
  return { name, moves, error: ProtocolError, message };
}

/** An attack that only the limit of time ends. */
function timedOut(name: string, ...moves: Move[]): Attack {
  return {
    name,
    moves,
    error: ConnectionError,
    message: /timed out/,
    opts: (opts) => opts.connectTimeout(700),
  };
}

const FRAMING: readonly Attack[] = [
  timedOut("says nothing"),
  timedOut("stops in mid-message", send(OK.subarray(0, 6))),
  timedOut("drips one byte at a time", { drip: noticeResponse("x".repeat(1000)).subarray(0, 900), pause: 20 }),
  {
    name: "closes",
    moves: ["end"],
    error: ConnectionError,
    message: /the server closed the connection/,
  },
  refused("talks HTTP", /claims a length of/, send(text("HTTP/1.1 400 Bad Request\r\n\r\n"))),
  ...[-1, -2_147_483_648, 0, 3].map((length) =>
    refused(
      `claims a length of ${length}`,
      /claims a length of -?\d+ bytes, it must be at least 4/,
      send(claiming("R", length)),
    )
  ),
  ...["R", "E", "N", "S", "v"].map((code) =>
    refused(`claims a ${code} of 2 GB`, /claims a length of 2147483647 bytes/, send(claiming(code, 0x7fff_ffff)))
  ),
  refused("claims a notice of 2 MB behind AuthenticationOk", /claims a length of/, send(OK, claiming("N", 0x20_0000))),
  refused("sends a message that PostgreSQL does not have", /which PostgreSQL does not have/, send(message("!"))),
  refused("sends that behind AuthenticationOk", /which PostgreSQL does not have/, send(OK, message("\xff"))),
  refused("lets an error's text not end", /claims a length of/, send(text("E"), text("x".repeat(40_000)))),
];

const ORDER: readonly Attack[] = [
  refused("is ready before it has authenticated", /ReadyForQuery, which is not allowed here/, send(READY)),
  refused("sends its key before it has authenticated", /BackendKeyData, which/, send(backendKeyData(), OK, READY)),
  refused("sends a setting before it has authenticated", /ParameterStatus, which/, send(parameterStatus("a", "b"))),
  refused("sends a notice before it has authenticated", /NoticeResponse, which/, send(noticeResponse("n"))),
  refused("sends rows instead of authentication", /DataRow, which is not allowed here/, send(dataRow("1"))),
  refused("sends rows behind AuthenticationOk", /DataRow, which is not allowed here/, send(OK, dataRow("1"))),
  refused("authenticates twice", /Authentication, which is not allowed here/, send(OK, OK, READY)),
  refused("asks for a password behind AuthenticationOk", /Authentication, which is not allowed/, send(OK, CLEARTEXT)),
  refused("sends two keys", /BackendKeyData, which/, send(OK, backendKeyData(1), backendKeyData(2), READY)),
  ...[0, 3, 5, 32, 256].map((length) =>
    refused(
      `sends a key of ${length} bytes`,
      /a cancel key of/,
      send(OK, backendKeyData(1, new Uint8Array(length)), READY),
    )
  ),
  {
    ...refused("sends a key of 257 bytes in protocol 3.2", /protocol 3\.2 has 4 to 256/, {
      send: concat(OK, backendKeyData(1, new Uint8Array(257)), READY),
    }),
    opts: (opts) => opts.maxProtocolVersion("3.2"),
  },
  refused(
    "wants a newer protocol",
    /wants protocol 3\.2, at most 3\.0/,
    send(negotiateProtocolVersion(0x0003_0002), OK),
  ),
  refused("wants protocol 2", /wants protocol 2\.0/, send(negotiateProtocolVersion(0x0002_0000), OK)),
  refused("refuses options that were not sent", /not sent: \["_pq_\.a"\]/, send(negotiateProtocolVersion(0, "_pq_.a"))),
  refused(
    "negotiates behind AuthenticationOk",
    /NegotiateProtocolVersion, which/,
    send(OK, negotiateProtocolVersion(0)),
  ),
  refused("negotiates in two ways", /twice/, send(negotiateProtocolVersion(0), negotiateProtocolVersion(0x0003_0000))),
  {
    name: "makes the encoding another one than UTF8",
    moves: [send(OK, parameterStatus("client_encoding", "SJIS"), READY)],
    error: ConnectionError,
    message: /client_encoding/,
  },
];

const AUTHENTICATION: readonly Attack[] = [
  refused("says OK in place of SCRAM's first message", /AuthenticationOk out of turn/, send(SASL), send(OK, READY)),
  {
    ...refused("says OK in place of SCRAM's final message", /AuthenticationOk out of turn/, send(SASL), {
      scram: GOOD_FIRST,
    }, send(OK, READY)),
    discloses: "proof",
  },
  {
    ...refused("does not know the password", /its signature is wrong/, send(SASL), { scram: GOOD_FIRST }, {
      send: concat(final("v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="), OK, READY),
    }),
    discloses: "proof",
  },
  {
    ...refused("gives an empty signature", /final SCRAM message is malformed/, send(SASL), { scram: GOOD_FIRST }, {
      send: concat(final("v="), OK, READY),
    }),
    discloses: "proof",
  },
  ...([
    ["has no nonce of its own", "r={nonce},s=c2FsdA==,i=4096", /its nonce does not continue ours/],
    ["has a nonce without ours", "r=server,s=c2FsdA==,i=4096", /its nonce does not continue ours/],
    ["has an empty nonce", "r=,s=c2FsdA==,i=4096", /first SCRAM message is malformed/],
    ["has no salt", "r={nonce}x,i=4096", /first SCRAM message is malformed/],
    ["has an empty salt", "r={nonce}x,s=,i=4096", /first SCRAM message is malformed/],
    ["asks for no iterations", "r={nonce}x,s=c2FsdA==,i=0", /first SCRAM message is malformed/],
    ["asks for -1 iterations", "r={nonce}x,s=c2FsdA==,i=-1", /first SCRAM message is malformed/],
    ["asks for 2^31 iterations", "r={nonce}x,s=c2FsdA==,i=2147483647", /asks for 2147483647 iterations/],
    ["asks for 1e400 iterations", `r={nonce}x,s=c2FsdA==,i=1${"0".repeat(400)}`, /iterations, pyro computes at most/],
    ["demands an extension", "m=x,r={nonce}x,s=c2FsdA==,i=4096", /first SCRAM message is malformed/],
  ] as const).map(([name, scram, message]) => refused(`SCRAM: it ${name}`, message, send(SASL), { scram })),
  refused("asks for the password in the middle of SCRAM", /a password out of turn/, send(SASL), send(CLEARTEXT)),
  refused("asks for a hash in the middle of SCRAM", /an MD5 password out of turn/, send(SASL), send(MD5)),
  {
    ...refused("asks for the password once it has the proof", /a password out of turn/, send(SASL), {
      scram: GOOD_FIRST,
    }, send(CLEARTEXT)),
    discloses: "proof",
  },
  {
    ...refused(
      "asks for the password once it has the hash",
      /requested authentication twice/,
      send(MD5),
      send(CLEARTEXT),
    ),
    discloses: "hash",
  },
  refused("gives a salt of two bytes", /a salt of 2 bytes/, send(authentication(5, (out) => out.int16(7)))),
  ...[2, 6, 7, 8, 9, 99, -1].map((method): Attack => ({
    name: `asks for authentication ${method}`,
    moves: [send(authentication(method))],
    error: ConnectionError,
    message: /Cannot authenticate: the server asks for/,
  })),
  {
    name: "offers only mechanisms that pyro does not have",
    moves: [send(authentication(10, (out) => out.text("PLAIN\0\0")))],
    error: ConnectionError,
    message: /the server offers "PLAIN" as mechanisms/,
  },
  {
    name: "refuses the password, and goes on",
    moves: [send(CLEARTEXT), send(errorResponse("28P01", "wrong", "FATAL"), OK, READY)],
    error: ServerError,
    message: /wrong/,
    discloses: "password",
  },
];

/** A flood takes as long as connecting may take, or until the client refuses it. */
const FLOODS: readonly Attack[] = [
  timedOut("floods with notices", { send: OK, flood: noticeResponse("x".repeat(1000)) }),
  timedOut("floods with long notices", { send: OK, flood: noticeResponse("x".repeat(900_000)) }),
  timedOut("floods with notifications", { send: OK, flood: notificationResponse("c", "x".repeat(1000)) }),
  timedOut("floods with one setting", { send: OK, flood: parameterStatus("application_name", "x".repeat(1000)) }),
  timedOut("floods with versions", { send: negotiateProtocolVersion(0), flood: negotiateProtocolVersion(0) }),
  refused("floods with keys", /BackendKeyData, which/, { send: OK, flood: backendKeyData() }),
  refused("floods with AuthenticationOk", /Authentication, which/, { send: OK, flood: OK }),
  refused("floods with settings", /at most 1000 of \d+ characters/, send(manySettings(1001))),
];

/** AuthenticationOk, and that many different settings. */
function manySettings(count: number): Uint8Array {
  return concat(OK, ...Array.from({ length: count }, (_, i) => parameterStatus(`app.s${i}`, "")), READY);
}

/** With sslmode=require. */
const TLS: readonly Attack[] = [
  ...[
    { name: "answers the TLS request with plain messages", send: concat(text("S"), OK, backendKeyData(), READY) },
    { name: "answers the TLS request with S and one more byte", send: text("SS") },
  ].map(({ name, send }): Attack => ({
    name,
    moves: [{ send }],
    error: ConnectionError,
    message: /TLS|unencrypted data/,
  })),
  {
    name: "offers no TLS",
    moves: [send(text("N")), send(CLEARTEXT)],
    error: ConnectionError,
    message: /does not offer TLS/,
  },
  {
    name: "answers the TLS request with a session",
    moves: [send(OK, backendKeyData(), READY)],
    error: ProtocolError,
    message: /with 0x52, neither S nor N/,
  },
  {
    name: "answers the TLS request with an error, which is not believed",
    moves: [send(errorResponse("28000", "believe me", "FATAL"))],
    error: ConnectionError,
    message: /^(?!.*believe me).*answered the request for TLS with an error/,
  },
  {
    name: "garbles the TLS handshake",
    moves: [send(text("S")), send(text("A".repeat(200))), "end"],
    error: ConnectionError,
    message: /the TLS handshake failed|the server closed the connection|timed out/,
  },
];

const REQUIRING = TLS.map((attack): Attack => ({ ...attack, opts: (opts) => opts.sslMode("require") }));

for (
  const [kind, attacks] of Object.entries({
    framing: FRAMING,
    order: ORDER,
    authentication: AUTHENTICATION,
    floods: FLOODS,
    TLS: REQUIRING,
  })
) withstandAll(`hostile server, while connecting: ${kind}`, attacks, (world, opts) => world.connect(opts));
