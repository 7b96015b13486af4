/*
 * The three calls of AWS STS (API version 2011-06-15) that the program makes. Answers are asked for
 * as JSON. Sentences may name ARNs: they are for the log and for `check`, not for a client.
 * https://docs.aws.amazon.com/STS/latest/APIReference/
 */
#ifndef AWS_STS_H
#define AWS_STS_H

#include "aws/credentials.h"
#include "base/str.h"

struct sts_role {
    const char *role_arn;
    const char *session_name;     /* NULL: one is made */
    const char *external_id;      /* NULL: none */
    const char *duration_seconds; /* digits; NULL: an hour, STS's own default */
};

/* AssumeRole, signed with `from`. `source` names the set and begins the sentence of an error. */
int sts_assume_role(const struct credentials_context *context, const struct credentials *from,
                    const struct sts_role *role, const char *source, struct credentials *out,
                    struct err *e);

/* AssumeRoleWithWebIdentity: not signed, the token is the proof. */
int sts_assume_role_with_web_identity(const struct credentials_context *context,
                                      const struct sts_role *role, struct str token,
                                      const char *source, struct credentials *out, struct err *e);

struct sts_identity {
    char account[16];
    char arn[256];
    char user_id[160];
};

/* GetCallerIdentity: who the credentials are. No permission is needed for it. */
int sts_get_caller_identity(const struct credentials_context *context,
                            const struct credentials *who, struct sts_identity *out, struct err *e);

#endif
