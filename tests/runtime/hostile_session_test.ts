/**
 * Attacks on an open session, over real sockets: each ends the call with an error that says what is wrong, and the
 * connection, in bounded memory. What a server may say in which order is tested message by message in
 * `tests/protocol/grammar_test.ts`.
 */
import assert from "node:assert/strict";
import { ConnectionError, type Opts, ProtocolError, TimeoutError } from "../../mod.ts";
import type { Conn } from "../../mod.ts";
import type { Move } from "../support/network/attacker.ts";
import { type Attack, withstandAll } from "../support/network/attacks.ts";
import {
  authentication,
  backendKeyData,
  bindComplete,
  commandComplete,
  concat,
  copyData,
  copyResponse,
  dataRow,
  errorResponse,
  message,
  noticeResponse,
  notificationResponse,
  parameterDescription,
  parameterStatus,
  parseComplete,
  readyForQuery,
  rowDescription,
} from "../support/scripted/backend.ts";
import type { World } from "../support/suite/worlds.ts";

const READY = readyForQuery();
const COLUMN = rowDescription({ n: 23 });
const ROW = dataRow(new Uint8Array([0, 0, 0, 1]));
const DONE = commandComplete("SELECT 1");
const NOTIFICATION = notificationResponse("c", "x".repeat(1000));
const WELCOME: Move = { send: concat(authentication(0), backendKeyData(), READY) };
const PREPARED: Move = { send: concat(parseComplete(), parameterDescription(23), COLUMN, READY) };

/** A message that claims a length, with nothing behind it. */
function claiming(code: string, length: number): Uint8Array {
  const bytes = message(code);
  new DataView(bytes.buffer, bytes.byteOffset).setInt32(1, length);
  return bytes;
}

/** A DataRow with a number of columns, and the lengths and bytes of values. */
function row(columns: number, ...numbers: number[]): Uint8Array {
  return message("D", (out) => {
    out.int16(columns);
    for (const number of numbers) out.int32(number);
  });
}

function refused(name: string, message: RegExp, ...answer: Uint8Array[]): Attack {
  return { name, moves: [{ send: concat(...answer) }], error: ProtocolError, message };
}

/** An attack that only the call's limit of time ends. */
function timedOut(name: string, move: Move): Attack {
  return { name, moves: [move], error: TimeoutError, message: /was not done within 300 ms/ };
}

/** Connects, makes a call, and checks that the connection is over with it. */
function session(call: (conn: Conn) => unknown): (world: World, opts: Opts) => Promise<void> {
  return async (world, opts) => {
    const conn = await world.connect(opts);
    try {
      await call(conn);
    } finally {
      assert.equal(conn.closed, true);
      await assert.rejects(async () => await conn.query("select 1"), ConnectionError);
      await conn.close();
    }
  };
}

const ANY: readonly Attack[] = [
  refused("sends a message that PostgreSQL does not have", /which PostgreSQL does not have/, message("!")),
  ...[-1, 0, 3, 0x4000_0000, 0x7fff_ffff].map((length) =>
    refused(`claims a row of ${length} bytes`, /claims a length of -?\d+ bytes/, claiming("D", length))
  ),
  refused("claims a long ReadyForQuery", /claims a length of 100000 bytes/, claiming("Z", 100_000)),
  refused("authenticates again", /Authentication, which is not allowed here/, authentication(0)),
  refused("asks for the password again", /Authentication, which is not allowed here/, authentication(3)),
  refused("sends a key again", /BackendKeyData, which is not allowed here/, backendKeyData()),
  refused("is ready without an answer", /ReadyForQuery, which is not allowed here/, READY),
  refused("has no status that there is", /transaction status 0x78/, message("Z", (out) => out.byte(0x78))),
  refused("sends a setting that does not end", /a string does not end/, message("S", (out) => out.text("a"))),
  {
    ...refused(
      "makes the encoding another one than UTF8",
      /client_encoding/,
      parameterStatus("client_encoding", "BIG5"),
    ),
    error: ConnectionError,
  },
  refused("copies before it says so", /CopyData, which is not allowed here/, copyData("1\n")),
  { name: "closes", moves: ["end"], error: ConnectionError, message: /the server closed the connection/ },
];

const EXECUTION: readonly Attack[] = [
  refused("sends a row without an execution", /DataRow, which is not allowed here/, ROW),
  refused("completes twice", /CommandComplete, which/, bindComplete(), ROW, DONE, DONE, READY),
  refused("does not complete", /ReadyForQuery, which is not allowed here/, bindComplete(), ROW, READY),
  refused("suspends a portal that asked for all rows", /PortalSuspended, which/, bindComplete(), ROW, message("s")),
  refused("sends no value in a row of one column", /DataRow/, bindComplete(), row(0), DONE, READY),
  refused("sends two values in a row of one column", /DataRow/, bindComplete(), row(2, 4, 1, 4, 1), DONE, READY),
  ...[-2, -2_147_483_648, 5, 0x7fff_ffff].map((length) =>
    refused(`claims a value of ${length} bytes`, /DataRow/, bindComplete(), row(1, length, 1), DONE, READY)
  ),
  refused("leaves bytes over in a row", /DataRow/, bindComplete(), row(1, 4, 1, 0), DONE, READY),
];

const PREPARATION: readonly Attack[] = [
  refused("claims 65535 parameters", /cut short/, parseComplete(), message("t", (out) => out.int16(-1)), READY),
  refused(
    "claims 65535 columns",
    /a string does not end|cut short/,
    parseComplete(),
    parameterDescription(23),
    message("T", (out) => out.int16(-1)),
    READY,
  ),
  refused(
    "has columns of a third format",
    /column format 2/,
    parseComplete(),
    parameterDescription(23),
    badFormat(),
    READY,
  ),
  refused("describes no parameters", /RowDescription, which/, parseComplete(), COLUMN, READY),
  refused("describes twice", /RowDescription, which/, parseComplete(), parameterDescription(23), COLUMN, COLUMN, READY),
];

function badFormat(): Uint8Array {
  const bytes = rowDescription({ n: 23 });
  bytes[bytes.length - 1] = 2;
  return bytes;
}

/** With a limit of time for the call. */
const WITHOUT_END: readonly Attack[] = [
  timedOut("claims a row of 1 GB and sends nothing of it", { send: claiming("D", 0x3fff_ffff) }),
  timedOut("drips", { drip: noticeResponse("x".repeat(500)), pause: 20 }),
  timedOut("floods with notices", { send: COLUMN, flood: noticeResponse("x".repeat(1000)) }),
  timedOut("fails, and floods with notifications", { send: errorResponse(), flood: NOTIFICATION }),
  timedOut("copies without end", { send: copyResponse("H"), flood: copyData("x".repeat(1000)) }),
];

function behind(before: readonly Move[], attacks: readonly Attack[]): Attack[] {
  return attacks.map((attack) => ({ ...attack, moves: [...before, ...attack.moves] }));
}

withstandAll(
  "hostile server, in a simple query",
  behind([WELCOME], ANY),
  session((conn) => conn.query("select 1")),
);
withstandAll(
  "hostile server, in a simple query that has a limit of time",
  behind([WELCOME], WITHOUT_END),
  session((conn) => conn.query("select 1", { timeout: 300 })),
);
withstandAll(
  "hostile server, while preparing",
  behind([WELCOME], [...ANY, ...PREPARATION]),
  session((conn) => conn.exec("select $1::int4 as n", [1])),
);
withstandAll(
  "hostile server, in an execution",
  behind([WELCOME, PREPARED], [...ANY, ...EXECUTION]),
  session((conn) => conn.exec("select $1::int4 as n", [1])),
);
