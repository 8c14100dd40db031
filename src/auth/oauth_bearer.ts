/**
 * OAUTHBEARER: a token in place of a password.
 *
 * Source: RFC 7628, section 3; PostgreSQL manual, "OAUTHBEARER Authentication".
 */

/** The mechanism's name in the protocol. */
export const OAUTHBEARER = "OAUTHBEARER";

/** The client's only message with a token. */
export function bearerMessage(token: string): string {
  return `n,,${SEPARATOR}auth=Bearer ${token}${SEPARATOR}${SEPARATOR}`;
}

/** The client's answer to the server's reason for a refusal. The server's error follows. */
export const REFUSAL_READ = "\x01";

/** The server's reason for a refusal, as a hint; undefined if it is none. */
export function refusalHint(json: string): string | undefined {
  let answer: unknown;
  try {
    answer = JSON.parse(json);
  } catch {
    return undefined;
  }
  if (typeof answer !== "object" || answer === null) return undefined;
  const { status, scope, "openid-configuration": configuration } = answer as Record<string, unknown>;
  if (typeof status !== "string") return undefined;
  const wanted = [
    typeof configuration === "string" ? `of the issuer described at ${configuration}` : "",
    typeof scope === "string" && scope !== "" ? `with the scope ${JSON.stringify(scope)}` : "",
  ].filter((words) => words !== "");
  const hint = wanted.length === 0 ? "" : `; it wants a token ${wanted.join(" ")}`;
  return `The server's reason is ${JSON.stringify(status)}${hint}`.slice(0, MAX_HINT_LENGTH);
}

const SEPARATOR = "\x01";
/** Names and URLs are short; a longer hint is cut. */
const MAX_HINT_LENGTH = 1000;
