/* libpq's pipeline mode: statements are sent before earlier ones are answered. */
#include "libpq.h"
#include <arpa/inet.h>
#include <string.h>

enum { BATCH = 1000, KEYS = 10000 };

static void enter(void) {
  static int entered;
  if (!entered && !PQenterPipelineMode(conn)) fail("enter pipeline mode");
  entered = 1;
}

/* The next statement's result; libpq says NULL behind each. */
static PGresult *next(int status) {
  PGresult *result = PQgetResult(conn);
  expect(result, status);
  if (PQgetResult(conn) != NULL) fail("one more result");
  return result;
}

static void finish(void) {
  PGresult *result = PQgetResult(conn);
  expect(result, PGRES_PIPELINE_SYNC);
  PQclear(result);
}

void insertBatches(int i) {
  (void)i;
  enter();
  for (int first = 1; first <= units; first += BATCH) {
    for (int k = 0; k < BATCH; k++) {
      Person p;
      person(&p, first + k);
      if (!PQsendQueryPrepared(conn, "s", 5, p.values, p.lengths, five_binary, 1)) fail("send");
    }
    if (!PQpipelineSync(conn)) fail("sync");
    for (int k = 0; k < BATCH; k++) {
      PGresult *result = next(PGRES_COMMAND_OK);
      if (strcmp(PQcmdTuples(result), "1") != 0) fail("not inserted");
      PQclear(result);
    }
    finish();
  }
}

void inFlight(int i) {
  (void)i;
  enter();
  for (int k = 0; k < units; k++) {
    int id = htonl(1 + k * 17LL % KEYS);
    const char *values[1] = {(char *)&id};
    int lengths[1] = {4};
    if (!PQsendQueryPrepared(conn, "s", 1, values, lengths, five_binary, 1)) fail("send");
  }
  if (!PQpipelineSync(conn)) fail("sync");
  for (int k = 0; k < units; k++) {
    PGresult *result = next(PGRES_TUPLES_OK);
    if (touch(result) != 1) fail("no row");
    PQclear(result);
  }
  finish();
}
