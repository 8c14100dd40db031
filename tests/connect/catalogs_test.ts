import assert from "node:assert/strict";
import { catalogOf } from "../../src/connect/catalogs.ts";
import type { Catalog } from "../../src/codecs/catalog.ts";
import type { ConnectPlan } from "../../src/connect/connect.ts";
import type { Link } from "../../src/connect/handshake.ts";
import { Session } from "../../src/protocol/session.ts";
import { planWith, tcp } from "../support/scripted/plans.ts";
import { TableClock } from "../support/scripted/handshakes.ts";
import { test } from "../support/suite/test.ts";

function catalog(given: Partial<ConnectPlan>): Catalog {
  const link = { endpoint: tcp("a"), session: new Session() } as unknown as Link;
  return catalogOf(link, planWith(new TableClock(), given));
}

test("catalogs: those of connections that the same function dials are shared, and no others", () => {
  const [one, two] = [(): void => {}, (): void => {}];
  const [own, first, second, other] = [{}, { dial: one }, { dial: one }, { dial: two }].map(catalog);
  assert.equal(first, second);
  assert.notEqual(first, other);
  assert.notEqual(first, own);
  assert.equal(catalog({}), own);
  assert.notEqual(catalog({ database: "other" }), own);
});
