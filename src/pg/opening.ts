/** Opens the connections of clients. */
import type { Abortable } from "../abort.ts";
import { open, type OpenedConnection } from "../async/opened.ts";
import type { ServerFields } from "../errors.ts";
import { settingsOf } from "../options/opts.ts";
import type { ConnectionParameters } from "./connection_parameters.ts";
import { builtin } from "../builtin.ts";
import { runtime } from "../runtime/runtime.ts";
import { dialStream } from "./dial_stream.ts";
import type { ClientConfig } from "./interfaces.ts";
import { optsOf } from "./options.ts";

// pg has loaded them when it has been imported, and programs measure the time of their first connection by that.
if (runtime !== "deno") void [builtin.net, builtin.crypto];

/** The parts of a client that say where and as whom to connect. */
export interface ConnectingClient {
  readonly connectionParameters: ConnectionParameters;
  password: ConnectionParameters["password"];
}

/** Opens a connection for a client, with the password that it has now. */
export async function openFor(
  client: ConnectingClient,
  config: ClientConfig,
  onNotice: (notice: ServerFields) => void,
  signal: Abortable,
): Promise<OpenedConnection> {
  const { stream, scramMaxIterations } = config;
  const { password } = client;
  let failure: { readonly error: unknown } | undefined;
  const askForPassword = async (): Promise<string> => {
    try {
      return client.password = client.connectionParameters.password = await ask(password, client.connectionParameters);
    } catch (error) {
      failure = { error };
      throw error;
    }
  };
  const opts = optsOf(client.connectionParameters, config, {
    onNotice,
    dial: stream ? (address, { signal }) => dialStream(stream, config, address, signal) : undefined,
    password: typeof password === "function" ? askForPassword : typeof password === "string" ? password : undefined,
  });
  try {
    return await open({ ...settingsOf(opts), scramMaxIterations: maxIterationsOf(scramMaxIterations) }, signal);
  } catch (error) {
    // pyro wraps what the function throws; pg gives it to the caller as it is.
    throw failure === undefined ? error : failure.error;
  }
}

/** The first four bytes of a key for cancel requests, as a signed number, which keys were before PostgreSQL 18. */
export function numberOfSecret(secret: Uint8Array): number {
  return secret[0]! << 24 | secret[1]! << 16 | secret[2]! << 8 | secret[3]!;
}

/** As in pg: what is no number is the default, and 0 is no limit of pg's own. */
function maxIterationsOf(given: unknown): number | undefined {
  const isGiven = typeof given === "number" || (typeof given === "string" && given.trim() !== "");
  const limit = isGiven && Number.isFinite(Number(given)) ? Number(given) : DEFAULT_MAX_ITERATIONS;
  return limit === 0 ? undefined : limit;
}

async function ask(password: unknown, params: ConnectionParameters): Promise<string> {
  const text = await (password as (params: unknown) => unknown)(params);
  if (typeof text !== "string") throw new TypeError("Password must be a string");
  return text;
}

const DEFAULT_MAX_ITERATIONS = 100_000;
