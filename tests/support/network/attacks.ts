/** Plays attacks against connections of each world, and checks what must hold whatever the attack is. */
import assert from "node:assert/strict";
import { inspect } from "node:util";
import {
  type ConnectionError,
  Opts,
  type ProtocolError,
  PyroError,
  type ServerError,
  type TimeoutError,
} from "../../../mod.ts";
import { mostGrowth } from "../suite/garbage.ts";
import { test } from "../suite/test.ts";
import { type World, worldsOf } from "../suite/worlds.ts";
import { Attacker, type Move } from "./attacker.ts";

/** The secret that no attacker may learn. */
export const PASSWORD = "open sesame, 7 times";

/** What an attacker may see of the password, as the server that it claims to be. */
export type Disclosed = "nothing" | "proof" | "hash" | "password";

/** An attack, and how it must end. */
export interface Attack {
  readonly name: string;
  readonly moves: readonly Move[];
  readonly error: typeof ConnectionError | typeof ProtocolError | typeof ServerError | typeof TimeoutError;
  readonly message: RegExp;
  /** Default: nothing. */
  readonly discloses?: Disclosed;
  /** Default: those of {@linkcode optsFor}. */
  readonly opts?: (opts: Opts) => Opts;
}

/** Options for a connection to an attacker in clear text. */
export function optsFor(port: number): Opts {
  return new Opts().host("127.0.0.1").port(port).user("ada").password(PASSWORD).db("d").sslMode("disable")
    .upgradeToUnixSocket(false);
}

/** Tests that connections of every world withstand the attacks; `use` is what they are made and used for. */
export function withstandAll(
  name: string,
  attacks: readonly Attack[],
  use: (world: World, opts: Opts) => Promise<unknown>,
): void {
  for (const world of worldsOf(name)) {
    test(`${name} (${world.name})`, async () => {
      await using attacker = await Attacker.start();
      const failed: string[] = [];
      for (const attack of attacks) {
        await withstand(attacker, attack, (opts) => use(world, opts)).catch((error) => {
          failed.push(`${attack.name}: ${error instanceof Error ? error.stack : error}`);
        });
      }
      assert.deepEqual(failed, []);
    });
  }
}

/** Plays an attack, checks the error that `use` ends with, that nothing is left open, kept or given away. */
async function withstand(
  attacker: Attacker,
  { moves, error: kind, message, discloses = "nothing", opts = (same) => same }: Attack,
  use: (opts: Opts) => Promise<unknown>,
): Promise<void> {
  await attacker.play(moves);
  let outcome: PromiseSettledResult<unknown>[] = [];
  const grown = await mostGrowth(MAX_GROWTH, async () => {
    outcome = await Promise.allSettled([use(opts(optsFor(attacker.port)))]);
  });
  const { received, sent, open, connections } = await attacker.report();
  assert.equal(outcome[0]?.status, "rejected");
  const { reason: error } = outcome[0] as PromiseRejectedResult;
  assert.ok(error instanceof PyroError && error instanceof kind, inspect(error));
  assert.match(error.message, message);
  assert.ok(!inspect(error, { depth: 10, showHidden: true }).includes(PASSWORD), "the error shows the password");
  assert.ok(grown <= MAX_GROWTH, `${grown} of ${sent} bytes are kept`);
  assert.equal(open, 0, "the connection is closed");
  assert.equal(connections, 1, "there is no other attempt");
  assert.equal(disclosed(received), discloses);
}

/** The most that was given away. */
function disclosed(received: Uint8Array): Disclosed {
  const text = new TextDecoder("latin1").decode(received);
  if (text.includes(PASSWORD)) return "password";
  if (/md5[0-9a-f]{32}/.test(text)) return "hash";
  return /,p=[A-Za-z0-9+/]/.test(text) ? "proof" : "nothing";
}

/** Garbage of a few seconds, and what the runtime keeps. A flood has several times as much. */
const MAX_GROWTH = 0x600_0000;
