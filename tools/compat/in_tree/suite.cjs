/**
 * Stands in for `suite.js` of node-postgres' tests: the same `test(name, body)`, but each test is reported, and the
 * next ones run after one that fails. The process must end by itself if all pass, as it must there.
 */
"use strict";
const process = require("node:process");

class Suite {
  #last = Promise.resolve();
  #failed = false;
  #waiting = 0;

  test(name, body) {
    this.#waiting++;
    this.#last = this.#last.then(() => this.#run(name, body));
  }

  async #run(name, body) {
    if (body === undefined) report(name, "skipped");
    else {
      try {
        await inTime(body);
        report(name, "passed");
      } catch (error) {
        this.#failed = true;
        report(name, "failed", error);
      }
    }
    // What a failed test has left open would keep the process alive.
    if (--this.#waiting === 0 && this.#failed) process.exit(1);
  }
}

/** Runs a body that takes a callback, returns a promise, or has ended when it returns. */
function inTime(body) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`it did not end within ${LIMIT} ms`)), LIMIT);
    const settle = (error) => {
      clearTimeout(timer);
      if (error) reject(error);
      else resolve();
    };
    try {
      if (body.length > 0) body.call({}, settle);
      else Promise.resolve(body.call({})).then(() => settle(), (error) => settle(error ?? new Error("rejected")));
    } catch (error) {
      settle(error);
    }
  });
}

function report(test, state, error) {
  process.stdout.write(`\n##compat ${JSON.stringify({ test, state, message: error?.stack ?? error })}\n`);
}

/** Milliseconds. There it is 5000; a busy machine is no failure. */
const LIMIT = 15_000;

module.exports = Suite;
