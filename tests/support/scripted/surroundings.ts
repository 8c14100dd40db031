/** The environment of a process from tables, with files in memory. */
import type { Environment } from "../../../src/options/environment.ts";
import type { FileState } from "../../../src/options/files.ts";

/** What the process finds. */
export interface Surroundings {
  readonly variables?: Readonly<Record<string, string>>;
  readonly osUser?: string | undefined;
  readonly home?: string | undefined;
  /** Files by their paths: a text for one that only its owner may read, or what reading it gives. */
  readonly files?: Readonly<Record<string, string | FileState>>;
  /** Gets the warnings. Default: a warning is an error. */
  readonly warnings?: string[];
}

export function environmentOf({ variables = {}, osUser, home, files = {}, warnings }: Surroundings): Environment {
  return {
    variable: (name) => Object.hasOwn(variables, name) ? variables[name] : undefined,
    osUser: () => osUser,
    homeDirectory: () => home,
    readFile: (path) => {
      const file = Object.hasOwn(files, path) ? files[path]! : { state: "absent" } as const;
      return typeof file === "string" ? { state: "read", text: file, isPrivate: true } : file;
    },
    warn: (message) => {
      if (warnings === undefined) throw new Error(`unexpected warning: ${message}`);
      warnings.push(message);
    },
  };
}
