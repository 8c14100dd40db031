/**
 * Every conversation with messages of its reply left out, repeated and swapped: what the protocol
 * allows is read as what it says, anything else ends the connection, and nothing of it is a success.
 *
 * The grammars here are the manual's ("Message Flow"), written once more and without regard to how
 * the replies are read.
 */
import assert from "node:assert/strict";
import { ProtocolError, UsageError } from "../../src/errors.ts";
import { DEFAULT_CHOICES } from "../../src/options/choices.ts";
import { ExecuteSets } from "../../src/protocol/execute_sets.ts";
import { CloseStatements } from "../../src/protocol/close.ts";
import { CopyIn } from "../../src/protocol/copy_in.ts";
import { CopyOut } from "../../src/protocol/copy_out.ts";
import { Commit } from "../../src/protocol/end_transaction.ts";
import type { ExclusiveOperation, PendingRequest, Request } from "../../src/protocol/request.ts";
import { ExecuteStatement, NewStatement } from "../../src/protocol/extended_query.ts";
import { effectsOfStatement } from "../../src/sql/statement.ts";
import { Ping } from "../../src/protocol/ping.ts";
import { PipelinedExecution } from "../../src/protocol/pipelined.ts";
import { ClosePortal, EndExclusive, FetchPortal, OpenPortal } from "../../src/protocol/portal_requests.ts";
import { Prepare } from "../../src/protocol/prepare.ts";
import { Prepared } from "../../src/protocol/prepared.ts";
import { RawReply } from "../../src/protocol/raw_reply.ts";
import { Session } from "../../src/protocol/session.ts";
import { SimpleQuery } from "../../src/protocol/simple_query.ts";
import { AffectedRows, AllRows, type ResultCollector } from "../../src/rows/collectors.ts";
import { Startup } from "../../src/protocol/startup.ts";
import { Registry } from "../../src/codecs/registry.ts";
import { Outbox } from "../../src/wire/outbox.ts";
import * as server from "../support/scripted/backend.ts";
import { scramExchange } from "../support/scripted/scram_exchange.ts";
import { test } from "../support/suite/test.ts";

/** A request, a good reply to it, and what replies to it may look like. */
interface Case {
  readonly name: string;
  readonly requests: (session: Session) => readonly Request<unknown>[];
  readonly reply: readonly Uint8Array[];
  /** Codes of the messages of a success, without those that may come at any time. */
  readonly right: RegExp;
  /** The same for replies that the protocol allows, and that are no answer to what was called. */
  readonly misuse?: RegExp;
  /** What the first request gives, of those codes. */
  readonly value?: (codes: string) => unknown;
  /** What the caller does while the reply is read; whether something was done. */
  readonly take?: (request: Request<unknown>) => boolean;
  /** Whether the server is still a stranger. */
  readonly stranger?: boolean;
}

const registry = new Registry(DEFAULT_CHOICES);
const COLUMNS = [{ name: "n", typeOid: 23, typeSize: 4, typeModifier: -1, tableOid: 0, columnNumber: 0 }];
const SELECT = new Prepared("s", "select", [], COLUMNS, registry);
const UNNAMED = new Prepared("", "select", [], COLUMNS, registry);
const INSERT = new Prepared("s", "insert", [], undefined, registry);
const COPY = new Prepared("s", "copy", [], undefined, registry);
const OPEN: ExclusiveOperation = { name: "a test" };
const SCRAM = scramExchange({
  password: "secret",
  clientNonce: "nonce",
  serverNonce: "x",
  salt: "c2FsdA==",
  iterations: 1,
});
const STARTUP = (session: Session): Request<unknown>[] => [
  new Startup(
    { user: "ada", password: "secret", parameters: [["user", "ada"]], nonce: () => "nonce" },
    session,
  ),
];
const query = (collector: ResultCollector<unknown> = new AllRows("array")): Request<unknown> =>
  new SimpleQuery("sql", collector, registry);

const Z = server.readyForQuery();
const T = server.rowDescription({ n: 23 });
const TEXT = server.dataRow("1");
const BINARY = server.dataRow(new Uint8Array([0, 0, 0, 1]));
const DONE = server.commandComplete("SELECT 1");
const NOTICE = server.noticeResponse("n");
const [PARSED, BOUND, CLOSED] = [server.parseComplete(), server.bindComplete(), server.closeComplete()];
const PARAMETERS = server.parameterDescription(23);

const countOf = (code: string) => (codes: string): number => codes.split(code).length - 1;
const rowsOf = (codes: string): unknown => Array.from({ length: countOf("D")(codes) }, () => [1]);
const lastRows = (codes: string): unknown => rowsOf(codes.slice(codes.lastIndexOf("T")));

const CASES: readonly Case[] = [
  {
    name: "startup with SCRAM",
    requests: STARTUP,
    reply: [
      server.authentication(10, (out) => {
        out.cstring("SCRAM-SHA-256");
        out.byte(0);
      }),
      server.authentication(11, (out) => out.text(SCRAM.serverFirst)),
      server.authentication(12, (out) => out.text(SCRAM.serverFinal)),
      server.authentication(0),
      server.parameterStatus("client_encoding", "UTF8"),
      server.backendKeyData(),
      NOTICE,
      Z,
    ],
    right: /^(?:abc)?o[SN]*(?:K[SN]*)?Z$/,
    stranger: true,
  },
  {
    name: "startup with another version",
    requests: STARTUP,
    reply: [
      server.message("v", (out) => {
        out.int32(0x0003_0000);
        out.int32(0);
      }),
      server.authentication(0),
      server.backendKeyData(),
      Z,
    ],
    right: /^v*oK?Z$/,
    stranger: true,
  },
  { name: "ping", requests: () => [new Ping()], reply: [Z], right: /^Z$/ },
  {
    name: "simple query",
    requests: () => [query()],
    reply: [T, TEXT, TEXT, DONE, NOTICE, server.commandComplete("SET"), T, TEXT, DONE, Z],
    right: /^(?:(?:TD*)*C|I)+Z$/,
    value: lastRows,
  },
  {
    name: "simple query for nothing",
    requests: () => [query(new AffectedRows())],
    reply: [server.commandComplete("INSERT 0 1"), Z],
    right: /^C+Z$/,
    value: () => 1,
  },
  {
    name: "simple query of nothing",
    requests: () => [query()],
    reply: [server.emptyQueryResponse(), Z],
    right: /^I+Z$/,
  },
  {
    name: "simple query that copies out",
    requests: () => [query()],
    reply: [server.copyResponse("H"), server.copyData("1\n"), server.copyDone(), server.commandComplete("COPY 1"), Z],
    right: /^C+Z$/,
    misuse: /^C*(?:Hd*cC+)+Z$/,
  },
  {
    name: "simple query that copies in",
    requests: () => [query()],
    reply: [server.copyResponse("G"), server.commandComplete("COPY 0"), Z],
    right: /^C+Z$/,
  },
  {
    name: "commit",
    requests: (session) => {
      session.inbox.transactionStatus = "T".charCodeAt(0);
      return [new Commit(session)];
    },
    reply: [server.commandComplete("COMMIT"), Z],
    right: /^CZ$/,
  },
  {
    name: "execution",
    requests: () => [new ExecuteStatement(SELECT, [], new AllRows("array"), registry)],
    reply: [BOUND, BINARY, BINARY, DONE, Z],
    right: /^2D*CZ$/,
    value: rowsOf,
  },
  {
    name: "execution without rows",
    requests: () => [new ExecuteStatement(INSERT, [], new AffectedRows(), registry)],
    reply: [BOUND, server.commandComplete("INSERT 0 2"), Z],
    right: /^2[CI]Z$/,
    value: () => 2,
  },
  {
    name: "execution that seems empty",
    requests: () => [new ExecuteStatement(SELECT, [], new AllRows("array"), registry)],
    reply: [BOUND, BINARY, server.emptyQueryResponse(), Z],
    right: /^2D*CZ$/,
  },
  {
    name: "execution that copies out",
    requests: () => [new ExecuteStatement(COPY, [], new AllRows("array"), registry)],
    reply: [BOUND, server.copyResponse("H"), server.copyData("1\n"), server.copyDone(), DONE, Z],
    right: /^2CZ$/,
    misuse: /^2Hd*cCZ$/,
  },
  {
    name: "execution that copies in",
    requests: () => [new ExecuteStatement(COPY, [], new AllRows("array"), registry)],
    reply: [BOUND, server.copyResponse("G"), DONE, Z],
    right: /^2CZ$/,
  },
  {
    name: "execution without a name",
    requests: () => [new ExecuteStatement(SELECT.renewed(registry, ""), [], new AllRows("array"), registry)],
    reply: [PARSED, BOUND, server.rowDescription({ n: 23 }, 1), BINARY, DONE, Z],
    right: /^12(?:TD*|n)CZ$/,
    value: rowsOf,
  },
  {
    name: "preparing and executing",
    requests: () => [
      new ExecuteStatement(
        new NewStatement("sql", { name: "s", evicted: ["old"], generation: 0 }, effectsOfStatement("sql"), () => {}),
        [],
        new AllRows("array"),
        registry,
      ),
    ],
    reply: [CLOSED, PARSED, server.parameterDescription(), T, BOUND, TEXT, DONE, Z],
    right: /^31tT2D*CZ$/,
    value: rowsOf,
  },
  {
    name: "preparing",
    requests: () => [new Prepare("s", "sql", ["old"], registry)],
    reply: [CLOSED, PARSED, PARAMETERS, T, Z],
    right: /^31t[Tn]Z$/,
  },
  { name: "closing", requests: () => [new CloseStatements(["a", "b"])], reply: [CLOSED, CLOSED, Z], right: /^33Z$/ },
  {
    name: "batch",
    requests: () => [new ExecuteSets(INSERT, true, [[], []], "explicit", OPEN)],
    reply: [PARSED, BOUND, server.commandComplete("INSERT 0 1"), BOUND, server.commandComplete("INSERT 0 1"), Z],
    right: /^12C2CZ$/,
    value: () => 2,
  },
  {
    name: "batch of something empty",
    requests: () => [new ExecuteSets(INSERT, false, [[]], "explicit", OPEN)],
    reply: [BOUND, BINARY, server.emptyQueryResponse(), Z],
    right: /^2(?:D*C|I)Z$/,
  },
  {
    name: "batch that copies in",
    requests: () => [new ExecuteSets(COPY, false, [[]], "explicit", OPEN)],
    reply: [BOUND, server.copyResponse("G"), DONE, Z],
    right: /^2CZ$/,
  },
  {
    name: "portal in a transaction",
    requests: () => [
      new OpenPortal("p", SELECT, [], registry, undefined),
      new FetchPortal("p", SELECT, 2, new AllRows("array"), undefined),
      new FetchPortal("p", SELECT, 2, new AllRows("array"), undefined),
      new ClosePortal("p"),
    ],
    reply: [BOUND, Z, BINARY, BINARY, server.message("s"), Z, BINARY, DONE, Z, CLOSED, Z],
    right: /^2Z(?:(?:DDs|D{0,2}C)Z){2}3Z$/,
  },
  {
    name: "portal with the connection for itself",
    requests: () => [
      new OpenPortal("", UNNAMED, [], registry, OPEN),
      new FetchPortal("", UNNAMED, 1, new AllRows("array"), OPEN),
      new FetchPortal("", UNNAMED, 0, new AllRows("array"), OPEN),
      new EndExclusive(OPEN),
    ],
    reply: [PARSED, BOUND, server.rowDescription({ n: 23 }, 1), BINARY, server.message("s"), BINARY, BINARY, DONE, Z],
    right: /^12(?:T|n)(?:Ds|D?C)D*CZ$/,
  },
  ...[() => new AllRows("array"), () => new RawReply()].map((collector): Case => ({
    name: `pipeline into ${collector().constructor.name}`,
    requests: () => {
      const scratch = new Outbox();
      const first = pipelined(SELECT, collector(), scratch);
      const second = pipelined(
        new NewStatement("sql", { name: "t", evicted: ["old"], generation: 0 }, 0, () => {}),
        collector(),
        scratch,
      );
      const third = pipelined(INSERT, collector(), scratch);
      return [first, second, third, new EndExclusive(OPEN)];
    },
    reply: [BOUND, BINARY, DONE, CLOSED, PARSED, server.parameterDescription(), T, BOUND, TEXT, DONE, BOUND, DONE, Z],
    right: /^2D*C31tT2D*C2[CI]Z$/,
  })),
  {
    name: "copy in",
    requests: () => [new CopyIn("copy", OPEN)],
    reply: [
      T,
      TEXT,
      DONE,
      server.copyResponse("G"),
      server.commandComplete("COPY 3"),
      server.commandComplete("SET"),
      Z,
    ],
    right: /^(?:(?:TD*)*C)*GC+(?:(?:TD*)+C)*Z$/,
    misuse: /^(?:(?:TD*)*C)+Z$/,
    take: (request) => {
      const copy = request as CopyIn;
      copy.started.onMet ??= () => copy.finish();
      return false;
    },
  },
  {
    name: "copy out",
    requests: () => [new CopyOut("copy", OPEN)],
    reply: [server.copyResponse("H"), server.copyData("1\n"), server.copyData("2\n"), server.copyDone(), DONE, Z],
    right: /^C*(?:Hd*cC+)+Z$/,
    misuse: /^C+Z$/,
    take: (request) => {
      const copy = request as CopyOut;
      copy.takeChunk();
      const wants = copy.chunkArrived.isMet || !isWanted.has(copy);
      isWanted.add(copy);
      if (wants) copy.requestChunk();
      return wants;
    },
  },
];

/** Copies out that have been asked for data. */
const isWanted = new WeakSet<CopyOut>();

for (const one of CASES) {
  test(`grammar: ${one.name}, as it should be and with messages left out, repeated and swapped`, () => {
    const good = judge(one, one.reply);
    for (const once of mutations(one.reply)) {
      judge(one, once);
      for (const twice of mutations(once)) judge(one, twice);
    }
    // What is right is known of each conversation, so that no case passes because all of it is refused.
    const codes = codesOf(one.reply);
    assert.equal(good, one.right.test(codes) ? "right" : one.misuse?.test(codes) ? "misuse" : "malformed");
  });
}

/** What became of a reply, which must be what the grammar says. */
function judge(one: Case, reply: readonly Uint8Array[]): "right" | "misuse" | "malformed" | "waits" {
  const session = new Session();
  const requests = one.requests(session);
  if (!one.stranger) session.inbox.trust();
  const outcomes = requests.map((request) => session.submit(request));
  const [first] = requests;
  const ends = codesOf(one.reply).split("Z").length - 1;
  const codes = upTo(ends, codesOf(reply));
  for (const message of reply) {
    if (session.lost !== undefined) break;
    session.inbox.reserve().set(message);
    session.inbox.commit(message.length);
    do {
      one.take?.(first!);
      session.advance();
    } while (one.take?.(first!));
  }
  const seen = `${one.name}: ${codesOf(reply)}`;
  const succeeded = outcomes.every(({ settled, failure }) => settled && failure === undefined);
  if (one.right.test(codes)) {
    assert.ok(succeeded, `${seen} is right: ${session.lost}`);
    if (one.value !== undefined) assert.deepEqual(outcomes[0]!.value, one.value(codes), seen);
    return "right";
  }
  assert.ok(!succeeded, `${seen} is no success`);
  if (one.misuse?.test(codes)) {
    assert.ok(isMisuse(outcomes[0]!), `${seen} is no answer to this call`);
    return "misuse";
  }
  if (session.lost !== undefined) {
    assert.ok(session.lost instanceof ProtocolError, `${seen}: ${session.lost}`);
    return "malformed";
  }
  // What has not been refused by now is the beginning of something.
  assert.ok(outcomes.some(({ settled }) => !settled), `${seen} is refused or incomplete`);
  assert.ok(codes.split("Z").length - 1 < ends, `${seen} is refused when it is complete`);
  return "waits";
}

function isMisuse({ failure }: PendingRequest<unknown>): boolean {
  return failure?.kind === "unusable" && failure.error instanceof UsageError;
}

function* mutations(reply: readonly Uint8Array[]): Generator<readonly Uint8Array[]> {
  for (let i = 0; i < reply.length; i++) {
    yield [...reply.slice(0, i), ...reply.slice(i + 1)];
    yield [...reply.slice(0, i), reply[i]!, ...reply.slice(i)];
    if (i > 0) yield [...reply.slice(0, i - 1), reply[i]!, reply[i - 1]!, ...reply.slice(i + 1)];
  }
}

/** Codes of messages, without notices; of the steps of authentication, a letter for each. */
function codesOf(reply: readonly Uint8Array[]): string {
  return reply.map((message) => {
    const code = String.fromCharCode(message[0]!);
    return code === "N" ? "" : code === "R" ? STEPS[message[8]!]! : code;
  }).join("");
}

/** Up to so many ReadyForQuery. */
function upTo(ends: number, codes: string): string {
  let at = 0;
  for (let left = ends; left > 0; left--) {
    const next = codes.indexOf("Z", at) + 1;
    if (next === 0) return codes;
    at = next;
  }
  return codes.slice(0, at);
}

function pipelined(
  plan: ConstructorParameters<typeof PipelinedExecution>[0],
  collector: ResultCollector<unknown>,
  scratch: Outbox,
): PipelinedExecution {
  const execution = new PipelinedExecution(plan, [], OPEN, registry, scratch);
  execution.claim(collector);
  return execution;
}

const STEPS: Readonly<Record<number, string>> = { 0: "o", 10: "a", 11: "b", 12: "c" };
