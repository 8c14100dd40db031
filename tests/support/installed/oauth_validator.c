/*
 * A validator of bearer tokens for PostgreSQL 18: the token "good-for-NAME" is that of NAME, any other of nobody.
 *
 * The tests' PostgreSQL comes without headers, so what is used of them is declared here. Source: PostgreSQL manual,
 * "OAuth Validator Modules" and "Dynamic Loading".
 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* As in fmgr.h: a library is loaded only if all of this is as in the server. */
typedef struct {
  int len;
  struct {
    int version, max_arguments, max_index_keys, name_length, float8_by_value;
    char extra[32];
  } abi;
  const char *name, *version;
} Magic;

/* As in libpq/oauth.h. */
typedef struct {
  bool authorized;
  char *authn_id;
} Result;

typedef struct {
  uint32_t magic;
  void (*startup)(void *state);
  void (*shutdown)(void *state);
  bool (*validate)(const void *state, const char *token, const char *role, Result *result);
} Callbacks;

/* Of the server: a copy that lives as long as the session's start. */
extern char *pstrdup(const char *text);

const Magic *Pg_magic_func(void) {
  static const Magic magic = {sizeof magic, {1800, 100, 32, 64, 1, "PostgreSQL"}, NULL, NULL};
  return &magic;
}

static bool validate(const void *state, const char *token, const char *role, Result *result) {
  static const char prefix[] = "good-for-";
  (void)state;
  (void)role;
  result->authorized = strncmp(token, prefix, sizeof prefix - 1) == 0;
  if (result->authorized) result->authn_id = pstrdup(token + sizeof prefix - 1);
  return true;
}

const Callbacks *_PG_oauth_validator_module_init(void) {
  static const Callbacks callbacks = {0x20250220, NULL, NULL, validate};
  return &callbacks;
}
