/** Who gets in, by which way, if the client allows what: beside what libpq 18 does. */
import assert from "node:assert/strict";
import { PyroError } from "../../mod.ts";
import { isTurn } from "../support/suite/extent.ts";
import { conformance } from "../support/suite/worlds.ts";
import { test } from "../support/suite/test.ts";
import recorded from "./authentication/recorded.json" with { type: "json" };
import { nameOf, SITUATIONS, stringOf } from "./authentication/situations.ts";

const RECORDED: Readonly<Record<string, Readonly<Record<string, string>>>> = recorded;

test("authentication: the record is of these situations", () => {
  for (const [major, outcomes] of Object.entries(RECORDED)) {
    assert.deepEqual(Object.keys(outcomes), SITUATIONS.map(nameOf), "tools/record_authentication.ts has to be run");
    const refused = Object.values(outcomes).filter((reason) => reason !== "").length;
    assert.ok(refused > 100 && refused < SITUATIONS.length - 100, `${refused} of PostgreSQL ${major} are refused`);
  }
});

conformance("authentication: pyro gets in where libpq does, and nowhere else", async (world, server) => {
  const place = { directory: server.socketDirectories[0]!, port: server.port };
  const different: string[] = [];
  for (const situation of SITUATIONS.filter((_, i) => isTurn(i))) {
    const name = nameOf(situation);
    const libpq = RECORDED[server.major]![name]!;
    const pyro = await refusalOf(() => world.connect(`${stringOf(situation, place)} upgrade_to_unix_socket=no`));
    if ((libpq === "") !== (pyro === "")) different.push(`${name}\n  libpq: ${libpq}\n  pyro: ${pyro}`);
    assert.ok(!pyro.includes("secret"), name);
  }
  assert.deepEqual(different, []);
});

async function refusalOf(connect: () => Promise<AsyncDisposable>): Promise<string> {
  try {
    await using _ = await connect();
    return "";
  } catch (error) {
    assert.ok(error instanceof PyroError, String(error));
    return error.message;
  }
}
