/** What pyro makes of a case, in the terms of the record. */
import assert from "node:assert/strict";
import { normalize } from "node:path/posix";
import { nodeHashing } from "../../../src/auth/hashing.ts";
import { planOf } from "../../../src/connect/plan.ts";
import { UsageError } from "../../../src/errors.ts";
import { withEnvironment } from "../../../src/options/environment.ts";
import type { FileState } from "../../../src/options/files.ts";
import { Opts, settingsOf } from "../../../src/options/opts.ts";
import { localSockets } from "../../support/scripted/local_sockets.ts";
import { environmentOf } from "../../support/scripted/surroundings.ts";
import { type ConnectionCase, fileOf } from "./connection_case.ts";
import { meaningOfSettings } from "./other_options.ts";
import type { Outcome } from "./recorded.ts";

const ABILITIES = { now: () => 0, nonce: () => "", hashing: nodeHashing };

export function outcomeOf({ text, variables, files }: ConnectionCase): Outcome {
  const environment = environmentOf({
    variables,
    osUser: "{osuser}",
    home: "{dir}/home",
    files: Object.fromEntries(
      Object.entries(files).map(([path, spec]): [string, FileState] => {
        const { mode, text } = fileOf(spec);
        return [path, { state: "read", text, isPrivate: (mode & 0o077) === 0 }];
      }),
    ),
    warnings: [],
  });
  // Changed paths may lead to the same file.
  const surroundings: typeof environment = {
    ...environment,
    readFile: (path) => environment.readFile(normalize(path)),
  };
  try {
    const given = settingsOf(new Opts(text));
    const plan = planOf(given, { ...surroundings, ...ABILITIES, local: localSockets() });
    const { user, database, client_encoding: _, application_name, options, ...settings } = Object.fromEntries(
      plan.parameters.map(([name, value]) => [PARAMETERS.get(name) ?? name, value]),
    );
    const others = meaningOfSettings(withEnvironment(given, surroundings));
    return {
      addresses: plan.endpoints.map((end) =>
        end.kind === "unix" ? `unix ${end.path}` : `tcp ${end.address ?? end.host} ${end.port}`
      ),
      passwords: plan.endpoints.map((_, i) => {
        const given = plan.passwords === undefined ? plan.password : plan.passwords[i];
        const password = typeof given === "function" ? given() : given;
        return typeof password === "string" && password !== "" ? password : null;
      }),
      user: user!,
      dbname: database!,
      sslmode: plan.sslMode,
      ...(application_name === undefined ? {} : { application_name }),
      ...(options === undefined ? {} : { options }),
      connect_timeout: String(plan.timeout),
      ...(Object.keys(settings).length === 0 ? {} : { settings }),
      ...(Object.keys(others).length === 0 ? {} : { others }),
    };
  } catch (error) {
    assert.ok(error instanceof UsageError, `${text}: ${error}`);
    return { refused: error.message };
  }
}

/** Names of the session's settings as libpq writes them. */
const PARAMETERS: ReadonlyMap<string, string> = new Map([["DateStyle", "datestyle"], ["TimeZone", "timezone"]]);
