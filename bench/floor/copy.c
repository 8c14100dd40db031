/* COPY, as psql's \copy does it. */
#include "libpq.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_ROWS = 500 };

void copyIn(int i) {
  (void)i;
  static char block[BLOCK_ROWS * 160];
  int length = 0;
  for (int id = 1; id <= BLOCK_ROWS; id++) {
    length += snprintf(block + length, sizeof block - length, "name %d\t%d\tuser%d@example.com\t%g\t%060d\n", id, id % 100,
                       id, id / 2.0, 0);
  }
  PGresult *result = PQexec(conn, sql);
  expect(result, PGRES_COPY_IN);
  PQclear(result);
  for (int sent = 0; sent < units; sent += BLOCK_ROWS) {
    if (PQputCopyData(conn, block, length) != 1) fail("put");
  }
  if (PQputCopyEnd(conn, NULL) != 1) fail("put the end");
  result = PQgetResult(conn);
  expect(result, PGRES_COMMAND_OK);
  if (atoi(PQcmdTuples(result)) != units) fail("wrong number of rows");
  PQclear(result);
  if (PQgetResult(conn) != NULL) fail("one more result");
}

void copyOut(int i) {
  (void)i;
  PGresult *result = PQexec(conn, sql);
  expect(result, PGRES_COPY_OUT);
  PQclear(result);
  int rows = 0, length;
  char *row;
  while ((length = PQgetCopyData(conn, &row, 0)) > 0) {
    rows++;
    PQfreemem(row);
  }
  if (length != -1 || rows != units) fail("wrong number of rows");
  result = PQgetResult(conn);
  expect(result, PGRES_COMMAND_OK);
  PQclear(result);
  if (PQgetResult(conn) != NULL) fail("one more result");
}
