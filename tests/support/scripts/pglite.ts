/**
 * Serves an empty database with pgvector until its input ends, as it does with the process that
 * started it. Argument: the directory that the packages are installed in. Prints its port. Run by Node.
 */
import { createRequire } from "node:module";
import { join } from "node:path";
import process from "node:process";

const require = createRequire(join(process.argv[2]!, "package.json"));
const { PGlite } = require("@electric-sql/pglite");
const { vector } = require("@electric-sql/pglite-pgvector");
const { PGLiteSocketServer } = require("@electric-sql/pglite-socket");

const db = await PGlite.create({ extensions: { vector } });
await db.exec("create extension vector");
// More than one, as a connection may come before the one before it is seen to be gone.
const server = new PGLiteSocketServer({ db, host: "127.0.0.1", port: 0, maxConnections: 8 });
await server.start();
process.stdin.on("end", () => process.exit()).resume();
console.log(`listening on ${server.getServerConn()}`);
