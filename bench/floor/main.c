/*
 * The floor for all: the workloads over libpq, in C.
 *
 * Usage: libpq WORKLOAD CONNINFO SECONDS UNITS SQL; measures as measuring.ts does, once if SECONDS is 0.
 */
#include "libpq.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

PGconn *conn;
const char *conninfo, *sql, *workload;
int units;
/* Where compilers have to believe that it is wanted. */
volatile unsigned touched;

static const struct {
  const char *name;
  void (*operation)(int);
  int prepared;
} workloads[] = {
  {"ping", ping, 1},
  {"select_1", selectRows, 1},
  {"select_10", selectRows, 1},
  {"select_100", selectRows, 1},
  {"select_1000", selectRows, 1},
  {"insert", insert, 1},
  {"insert_batch", insertBatches, 1},
  {"in_flight", inFlight, 1},
  {"rows", allRows, 1},
  {"mixed", allRows, 1},
  {"stream", stream, 1},
  {"copy_in", copyIn, 0},
  {"copy_out", copyOut, 0},
  {"connect_default", connectOnce, 0},
  {"connect_trust", connectOnce, 0},
  {"connect_scram", connectOnce, 0},
  {"connect_tls", connectOnce, 0},
};

void fail(const char *what) {
  fprintf(stderr, "%s: %s: %s\n", workload, what, PQerrorMessage(conn));
  exit(1);
}

void expect(PGresult *result, int status) {
  if (PQresultStatus(result) != status) fail("unexpected result");
}

int touch(const PGresult *result) {
  int rows = PQntuples(result), columns = PQnfields(result);
  unsigned sum = 0;
  for (int row = 0; row < rows; row++) {
    for (int column = 0; column < columns; column++) {
      const char *value = PQgetvalue(result, row, column);
      for (int k = PQgetlength(result, row, column); k > 0; k--) sum += (unsigned char)*value++;
    }
  }
  touched = sum;
  return rows;
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

/* A field of /proc/self/status, in bytes; -1 where there is none. */
static double memory(const char *field) {
  FILE *status = fopen("/proc/self/status", "r");
  char line[256];
  double bytes = -1;
  while (status && fgets(line, sizeof line, status)) {
    if (strncmp(line, field, strlen(field)) == 0) bytes = atof(line + strlen(field) + 1) * 1024;
  }
  if (status) fclose(status);
  return bytes;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

/* The median cost of slices of 20 ms. */
static double slices(void (*operation)(int), double seconds) {
  static double costs[1 << 16];
  int batch = units == 1 ? 20 : 1, count = 0, i = 0;
  double end = now() + seconds * 1e9;
  for (double begun = now(); begun < end && count < 1 << 16; begun = now()) {
    int done = 0;
    do {
      for (int k = 0; k < batch; k++, done++) operation(i++);
    } while (now() < begun + 2e7);
    costs[count++] = (now() - begun) / done / units;
  }
  qsort(costs, count, sizeof *costs, ascending);
  return costs[count / 2];
}

int main(int argc, char **argv) {
  if (argc != 6) return 2;
  workload = argv[1];
  conninfo = argv[2];
  double seconds = atof(argv[3]), cost, growth = -1;
  units = atoi(argv[4]);
  sql = argv[5];
  conn = PQconnectdb(conninfo);
  if (PQstatus(conn) != CONNECTION_OK) fail("connect");
  size_t k = 0, known = sizeof workloads / sizeof *workloads;
  while (k < known && strcmp(workloads[k].name, workload) != 0) k++;
  if (k == known) fail("unknown workload");
  if (workloads[k].prepared) {
    PGresult *prepared = PQprepare(conn, "s", sql, 0, NULL);
    expect(prepared, PGRES_COMMAND_OK);
    PQclear(prepared);
  }
  if (seconds == 0) {
    double before = memory("VmRSS"), begun = now();
    workloads[k].operation(0);
    cost = (now() - begun) / units;
    growth = before < 0 ? -1 : memory("VmHWM") - before;
  } else {
    slices(workloads[k].operation, seconds);
    cost = slices(workloads[k].operation, seconds);
  }
  printf("{\"nanoseconds\":%.1f,", cost);
  if (growth >= 0) printf("\"growth\":%.0f,", growth);
  printf("\"version\":\"libpq %d\"}\n", PQlibVersion() / 10000);
  return 0;
}
