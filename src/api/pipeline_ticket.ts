/** The tickets of pipelines. */
import { UsageError } from "../errors.ts";
import type { PipelineItem } from "../features/sync_group.ts";
import type { Row } from "../connection/call_options.ts";

/** The item of a ticket; an error if the ticket is another pipeline's. */
export let itemOf: (ticket: Ticket<unknown>, pipeline: object) => PipelineItem;

/**
 * A handle to the result of a statement in a pipeline, with which it is claimed. `R` is the type of its
 * rows, as the caller of `exec` asserts it.
 */
export class Ticket<R = Row> {
  /** For the type only: there is no such property. */
  declare readonly row: R;
  readonly #item: PipelineItem;
  readonly #pipeline: object;

  /** Internal: `Pipeline.exec` makes tickets. */
  constructor(item: PipelineItem, pipeline: object) {
    this.#item = item;
    this.#pipeline = pipeline;
  }

  static {
    itemOf = (ticket, pipeline) => {
      if (!(ticket instanceof Ticket) || ticket.#pipeline !== pipeline) {
        throw new UsageError("Cannot claim the result: that is no ticket of this pipeline");
      }
      return ticket.#item;
    };
  }
}
