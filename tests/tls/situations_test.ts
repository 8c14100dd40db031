import assert from "node:assert/strict";
import { ConnectionError } from "../../src/errors.ts";
import { verifyCertificate } from "../../src/tls/verify.ts";
import { NOW } from "../support/certificates/authority.ts";
import { situations } from "../support/certificates/situations.ts";
import { test } from "../support/suite/test.ts";

for (const { name, chain, roots, crls = [], now = NOW, refusal } of situations) {
  test(`verify: ${name}`, () => {
    const verify = () =>
      verifyCertificate(
        chain.map(({ certificate }) => certificate),
        {
          mode: "verify-ca",
          roots: roots.map(({ certificate }) => certificate),
          rootsName: 'the file "root.crt" (sslrootcert)',
          crls,
          host: "db.example",
        },
        now,
      );
    if (refusal === undefined) return verify();
    assert.throws(verify, (error) => {
      assert.ok(error instanceof ConnectionError, String(error));
      assert.match(error.message, /^Cannot trust the server's certificate \(.*\) for the host "db\.example": /);
      assert.match(error.message, refusal);
      return true;
    });
  });
}
