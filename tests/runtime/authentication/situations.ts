/** Situations of authentication: who logs in, by which way, and what the client allows. */

/** One of them. */
export interface Situation {
  /** A role of the test server, which says how the server authenticates it. */
  readonly user: string;
  /** `unix`, or the encryption of a TCP connection. */
  readonly route: "unix" | "sslmode=disable" | "sslmode=prefer" | "sslmode=require";
  /** The option in question; empty for none. */
  readonly option: string;
  readonly password: "secret" | "wrong";
}

/** Where a server is. */
export interface Place {
  readonly directory: string;
  readonly port: number;
}

/** All situations. */
export const SITUATIONS: readonly Situation[] = users().flatMap((user) =>
  routes().flatMap((route) => [
    ...options().map((option): Situation => ({ user, route, option, password: "secret" })),
    { user, route, option: "", password: "wrong" },
  ])
);

/** The situation's name in the record. */
export function nameOf({ user, route, option, password }: Situation): string {
  return [user, route, option, ...(password === "wrong" ? ["wrong password"] : [])].filter((part) => part !== "")
    .join(" ");
}

/** The keyword/value string of libpq's keys. */
export function stringOf({ user, route, option, password }: Situation, { directory, port }: Place): string {
  const host = route === "unix" ? `host=${directory}` : `host=127.0.0.1 ${route}`;
  return `${host} port=${port} user=${user} password=${password} dbname=test_db ${option}`;
}

function users(): string[] {
  return "trust password md5 scram tls plain stronger weaker reject".split(" ").map((name) => `auth_${name}`);
}

function routes(): Situation["route"][] {
  return ["unix", "sslmode=disable", "sslmode=prefer", "sslmode=require"];
}

function options(): string[] {
  return [
    "",
    "channel_binding=disable",
    "channel_binding=require",
    "require_auth=none",
    "require_auth=password",
    "require_auth=md5",
    "require_auth=scram-sha-256",
    "require_auth=!none",
    "require_auth=!password,!md5",
    "require_auth=gss,oauth",
    "require_auth=scram-sha-256,none",
    "require_auth=scram-sha-256 channel_binding=require",
    "require_auth=none channel_binding=require",
  ];
}
