import assert from "node:assert/strict";
import { DecodeError, UsageError } from "../../src/errors.ts";
import { execute, query } from "../../src/statements/execute.ts";
import { prepare } from "../../src/statements/prepare.ts";
import { AllRows } from "../../src/rows/collectors.ts";
import { DEFAULT_CHOICES } from "../../src/options/choices.ts";
import { Catalog } from "../../src/codecs/catalog.ts";
import { Registry } from "../../src/codecs/registry.ts";
import {
  bindComplete,
  commandComplete,
  concat,
  dataRow,
  errorResponse,
  parameterDescription,
  parseComplete,
  readyForQuery,
  rowDescription,
} from "../support/scripted/backend.ts";
import { contextOf, inBothDrivers, type Wire } from "../support/scripted/links.ts";
import type { Context } from "../../src/statements/context.ts";
import type { Step } from "../support/scripted/scripted_server.ts";

const UNNAMED = "Parse Bind Describe Execute Sync";
const KNOWN = "Bind Execute Sync";
/** OIDs of no type that comes with PostgreSQL. */
const MOOD = 50_001;
const PAIR = 50_002;

const COLUMNS = { oid: 26, name: 19, schema: 19, delimiter: 25, kind: 25, part: 26, names: 1003, types: 1028 };

/** The answer to the question about types: rows of the catalog. */
function described(...rows: (string | null)[][]): Uint8Array {
  return answer(rowDescription(COLUMNS), ...rows.map((row) => dataRow(...row)));
}

function answer(...messages: Uint8Array[]): Uint8Array {
  const tag = commandComplete(`SELECT ${messages.length - 1}`);
  return concat(parseComplete(), bindComplete(), ...messages, tag, readyForQuery());
}

function refused(code: string, status: "I" | "T" | "E" = "I"): Uint8Array {
  return concat(errorResponse(code, "not that"), readyForQuery(status));
}

/** The reply to a query for these columns, in the simple protocol. */
function rows(columns: Record<string, number>, ...rows: string[][]): Uint8Array {
  const body = rows.map((row) => dataRow(...row));
  return concat(rowDescription(columns), ...body, commandComplete(`SELECT ${rows.length}`), readyForQuery());
}

function context(wire: Wire, catalog: Catalog = new Catalog()): Context {
  return { ...contextOf(wire.link), registry: new Registry(DEFAULT_CHOICES, catalog) };
}

async function asked(wire: Wire, context: Context, sql = "select m"): Promise<unknown> {
  return await wire.run(query(sql, new AllRows("object"), context));
}

const MANY = rows({ m: MOOD, n: 23 }, ["sad", "1"], ["so so", "2"], ["", "3"]);
const TEXTS = [{ m: "sad", n: 1 }, { m: "so so", n: 2 }, { m: "", n: 3 }];

const WITHOUT_ANSWER: readonly (readonly [name: string, reply: Uint8Array])[] = [
  ["a refusal", refused("42501")],
  ["a refusal to understand it", refused("42703")],
  ["a server that has no such feature", refused("0A000")],
  ["a code that PostgreSQL does not have", refused("XXUUU")],
  ["no rows", described()],
  ["a row of another type", described(["7", "x", "public", ",", "e", null, null, null])],
  ["other columns", answer(rowDescription({ a: 25 }), dataRow("a"))],
  [
    "columns of other types",
    answer(rowDescription({ ...COLUMNS, oid: 25 }), dataRow(String(MOOD), "x", "y", ",", "e", null, null, null)),
  ],
  ["values that cannot be read", described([String(MOOD), "x", "y", ",", "c", null, "{", "{1}"])],
  ["attributes without types", described([String(MOOD), "x", "y", ",", "c", null, "{a,b}", "{23}"])],
  ["NULL for its name", described([String(MOOD), null, "y", ",", "e", null, null, null])],
];

for (const [name, reply] of WITHOUT_ANSWER) {
  inBothDrivers(`catalog question: ${name} is asked for once, and the text is given`, [
    ["Query", MANY],
    [UNNAMED, reply],
    ["Query", MANY],
    [
      "Parse Describe Sync",
      concat(parseComplete(), parameterDescription(MOOD), rowDescription({ m: MOOD }), readyForQuery()),
    ],
    [KNOWN, concat(bindComplete(), dataRow("sad"), commandComplete("SELECT 1"), readyForQuery())],
    [
      "Parse Describe Sync",
      concat(parseComplete(), parameterDescription(), rowDescription({ m: MOOD }), readyForQuery()),
    ],
  ], async (wire) => {
    const it = context(wire);
    for (let i = 0; i < 2; i++) assert.deepEqual(await asked(wire, it), TEXTS);
    assert.deepEqual(await wire.run(execute("select $1", ["sad"], new AllRows("object"), it)), [{ m: "sad" }]);
    assert.deepEqual((await wire.run(prepare("select m", it))).resultFormats, []);
  });
}

inBothDrivers("catalog question: what is described is known, and the text of what is not is inside of it", [
  ["Query", rows({ p: PAIR, m: MOOD }, ["(1,sad)", "sad"])],
  [UNNAMED, described([String(PAIR), "pair", "public", ",", "c", null, "{n,m}", `{23,${MOOD}}`])],
  ["Query", rows({ p: PAIR, m: MOOD }, ["(1,sad)", "sad"])],
], async (wire) => {
  const it = context(wire);
  for (let i = 0; i < 2; i++) assert.deepEqual(await asked(wire, it), [{ p: { n: 1, m: "sad" }, m: "sad" }]);
});

inBothDrivers("catalog question: types are asked for again when they were forgotten, and by other connections", [
  ["Query", MANY],
  [UNNAMED, described()],
  ["Query", MANY],
  [UNNAMED, refused("42501")],
  ["Query", MANY],
  [UNNAMED, described([String(MOOD), "mood", "public", ",", "e", null, null, null])],
  ["Query", MANY],
], async (wire) => {
  const catalog = new Catalog();
  const [first, second] = [context(wire, catalog), context(wire, catalog)];
  assert.deepEqual(await asked(wire, first), TEXTS);
  catalog.invalidate();
  assert.deepEqual(await asked(wire, first), TEXTS);
  for (let i = 0; i < 2; i++) assert.deepEqual(await asked(wire, second), TEXTS);
});

for (const code of ["25P02", "57014", "53200", "55P03", "40001"]) {
  inBothDrivers(`catalog question: a refusal that may pass (${code}) is told, and the question asked again`, [
    ["Query", MANY],
    [UNNAMED, refused(code)],
    ["Query", MANY],
    [UNNAMED, described([String(MOOD), "mood", "public", ",", "e", null, null, null])],
  ], async (wire) => {
    const it = context(wire);
    await assert.rejects(asked(wire, it), (error: Error) => {
      assert.ok(error instanceof DecodeError && !(error instanceof UsageError));
      assert.equal(error.message, `Cannot look up types ${MOOD} in the catalog: not that`);
      return true;
    });
    assert.deepEqual(await asked(wire, it), TEXTS);
  });
}

const IN_TRANSACTION = concat(MANY.subarray(0, -1), new Uint8Array(["T".charCodeAt(0)]));
const done = (tag: string, status: "I" | "T" | "E"): Uint8Array => concat(commandComplete(tag), readyForQuery(status));
const answered = (status: "T" | "E"): Uint8Array => concat(described().subarray(0, -6), readyForQuery(status));

const SAVED: readonly (readonly [name: string, steps: readonly Step[], said: readonly string[]])[] = [
  ["answered", [
    [`Query ${UNNAMED}`, concat(done("SAVEPOINT", "T"), answered("T"))],
    ["Query", done("RELEASE", "T")],
  ], ["SAVEPOINT pyro_types", "RELEASE SAVEPOINT pyro_types"]],
  ["refused", [
    [`Query ${UNNAMED}`, concat(done("SAVEPOINT", "T"), refused("42501", "E"))],
    ["Query", concat(commandComplete("ROLLBACK"), done("RELEASE", "T"))],
  ], ["SAVEPOINT pyro_types", "ROLLBACK TO SAVEPOINT pyro_types; RELEASE SAVEPOINT pyro_types"]],
];

for (const [name, steps, said] of SAVED) {
  inBothDrivers(`catalog question: in a transaction it stands behind a savepoint, ${name}`, [
    ["Query", IN_TRANSACTION],
    ...steps,
  ], async (wire) => {
    const it = context(wire);
    assert.deepEqual(await asked(wire, it), TEXTS);
    assert.equal(wire.link.session.transactionStatus, "active");
    const queries = wire.server.messages.filter(({ name }) => name === "Query");
    assert.deepEqual(queries.slice(1).map(({ body }) => new TextDecoder().decode(body.subarray(0, -1))), said);
  });
}

inBothDrivers("catalog question: a refusal that ends the transaction all the same is told", [
  ["Query", IN_TRANSACTION],
  [`Query ${UNNAMED}`, concat(refused("42601", "E"), refused("42501", "E"))],
], async (wire) => {
  await assert.rejects(asked(wire, context(wire)), DecodeError);
});
