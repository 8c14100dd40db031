/** `measure.ts` for pg-native alone, to be bundled for the Node that it was built for. */
import process from "node:process";
import { driver } from "./drivers/pg_native.ts";
import { measureAll } from "./measuring.ts";

await measureAll(driver, process.argv.slice(2));
process.exit();
