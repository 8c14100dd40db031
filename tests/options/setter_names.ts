import { Opts } from "../../src/options/opts.ts";

/** The names of all setters of `Opts`, its own and those of the classes that it extends. */
export function setterNames(): string[] {
  const names: string[] = [];
  for (let layer = Opts.prototype; layer !== Object.prototype; layer = Object.getPrototypeOf(layer)) {
    names.push(...Object.getOwnPropertyNames(layer));
  }
  return names.filter((name) => !["constructor", "toString", "toJSON"].includes(name)).sort();
}
