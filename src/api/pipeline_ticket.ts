/** Tickets, as pipelines give them out. */
import { UsageError } from "../errors.ts";
import type { PipelineItem } from "../features/pipeline.ts";
import type { Row } from "../connection/call_options.ts";

/** What a ticket of that pipeline stands for. */
export let itemOf: (ticket: Ticket<unknown>, pipeline: object) => PipelineItem;

/**
 * Stands for the result of a statement in a pipeline, until it is claimed. `R` is the type of its
 * rows, as claimed by who made it.
 */
export class Ticket<R = Row> {
  /** Only a type: there is no such property. */
  declare readonly row: R;
  readonly #item: PipelineItem;
  readonly #pipeline: object;

  /** Not for callers: `Pipeline.exec` makes tickets. */
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
