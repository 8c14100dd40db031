/** What connections that a user's function dials have in common, whether they await or block. */
import { ConnectionError, UsageError } from "../errors.ts";
import type { DialAddress } from "../options/dial.ts";
import type { Endpoint, LocalSockets } from "./transport.ts";

/** The address for the function. */
export function dialAddress(endpoint: Endpoint): DialAddress {
  if (endpoint.kind === "unix") return { path: endpoint.path };
  if (endpoint.options !== undefined) {
    throw new UsageError(
      "Cannot connect: keepalives_idle, keepalives_interval, keepalives_count and tcp_user_timeout are options of " +
        "pyro's own sockets, and dial opens the connection; leave them out",
    );
  }
  return { host: endpoint.address ?? endpoint.host, port: endpoint.port };
}

/** Checks that a user's function has returned an object, which `expected` describes. */
export function checkDialled(given: unknown, expected: string, who: string = "dial"): Record<string, unknown> {
  if (typeof given === "object" && given !== null) return given as Record<string, unknown>;
  throw new UsageError(
    `Cannot connect: ${who} gave ${given === null ? "null" : typeof given}, and must give ${expected}`,
  );
}

/** The name that the connection has. */
export function nameOf({ name }: { readonly name?: unknown }): string {
  if (name === undefined) return "dial";
  if (typeof name === "string" && name !== "") return name;
  throw new UsageError("Cannot connect: the name of dial's connection must be a text that is not empty");
}

/** The error for a connection that breaks the rules of the interface. */
export function broken(problem: string): ConnectionError {
  return new ConnectionError(`the connection of dial is faulty: ${problem}`);
}

/** Nothing is known of sockets that the function opens. */
export const UNKNOWN_SOCKETS: LocalSockets = {
  preflight: () => ({
    refusal: "dial opens the connections",
    owner: () => ({ uid: undefined, doubt: "dial has opened the connection" }),
  }),
  listener: () => ({ uid: undefined, doubt: "dial has opened the connection" }),
  ownUser: () => undefined,
  userName: () => undefined,
};
