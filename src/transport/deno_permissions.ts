/** The permissions that Deno needs to dial an endpoint. */
import type { Endpoint } from "./transport.ts";

/** Why Deno would have to ask the user before it dials an endpoint; undefined if it would not. */
export function denoPreflight(endpoint: Endpoint): string | undefined {
  const missing = needs(endpoint).find((descriptor) => Deno.permissions.querySync(descriptor).state !== "granted");
  return missing && `Deno's ${missing.name} permission is not granted`;
}

/**
 * The endpoint in the form that may be dialled without asking the user: by its host, if the permission
 * was granted for the host only, and the address was looked up by it.
 */
export function permitted<T extends Endpoint>(endpoint: T): T {
  if (endpoint.kind === "unix" || !endpoint.isLookedUp || denoPreflight(endpoint) === undefined) return endpoint;
  const named = { ...endpoint, address: undefined };
  return denoPreflight(named) === undefined ? named : endpoint;
}

/** Asks the user for the permissions that an endpoint needs, before a worker dials it, which cannot ask. */
export function requestDeno(endpoint: Endpoint): void {
  for (const descriptor of needs(endpoint)) {
    if (Deno.permissions.requestSync(descriptor).state === "granted") continue;
    throw new Error(`Deno's ${descriptor.name} permission is not granted (--allow-${descriptor.name})`);
  }
}

function needs(endpoint: Endpoint): Deno.PermissionDescriptor[] {
  if (endpoint.kind === "tcp") {
    return [{ name: "net", host: `${bracketed(endpoint.address ?? endpoint.host)}:${endpoint.port}` }];
  }
  const { path } = endpoint;
  // An abstract socket is no file, and has no permission of its own.
  if (path.startsWith("@")) return [{ name: "net" }];
  return [{ name: "net", host: `unix:${path}` }, { name: "read", path }, { name: "write", path }];
}

function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
