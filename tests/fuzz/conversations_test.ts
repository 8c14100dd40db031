/**
 * Recorded conversations of every operation, corrupted in every way: each ends in a value, in one of pyro's errors, or
 * in a wish for more bytes (which gets a ConnectionError here, since the stream ends); never in another exception, an
 * endless loop or unbounded memory.
 */
import assert from "node:assert/strict";
import { inspect } from "node:util";
import { PyroError } from "../../mod.ts";
import { type Conversation, type Opened, replay } from "../support/scripted/replay.ts";
import { fc, fuzz } from "../support/suite/fuzz.ts";
import { test } from "../support/suite/test.ts";
import { mutated, type Mutation, mutations } from "../support/values/mutations.ts";
import { OPERATIONS } from "./operations.ts";
import { optsOf, readRecord } from "./recorded.ts";

const RECORD = readRecord();
const NAMES = Object.keys(OPERATIONS);

/** A conversation in which one of the server's pieces is changed. */
interface Input {
  readonly name: string;
  readonly piece: number;
  readonly changes: readonly Mutation[];
  /** The most bytes that are read at a time. */
  readonly chunk: number;
}

const INPUT = fc.record<Input>({
  name: fc.constantFrom(...NAMES),
  piece: fc.nat(50),
  changes: mutations(fc),
  chunk: fc.constantFrom(Infinity, Infinity, Infinity, 1, 7),
});

/** Has the operation run; returns its value or the error. */
function run(name: string, conversation: Conversation, chunk: number = Infinity): unknown {
  let opened: Opened | undefined;
  try {
    opened = replay(conversation, optsOf(name), chunk);
    return OPERATIONS[name]!(opened.conn);
  } catch (error) {
    return judge(error, name);
  } finally {
    if (opened !== undefined) {
      const { inbox, outbox } = opened.session;
      assert.ok(inbox.bytes.length <= MAX_MEMORY && outbox.size <= MAX_MEMORY, "memory is taken for what has not come");
      opened.conn.close();
    }
  }
}

function judge(error: unknown, name: string): Error {
  if (error instanceof PyroError) return error;
  // Of `using`, if disposing of something fails too.
  if (error instanceof SuppressedError) {
    judge(error.suppressed, name);
    return judge(error.error, name);
  }
  throw new Error(`"${name}" ends in ${inspect(error)}`, { cause: error });
}

function corrupted({ name, piece, changes }: Input): Conversation {
  const pieces = [...RECORD.get(name)!];
  const index = piece % pieces.length;
  const { after, bytes } = pieces[index]!;
  pieces[index] = { after, bytes: mutated(bytes, changes) };
  return pieces;
}

test("fuzz: the record has every operation, and each succeeds with it", () => {
  assert.deepEqual([...RECORD.keys()], NAMES, "tools/record_conversations.ts has to be run");
  for (const [name, conversation] of RECORD) {
    const value = run(name, conversation);
    assert.ok(!(value instanceof Error), `${name}: ${inspect(value)}`);
  }
});

fuzz("corrupted conversations", 4000, INPUT, (input) => {
  run(input.name, corrupted(input), input.chunk);
});

/** Four times the receive buffer of a new connection; recorded replies are far shorter. */
const MAX_MEMORY = 0x4_0000;
