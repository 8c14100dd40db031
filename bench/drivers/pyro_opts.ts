/** Where pyro connects. */
import { Opts } from "../../mod.ts";
import { type Access, PASSWORD, SCRAM_USER, type Target, USER } from "../driver.ts";

export function optsOf({ transport, port, directory }: Target, access: Access = "trust"): Opts {
  const host = transport === "unix" ? directory : "127.0.0.1";
  const opts = new Opts().host(host).port(port).db("postgres").upgradeToUnixSocket(access === "default")
    .sslMode(access === "tls" ? "require" : "disable");
  return access === "scram" ? opts.user(SCRAM_USER).password(PASSWORD) : opts.user(USER);
}
