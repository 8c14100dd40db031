/*
 * The floor for all: the workloads over libpq, in C.
 *
 * Usage: libpq WORKLOAD HOST PORT USER SECONDS; prints the medians of slices as measure.ts does.
 *
 * libpq's functions are declared here, so that its headers need not be installed.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct pg_conn PGconn;
typedef struct pg_result PGresult;
enum { CONNECTION_OK = 0, PGRES_COMMAND_OK = 1, PGRES_TUPLES_OK = 2 };
PGconn *PQconnectdb(const char *conninfo);
int PQstatus(const PGconn *conn);
char *PQerrorMessage(const PGconn *conn);
PGresult *PQprepare(PGconn *conn, const char *name, const char *sql, int count, const unsigned *types);
PGresult *PQexecPrepared(PGconn *conn, const char *name, int count, const char *const *values, const int *lengths,
                         const int *formats, int resultFormat);
int PQresultStatus(const PGresult *result);
int PQntuples(const PGresult *result);
int PQnfields(const PGresult *result);
int PQgetlength(const PGresult *result, int row, int column);
char *PQgetvalue(const PGresult *result, int row, int column);
void PQclear(PGresult *result);
int PQlibVersion(void);

static PGconn *conn;

static void fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, PQerrorMessage(conn));
  exit(1);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

static void ping(int i) {
  int value = htonl(i);
  const char *values[1] = {(char *)&value};
  int lengths[1] = {4}, formats[1] = {1};
  PGresult *result = PQexecPrepared(conn, "ping", 1, values, lengths, formats, 1);
  if (PQresultStatus(result) != PGRES_TUPLES_OK) fail("ping");
  int answer;
  memcpy(&answer, PQgetvalue(result, 0, 0), 4);
  if (answer != value) fail("wrong answer");
  PQclear(result);
}

/* Looks at every byte of 10000 rows. */
static void mixed(int i) {
  (void)i;
  PGresult *result = PQexecPrepared(conn, "mixed", 0, NULL, NULL, NULL, 1);
  if (PQresultStatus(result) != PGRES_TUPLES_OK) fail("mixed");
  int rows = PQntuples(result), columns = PQnfields(result);
  unsigned sum = 0;
  for (int row = 0; row < rows; row++) {
    for (int column = 0; column < columns; column++) {
      const char *value = PQgetvalue(result, row, column);
      for (int k = PQgetlength(result, row, column); k > 0; k--) sum += (unsigned char)*value++;
    }
  }
  if (rows != 10000 || sum == 0) fail("wrong answer");
  PQclear(result);
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

int main(int argc, char **argv) {
  if (argc != 6) return 2;
  int pings = strcmp(argv[1], "ping") == 0;
  void (*operation)(int) = pings ? ping : mixed;
  int batch = pings ? 20 : 1, units = pings ? 1 : 10000, warmed = pings ? 5000 : 20;
  char conninfo[1024];
  snprintf(conninfo, sizeof conninfo, "host=%s port=%s user=%s dbname=postgres sslmode=disable", argv[2], argv[3],
           argv[4]);
  conn = PQconnectdb(conninfo);
  if (PQstatus(conn) != CONNECTION_OK) fail("connect");
  PGresult *prepared = PQprepare(conn, argv[1], pings ? "select $1::int4 as value" : "select * from mixed", 0, NULL);
  if (PQresultStatus(prepared) != PGRES_COMMAND_OK) fail("prepare");
  PQclear(prepared);

  double end = now() + atof(argv[5]) * 1e9;
  int warm = 1, slices = 0, i = 0;
  static double costs[1 << 20];
  for (double begun = now(); warm || begun < end; begun = now()) {
    int count = 0;
    while (now() < begun + 2e7) {
      for (int k = 0; k < batch; k++, count++) operation(i++);
    }
    costs[slices++] = (now() - begun) / count / units;
    if (warm && i >= warmed) {
      warm = slices = 0;
      end = now() + atof(argv[5]) * 1e9;
    }
  }
  qsort(costs, slices, sizeof *costs, ascending);
  printf("{\"nanoseconds\":%.1f,\"version\":\"libpq %d\"}\n", costs[slices / 2], PQlibVersion() / 10000);
  return 0;
}
