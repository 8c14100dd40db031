/**
 * Which authentication methods a client allows, in libpq's syntax: `scram-sha-256,none` allows those, and
 * `!password,!md5` all others.
 *
 * Source: PostgreSQL manual, libpq, "Parameter Key Words", require_auth; `pqConnectOptions2` in libpq's
 * `fe-connect.c`.
 */
import { bad, checkText } from "./option_values.ts";

/** The methods as libpq names them; `none` is a server that asks for nothing. */
export const AUTH_METHODS = ["password", "md5", "gss", "sspi", "scram-sha-256", "oauth", "none"] as const;

/** One of them. */
export type AuthMethodName = typeof AUTH_METHODS[number];

/**
 * The methods that a value allows. An empty value is refused: for libpq, it allows only servers that ask for
 * nothing, which nobody means by it.
 */
export function allowedMethods(value: string, name: string = "require_auth"): ReadonlySet<AuthMethodName> {
  const items = value.split(",");
  const negated = items.filter((item) => item.startsWith("!")).length;
  if (negated > 0 && negated < items.length) {
    throw bad(name, value, "methods with ! cannot be mixed with methods without it");
  }
  const named = new Set<AuthMethodName>();
  for (const item of items) {
    const method = AUTH_METHODS.find((known) => known === item.replace(/^!/, ""));
    if (method === undefined) {
      throw bad(
        name,
        value,
        `it must be a list, separated by commas, of ${AUTH_METHODS.join(", ")}, or of those with !`,
      );
    }
    if (named.has(method)) throw bad(name, value, `${item} must not be in it twice`);
    named.add(method);
  }
  return negated > 0 ? new Set(AUTH_METHODS.filter((method) => !named.has(method))) : named;
}

/** Checks a value. */
export function checkRequireAuth(name: string, value: unknown): string {
  const text = checkText(name, value);
  allowedMethods(text, name);
  return text;
}
