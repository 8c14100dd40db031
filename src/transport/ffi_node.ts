/**
 * The C library through `node:ffi`, which is experimental and warns when it is loaded, so it is used
 * only on request.
 */
import { type LibC, LIBC_PATH, SIGNATURES } from "./libc.ts";

/** The part of `node:ffi` that is used here. */
interface NodeFfi {
  dlopen(
    path: string,
    definitions: Record<string, { arguments: readonly string[]; return: string }>,
  ): { functions: Record<string, (...values: unknown[]) => number> };
  getInt32(pointer: bigint): number;
}

/** Loads the library; undefined if it cannot be loaded. */
export function loadNode(): LibC | undefined {
  const definitions: Record<string, { arguments: readonly string[]; return: string }> = {
    __errno_location: { arguments: [], return: "pointer" },
  };
  for (const [name, { parameters, result }] of Object.entries(SIGNATURES)) {
    definitions[name] = { arguments: parameters.map((type) => type === "usize" ? "u64" : type), return: result };
  }
  try {
    const { dlopen, getInt32 } = process.getBuiltinModule("node:ffi") as unknown as NodeFfi;
    const { functions } = dlopen(LIBC_PATH, definitions);
    const { poll, recv, send, freeaddrinfo, memcpy } = functions as Record<
      "poll" | "recv" | "send" | "freeaddrinfo" | "memcpy",
      (...values: unknown[]) => number
    >;
    return {
      ...functions,
      // `node:ffi` takes 64-bit parameters as bigints.
      poll: (fds: Uint8Array, count: number, milliseconds: number) => poll(fds, BigInt(count), milliseconds),
      recv: (fd: number, into: Uint8Array, length: number, flags: number) => recv(fd, into, BigInt(length), flags),
      send: (fd: number, bytes: Uint8Array, length: number, flags: number) => send(fd, bytes, BigInt(length), flags),
      freeaddrinfo: (list: number) => freeaddrinfo(BigInt(list)),
      memcpy: (into: Uint8Array, from: number, length: number) => memcpy(into, BigInt(from), BigInt(length)),
      errno: () => getInt32(functions.__errno_location!() as unknown as bigint),
    } as unknown as LibC;
  } catch {
    return undefined;
  }
}
