/** What is in the way of an optional attempt to dial: known without dialling, and without asking the user. */
import { statSync } from "node:fs";
import { denoObstacle } from "./deno_permissions.ts";
import { reasonOf } from "./reason.ts";
import { granted, runtime } from "./runtime.ts";
import type { Endpoint } from "./transport.ts";

/** Why an endpoint need not be tried; `asksDeno` where the way to dial it needs Deno's permissions. */
export function obstacleTo(endpoint: Endpoint, asksDeno: boolean): string | undefined {
  const forbidden = asksDeno ? denoObstacle(endpoint) : undefined;
  if (forbidden !== undefined || endpoint.kind === "tcp") return forbidden;
  const { path } = endpoint;
  if (runtime === "deno" && !granted({ name: "read", path })) return undefined;
  try {
    return statSync(path).isSocket() ? undefined : "not a socket";
  } catch (error) {
    return reasonOf(error);
  }
}
