/*
 * What the providers have in common: their entry points (rows of the chain), how a set of
 * credentials is made from strings or from a JSON document, and when an exchange is tried again.
 * For the files of the credential chain alone.
 */
#ifndef AWS_CREDENTIALS_PROVIDER_H
#define AWS_CREDENTIALS_PROVIDER_H

#include <stdbool.h>
#include <stdint.h>
#include "aws/credentials.h"
#include "base/arena.h"
#include "base/str.h"

enum credentials_result credentials_environment(const struct credentials_context *context,
                                                struct credentials *out, struct err *e);
enum credentials_result credentials_web_identity(const struct credentials_context *context,
                                                 struct credentials *out, struct err *e);
enum credentials_result credentials_profile(const struct credentials_context *context,
                                            struct credentials *out, struct err *e);
enum credentials_result credentials_container(const struct credentials_context *context,
                                              struct credentials *out, struct err *e);
enum credentials_result credentials_imds(const struct credentials_context *context,
                                         struct credentials *out, struct err *e);

/* A role with a token from a file, which is read now. session_name may be NULL. */
int credentials_from_token_file(const struct credentials_context *context, const char *role_arn,
                                const char *token_file, const char *session_name,
                                struct credentials *out, struct err *e);

/* Runs `command` with /bin/sh and reads its answer. It is ended after limit_ms. */
#define CREDENTIALS_PROCESS_LIMIT_MS 30000
int credentials_run_process(const struct credentials_context *context, const char *command,
                            int64_t limit_ms, struct credentials *out, struct err *e);

/* What a profile says of SSO. Strings are borrowed; STR_NONE if absent. */
struct credentials_sso {
    struct str profile;
    struct str session; /* the name of the [sso-session]; STR_NONE: the older form without one */
    struct str start_url;
    struct str region;
    struct str account_id;
    struct str role_name;
};

/* The credentials of a role that the person who ran `aws sso login` may take. */
int credentials_from_sso(const struct credentials_context *context,
                         const struct credentials_sso *sso, struct credentials *out, struct err *e);

/* The strings of a set. A token that is absent or empty is none. */
struct credentials_strings {
    struct str access_key_id;
    struct str secret_access_key;
    struct str session_token;
    int64_t expires_us;
};

/*
 * Fills *out with copies. -1 if the key or the secret is empty or a character could not go into a
 * header line; e says which, never what. `source` becomes out->source and begins the sentence.
 */
int credentials_set(struct credentials *out, const char *source,
                    const struct credentials_strings *strings, struct err *e);

/* How one kind of document spells its members. */
struct credentials_dialect {
    const char *path[4];     /* members that lead to the object, ended by NULL */
    const char *key_id_name; /* NULL: "AccessKeyId" */
    const char *secret_name; /* NULL: "SecretAccessKey" */
    const char *token_name;  /* "SessionToken" or "Token" */
    const char *expiry_name; /* NULL: "Expiration" */
    bool temporary;          /* a token and a time of expiry must be there */
    bool version_1;          /* "Version": 1 must be there */
    bool expiry_in_ms;       /* where it is a number: milliseconds, not seconds */
};

/*
 * Reads a JSON document: a "Code" that is there must be "Success", no needed member may be missing
 * or empty, and the expiry (RFC 3339, or seconds since the epoch) must be ahead of now. So an
 * error document never passes for credentials.
 */
int credentials_read_document(struct str text, const struct credentials_dialect *dialect,
                              const char *source, int64_t now_us, struct credentials *out,
                              struct err *e);

#define CREDENTIALS_BODY_MAX                                                                       \
    65536 /* of an endpoint's answer, a process's output or a token file                           \
           */

/* An empty response, its body able to hold CREDENTIALS_BODY_MAX bytes and cleansed at the end. */
void credentials_response_init(struct transport_response *response);
void credentials_response_free(struct transport_response *response);

/* How many attempts an endpoint gets: as long as it has not answered at all, and once it has. */
struct credentials_tries {
    unsigned unanswered;
    unsigned once_answered;
};
#define CREDENTIALS_TRIES (&(const struct credentials_tries){3, 3})

/* Performs a request, and again while its endpoint does not answer or says that the fault is its
 * own and may pass. The response is that of the last attempt. */
void credentials_exchange(const struct credentials_context *context,
                          const struct transport_request *request,
                          const struct credentials_tries *tries,
                          struct transport_response *response);
/* What such a response means for the next attempt, by its status alone. */
struct attempt_report;
void credentials_judge(const struct transport_response *response, struct attempt_report *report);

/* Appends the value as a form or a query has it: all but letters, digits and -_.~ by %XX. */
void credentials_put_escaped(struct buf *out, struct str value);

/* A sentence for a response that is not usable: what was asked, and what came instead. */
int credentials_bad_response(const char *source, const struct transport_response *response,
                             struct err *e);

#endif
