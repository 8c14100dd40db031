/**
 * Words for errors of sockets and of TLS, the same on every runtime, in place of a line of OpenSSL, BoringSSL or rustls.
 *
 * Source: RFC 8446, section 6, for the alerts of TLS.
 */
import { ConnectionError } from "../errors.ts";

/** The reason for an error of the operating system or the runtime. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return textOf(error);
  // Node tries several addresses of a name, and reports their errors in one without a message.
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  const code = "code" in error ? textOf(error.code) : "";
  return WORDS.get(codeOf(error) ?? code) ?? tlsReasonOf(error) ?? (error.message || code || error.name);
}

/** The words for an operating system's code; undefined if there are none. */
export function wordsOf(code: string): string | undefined {
  return WORDS.get(code);
}

/** Anything as text. Users' functions can throw what has none, which must not end more than the connection. */
export function textOf(value: unknown): string {
  try {
    return String(value);
  } catch {
    return `a value of type ${typeof value} without text`;
  }
}

/** Why a name could not be dialled: the only failure, or that of each of its addresses. */
export function failureOfAddresses(failures: readonly (readonly [address: string, error: unknown])[]): unknown {
  if (failures.length < 2) return failures[0]?.[1] ?? new Error("the host name has no address");
  const last = failures.at(-1)![1];
  const message = failures.map(([address, error]) => `${reasonOf(error)} (${address})`).join(", ");
  return new ConnectionError(message, { cause: last, code: codeOf(last) });
}

/** The operating system's code for an error of a socket or of a host name; undefined if it has none. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  const code = "code" in error ? textOf(error.code) : "";
  const known = CODES.get(code) ?? CODES.get(error.name) ?? nameFailure(error);
  return known ?? (/^E(?:AI_)?[A-Z0-9]+$/.test(code) ? code : undefined);
}

/** Deno tells a name that cannot be resolved by the message alone. */
function nameFailure({ message }: Error): string | undefined {
  if (!message.startsWith("failed to lookup address information")) return undefined;
  return message.includes("Temporary") ? "EAI_AGAIN" : "ENOTFOUND";
}

/** The codes by names that only one runtime has: Bun's for host names, and Deno's error classes. */
const CODES: ReadonlyMap<string, string> = new Map([
  ["DNS_ENOTFOUND", "ENOTFOUND"],
  ["BrokenPipe", "EPIPE"],
  ["ConnectionRefused", "ECONNREFUSED"],
  ["ConnectionReset", "ECONNRESET"],
  ["NotFound", "ENOENT"],
  ["PermissionDenied", "EACCES"],
  ["TimedOut", "ETIMEDOUT"],
]);

/** The words by code. */
const WORDS: ReadonlyMap<string, string> = new Map([
  ["EACCES", "permission denied"],
  ["EADDRNOTAVAIL", "address not available"],
  ["EAFNOSUPPORT", "address family not supported"],
  ["EAGAIN", "resource temporarily unavailable"],
  ["ECONNREFUSED", "connection refused"],
  ["ECONNRESET", "connection reset"],
  ["EINVAL", "invalid argument"],
  ["EHOSTUNREACH", "no route to host"],
  ["ELOOP", "too many symbolic links"],
  ["EMFILE", "too many open files"],
  ["ENAMETOOLONG", "file name too long"],
  ["ENETUNREACH", "network unreachable"],
  ["ENOENT", "no such file or directory"],
  ["ENOTDIR", "not a directory"],
  ["EAI_AGAIN", "the host name cannot be resolved now"],
  ["ENOTFOUND", "the host name cannot be resolved"],
  ["EPERM", "operation not permitted"],
  ["EPIPE", "broken pipe"],
  ["ETIMEDOUT", "connection timed out"],
]);

/** Why TLS failed; undefined if the error is not one of TLS. */
function tlsReasonOf(error: Error): string | undefined {
  const code = "code" in error ? textOf(error.code) : "";
  const name = nameOf(code, error.message);
  if (name === undefined) return undefined;
  const reason = REASONS.find(([part]) => name.includes(part))?.[1];
  return reason ?? `the two sides could not agree (${name.replaceAll("_", " ")})`;
}

/** The name of an alert or a failure, in lower case with underscores. */
function nameOf(code: string, message: string): string | undefined {
  const fromCode = /^ERR_(?:SSL|OSSL)_(.+)$/.exec(code)?.[1];
  if (fromCode !== undefined) return fromCode.toLowerCase().replace(/^(?:(?:tls|ssl)v\d+_)?(?:alert_)?/, "");
  const alert = /fatal alert: (\w+)/.exec(message)?.[1];
  if (alert !== undefined) return alert.replace(/(?<=[a-z])(?=[A-Z])/g, "_").toLowerCase();
  const line = /SSL routines:[^:]*:([^:]+)/.exec(message)?.[1];
  return line?.trim().toLowerCase().replaceAll(" ", "_").replace(/^(?:(?:tls|ssl)v\d+_)?(?:alert_)?/, "");
}

const WRONG_SIGNATURE = "a signature is wrong: the server does not have the private key of its certificate";
const CLIENT = "the server refuses the client's certificate (sslcert)";

/** By a part of the name; the first one that fits. */
const REASONS: readonly (readonly [part: string, reason: string])[] = [
  ["unknown_ca", `${CLIENT}: it does not trust the authority that has issued it`],
  ["certificate_expired", `${CLIENT}: it has expired`],
  ["certificate_revoked", `${CLIENT}: it was revoked`],
  ["certificate_required", "the server requires a certificate of the client (sslcert)"],
  ["bad_certificate", `${CLIENT}: it is malformed, or has no signature that the server accepts`],
  ["unsupported_certificate", `${CLIENT}: it is of an unsupported type`],
  ["certificate_unknown", `${CLIENT}: it could not be verified`],
  ["access_denied", `${CLIENT}: it does not permit it`],
  [
    "protocol_version",
    "the server has none of the versions of TLS from ssl_min_protocol_version to ssl_max_protocol_version",
  ],
  [
    "no_protocols_available",
    "the runtime has none of the versions of TLS from ssl_min_protocol_version to ssl_max_protocol_version",
  ],
  [
    "unsupported_protocol",
    "the server has none of the versions of TLS from ssl_min_protocol_version to ssl_max_protocol_version",
  ],
  ["no_application_protocol", "the server does not accept the protocol postgresql behind TLS"],
  ["wrong_version_number", "the server has not answered with TLS"],
  ["unrecognized_name", "the server does not know the name that was sent (SNI)"],
  ["decrypt_error", "a signature is wrong"],
  ["bad_signature", WRONG_SIGNATURE],
  // OpenSSL's ECDSA and RSA report a wrong signature in these words.
  ["signature_failure", WRONG_SIGNATURE],
  ["invalid_padding", WRONG_SIGNATURE],
  ["data_too_large", WRONG_SIGNATURE],
  ["octet_invalid", WRONG_SIGNATURE],
  [
    "handshake_failure",
    "the two sides have no cipher in common, or the server requires a certificate of the client (sslcert)",
  ],
];
