/** Where drivers from npm connect, in the options that pg and postgres.js share. */
import { type Access, PASSWORD, SCRAM_USER, type Target, USER } from "../driver.ts";

/** The options. */
export interface Place {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password?: string;
  readonly database: string;
  readonly ssl: false | { readonly rejectUnauthorized: false };
}

export function placeOf({ transport, port, directory }: Target, access: Access = "trust"): Place {
  return {
    host: transport === "unix" ? directory : "127.0.0.1",
    port,
    ...(access === "scram" ? { user: SCRAM_USER, password: PASSWORD } : { user: USER }),
    database: "postgres",
    ssl: access === "tls" ? { rejectUnauthorized: false } : false,
  };
}
