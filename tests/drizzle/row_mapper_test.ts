/** The tests of rows, once the libraries can be imported by their names. */
import "../support/installed/libraries.ts";

await import("./row_mapper.ts");
