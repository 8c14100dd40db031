/**
 * A soak in a process of its own, which has to end by itself.
 *
 * Usage: main.ts [--seconds=60] [--way=tcp|unix] [--seed=number], or main.ts --cluster [--rounds=1] [--major=18|14]
 */
import process from "node:process";
import { argumentsOf } from "../../tools/arguments.ts";
import { soakCluster } from "./cluster.ts";
import { soak } from "./soak.ts";

const USAGE =
  "main.ts [--seconds=60] [--way=tcp|unix] [--seed=number], or main.ts --cluster [--rounds=1] [--major=18|14]";
const { values } = argumentsOf(USAGE, {
  options: {
    seconds: { type: "string" },
    way: { type: "string" },
    seed: { type: "string" },
    cluster: { type: "boolean" },
    rounds: { type: "string" },
    major: { type: "string" },
  },
});
const seconds = Number(values.seconds ?? 60);
const way = values.way === "unix" ? "unix" : "tcp";
const seed = Number(values.seed ?? Math.floor(Math.random() * 1_000_000));

const rounds = Number(values.rounds ?? 1);
const major = values.major === "14" ? 14 : 18;

console.log(
  values.cluster
    ? `soak of a cluster of PostgreSQL ${major}: ${rounds} rounds`
    : `soak of ${seconds} s over ${way}: --seed=${seed}`,
);
const { problems, figures } = values.cluster
  ? await soakCluster({ major, rounds, isWhole: true })
  : await soak({ seconds, way, seed });
for (const figure of figures) console.log(figure);
for (const problem of problems) console.log(`WRONG ${problem}`);
console.log(problems.length === 0 ? "nothing wrong" : `${problems.length} things wrong`);
process.exitCode = problems.length === 0 ? 0 : 1;
