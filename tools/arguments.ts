/** The arguments of tools. */
import process from "node:process";
import { parseArgs, type ParseArgsConfig } from "node:util";

/**
 * Parses the arguments of the process. For `--help` it prints the usage, for arguments that the tool does not have what
 * is wrong too, and the process ends.
 */
export function argumentsOf<T extends ParseArgsConfig>(usage: string, config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs<T>(config);
  } catch (error) {
    if (!isWrong(error)) throw error;
    const [problem] = error.message.split(". To specify");
    const isHelp = process.argv.some((word) => word === "--help" || word === "-h");
    if (isHelp) console.log(`Usage: ${usage}`);
    else console.error(`${problem}; usage: ${usage}`);
    process.exit(isHelp ? 0 : 2);
  }
}

function isWrong(error: unknown): error is TypeError {
  return error instanceof TypeError && String((error as NodeJS.ErrnoException).code).startsWith("ERR_PARSE_ARGS_");
}
