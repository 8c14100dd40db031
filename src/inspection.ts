/**
 * How the consoles of Deno, Bun and Node print objects of pyro: by hooks on the prototypes, which cost nothing until
 * something is printed.
 *
 * Sources: Node.js documentation, "Util", `util.inspect.custom`, which Bun has too; Deno's documentation,
 * `Deno.customInspect`.
 */

/** Prints a value that is a part of the object, as the console prints it. */
export type Inspect = (value: unknown) => string;

/** Makes the consoles print the objects of a class as `show` says. */
export function printAs<T extends object>(prototype: T, show: (object: T, inspect: Inspect) => string): void {
  const print = (object: T, inspect: Inspect, depth: unknown): string => {
    const { name } = object.constructor;
    // Prototypes have no private members to show.
    if (Object.hasOwn(object, "constructor")) return `[prototype of ${name}]`;
    return typeof depth === "number" && depth < 0 ? `[${name}]` : show(object, inspect);
  };
  const hooks = {
    [NODE](this: T, depth: unknown, options: object, inspect: Printer): string {
      return print(this, (value) => inspect(value, { ...options, depth: lower(depth) }), depth);
    },
    [DENO](this: T, inspect: Printer, options?: { readonly depth?: unknown }): string {
      const depth = options?.depth;
      return print(this, (value) => inspect(value, { ...options, depth: lower(depth) }), depth);
    },
  };
  for (const hook of [NODE, DENO] as const) {
    Object.defineProperty(prototype, hook, { value: hooks[hook], writable: true, configurable: true });
  }
}

/** Makes the consoles print the objects of a class as its name with these members. */
export function printMembers<T extends object>(prototype: T, membersOf: (object: T) => object): void {
  printAs(prototype, (object, inspect) => `${object.constructor.name} ${inspect(membersOf(object))}`);
}

type Printer = (value: unknown, options: object) => string;

/** The depth for the members of an object that is printed with this one. */
function lower(depth: unknown): unknown {
  return typeof depth === "number" ? depth - 1 : depth;
}

const NODE: unique symbol = Symbol.for("nodejs.util.inspect.custom");
const DENO: unique symbol = Symbol.for("Deno.customInspect");
