/** The tests of the driver, once the libraries can be imported by their names. */
import "../support/installed/libraries.ts";

await import("./driver.ts");
