import assert from "node:assert/strict";
import { UsageError } from "../../src/errors.ts";
import { Opts } from "../../src/options/opts.ts";
import { allowedMethods } from "../../src/options/require_auth.ts";
import { refusal } from "../support/suite/refusal.ts";
import { test } from "../support/suite/test.ts";

const ALL = ["password", "md5", "gss", "sspi", "scram-sha-256", "oauth", "none"];

function allowed(value: string): string[] {
  return [...allowedMethods(value)].sort();
}

test("require_auth: a list allows its methods, a list with ! all others", () => {
  const cases: [value: string, allowed: string[]][] = [
    ["scram-sha-256", ["scram-sha-256"]],
    ["none", ["none"]],
    ["scram-sha-256,none", ["none", "scram-sha-256"]],
    [ALL.join(","), ALL],
    ["!password", ALL.filter((name) => name !== "password")],
    ["!password,!md5,!none", ["gss", "oauth", "scram-sha-256", "sspi"]],
    [ALL.map((name) => `!${name}`).join(","), []],
  ];
  for (const [value, expected] of cases) assert.deepEqual(allowed(value), [...expected].sort(), value);
});

test("require_auth: what libpq refuses is refused, with the reason", () => {
  const cases: [value: string, reason: RegExp][] = [
    ["md5,!password", /cannot be mixed/],
    ["!md5,password", /cannot be mixed/],
    ["md5,md5", /md5 must not be in it twice/],
    ["!none,!none", /!none must not be in it twice/],
    ["none,none", /none must not be in it twice/],
    ["MD5", /a list, separated by commas, of password, md5, gss/],
    ["md5, password", /a list/],
    ["md5,", /a list/],
    [",", /a list/],
    ["", /a list/],
    ["!", /a list/],
    ["!!md5", /a list/],
    ["kerberos", /a list/],
  ];
  for (const [value, reason] of cases) {
    assert.match(refusal(UsageError, () => new Opts().requireAuth(value)), reason, value);
    assert.match(refusal(UsageError, () => new Opts("pg://").requireAuth(value)), /^Cannot set requireAuth to "/);
    assert.match(
      refusal(UsageError, () => new Opts(`pg://?require_auth=${encodeURIComponent(value)}`)),
      /^Cannot set require_auth to "/,
    );
  }
});

test("require_auth and channel_binding: keys, variables' names and other clients' names", () => {
  const opts = new Opts("pg://?require_auth=!password&channel_binding=disable");
  assert.deepEqual(opts.toJSON(), { requireAuth: "!password", channelBinding: "disable" });
  assert.equal(new Opts(opts.toString()).toString(), opts.toString());
  for (const [key, right] of [["RequireAuth", "require_auth"], ["enableChannelBinding", "channel_binding"]]) {
    assert.match(refusal(UsageError, () => new Opts(`pg://?${key}=x`)), new RegExp(`use ${right} instead`));
  }
  assert.match(
    refusal(UsageError, () => new Opts().channelBinding("always" as never)),
    /one of disable, prefer, require/,
  );
});
