/* libpq's functions, declared here so that its headers need not be installed; and what the files here share. */
#include <stddef.h>

typedef struct pg_conn PGconn;
typedef struct pg_result PGresult;
enum { CONNECTION_OK = 0, CONNECTION_BAD = 1 };
enum {
  PGRES_COMMAND_OK = 1,
  PGRES_TUPLES_OK = 2,
  PGRES_COPY_OUT = 3,
  PGRES_COPY_IN = 4,
  PGRES_PIPELINE_SYNC = 10,
  PGRES_TUPLES_CHUNK = 12
};
PGconn *PQconnectdb(const char *conninfo);
void PQfinish(PGconn *conn);
int PQstatus(const PGconn *conn);
char *PQerrorMessage(const PGconn *conn);
PGresult *PQexec(PGconn *conn, const char *sql);
PGresult *PQprepare(PGconn *conn, const char *name, const char *sql, int count, const unsigned *types);
PGresult *PQexecPrepared(PGconn *conn, const char *name, int count, const char *const *values, const int *lengths,
                         const int *formats, int resultFormat);
int PQsendQueryPrepared(PGconn *conn, const char *name, int count, const char *const *values, const int *lengths,
                        const int *formats, int resultFormat);
int PQsetChunkedRowsMode(PGconn *conn, int rows);
PGresult *PQgetResult(PGconn *conn);
int PQenterPipelineMode(PGconn *conn);
int PQpipelineSync(PGconn *conn);
int PQputCopyData(PGconn *conn, const char *data, int length);
int PQputCopyEnd(PGconn *conn, const char *error);
int PQgetCopyData(PGconn *conn, char **data, int async);
void PQfreemem(void *memory);
int PQresultStatus(const PGresult *result);
int PQntuples(const PGresult *result);
int PQnfields(const PGresult *result);
int PQgetlength(const PGresult *result, int row, int column);
char *PQgetvalue(const PGresult *result, int row, int column);
char *PQcmdTuples(PGresult *result);
void PQclear(PGresult *result);
int PQlibVersion(void);

/* A row's parameters, in binary. */
typedef struct {
  char name[32], email[48];
  int age;
  double score;
  const char *values[5];
  int lengths[5];
} Person;

extern PGconn *conn;
extern const char *conninfo, *sql, *workload;
/* How many of what is counted one operation is. */
extern int units;
/* Formats of parameters. */
extern const int five_binary[5];

void fail(const char *what);
void expect(PGresult *result, int status);
/* Looks at every byte; how many rows there are. */
int touch(const PGresult *result);
void person(Person *p, int id);

/* Operations. */
void ping(int i);
void selectRows(int i);
void insert(int i);
void allRows(int i);
void stream(int i);
void insertBatches(int i);
void inFlight(int i);
void copyIn(int i);
void copyOut(int i);
void connectOnce(int i);
