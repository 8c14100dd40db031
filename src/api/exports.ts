/** The exports that both entry points share. */
export { ConnState } from "./conn_state.ts";
export {
  ConnectionError,
  DecodeError,
  EncodeError,
  PipelineAborted,
  ProtocolError,
  PyroError,
  type PyroErrorOptions,
  ServerError,
  type ServerFields,
  TimeoutError,
  type TimeoutOutcome,
  UsageError,
} from "../errors.ts";
export type { CancelKey } from "../connect/cancel.ts";
export { IsolationLevel, type IsolationLevels } from "../features/isolation_level.ts";
export { type Parameter, StatementHandle } from "../statements/prepared_statement.ts";
export type { Upgrade } from "../connect/upgrade.ts";
export type {
  CloseOptions,
  CopyData,
  CopyRow,
  Mapped,
  Params,
  PortalRows,
  Progress,
  ProgressOptions,
  Row,
  TypeOptions,
} from "../connection/call_options.ts";
export type {
  DatesChoice,
  Int8Choice,
  JsonChoice,
  NamesChoice,
  NumberArraysChoice,
  NumericChoice,
} from "../options/choices.ts";
export type {
  BlockingBytes,
  ByteStreams,
  DialAddress,
  DialFunction,
  DialOptions,
  EncryptedStreams,
  StartTlsOptions,
} from "../options/dial.ts";
export type { LogFields, Logger, LogLevel } from "../options/logger.ts";
export { Opts, type StringOptions } from "../options/opts.ts";
export { type OptsObject } from "../options/opts_object.ts";
export { PoolOpts } from "../options/pool_opts.ts";
export { SecurityOpts } from "../options/security_opts.ts";
export { ServerOpts } from "../options/server_opts.ts";
export { type Target } from "../options/target.ts";
export type { TypeCodec } from "../options/type_codec.ts";
export type {
  BlockingTransport,
  ChannelBinding,
  OAuthRequest,
  OAuthTokenFunction,
  PasswordFunction,
  ProtocolVersion,
  SslCertMode,
  SslMode,
  SslNegotiation,
  TargetSessionAttrs,
  TlsVersion,
} from "../options/settings.ts";
export type { TlsSettings } from "../options/tls_settings.ts";
export type { PoolLeak } from "../pool/leak_detector.ts";
export type { PoolLimits } from "../pool/limits.ts";
export type { HostStats, PoolStats } from "../pool/pool_state.ts";
export type { TargetOptions } from "../pool/view_options.ts";
export type { PoolGap, PoolNotification } from "../pool/subscription.ts";
export { Ticket } from "./pipeline_ticket.ts";
export type { TransactionStatus } from "../protocol/session.ts";
export type { Result } from "../rows/collectors.ts";
export { sql } from "./sql.ts";
export type { SqlNames, SqlTag, SqlTypes } from "../sql/sql_tag.ts";
export type { SqlTemplate } from "../sql/template.ts";
export { SqlState } from "../sqlstate.ts";
export type { AcquireEvent, ConnectEvent, ConnectionInfo, QueryEvent, TraceEvent } from "../telemetry/events.ts";
export type { PeerCertificate, TlsInfo } from "./tls_info.ts";
export { notebookTable, table, type TableOptions, type TableRows } from "./table.ts";
export { type JsonOptions, toJson } from "./to_json.ts";
export type { Endpoint, TcpOptions } from "../transport/transport.ts";
export type { ColumnTypes, TextParser, TypeParsers } from "../codecs/column_codecs.ts";
export type { Box, Circle, Line, LineSegment, Path, Point, Polygon } from "../codecs/geometry_values.ts";
export { type DurationValue, Interval, type IntervalFields } from "../codecs/interval.ts";
export { Json, Jsonb, type JsonValue } from "../codecs/json.ts";
export { JsonNumber } from "../codecs/json_text.ts";
export { Range, type RangeBounds } from "../codecs/range.ts";
export type { RowShape } from "../rows/row.ts";
export type {
  RowMapper,
  SchemaFailure,
  SchemaIssue,
  SchemaPathPart,
  SchemaResult,
  SchemaSuccess,
  SchemaTypes,
  StandardProperties,
  StandardSchema,
} from "../rows/row_mapper.ts";
export type { SparseVector } from "../codecs/vector.ts";
export type { Column, Notification } from "../wire/backend.ts";
