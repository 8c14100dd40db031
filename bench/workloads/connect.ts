/** Connecting, one query so that lazy drivers do it too, and closing. */
import { type Access, PASSWORD, SCRAM_USER } from "../driver.ts";
import type { Transport } from "../driver.ts";
import type { Workload } from "./workload.ts";

/** The query. */
export const ONE = "select 1 as value";

export const connectDefault: Workload = connect("default", "trusted, over TCP; pyro goes on to the Unix socket", [
  "tcp",
]);
export const connectTrust: Workload = connect("trust", "trusted", ["unix", "tcp"]);
export const connectScram: Workload = {
  ...connect("scram", "SCRAM-SHA-256", ["tcp"]),
  setup: () => `create role ${SCRAM_USER} login password '${PASSWORD}'`,
};
export const connectTls: Workload = connect("tls", "TLS, trusted", ["tcp"]);

function connect(access: Access, name: string, transports: readonly Transport[]): Workload {
  return {
    title: () => `Connecting (${name}), \`select 1\`, closing`,
    pinned: true,
    base: "libpq",
    transports,
    access,
    statement: () => ONE,
    check: (_, value) => value === 1,
  };
}
