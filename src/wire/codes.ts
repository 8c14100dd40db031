/**
 * Message codes and other constants of the frontend/backend protocol.
 *
 * Source: PostgreSQL manual, chapter "Frontend/Backend Protocol", sections "Message Formats" and
 * "Error and Notice Message Fields". Some codes are used by both sides: `D` is Describe from the
 * frontend and DataRow from the backend.
 */
import { lazy } from "../lazy.ts";

/** The first byte of each message from the server. */
export const Backend = {
  Authentication: 0x52, // R
  BackendKeyData: 0x4b, // K
  BindComplete: 0x32, // 2
  CloseComplete: 0x33, // 3
  CommandComplete: 0x43, // C
  CopyBothResponse: 0x57, // W
  CopyData: 0x64, // d
  CopyDone: 0x63, // c
  CopyInResponse: 0x47, // G
  CopyOutResponse: 0x48, // H
  DataRow: 0x44, // D
  EmptyQueryResponse: 0x49, // I
  ErrorResponse: 0x45, // E
  NegotiateProtocolVersion: 0x76, // v
  NoData: 0x6e, // n
  NoticeResponse: 0x4e, // N
  NotificationResponse: 0x41, // A
  ParameterDescription: 0x74, // t
  ParameterStatus: 0x53, // S
  ParseComplete: 0x31, // 1
  PortalSuspended: 0x73, // s
  ReadyForQuery: 0x5a, // Z
  RowDescription: 0x54, // T
} as const;

/** The messages of the server that can be long. All others are refused if they are longer than PostgreSQL makes them. */
export const LONG_MESSAGES: readonly number[] = [
  Backend.CopyData,
  Backend.DataRow,
  Backend.ErrorResponse,
  Backend.NoticeResponse,
  Backend.NotificationResponse,
  // For a statement with many parameters.
  Backend.ParameterDescription,
  Backend.RowDescription,
];

/** The first byte of each message from the client. */
export const Frontend = {
  Bind: 0x42, // B
  Close: 0x43, // C
  CopyData: 0x64, // d
  CopyDone: 0x63, // c
  CopyFail: 0x66, // f
  Describe: 0x44, // D
  Execute: 0x45, // E
  Flush: 0x48, // H
  Parse: 0x50, // P
  Password: 0x70, // p
  Query: 0x51, // Q
  Sync: 0x53, // S
  Terminate: 0x58, // X
} as const;

/** The methods of Authentication messages. */
export const Authentication = {
  Ok: 0,
  KerberosV5: 2,
  CleartextPassword: 3,
  Md5Password: 5,
  Gss: 7,
  GssContinue: 8,
  Sspi: 9,
  Sasl: 10,
  SaslContinue: 11,
  SaslFinal: 12,
} as const;

/** The targets of Describe and Close messages. */
export const DescribeTarget = {
  Portal: 0x50, // P
  Statement: 0x53, // S
} as const;

/** Version 3.0: the major number in the upper half, the minor in the lower. */
export const PROTOCOL_3_0 = 0x0003_0000;
/** Version 3.2, since PostgreSQL 18: keys of cancel requests may have up to 256 bytes. */
export const PROTOCOL_3_2 = 0x0003_0002;

/** Sent in place of a version: "may this connection be encrypted?" */
export const SSL_REQUEST = 80_877_103;

/** Sent in place of a version: "cancel what that session runs". */
export const CANCEL_REQUEST = 80_877_102;

const backendNames = lazy((): ReadonlyMap<number, string> =>
  new Map(Object.entries(Backend).map(([name, code]) => [code, name]))
);

/** The manual's name of a server's message, for error messages: "DataRow", or "message 0x07" for an unknown code. */
export function backendName(code: number): string {
  return backendNames().get(code) ?? `message 0x${code.toString(16).padStart(2, "0")}`;
}
