/*
 * Prints what a libpq makes of a connection string, its environment and its files, as JSON.
 *
 * Usage: libpq_probe path/of/libpq.so.5 'connection string'
 *
 * libpq really connects, but getaddrinfo and connect are those below: every address leads to a server in
 * this process that declines encryption, asks for the password in clear text, and answers that it is
 * starting up, so that libpq goes on to the next host. Direct TLS ends at its first record. No packet leaves
 * the process.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* As in libpq-fe.h. */
typedef struct {
  char *keyword, *envvar, *compiled, *val, *label, *dispchar;
  int dispsize;
} PQconninfoOption;

/* Direct TLS begins with a record of this type. */
enum { MAX_ATTEMPTS = 16, MAX_STARTUP = 10000, TLS_HANDSHAKE = 22 };

/* One attempt to connect: where to, and what was sent there. */
static struct {
  char address[300];
  int asked_for_tls, startup_length;
  char startup[MAX_STARTUP], password[MAX_STARTUP];
  int sent_password;
  int socket;
  pthread_t thread;
} attempts[MAX_ATTEMPTS];
static int attempt_count;

static int read_fully(int fd, char *into, size_t length) {
  for (size_t at = 0; at < length;) {
    ssize_t n = read(fd, into + at, length - at);
    if (n <= 0) return 0;
    at += (size_t)n;
  }
  return 1;
}

static uint32_t int32_at(const char *bytes) {
  uint32_t value;
  memcpy(&value, bytes, 4);
  return ntohl(value);
}

static void *serve(void *argument) {
  int i = (int)(intptr_t)argument, fd = attempts[i].socket;
  char head[8];
  while (read_fully(fd, head, 8)) {
    if (head[0] == TLS_HANDSHAKE) {
      attempts[i].asked_for_tls = 1;
      break;
    }
    uint32_t length = int32_at(head), code = int32_at(head + 4);
    if (code == 80877103 || code == 80877104) {
      if (code == 80877103) attempts[i].asked_for_tls = 1;
      if (write(fd, "N", 1) != 1) break;
      continue;
    }
    if (length < 8 || length - 8 > MAX_STARTUP || !read_fully(fd, attempts[i].startup, length - 8)) break;
    attempts[i].startup_length = (int)length - 8;
    if (write(fd, "R\0\0\0\10\0\0\0\3", 9) != 9) break;
    char type;
    if (!read_fully(fd, &type, 1) || !read_fully(fd, head, 4)) break;
    length = int32_at(head);
    if (length < 4 || length - 4 > MAX_STARTUP || !read_fully(fd, attempts[i].password, length - 4)) break;
    attempts[i].sent_password = 1;
    static const char refusal[] = "SFATAL\0VFATAL\0C57P03\0Mstarting up\0";
    char error[sizeof refusal + 5] = {'E', 0, 0, 0, sizeof refusal + 4};
    memcpy(error + 5, refusal, sizeof refusal);
    if (write(fd, error, sizeof error) < 0) break;
    break;
  }
  shutdown(fd, SHUT_WR);
  return NULL;
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result) {
  if (hints != NULL && (hints->ai_flags & AI_NUMERICHOST) != 0) {
    /* Whether it is an address, only the library itself knows. */
    typeof(getaddrinfo) *real = (typeof(getaddrinfo) *)dlsym(RTLD_NEXT, "getaddrinfo");
    struct addrinfo *numeric;
    int failure = real(node, service, hints, &numeric);
    if (failure != 0) return failure;
  }
  struct { struct addrinfo info; struct sockaddr_in in; char name[200]; } *made = calloc(1, sizeof *made);
  made->in.sin_family = AF_INET;
  made->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  made->in.sin_port = htons((uint16_t)atoi(service == NULL ? "0" : service));
  snprintf(made->name, sizeof made->name, "%s", node == NULL ? "" : node);
  made->info.ai_family = AF_INET;
  made->info.ai_socktype = SOCK_STREAM;
  made->info.ai_addr = (struct sockaddr *)&made->in;
  made->info.ai_addrlen = sizeof made->in;
  made->info.ai_canonname = made->name;
  *result = &made->info;
  snprintf(attempts[attempt_count % MAX_ATTEMPTS].address, 300, "%s", made->name);
  return 0;
}

void freeaddrinfo(struct addrinfo *info) { free(info); }

int connect(int fd, const struct sockaddr *address, socklen_t length) {
  (void)length;
  int i = attempt_count++, pair[2];
  if (i >= MAX_ATTEMPTS || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) abort();
  char name[200];
  if (address->sa_family == AF_UNIX) {
    const char *path = ((const struct sockaddr_un *)address)->sun_path;
    /* An abstract socket's name begins with a zero byte. */
    snprintf(attempts[i].address, 300, "unix %s%s", path[0] == 0 ? "@" : "", path[0] == 0 ? path + 1 : path);
  } else {
    snprintf(name, sizeof name, "%s", attempts[i].address);
    snprintf(attempts[i].address, 300, "tcp %s %d", name, ntohs(((const struct sockaddr_in *)address)->sin_port));
  }
  attempts[i].socket = pair[1];
  dup2(pair[0], fd);
  close(pair[0]);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  pthread_create(&attempts[i].thread, NULL, serve, (void *)(intptr_t)i);
  return 0;
}

static void print_text(const char *text) {
  if (text == NULL) {
    printf("null");
    return;
  }
  putchar('"');
  for (; *text != 0; text++) {
    unsigned char c = (unsigned char)*text;
    if (c < 0x20 || c == '"' || c == '\\') printf("\\u%04x", c);
    else putchar(c);
  }
  putchar('"');
}

static void print_attempt(int i) {
  printf("{\"address\":");
  print_text(attempts[i].address);
  printf(",\"tls\":%s,\"password\":", attempts[i].asked_for_tls ? "true" : "false");
  print_text(attempts[i].sent_password ? attempts[i].password : NULL);
  printf(",\"startup\":[");
  for (int at = 0; at < attempts[i].startup_length && attempts[i].startup[at] != 0;) {
    if (at > 0) printf(",");
    print_text(attempts[i].startup + at);
    at += (int)strlen(attempts[i].startup + at) + 1;
  }
  printf("]}");
}

int main(int count, char **arguments) {
  void *library = count == 3 ? dlopen(arguments[1], RTLD_NOW) : NULL;
  if (library == NULL) {
    fprintf(stderr, "usage: libpq_probe path/of/libpq.so.5 'connection string' (%s)\n", count == 3 ? dlerror() : "");
    return 2;
  }
  int (*version)(void) = (int (*)(void))dlsym(library, "PQlibVersion");
  void *(*connectdb)(const char *) = (void *(*)(const char *))dlsym(library, "PQconnectdb");
  char *(*message)(void *) = (char *(*)(void *))dlsym(library, "PQerrorMessage");
  PQconninfoOption *(*conninfo)(void *) = (PQconninfoOption * (*)(void *)) dlsym(library, "PQconninfo");
  char *(*pass)(void *) = (char *(*)(void *))dlsym(library, "PQpass");

  void *connection = connectdb(arguments[2]);
  /* After an attempt without a password, libpq keeps the socket open, and its server is still reading. */
  for (int i = 0; i < attempt_count; i++) {
    shutdown(attempts[i].socket, SHUT_RD);
    pthread_join(attempts[i].thread, NULL);
  }
  printf("{\"version\":%d,\"message\":", version());
  print_text(message(connection));
  printf(",\"pass\":");
  print_text(pass(connection));
  printf(",\"options\":{");
  const char *separator = "";
  PQconninfoOption *options = conninfo(connection);
  for (PQconninfoOption *option = options; option != NULL && option->keyword != NULL; option++) {
    if (option->val == NULL) continue;
    printf("%s", separator);
    print_text(option->keyword);
    putchar(':');
    print_text(option->val);
    separator = ",";
  }
  printf("},\"attempts\":[");
  for (int i = 0; i < attempt_count; i++) {
    if (i > 0) putchar(',');
    print_attempt(i);
  }
  printf("]}\n");
  return 0;
}
