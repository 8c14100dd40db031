/** Where pyro connects. */
import { Opts } from "../../mod.ts";
import { type Target, USER } from "../driver.ts";

export function optsOf({ transport, port, directory }: Target): Opts {
  const host = transport === "unix" ? directory : "127.0.0.1";
  return new Opts().host(host).port(port).user(USER).upgradeToUnixSocket(false);
}
