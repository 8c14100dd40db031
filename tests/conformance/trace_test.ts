/** The wire trace of real sessions. */
import assert from "node:assert/strict";
import { type Conn, ConnectionError, Opts, ServerError, TimeoutError, UsageError } from "../../mod.ts";
import { conformance } from "../support/suite/worlds.ts";
import type { TestServer } from "../support/suite/servers.ts";

const TIME = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}\t/;

/** A URL for a role that authenticates in that way. */
function urlFor(server: TestServer, user: string, query: string): string {
  return server.url({ user, password: user === "test" ? "1234" : "secret", query });
}

/** Options whose trace goes, without the times, into a list. */
function traced(url: string): { opts: Opts; lines: string[] } {
  const lines: string[] = [];
  const opts = new Opts(url).trace((line) => {
    assert.match(line, TIME);
    lines.push(line.replace(TIME, ""));
  });
  return { opts, lines };
}

/** What a call gives or throws in either world; it is made before this returns. */
function atOnce(call: () => unknown): Promise<unknown> {
  const outcome = (async () => await call())();
  outcome.catch(() => {});
  return outcome;
}

const CLEAR = "sslmode=disable&upgrade_to_unix_socket=no";

conformance("trace: a session from its beginning to its end", async (world, server) => {
  const { opts, lines } = traced(urlFor(server, "auth_trust", CLEAR));
  let id: number;
  {
    await using conn = await world.connect(opts.statementCacheSize(0));
    id = conn.id;
    assert.equal(
      lines[0],
      'F\t63\tStartupMessage\t 3 0 "user" "auth_trust" "database" "test_db" "client_encoding" "UTF8"',
    );
    assert.equal(lines[1], "B\t8\tAuthenticationOk");
    assert.ok(lines.includes('B\t25\tParameterStatus\t "client_encoding" "UTF8"'));
    assert.deepEqual(lines.slice(-2), [`B\t12\tBackendKeyData\t ${id} ***`, "B\t5\tReadyForQuery\t I"]);
    lines.length = 0;

    assert.deepEqual(await conn.exec("select $1::int4 as n, $2::text as t", [258, "ä\t"]), [{ n: 258, t: "ä\t" }]);
    await assert.rejects(atOnce(() => conn.query("select * from\nno_such_table")), ServerError);
    await conn.query("");
  }
  assert.deepEqual(lines.map((line) => line.replace(/^B\t\d+\t(ErrorResponse.*) F ".*/s, "B\tNN\t$1")), [
    'F\t43\tParse\t "" "select $1::int4 as n, $2::text as t" 0',
    'F\t6\tDescribe\t S ""',
    "F\t4\tSync",
    "B\t4\tParseComplete",
    "B\t14\tParameterDescription\t 2 23 25",
    'B\t46\tRowDescription\t 2 "n" 0 0 23 4 -1 0 "t" 0 0 25 65535 -1 0',
    "B\t5\tReadyForQuery\t I",
    'F\t51\tParse\t "" "select $1::int4 as n, $2::text as t" 2 23 25',
    "F\t33\tBind\t \"\" \"\" 2 1 0 2 4 '\\x00\\x00\\x01\\x02' 3 '\\xc3\\xa4\\x09' 1 1",
    'F\t6\tDescribe\t P ""',
    'F\t9\tExecute\t "" 0',
    "F\t4\tSync",
    "B\t4\tParseComplete",
    "B\t4\tBindComplete",
    'B\t46\tRowDescription\t 2 "n" 0 0 23 4 -1 1 "t" 0 0 25 65535 -1 1',
    "B\t21\tDataRow\t 2 4 '\\x00\\x00\\x01\\x02' 3 '\\xc3\\xa4\\x09'",
    'B\t13\tCommandComplete\t "SELECT 1"',
    "B\t5\tReadyForQuery\t I",
    'F\t32\tQuery\t "select * from\nno_such_table"',
    'B\tNN\tErrorResponse\t S "ERROR" V "ERROR" C "42P01" M "relation "no_such_table" does not exist" P "15"',
    "B\t5\tReadyForQuery\t I",
    'F\t5\tQuery\t ""',
    "B\t4\tEmptyQueryResponse",
    "B\t5\tReadyForQuery\t I",
    "F\t4\tTerminate",
  ]);
});

for (
  const [user, question, answers] of [
    ["auth_password", "B\t8\tAuthenticationCleartextPassword", ["F\tNN\tPasswordMessage\t ***"]],
    ["auth_md5", "B\t12\tAuthenticationMD5Password\t ***", ["F\tNN\tPasswordMessage\t ***"]],
    [
      "auth_scram",
      "AuthenticationSASL\t",
      [
        "F\tNN\tSASLInitialResponse\t ***",
        "B\t92\tAuthenticationSASLContinue\t ***",
        "F\tNN\tSASLResponse\t ***",
        "B\t54\tAuthenticationSASLFinal\t ***",
      ],
    ],
  ] as const
) {
  conformance(`trace: no secret of ${user} is in it, nor the cancel key, encrypted or not`, async (world, server) => {
    for (const query of [CLEAR, "sslmode=require"]) {
      const { opts, lines } = traced(urlFor(server, user, query));
      await using conn = await world.connect(opts);
      await conn.query("select 'shown'");
      const start = lines.findIndex((line) => line.includes("\tStartupMessage\t"));
      assert.equal(lines.includes("F\t8\tSSLRequest\t 1234 5679"), conn.tls);
      assert.equal(lines.includes("B\t1\tSSLResponse\t S"), conn.tls);
      assert.equal(lines[start - 1], conn.tls ? "B\t1\tSSLResponse\t S" : undefined);
      assert.ok(lines[start + 1]!.includes(question), lines[start + 1]);
      assert.deepEqual(lines.slice(start + 2, start + 3 + answers.length), [...answers, "B\t8\tAuthenticationOk"]);
      assert.ok(lines.includes(`B\t12\tBackendKeyData\t ${conn.id} ***`));
      const whole = lines.join("\n");
      assert.match(whole, /'shown'/);
      assert.doesNotMatch(whole, /secret|md5[0-9a-f]|SCRAM-SHA-256,|[npsrcv]=[A-Za-z0-9+/=,]/);
    }
  });
}

conformance("trace: cancel requests are in it, without their key", async (world, server) => {
  for (const query of [CLEAR, "sslmode=require"]) {
    const { opts, lines } = traced(urlFor(server, "auth_trust", query));
    await using conn = await world.connect(opts);
    lines.length = 0;
    await assert.rejects(
      atOnce(() => conn.query("select pg_sleep(60)", { timeout: 100 })),
      TimeoutError,
    );
    const request = lines.indexOf(`F\t16\tCancelRequest\t 1234 5678 ${conn.id} ***`);
    assert.ok(request > 0, lines.join("\n"));
    assert.equal(lines[request - 1] === "B\t1\tSSLResponse\t S", conn.tls);
    assert.ok(lines.some((line) => line.includes('C "57014"')));
  }
});

conformance("trace: rows of any size, and COPY in both directions", async (world, server) => {
  const { opts, lines } = traced(urlFor(server, "test", CLEAR));
  await using conn = await world.connect(opts);
  lines.length = 0;
  await conn.queryDrop("select repeat('x', 3000000), 7");
  assert.ok(lines.includes(`B\t3000015\tDataRow\t 2 3000000 '${"x".repeat(4096)}' (2995904 bytes left out) 1 '7'`));

  await conn.queryDrop("create temporary table traced (a int4, b text)");
  lines.length = 0;
  await conn.copyIn("copy traced from stdin", ["1\tone\n2\ttwo\n"]);
  const sent = lines.filter((line) => line.startsWith("F"));
  assert.deepEqual(sent.slice(-2), ["F\t16\tCopyData\t '1\\x09one\\x0a2\\x09two\\x0a'", "F\t4\tCopyDone"]);
  assert.ok(lines.includes("B\t11\tCopyInResponse\t \\x00 2 0 0"));
  lines.length = 0;
  for await (const _ of conn.copyOut("copy traced to stdout")) { /* only what passes counts */ }
  assert.deepEqual(lines.filter((line) => line.includes("CopyData")), [
    "B\t10\tCopyData\t '1\\x09one\\x0a'",
    "B\t10\tCopyData\t '2\\x09two\\x0a'",
  ]);
});

conformance(
  "trace: a listener that uses its connection is refused, and nothing is sent twice",
  async (world, server) => {
    for (const side of ["F", "B"]) {
      let nested: Promise<unknown> | undefined;
      let conn: Conn | undefined = undefined;
      const opts = new Opts(server.fast).trace((line) => {
        if (conn === undefined || nested !== undefined || line.split("\t")[1] !== side) return;
        const inner = conn;
        nested = atOnce(() => inner.query("select nextval('traced')"));
      });
      await using outer = await world.connect(opts);
      await outer.queryDrop("create temporary sequence traced");
      conn = outer;
      assert.equal(await outer.execValue("select nextval('traced')"), 1n);
      await assert.rejects(nested!, (error) => {
        assert.ok(error instanceof UsageError);
        return /trace listener/.test(error.message);
      });
      assert.equal(await outer.execValue("select nextval('traced')"), 2n);
    }
  },
);

conformance("trace: a listener may close its connection", async (world, server) => {
  for (const side of ["F", "B"]) {
    let closing: unknown;
    let conn: Conn | undefined = undefined;
    const opts = new Opts(server.fast).trace((line) => {
      if (line.split("\t")[1] === side && closing === undefined) closing = conn?.close({ timeout: 0 });
    });
    await using outer = await world.connect(opts);
    conn = outer;
    await atOnce(() => outer.query("select 1")).catch((error) => {
      assert.ok(error instanceof ConnectionError, String(error));
    });
    await closing;
    assert.equal(outer.closed, true);
  }
});

conformance("trace: a listener that throws changes nothing", async (world, server) => {
  let calls = 0;
  const opts = new Opts(server.fast).trace(() => {
    calls++;
    throw new Error("not now");
  });
  await using conn = await world.connect(opts);
  assert.equal(await conn.execValue("select $1::int4", [1]), 1);
  assert.ok(calls > 10);
});
