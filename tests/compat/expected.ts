/** What passes on pg and not on pyro in pg's place, each with its reason. `deno task compat` fails for anything else. */

/** Tests of a suite that pyro is not expected to pass. */
export interface Expected {
  /** The suite, as `deno task compat` names it. */
  readonly suite: string;
  /** Their names: the file, and behind ` > ` the test in it; `*` at the end stands for anything. */
  readonly tests: readonly string[];
  /** The runtimes; default: all. */
  readonly runtimes?: readonly ("deno" | "bun" | "node")[];
  readonly reason: string;
}

/** All of them. */
export const EXPECTED: readonly Expected[] = [
  {
    suite: "pg",
    tests: [
      "unit/client/cleartext-password-tests.js*",
      "unit/client/md5-password-tests.js*",
      "unit/client/notification-tests.js*",
      "unit/client/password-callback-tests.js*",
      "unit/client/prepared-statement-tests.js*",
      "unit/client/query-queue-tests.js*",
      "unit/client/query-timeout-tests.js*",
      "unit/client/result-metadata-tests.js*",
      "unit/client/set-keepalives-tests.js*",
      "unit/client/simple-query-tests.js*",
      "unit/client/stream-and-query-error-interaction-tests.js*",
      "unit/client/throw-in-bind-tests.js*",
      "unit/client/throw-in-type-parser-tests.js*",
      "unit/client/configuration-tests.js > calls connect correctly on connection",
      "unit/connection/*",
    ],
    reason: "the test puts a connection or a stream of its own in the place of the client's, and plays the server",
  },
  {
    suite: "pg",
    tests: ["unit/client/sasl-scram-tests.js*"],
    reason: "the test calls functions of pg's file crypto/sasl, which is no part of its interface",
  },
  {
    suite: "pg",
    tests: ["unit/connection-parameters/creation-tests.js*"],
    reason: "getLibpqConnectionString is for pg-native",
  },
  {
    suite: "pg",
    tests: ["integration/client/sasl-scram-tests.js*"],
    reason: "the test waits for messages of the authentication as events of the connection",
  },
  {
    suite: "pg",
    tests: ["integration/gh-issues/2627-tests.js*"],
    reason: "an invalid answer to the startup message is an error in pyro's words",
  },
  {
    suite: "kysely, PyroDialect",
    tests: [
      "cancellation.test.ts > postgres: cancellation should kill session on database side when " +
      "inflightQueryAbortStrategy is 'kill session'",
    ],
    reason: "all passes but its last line, which expects the event `error` of pg's pool",
  },
  {
    suite: "kysely, PyroDialect",
    tests: [
      "select.test.ts > postgres: select should throw an error if the cursor implementation is not provided for the " +
      "postgres dialect",
    ],
    reason: "streams need no cursor package",
  },
  {
    suite: "pg-pool, unchanged",
    tests: ["idle-timeout.js > idle timeout keeps old behavior when allowExitOnIdle option is not set"],
    runtimes: ["bun", "node"],
    reason: "a second query comes 50 ms after the first, and is to find its connection open; pg needs some 26 ms for " +
      "that in a new process, pyro 45 to 50",
  },
];
