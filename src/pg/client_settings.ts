/** What a client is configured with: where it connects to, and how it reads and writes values. */
import { ConnectionParameters, hide } from "./connection_parameters.ts";
import { defaults } from "./defaults.ts";
import { escapeIdentifier, escapeLiteral } from "./escape.ts";
import type { ClientConfig, ClientEvents } from "./interfaces.ts";
import { Queryable } from "./queryable.ts";
import { TypeOverrides } from "./type_overrides.ts";
import type { TypeParser } from "./types.ts";

/** The settings of a {@linkcode Client}, and the methods that need no connection. */
export abstract class ClientSettings extends Queryable<ClientEvents> {
  /** The role. */
  user: string | undefined;
  /** The database. */
  database: string | undefined;
  /** The port. */
  port: number;
  /** The host, or the directory of the socket. */
  host: string;
  /** The password, or the function that gives it; not shown when the client is printed. */
  declare password: ConnectionParameters["password"];
  /** Whether it is a replication connection, which is refused. */
  replication: string | undefined;
  /** What the configuration, the environment and the defaults say together. */
  readonly connectionParameters: ConnectionParameters;
  /** Whether queries are sent without waiting for those before them. */
  readonly pipeline: boolean;
  /** Whether values are given to the parsers of the binary format. */
  binary: boolean;
  /** How the connection is encrypted. */
  ssl: ConnectionParameters["ssl"];
  /** Whether encryption starts with a request or at once. */
  readonly sslNegotiation: string;
  /** Internal, as is everything in pg that begins with `_`: the client's own parsers. */
  readonly _types: TypeOverrides;
  /** Internal: the class of promises. */
  readonly _Promise: PromiseConstructor;
  /** Internal: milliseconds for connecting, 0 for no limit. */
  _connectionTimeoutMillis: number;

  /** Reads a configuration, or a connection string. */
  constructor(config?: string | ClientConfig) {
    super();
    const given: ClientConfig = typeof config === "string" || !config ? {} : config;
    const params = this.connectionParameters = new ConnectionParameters(config);
    this.user = params.user;
    this.database = params.database;
    this.port = params.port;
    this.host = params.host;
    hide(this, "password", params.password);
    this.replication = params.replication;
    this.pipeline = Boolean(given.pipeline);
    this.binary = given.binary || defaults.binary;
    this.ssl = params.ssl || false;
    this.sslNegotiation = params.sslnegotiation || "postgres";
    this._types = new TypeOverrides(given.types);
    this._Promise = (given.Promise || Promise) as PromiseConstructor;
    this._connectionTimeoutMillis = given.connectionTimeoutMillis || 0;
  }

  /** Sets a parser for this client; the format is `text` if it is left out. */
  setTypeParser(oid: number, format: string | TypeParser, parser?: TypeParser): void {
    this._types.setTypeParser(oid, format, parser);
  }

  /** The parser that this client uses for a type. */
  getTypeParser(oid: number, format?: string): TypeParser {
    return this._types.getTypeParser(oid, format);
  }

  /** As {@linkcode escapeIdentifier} of the module. */
  escapeIdentifier(name: string): string {
    return escapeIdentifier(name);
  }

  /** As {@linkcode escapeLiteral} of the module. */
  escapeLiteral(text: string): string {
    return escapeLiteral(text);
  }
}
