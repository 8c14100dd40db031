/** Gives connecting the environment, files, clocks and randomness of the process. */
import { systemCertificates } from "./certificates.ts";
import { wallClock } from "../timers.ts";
import { now } from "./clock.ts";
import { readDirectory, readFile } from "./files.ts";
import { homeDirectory, osUser, randomText, variableReader } from "./runtime.ts";

/** The environment, files, clocks and randomness that connecting uses. */
export interface Surroundings {
  readonly variable: (name: string) => string | undefined;
  readonly osUser: typeof osUser;
  readonly homeDirectory: typeof homeDirectory;
  readonly readFile: typeof readFile;
  readonly readDirectory: typeof readDirectory;
  readonly systemCertificates: typeof systemCertificates;
  readonly now: typeof now;
  readonly date: () => number;
  readonly random: () => number;
  readonly nonce: () => string;
}

/** The surroundings for one connection: permissions may change before the next. */
export function surroundings(): Surroundings {
  return {
    variable: variableReader(),
    osUser,
    homeDirectory,
    readFile,
    readDirectory,
    systemCertificates,
    now,
    date: wallClock,
    random: Math.random,
    nonce: randomText,
  };
}
