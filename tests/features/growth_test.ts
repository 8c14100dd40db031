/** Time in proportion to what is asked for, where each step has to look at what is still to be done. */
import assert from "node:assert/strict";
import { PipelineState } from "../../src/features/pipeline.ts";
import type { Op } from "../../src/protocol/request.ts";
import { Session } from "../../src/protocol/session.ts";
import { growsInProportion } from "../support/suite/growth.ts";
import { contextOf } from "../support/scripted/links.ts";
import { test } from "../support/suite/test.ts";

for (const step of ["flush", "sync"] as const) {
  test(`growth: a pipeline's time grows with the number of statements, with a ${step} behind each`, () => {
    growsInProportion(4000, (length) => {
      const context = contextOf({ session: new Session() });
      const pipeline = new PipelineState(context);
      return () => {
        for (let i = 0; i < length; i++) {
          pipeline.add("select 1", []);
          sent(pipeline[step](), context.session);
        }
        assert.equal(pipeline.pendingCount, length);
      };
    });
  });
}

/** Has an op submit; nothing is in its way, and no reply comes. */
function sent(op: Op<void>, session: Session): void {
  let answer: unknown;
  for (let step = op.next(); !step.done; step = op.next(answer)) {
    answer = step.value.do === "submit" ? session.submit(step.value.request) : undefined;
  }
}
