/** Writes TYPES.md: `deno run -A tools/type_table.ts`. */
import { writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import process from "node:process";
import { typeDocument } from "../tests/support/values/type_table.ts";

const path = new URL("../TYPES.md", import.meta.url).pathname;
writeFileSync(path, typeDocument());
spawnSync(process.execPath, ["fmt", path]);
