/** The C library through `bun:ffi`. */
import { type LibC, LIBC_PATH, SIGNATURES } from "./libc.ts";

/** The part of `bun:ffi` that is used here. */
interface BunFfi {
  dlopen(
    path: string,
    definitions: Record<string, { args: readonly string[]; returns: string }>,
  ): { symbols: Record<string, unknown> };
  read: { i32(pointer: number): number };
}

/** Loads the library; undefined if it cannot be loaded. */
export function loadBun(): LibC | undefined {
  const definitions: Record<string, { args: readonly string[]; returns: string }> = {
    __errno_location: { args: [], returns: "ptr" },
  };
  for (const [name, { parameters, result: returns }] of Object.entries(SIGNATURES)) {
    definitions[name] = { args: parameters.map((type) => type === "buffer" ? "ptr" : type), returns };
  }
  try {
    const { dlopen, read } = process.getBuiltinModule("bun:ffi") as unknown as BunFfi;
    const { symbols } = dlopen(LIBC_PATH, definitions);
    const errnoLocation = symbols.__errno_location as () => number;
    return { ...symbols, errno: () => read.i32(errnoLocation()) } as unknown as LibC;
  } catch {
    return undefined;
  }
}
