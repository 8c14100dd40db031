/** The state that the ops of one connection share. */
import type { Session } from "../protocol/session.ts";
import type { Registry } from "../codecs/registry.ts";
import type { Invalidation } from "./invalidation.ts";
import type { StatementCache } from "./cache.ts";

/** One connection, as ops see it. */
export interface Context {
  readonly session: Session;
  readonly registry: Registry;
  readonly statements: StatementCache;
  readonly invalidation: Invalidation;
  /** Whether the session's text output can be read, so that a statement may be executed before its types are known. */
  readonly readsText: boolean;
}
