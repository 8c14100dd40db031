/**
 * libpq's service file: sections of `keyword=value` lines. What the options do not have is taken from the
 * section that `service` names.
 *
 * A service file is shared with other programs that use libpq, so it may have libpq's keywords only.
 *
 * Source: PostgreSQL manual, libpq, "The Connection Service File"; `parseServiceInfo` in libpq's
 * `fe-connect.c`.
 */
import { UsageError } from "../errors.ts";
import { isBlank, trimBlanks } from "./option_values.ts";
import type { Environment } from "./environment.ts";
import { type FileContent, isGarbled, type NotPermitted, readNamedFile } from "./files.ts";
import { applyKeyword, isGiven, isLibpqKey } from "./keywords.ts";
import type { Settings } from "./settings.ts";

/** The settings, with missing ones taken from the service that they or `PGSERVICE` name. */
export function withService(settings: Settings, environment: Environment): Settings {
  const service = settings.service ?? environment.variable("PGSERVICE");
  if (service === undefined) return settings;
  const { variable, homeDirectory } = environment;
  const named = settings.serviceFile ?? variable("PGSERVICEFILE");
  if (named !== undefined) {
    const file = readNamedFile("service file", named, environment);
    if (file.state !== "read") {
      throw unusable(service, `the service file ${JSON.stringify(named)} does not exist, or cannot be read`);
    }
    const found = applySection(settings, file, service, named);
    if (found !== undefined) return found;
  }
  const home = homeDirectory();
  const system = variable("PGSYSCONFDIR");
  const paths = [
    ...(named === undefined && home ? [`${home}/.pg_service.conf`] : []),
    ...(system ? [`${system}/pg_service.conf`] : []),
  ];
  const skipped: string[] = [];
  let refusal: NotPermitted | undefined;
  for (const path of paths) {
    const file = environment.readFile(path);
    if (file.state === "not permitted") {
      skipped.push(path);
      refusal = file;
    }
    const found = file.state === "read" ? applySection(settings, file, service, path) : undefined;
    if (found !== undefined) return found;
  }
  throw unusable(service, `no service file has it${permissionHint(skipped, refusal)}`);
}

/** The settings with those of a section; undefined if the file does not have the section. */
function applySection(settings: Settings, file: FileContent, service: string, path: string): Settings | undefined {
  let found: Settings | undefined;
  const lines = file.text.split("\n");
  for (const [i, raw] of lines.entries()) {
    const where = `the service file ${JSON.stringify(path)}, line ${i + 1}`;
    // The last line has no end.
    const end = i === lines.length - 1 ? 0 : 1;
    if (new TextEncoder().encode(raw).length + end > MAX_LINE_LENGTH + 1) {
      throw new UsageError(`Cannot read ${where}: it must not be longer than ${MAX_LINE_LENGTH} bytes`);
    }
    const line = trimBlanks(raw);
    if (line === "" || line.startsWith("#")) continue;
    if (line.startsWith("[")) {
      if (found !== undefined) return found;
      // As in libpq, anything may follow the bracket.
      if (line.startsWith(`[${service}]`)) found = settings;
    } else if (found !== undefined) {
      if (isGarbled(line, file)) throw new UsageError(`Cannot read ${where}: it must be in UTF-8`);
      found = applyLine(found, line, where);
    }
  }
  return found;
}

/** The settings with those of a line, unless they have its key. So of equal keys the first one wins. */
function applyLine(settings: Settings, line: string, where: string): Settings {
  // The line may contain a password, and so may a malformed key.
  const equals = line.indexOf("=");
  if (line.startsWith("ldap")) throw new UsageError(`Cannot use ${where}: LDAP look-ups are not implemented`);
  if (equals < 0) throw new UsageError(`Cannot read ${where}: it must be keyword=value, or a section's [name]`);
  const key = line.slice(0, equals);
  if (key === "service" || key === "servicefile") {
    throw new UsageError(`Cannot use ${where}: a service must not name another one with ${key}`);
  }
  if (!isLibpqKey(key)) {
    const problem = isBlank(key.at(-1)) ? "there must be no blank before =" : "its keyword must be one of libpq's";
    throw new UsageError(`Cannot read ${where}: ${problem}; server settings must be in options`);
  }
  return isGiven(settings, key) ? settings : applyKeyword(settings, key, line.slice(equals + 1), `${key} in ${where}`);
}

function unusable(service: string, problem: string): UsageError {
  return new UsageError(`Cannot use service ${JSON.stringify(service)}: ${problem}`);
}

function permissionHint(skipped: readonly string[], refusal: NotPermitted | undefined): string {
  if (refusal === undefined) return "";
  return `; ${refusal.by} does not permit reading ${skipped.join(", ")}: it needs ${refusal.flag}`;
}

/** libpq reads lines into 1024 bytes, with the line's end and a zero byte. */
const MAX_LINE_LENGTH = 1021;
