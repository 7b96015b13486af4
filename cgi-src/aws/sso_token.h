/*
 * The token of AWS IAM Identity Center (SSO) that somebody got by `aws sso login`: looked for in
 * the AWS CLI's cache, and renewed when it is about to expire and can be.
 * https://docs.aws.amazon.com/singlesignon/latest/OIDCAPIReference/API_CreateToken.html
 */
#ifndef AWS_SSO_TOKEN_H
#define AWS_SSO_TOKEN_H

#include "aws/credentials.h"
#include "base/buf.h"
#include "base/str.h"

/* Which token. Strings are borrowed. */
struct sso_sign_in {
    struct str profile;   /* for sentences */
    struct str session;   /* the name of the [sso-session]; STR_NONE: the older form without one */
    struct str start_url; /* names the token in the older form */
    char region[64];      /* where IAM Identity Center is */
};

/*
 * Appends the access token to *out. -1 with ERR_CREDENTIALS_NOT_CONFIGURED if nobody has signed in
 * or the token has expired for good: the sentence then names the command that mends it. One that
 * lives is used even if it could not be renewed.
 */
int sso_token_get(const struct credentials_context *context, const struct sso_sign_in *sign_in,
                  struct buf *out, struct err *e);

/* "..., run `aws sso login --profile work`", as an error. */
int sso_token_ask_for_login(const struct sso_sign_in *sign_in, const char *why, struct err *e);

#endif
