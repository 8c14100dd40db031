/** The environment of a process from tables, with files in memory. */
import type { TlsEnvironment } from "../../../src/connect/tls_plan.ts";
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
  /** The certificates that the system trusts. */
  readonly system?: readonly string[];
  /** Unix milliseconds. Default: now. */
  readonly date?: number;
}

export function environmentOf(
  { variables = {}, osUser, home, files = {}, warnings, system = [], date = Date.now() }: Surroundings,
): Environment & TlsEnvironment & { random(): number } {
  return {
    variable: (name) => Object.hasOwn(variables, name) ? variables[name] : undefined,
    osUser: () => osUser,
    homeDirectory: () => home,
    readFile: (path) => {
      const file = Object.hasOwn(files, path) ? files[path]! : { state: "absent" } as const;
      return typeof file === "string" ? { state: "read", text: file, isPrivate: true } : file;
    },
    readDirectory: (path) => {
      const names = Object.keys(files).filter((file) => file.startsWith(`${path}/`));
      return names.length === 0 ? undefined : names.map((file) => file.slice(path.length + 1));
    },
    systemCertificates: () => system,
    date: () => date,
    // Lists keep their order.
    random: () => 0.999,
    warn: (message) => {
      if (warnings === undefined) throw new Error(`unexpected warning: ${message}`);
      warnings.push(message);
    },
  };
}
