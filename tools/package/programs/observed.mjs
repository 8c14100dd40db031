// A program that observes calls and a pool.
import { Opts, Pool } from "@x/pyro";
import { instrument } from "@x/pyro/otel";
const seen = [];
const callbacks = new Set();
const span = { updateName() {}, setAttributes() {}, setStatus() {}, end() {} };
const counter = {
  addCallback: (answer) => callbacks.add(answer),
  removeCallback: (answer) => callbacks.delete(answer),
};
const tracer = { startSpan: (name) => (seen.push(name), span) };
const meter = { createHistogram: () => ({ record() {} }), createObservableUpDownCounter: () => counter };
const pool = new Pool(new Opts(process.env.URL).dates("string"));
const observed = instrument({ tracer, meter, pools: { main: pool } });
await pool.query("select 1");
seen.push(callbacks.size);
observed[Symbol.dispose]();
await pool.query("select 2");
seen.push(callbacks.size);
await pool.close();
console.log(JSON.stringify(seen));
