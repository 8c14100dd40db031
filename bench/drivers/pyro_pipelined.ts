/** pyro with promises, statements in a pipeline, which the server answers at its end, as with libpq's. */
import { Conn, type Ticket } from "../../mod.ts";
import type { Driver } from "../driver.ts";
import { keyOf } from "../workloads/in_flight.ts";
import { isPerson, POINT } from "../workloads/people.ts";
import { optsOf } from "./pyro_opts.ts";

export const driver: Driver = async (target) => {
  const { inFlight } = target.sizes;
  const conn = await Conn.connect(optsOf(target));
  const point = await conn.prepare(POINT);
  return {
    in_flight: async () => {
      await using pipeline = conn.pipeline();
      const requests: Ticket[] = [];
      for (let k = 0; k < inFlight; k++) requests.push(pipeline.exec(point, [keyOf(k)]));
      await pipeline.sync();
      let right = 0;
      for (const [k, ticket] of requests.entries()) if (isPerson(await pipeline.claimOne(ticket), keyOf(k))) right++;
      return right;
    },
  };
};
