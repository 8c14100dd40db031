/** TLS by `node:tls`: what is asked of it, and what it tells of the connection. */
import type { ConnectionOptions, DetailedPeerCertificate, SecureContext, TLSSocket } from "node:tls";
import type { Duplex } from "node:stream";
import { builtin } from "../builtin.ts";
import { runtime } from "../runtime/name.ts";
import type { TlsOptions, TlsSession } from "./transport.ts";

/** Starts encryption on a socket. */
export function startTlsOn(socket: Duplex, options: TlsOptions): TLSSocket {
  const encrypted = builtin.tls.connect({
    socket,
    ...tlsConnectionOptions(options),
    secureContext: contextOf(options),
  });
  if (runtime === "deno") encrypted.prependOnceListener("error", nameWrongSignature);
  return encrypted;
}

/** Deno reports a wrong signature in the handshake as an untrusted certificate, although it verifies none. */
function nameWrongSignature(error: Error & { code?: string | undefined }): void {
  if (error.code !== "UNABLE_TO_VERIFY_LEAF_SIGNATURE" && error.code !== "DEPTH_ZERO_SELF_SIGNED_CERT") return;
  delete error.code;
  error.message = "a signature is wrong: the server does not have the private key of its certificate, or it is a key " +
    "whose signatures Deno does not verify, such as RSA of less than 2048 bits";
}

/**
 * Options for `node:tls`. It verifies nothing: `src/tls` does, on all runtimes alike, and before anything is
 * sent. The handshake proves that the peer has the private key of its certificate; on Deno only if it is one of the
 * certificates that `src/tls` accepts.
 */
export function tlsConnectionOptions(options: TlsOptions): ConnectionOptions {
  const { serverName, certificate, privateKey, minVersion, maxVersion } = options;
  return {
    rejectUnauthorized: false,
    ALPNProtocols: ["postgresql"],
    ...(serverName === undefined ? {} : { servername: serverName }),
    ...(certificate === undefined || privateKey === undefined ? {} : { cert: certificate, key: privateKey }),
    ...(minVersion === undefined ? {} : { minVersion }),
    ...(maxVersion === undefined ? {} : { maxVersion }),
  };
}

/**
 * A context for connections with these options. Making one is a sixth of the work of an encrypted connection on Node, so
 * those without a client's certificate share it. It has no name of the server, which Bun would send for others too.
 */
function contextOf(options: TlsOptions): SecureContext {
  const { certificate, privateKey, minVersion, maxVersion } = options;
  const make = (): SecureContext => {
    return builtin.tls.createSecureContext(tlsConnectionOptions({ ...options, serverName: undefined }));
  };
  if (certificate !== undefined || privateKey !== undefined) return make();
  const versions = `${minVersion} ${maxVersion}`;
  let context = contexts.get(versions);
  if (context === undefined) contexts.set(versions, context = make());
  return context;
}

/** Shared contexts, by the versions of TLS. */
const contexts: Map<string, SecureContext> = new Map();

/** What the socket tells of its connection, once it is encrypted. */
export function tlsSessionOf(socket: EncryptedSocket): TlsSession {
  const { name, standardName } = socket.getCipher();
  return {
    protocol: socket.getProtocol() ?? "unknown",
    cipher: standardName ?? name,
    alpn: socket.alpnProtocol || undefined,
    chain: chainOf(socket),
  };
}

/** The part of a `TLSSocket` that is used. */
type EncryptedSocket =
  & Pick<TLSSocket, "getProtocol" | "getCipher" | "alpnProtocol" | "getPeerCertificate">
  & Partial<Pick<TLSSocket, "getPeerX509Certificate">>;

/** The certificates that the server has sent, its own first. */
function chainOf(socket: EncryptedSocket): Uint8Array[] {
  const chain: Uint8Array[] = [];
  // `getPeerCertificate` leaves out on Node what is not in order, and takes four times as long; `getPeerX509Certificate`
  // leaves out issuers on Bun and Deno. A certificate may refer to itself as its issuer.
  let next: Sent | undefined = runtime === "node"
    ? socket.getPeerX509Certificate!()
    : socket.getPeerCertificate(true) as Partial<DetailedPeerCertificate>;
  while (next?.raw !== undefined && chain.length < 100) {
    chain.push(new Uint8Array(next.raw));
    const issuer: Sent | undefined = next.issuerCertificate;
    next = issuer === next ? undefined : issuer;
  }
  return chain;
}

/** A certificate, and the one that was sent after it. */
interface Sent {
  readonly raw?: Uint8Array | undefined;
  readonly issuerCertificate?: Sent | undefined;
}
