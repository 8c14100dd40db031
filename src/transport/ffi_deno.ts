/** The C library through Deno's FFI. */
import { type LibC, LIBC_PATH, SIGNATURES } from "./libc.ts";

/** Loads the library; undefined if it cannot be loaded. Must be called only with the permission granted. */
export function loadDeno(): LibC | undefined {
  try {
    const library = Deno.dlopen(LIBC_PATH, {
      ...SIGNATURES,
      __errno_location: { parameters: [], result: "pointer" },
    });
    const { __errno_location: errnoLocation, ...functions } = library.symbols;
    const errno = (): number => new Deno.UnsafePointerView(errnoLocation()!).getInt32();
    // The typings require bigints for `usize`; numbers are accepted too, and faster.
    return { ...functions, errno, unload: () => library.close() } as unknown as LibC;
  } catch {
    return undefined;
  }
}
