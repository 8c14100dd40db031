/**
 * Objects of another copy of pyro: a process has two of them if packages depend on two versions, or if a development
 * server loads modules again. Only the copy that has made an object sees its private fields.
 */

/** What to say of an object of a class with this name, if it is no instance of ours; empty for others. */
export function otherCopyNote(value: unknown, name: string): string {
  if (typeof value !== "object" || value === null || value.constructor?.name !== name) return "";
  return `; this ${name} is of another copy of pyro that the process has loaded: both must come from the same one`;
}
