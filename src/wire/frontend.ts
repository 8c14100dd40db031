/**
 * Writes the client's messages, a function for each.
 *
 * Source: PostgreSQL manual, "Frontend/Backend Protocol", section "Message Formats".
 */
import { CANCEL_REQUEST, type DescribeTarget, Frontend, SSL_REQUEST } from "./codes.ts";
import type { Outbox } from "./outbox.ts";

/** Requests a session. `parameters` are settings by name; the server requires `user`. */
export function startup(out: Outbox, version: number, parameters: Iterable<readonly [string, string]>): void {
  const start = out.beginUntyped();
  out.int32(version);
  for (const [name, value] of parameters) {
    out.cstring(name);
    out.cstring(value);
  }
  out.byte(0);
  out.end(start);
}

/** Asks whether the connection may be encrypted; the answer is a single byte. */
export function sslRequest(out: Outbox): void {
  const start = out.beginUntyped();
  out.int32(SSL_REQUEST);
  out.end(start);
}

/** Asks, on its own connection, to stop the running statement of another session. */
export function cancelRequest(out: Outbox, processId: number, secret: Uint8Array): void {
  const start = out.beginUntyped();
  out.int32(CANCEL_REQUEST);
  out.int32(processId);
  out.bytes(secret);
  out.end(start);
}

/** A cleartext or MD5 password. */
export function password(out: Outbox, text: string): void {
  const start = out.begin(Frontend.Password);
  out.cstring(text);
  out.end(start);
}

/** Chooses a SASL mechanism and sends its first message. */
export function saslInitial(out: Outbox, mechanism: string, data: string): void {
  const start = out.begin(Frontend.Password);
  out.cstring(mechanism);
  const value = out.beginValue();
  out.text(data);
  out.endValue(value);
  out.end(start);
}

/** A later message of the SASL exchange. */
export function saslResponse(out: Outbox, data: string): void {
  const start = out.begin(Frontend.Password);
  out.text(data);
  out.end(start);
}

/** A simple query: a string of any number of statements. */
export function query(out: Outbox, sql: string): void {
  const start = out.begin(Frontend.Query);
  out.cstring(sql);
  out.end(start);
}

/**
 * Prepares a statement under a name; `""` is the unnamed statement. The server infers the types of
 * parameters for which `types` has 0 or nothing.
 */
export function parse(out: Outbox, name: string, sql: string, types: readonly number[]): void {
  const start = out.begin(Frontend.Parse);
  out.cstring(name);
  out.cstring(sql);
  out.int16(types.length);
  for (const oid of types) out.int32(oid);
  out.end(start);
}

/** Requests the description of a statement or portal. */
export function describe(out: Outbox, target: typeof DescribeTarget[keyof typeof DescribeTarget], name: string): void {
  named(out, Frontend.Describe, target, name);
}

/** Closes a statement or portal; it is no error if there is none. */
export function close(out: Outbox, target: typeof DescribeTarget[keyof typeof DescribeTarget], name: string): void {
  named(out, Frontend.Close, target, name);
}

/** Executes a portal; at most `maxRows` rows, 0 for all. */
export function execute(out: Outbox, portal: string, maxRows: number): void {
  const start = out.begin(Frontend.Execute);
  out.cstring(portal);
  out.int32(maxRows);
  out.end(start);
}

/**
 * Ends a group of extended query messages: the server commits it, or recovers from its error, and sends
 * ReadyForQuery.
 */
export function sync(out: Outbox): void {
  out.end(out.begin(Frontend.Sync));
}

/** Makes the server send its pending output, without ending the group. */
export function flush(out: Outbox): void {
  out.end(out.begin(Frontend.Flush));
}

/** Data for a COPY FROM STDIN; the boundaries of messages have no meaning. */
export function copyData(out: Outbox, data: Uint8Array): void {
  const start = out.begin(Frontend.CopyData);
  out.bytes(data);
  out.end(start);
}

/** Ends a COPY FROM STDIN, successfully. */
export function copyDone(out: Outbox): void {
  out.end(out.begin(Frontend.CopyDone));
}

/** Ends a COPY FROM STDIN with an error, whose message will quote `reason`. */
export function copyFail(out: Outbox, reason: string): void {
  const start = out.begin(Frontend.CopyFail);
  out.cstring(reason);
  out.end(start);
}

/** Ends the session: the whole message, since it is sent when the outbox takes no more. */
export const TERMINATE: Uint8Array<ArrayBuffer> = Uint8Array.of(Frontend.Terminate, 0, 0, 0, 4);

function named(out: Outbox, code: number, target: number, name: string): void {
  const start = out.begin(code);
  out.byte(target);
  out.cstring(name);
  out.end(start);
}
