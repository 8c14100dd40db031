/** pg (node-postgres), from npm, with `pipeline: true`: it sends queries before earlier ones are answered. */
import type { Driver } from "../driver.ts";
import { importPeer } from "../peers.ts";
import { selectAtOnce } from "../workloads/in_flight.ts";
import { batches, INSERT } from "../workloads/insert.ts";
import { POINT } from "../workloads/people.ts";
import type { Pg } from "./pg.ts";
import { placeOf } from "./place.ts";

export const driver: Driver = async (target) => {
  const { sizes } = target;
  const { default: pg } = await importPeer<Pg>("pg");
  const client = new pg.Client({ ...placeOf(target), pipeline: true });
  await client.connect();
  const insert = { name: "insert", text: INSERT };
  const point = { name: "point", text: POINT };
  return {
    insert_batch: async () => {
      let inserted = 0;
      for (const batch of batches(sizes)) {
        const begun = client.query({ text: "begin" });
        const results = batch.map((values) => client.query({ ...insert, values }));
        const committed = client.query({ text: "commit" });
        await begun;
        for (const { rowCount } of await Promise.all(results)) inserted += rowCount;
        await committed;
      }
      return inserted;
    },
    in_flight: () =>
      selectAtOnce(sizes.inFlight, async (id) => (await client.query({ ...point, values: [id] })).rows[0]),
  };
};
