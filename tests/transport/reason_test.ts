import assert from "node:assert/strict";
import { systemError } from "../../src/transport/libc.ts";
import { codeOf, reasonOf } from "../../src/transport/reason.ts";
import { test } from "../support/suite/test.ts";

/** Errors as runtimes give them, and the words for them. */
const ERRORS: readonly (readonly [what: string, code: string | undefined, message: string, reason: RegExp])[] = [
  [
    "Node, an alert",
    "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA",
    "40738AA7E17F0000:error:0A000418:SSL routines:ssl3_read_bytes:tlsv1 alert unknown ca:../deps/openssl/ssl.c:1601:",
    /^the server refuses the client's certificate \(sslcert\): it does not trust the authority/,
  ],
  ["Bun, an alert", "EPROTO", "error:10000418:SSL routines:OPENSSL_internal:TLSV1_ALERT_UNKNOWN_CA", /does not trust/],
  ["Deno, an alert", "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA", "received fatal alert: UnknownCA", /does not trust/],
  ["an alert without a code", undefined, "received fatal alert: CertificateExpired", /\(sslcert\): it has expired$/],
  [
    "a certificate that is missing",
    "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED",
    "x",
    /^the server requires a certificate/,
  ],
  [
    "versions, of the server",
    "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION",
    "x",
    /^the server has none of the versions of TLS/,
  ],
  ["versions, on Deno", "ERR_SSL_UNSUPPORTED_PROTOCOL", "unsupported protocol", /^the server has none of the versions/],
  ["versions, of the runtime", "ERR_SSL_NO_PROTOCOLS_AVAILABLE", "x", /^the runtime has none of the versions of TLS/],
  ["no TLS at all", "ERR_SSL_WRONG_VERSION_NUMBER", "x", /^the server has not answered with TLS$/],
  ...[
    "BAD_SIGNATURE",
    "PROVIDER_SIGNATURE_FAILURE",
    "INVALID_PADDING",
    "DATA_TOO_LARGE_FOR_MODULUS",
    "LAST_OCTET_INVALID",
  ]
    .map((name) =>
      [`a wrong signature (${name})`, `ERR_SSL_${name}`, "x", /^a signature is wrong: the server does not/] as const
    ),
  ["anything else", "ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR", "x", /^the two sides could not agree \(internal error\)$/],
  ["an error of the system", "ECONNREFUSED", "connect ECONNREFUSED 127.0.0.1:1", /^connection refused$/],
  [
    "Node, no descriptor left",
    "EMFILE",
    "connect EMFILE 127.0.0.1:1 - Local (undefined:undefined)",
    /^too many open files$/,
  ],
  ["Deno, no descriptor left", "EMFILE", "Too many open files (os error 24)", /^too many open files$/],
  ["a path that is too long", "ENAMETOOLONG", "ENAMETOOLONG: name too long, stat '/tmp/x'", /^file name too long$/],
  ["an error of neither", undefined, "no idea", /^no idea$/],
];

for (const [what, code, message, reason] of ERRORS) {
  test(`reason: ${what}`, () => {
    assert.match(reasonOf(Object.assign(new Error(message), code === undefined ? {} : { code })), reason);
  });
}

test("reason: what is no error, and what has no text", () => {
  const mute = { toString: (): never => assert.fail("no text") };
  const cases = [["closed", "closed"], [undefined, "undefined"], [Symbol("x"), "Symbol(x)"], [mute, NO_TEXT], [
    Object.create(null),
    NO_TEXT,
  ]];
  for (const [thrown, reason] of cases) assert.equal(reasonOf(thrown), reason);
  const error = Object.assign(new Error("the tunnel collapsed"), { code: mute });
  assert.equal(reasonOf(error), "the tunnel collapsed");
  assert.equal(codeOf(error), undefined);
});

test("reason: the C library's numbers have the codes and the words that runtimes give", () => {
  for (
    const [number, code, reason] of [[24, "EMFILE", "too many open files"], [40, "ELOOP", "too many symbolic links"]]
  ) {
    const error = systemError(number as number);
    assert.deepEqual([codeOf(error), error.message, reasonOf(error)], [code, reason, reason]);
  }
  assert.equal(systemError(93).message, "system error 93");
});

const NO_TEXT = "a value of type object without text";
