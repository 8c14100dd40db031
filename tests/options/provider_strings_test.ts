import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../../src/errors.ts";
import { isSecretName, keyOfAlias } from "../../src/options/aliases.ts";
import { Opts, settingsOf } from "../../src/options/opts.ts";
import { refusal } from "../support/suite/refusal.ts";
import { test } from "../support/suite/test.ts";
import { CONNECTING, REFUSED, SECRET } from "./provider_strings.ts";

for (const { from, text, gives } of CONNECTING) {
  test(`provider strings: connects: ${from}`, () => {
    const opts = new Opts(text);
    assert.deepEqual(settingsOf(opts), gives);
    assert.ok(!String(opts).includes(SECRET) && !JSON.stringify(opts).includes(SECRET));
  });
}

for (const { from, text, gives } of REFUSED) {
  test(`provider strings: is refused: ${from}`, () => {
    const message = refusal(UsageError, () => new Opts(text));
    assert.equal(message, gives);
    assert.ok(!message.includes(SECRET));
  });
}

test("provider strings: a name is unique, and so is a string", () => {
  const all = [...CONNECTING, ...REFUSED];
  assert.ok(all.length >= 90);
  assert.equal(new Set(all.map(({ from }) => from)).size, all.length);
  assert.equal(new Set(all.map(({ text }) => text)).size, all.length);
});

test("provider strings: a password that only looks like a placeholder is taken", () => {
  for (const password of ["[x]", "{a}", "<a>b", "password", "[YOUR-PASSWORD]!", "<pass word!>"]) {
    assert.equal(settingsOf(new Opts(`pg://ada:${encodeURIComponent(password)}@h`)).password, password);
    assert.equal(settingsOf(new Opts(`user=ada password='${password}'`)).password, password);
  }
  for (
    const password of ["[YOUR-PASSWORD]", "[password]", "{your_password}", "<password>", "<ENTER-SQL-USER-PASSWORD>"]
  ) {
    refusal(UsageError, () => new Opts(`pg://ada:${encodeURIComponent(password)}@h`));
    refusal(UsageError, () => new Opts(`user=ada password='${password}'`));
    // Whoever sets it alone means it.
    assert.equal(settingsOf(new Opts().password(password)).password, password);
  }
});

test("provider strings: a keyword/value string that only looks like another program's is taken", () => {
  assert.deepEqual(settingsOf(new Opts("application_name=http://x host=h")), {
    applicationName: "http://x",
    hosts: ["h"],
  });
  assert.deepEqual(settingsOf(new Opts("user=jdbc:x")), { user: "jdbc:x" });
  assert.equal(keyOfAlias("host"), undefined);
  assert.equal(keyOfAlias("nonsense"), undefined);
  assert.equal(keyOfAlias("User Id"), "user");
  assert.ok(isSecretName("api_key"));
});

test("provider strings: docs/connecting.md has strings that connect, for each provider", () => {
  const page = readFileSync(join(import.meta.dirname!, "../../docs/connecting.md"), "utf8");
  const [, table = ""] = page.split("## Providers");
  const rows = table.split("## ")[0]!.matchAll(/^\| ([^|]+?) +\| `(postgres[^`]+)` +\|/gm);
  const strings = Array.from(rows, ([, provider, url]) => [provider!, settingsOf(new Opts(url))] as const);
  assert.ok(strings.length >= 20);
  for (const [provider, settings] of strings) {
    assert.ok(settings.hosts !== undefined && settings.user !== undefined && settings.db !== undefined, provider);
    assert.deepEqual(settings.param, undefined, provider);
  }
  const names = strings.map(([provider]) => provider).join();
  for (
    const name of ["Neon", "Supabase", "RDS", "Azure", "Cloud SQL", "Heroku", "Railway", "Render", "Fly", "Timescale"]
  ) {
    assert.ok(names.includes(name), name);
  }
});
