import assert from "node:assert/strict";
import { planOf } from "../../src/connect/plan.ts";
import { UsageError } from "../../src/errors.ts";
import type { FileState } from "../../src/options/files.ts";
import { Opts, settingsOf } from "../../src/options/opts.ts";
import { localSockets } from "../support/scripted/local_sockets.ts";
import { environmentOf } from "../support/scripted/surroundings.ts";
import { test } from "../support/suite/test.ts";
import { CASES, type ConnectionCase, fileOf } from "./libpq/cases.ts";
import { type Connected, type Outcome, readRecorded } from "./libpq/recorded.ts";

/** What pyro makes of a case, in the terms of the record. */
function outcomeOf({ text, variables, files }: ConnectionCase): Outcome {
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
  try {
    const plan = planOf(settingsOf(new Opts(text)), {
      ...environment,
      now: () => 0,
      nonce: () => "",
      local: localSockets(),
    });
    const { user, database, client_encoding: _, application_name, options, ...settings } = Object.fromEntries(
      plan.parameters.map(([name, value]) => [PARAMETERS.get(name) ?? name, value]),
    );
    return {
      addresses: plan.endpoints.map((end) => end.kind === "unix" ? `unix ${end.path}` : `tcp ${end.host} ${end.port}`),
      passwords: plan.endpoints.map((_, i) => {
        const password = plan.passwords === undefined ? plan.password : plan.passwords[i];
        return typeof password === "string" && password !== "" ? password : null;
      }),
      user: user!,
      dbname: database!,
      sslmode: plan.sslMode,
      ...(application_name === undefined ? {} : { application_name }),
      ...(options === undefined ? {} : { options }),
      connect_timeout: String(plan.timeout),
      ...(Object.keys(settings).length === 0 ? {} : { settings }),
    };
  } catch (error) {
    assert.ok(error instanceof UsageError, `${text}: ${error}`);
    return { refused: error.message };
  }
}

/** The record in pyro's terms: what differs in every case is replaced here, and nothing else. */
function expected(libpq: Connected, pyro: Connected): Connected {
  const { connect_timeout, addresses, passwords } = libpq;
  // libpq stops where it has no password, or no encryption.
  const reached = pyro.addresses.length;
  return {
    ...libpq,
    // libpq's default host is a directory that was chosen when it was built, and pyro's is localhost.
    addresses: [
      ...addresses.map((address) => address.replace(/^default /, "tcp localhost ")),
      ...pyro.addresses.slice(addresses.length, reached),
    ],
    passwords: [...passwords, ...pyro.passwords.slice(passwords.length, reached)],
    // libpq has no limit by default, and pyro 30 seconds; milliseconds are a timer's at most.
    connect_timeout: connect_timeout === undefined
      ? "30000"
      : String(Math.min(Math.max(Number(connect_timeout), 0), 2_147_483) * 1000),
  };
}

/** Why pyro may differ from libpq: by the message with which pyro refuses a case, or by the case itself. */
const REASONS: readonly {
  readonly reason: string;
  readonly message?: RegExp;
  readonly accepts?: (text: string, variables: Readonly<Record<string, string>>) => boolean;
}[] = [
  { reason: "an empty list allows no method but none, which nobody means", message: /^Cannot set require_auth to ""/ },
  { reason: "a name in brackets is no IPv6 address", message: /IPv6 addresses go in brackets/ },
  { reason: "pyro reads and writes UTF-8 only", message: /UTF8 only|not percent-encoded UTF-8/ },
  { reason: "what may be a piece of a password must be percent-encoded", message: /percent-encode "|";" separates/ },
  { reason: "pairs of other clients are separated by semicolons", message: /separated by spaces, not ";"/ },
  { reason: "a forgotten value must not make the next pair a value", message: /has no value; an empty value/ },
  { reason: "an empty string is a mistake, such as an unset variable", message: /its scheme is none of/ },
  { reason: "a host must be able to be one", message: /Cannot set host(?: in .*)?: it must be/ },
  {
    reason: "each value is checked before connecting, also those of other kinds of sockets and of later hosts",
    message: /^Cannot set (port|keepalives) /,
  },
  {
    reason: "any key that libpq does not have is a server setting",
    accepts: (text) => /nosuchkey=|search_path=/.test(text),
  },
  { reason: "JDBC's ssl is a boolean in keyword/value strings and URLs", accepts: (text) => /\bssl=/.test(text) },
  { reason: "keepalives may be any boolean", accepts: (text) => text.includes("keepalives=on") },
  {
    reason: "schemes are in any case, pg:// is one, and blanks may be around a URL",
    accepts: (text) => /^(PostgreSQL| postgresql|pg):|^postgresql:.*\n$/s.test(text),
  },
  {
    reason: "replication=false is the server's default, and is not sent",
    accepts: (text) => text.includes("replication="),
  },
];

test("libpq: the record is of these cases", () => {
  assert.ok(CASES.length >= 300);
  assert.deepEqual(
    readRecorded().map(({ text, variables, files }) => ({ text, variables, files })),
    CASES,
    "tools/record_libpq.ts has to be run",
  );
});

test("libpq: pyro makes the same of every string, environment and file, but for a list of reasons", () => {
  const used = new Set<string>();
  const different: string[] = [];
  for (const recorded of readRecorded()) {
    const pyro = outcomeOf(recorded);
    const libpq = recorded.libpq18;
    if ("refused" in libpq && "refused" in pyro) continue;
    if (!("refused" in libpq) && !("refused" in pyro)) {
      try {
        assert.deepEqual(pyro, expected(libpq, pyro));
        continue;
      } catch {
        // Shown below.
      }
    }
    const { text, variables, files } = recorded;
    const why = REASONS.find(({ message, accepts }) =>
      "refused" in pyro ? message?.test(pyro.refused) : accepts?.(text, variables)
    );
    if (why !== undefined) used.add(why.reason);
    else {different.push(
        [JSON.stringify({ text, variables, files }), JSON.stringify(libpq), JSON.stringify(pyro)].join("\n  "),
      );}
  }
  assert.deepEqual(different, []);
  assert.deepEqual([...used].sort(), REASONS.map(({ reason }) => reason).sort(), "every reason is needed");
});

test("libpq: versions 15 and 18 differ by a few things only", () => {
  for (const { text, variables, libpq15 } of readRecorded()) {
    if (libpq15 === undefined) continue;
    const isUnknown = "refused" in libpq15 && /invalid connection option|LDAP/.test(libpq15.refused);
    const hasNewVariable = Object.keys(variables).some((name) =>
      /LOADBALANCE|NEGOTIATION|CERTMODE|PROTOCOL/.test(name)
    );
    const hasSpaces = /^postgresql:.* /.test(text);
    assert.ok(isUnknown || hasNewVariable || hasSpaces, text);
  }
});

/** Names of the session's settings as libpq writes them. */
const PARAMETERS: ReadonlyMap<string, string> = new Map([["DateStyle", "datestyle"], ["TimeZone", "timezone"]]);
