/** What pg exports, by name. */
import { Client } from "./client.ts";
import { Connection } from "./connection.ts";
import { DatabaseError } from "./database_error.ts";
import { defaults } from "./defaults.ts";
import { escapeIdentifier, escapeLiteral } from "./escape.ts";
import { Pool } from "./pool.ts";
import { Query } from "./query.ts";
import { Result } from "./result.ts";
import { TypeOverrides } from "./type_overrides.ts";
import { types } from "./types.ts";
import { utils } from "./utils.ts";

export {
  Client,
  Connection,
  DatabaseError,
  defaults,
  escapeIdentifier,
  escapeLiteral,
  Pool,
  Query,
  Result,
  TypeOverrides,
  types,
  utils,
};
export type { DoneCallback } from "./client.ts";
export type { ClientSettings } from "./client_settings.ts";
export type { ConnectionParameters, SslConfig } from "./connection_parameters.ts";
export type { ConnectionStream, StreamOwner } from "./connection_stream.ts";
export type { MessageFields, NoticeMessage } from "./database_error.ts";
export type { Defaults } from "./defaults.ts";
export type * from "./interfaces.ts";
export type { ConnectCallback, IdleItem, PendingItem } from "./pool.ts";
export type { ResolvedPoolConfig } from "./pool_options.ts";
export type { Prepared } from "./prepare_value.ts";
export type { QueryCallback, RunnableQuery } from "./query.ts";
export type { Queryable } from "./queryable.ts";
export type { BuiltinName, TypeParser, Types } from "./types.ts";
export type { Utils } from "./utils.ts";

/** There is no other implementation: pg's is that of pg-native. */
export const native: undefined = undefined;
