/* One statement after the other. */
#include "libpq.h"
#include <arpa/inet.h>
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const int five_binary[5] = {1, 1, 1, 1, 1};

void ping(int i) {
  int value = htonl(i);
  const char *values[1] = {(char *)&value};
  int lengths[1] = {4};
  PGresult *result = PQexecPrepared(conn, "s", 1, values, lengths, five_binary, 1);
  expect(result, PGRES_TUPLES_OK);
  if (memcmp(PQgetvalue(result, 0, 0), &value, 4) != 0) fail("wrong answer");
  PQclear(result);
}

void selectRows(int i) {
  int after = htonl(i * 37LL % 9000);
  const char *values[1] = {(char *)&after};
  int lengths[1] = {4};
  PGresult *result = PQexecPrepared(conn, "s", 1, values, lengths, five_binary, 1);
  expect(result, PGRES_TUPLES_OK);
  if (touch(result) != atoi(workload + strlen("select_"))) fail("wrong number of rows");
  PQclear(result);
}

void person(Person *p, int id) {
  static const char description[] = "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd";
  double score = id / 2.0;
  unsigned long bits;
  p->lengths[0] = snprintf(p->name, sizeof p->name, "name %d", id);
  p->lengths[2] = snprintf(p->email, sizeof p->email, "user%d@example.com", id);
  p->age = htonl(id % 100);
  memcpy(&bits, &score, 8);
  bits = htobe64(bits);
  memcpy(&p->score, &bits, 8);
  p->values[0] = p->name;
  p->values[1] = (char *)&p->age;
  p->values[2] = p->email;
  p->values[3] = (char *)&p->score;
  p->values[4] = description;
  p->lengths[1] = 4;
  p->lengths[3] = 8;
  p->lengths[4] = sizeof description - 1;
}

void insert(int i) {
  Person p;
  person(&p, i);
  PGresult *result = PQexecPrepared(conn, "s", 5, p.values, p.lengths, five_binary, 1);
  expect(result, PGRES_COMMAND_OK);
  if (strcmp(PQcmdTuples(result), "1") != 0) fail("not inserted");
  PQclear(result);
}

void allRows(int i) {
  (void)i;
  PGresult *result = PQexecPrepared(conn, "s", 0, NULL, NULL, NULL, 1);
  expect(result, PGRES_TUPLES_OK);
  if (touch(result) != units) fail("wrong number of rows");
  PQclear(result);
}

void stream(int i) {
  (void)i;
  PGresult *result;
  int rows = 0;
  if (!PQsendQueryPrepared(conn, "s", 0, NULL, NULL, NULL, 1) || !PQsetChunkedRowsMode(conn, 1000)) fail("send");
  while ((result = PQgetResult(conn)) != NULL) {
    if (PQresultStatus(result) != PGRES_TUPLES_CHUNK) expect(result, PGRES_TUPLES_OK);
    rows += touch(result);
    PQclear(result);
  }
  if (rows != units) fail("wrong number of rows");
}

void connectOnce(int i) {
  (void)i;
  PGconn *another = PQconnectdb(conninfo);
  PGresult *result = PQexec(another, sql);
  if (PQresultStatus(result) != PGRES_TUPLES_OK || strcmp(PQgetvalue(result, 0, 0), "1") != 0) {
    fail(PQerrorMessage(another));
  }
  PQclear(result);
  PQfinish(another);
}
