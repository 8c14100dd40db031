/** What statements do beside their results, as far as their words tell. */
import type { Prepared } from "../protocol/prepared.ts";
import { couldCopy, effectOnStatements, effectOnTypes } from "../protocol/sql_text.ts";
import type { Context } from "./context.ts";

/** What a statement may do. */
export type Effects = Pick<Prepared, "couldCopy" | "effectOnTypes" | "effectOnStatements">;

/** What the statements of a string may do. */
export function effectsOf(sql: string): Effects {
  return {
    couldCopy: couldCopy(sql),
    effectOnTypes: effectOnTypes(sql),
    effectOnStatements: effectOnStatements(sql),
  };
}

/** Forgets what a statement has made untrue, or may have where it failed. */
export function note({ effectOnTypes, effectOnStatements }: Effects, succeeded: boolean, context: Context): void {
  const { registry, statements } = context;
  registry.catalog.touch(effectOnTypes);
  if (effectOnStatements === "drop" && succeeded) statements.forgetAll();
  else if (effectOnStatements === "change") statements.dropAll();
}
