/** How long the end of a connection takes. */

/**
 * Milliseconds from the server's last error to the end of the connection. In pg, that is how long the server's process
 * takes to end; programs release the client to its pool in that time.
 */
export const UNTIL_END = 5;

/**
 * Milliseconds for the server to end the session when a client is closed. As in pg, the session is over then: its locks
 * are free, and its database can be dropped. What is no PostgreSQL may wait for the client to close first.
 */
export const END_TIMEOUT = 1000;
