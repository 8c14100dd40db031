/**
 * Writes tests/options/libpq/recorded.json: what libpq 18 (of npm's PostgreSQL) and libpq 15 (of Debian 12,
 * which its psql uses) make of the cases in tests/options/libpq/cases.ts.
 *
 * Needs a C compiler, and the PostgreSQL of the tests in `.cache`.
 *
 * Usage: deno run -A tools/record_libpq.ts [path/of/libpq.so.5 of version 15]
 */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { dirname, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { CASES } from "../tests/options/libpq/cases.ts";
import { type ConnectionCase, fileOf } from "../tests/options/libpq/connection_case.ts";
import { meaningOf } from "../tests/options/libpq/other_options.ts";
import type { Outcome } from "../tests/options/libpq/recorded.ts";
import { POSTGRES } from "../tests/support/installed/versions.ts";

/** What libpq_probe.c prints. */
interface Probed {
  readonly version: number;
  readonly message: string;
  readonly pass: string;
  readonly options: Readonly<Record<string, string>>;
  readonly attempts: readonly {
    readonly address: string;
    readonly tls: boolean;
    readonly password: string | null;
    readonly startup: readonly string[];
  }[];
}

/** What `given` leads to with a libpq. */
function record(given: ConnectionCase, library: string): Outcome {
  const dir = mkdtempSync(join(tmpdir(), "libpq-"));
  try {
    mkdirSync(join(dir, "home"));
    const placed = (text: string): string => text.replaceAll("{dir}", dir);
    for (const [path, spec] of Object.entries(given.files)) {
      const { mode, text } = fileOf(spec);
      mkdirSync(dirname(placed(path)), { recursive: true });
      writeFileSync(placed(path), placed(text));
      chmodSync(placed(path), mode);
    }
    const variables = Object.entries(given.variables).map(([name, value]) => [name, placed(value)]);
    const printed = execFileSync(PROBE, [library, placed(given.text)], {
      env: { HOME: join(dir, "home"), PGSYSCONFDIR: join(dir, "none"), ...Object.fromEntries(variables) },
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      timeout: 10_000,
    });
    return outcomeOf(JSON.parse(printed.replaceAll(dir, "{dir}")));
  } finally {
    rmSync(dir, { recursive: true });
  }
}

function outcomeOf({ message, pass, options, attempts }: Probed): Outcome {
  const [first] = attempts;
  if (first === undefined || (first.startup.length === 0 && !first.tls)) return { refused: message.trim() };
  const hosts = (options["host"] || options["hostaddr"] || "").split(",");
  const hostAddrs = (options["hostaddr"] ?? "").split(",");
  const startup: Record<string, string> = {};
  for (let i = 0; i < first.startup.length; i += 2) startup[first.startup[i]!] = first.startup[i + 1] ?? "";
  const { user: _, database: __, client_encoding: ___, application_name, options: sent, ...settings } = startup;
  const isStarted = first.startup.length > 0;
  const applicationName = isStarted ? application_name : options["application_name"];
  const others = meaningOf(options);
  // Where encryption is required libpq gets no further, and it refuses methods; but it has the password.
  const isSent = isStarted && !REFUSED_METHOD.test(message);
  return {
    addresses: attempts.map(({ address }, i) =>
      hosts[i] || hostAddrs[i] ? address : `default ${/\d+$/.exec(address)![0]}`
    ),
    passwords: attempts.map(({ password }) => isSent ? password : pass || null),
    user: named(options["user"]!),
    dbname: named(options["dbname"]!),
    sslmode: options["sslmode"]!,
    ...(applicationName === undefined ? {} : { application_name: applicationName }),
    ...(sent === undefined ? {} : { options: sent }),
    ...(options["connect_timeout"] === undefined ? {} : { connect_timeout: options["connect_timeout"] }),
    ...(Object.keys(settings).length === 0 ? {} : { settings }),
    ...(Object.keys(others).length === 0
      ? {}
      : { others: Object.fromEntries(Object.keys(others).map((key) => [key, options[key]!])) }),
  };
}

function named(user: string): string {
  return user === userInfo().username ? "{osuser}" : user;
}

const REFUSED_METHOD = /authentication method requirement|channel binding required/;
const ROOT = new URL("..", import.meta.url).pathname;
const PROBE = join(mkdtempSync(join(tmpdir(), "libpq-probe-")), "probe");
const LIBPQ_18 = join(ROOT, `.cache/postgres-${POSTGRES[18]}/lib/libpq.so.5`);
const LIBPQ_15 = Deno.args[0] ?? "/usr/lib/x86_64-linux-gnu/libpq.so.5";

execFileSync("cc", ["-O1", "-rdynamic", "-pthread", "-o", PROBE, join(ROOT, "tools/libpq_probe.c"), "-ldl"]);
const recorded = CASES.map((given) => {
  const libpq18 = record(given, LIBPQ_18);
  const libpq15 = record(given, LIBPQ_15);
  return JSON.stringify({ ...given, libpq18, ...(isDeepStrictEqual(libpq15, libpq18) ? {} : { libpq15 }) });
});
writeFileSync(join(ROOT, "tests/options/libpq/recorded.json"), `[\n${recorded.join(",\n")}\n]\n`);
rmSync(dirname(PROBE), { recursive: true });
console.log(`${recorded.length} cases`);
