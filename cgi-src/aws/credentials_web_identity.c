/*
 * Provider: a role with a token that the platform writes to a file (EKS service accounts, CI
 * systems). The file is read again each time, because the platform replaces it. The exchange itself
 * is sts.c's.
 */
#include "aws/credentials_provider.h"

#include <string.h>

#include "aws/secret.h"
#include "aws/sts.h"

/* A token is one word; a NUL or a second line is another file than was meant. */
static bool is_one_word(struct str token)
{
    for (size_t i = 0; i < token.n; i++) {
        if (token.p[i] <= ' ' || token.p[i] >= 0x7f)
            return false;
    }
    return true;
}

int credentials_from_token_file(const struct credentials_context *context, const char *role_arn,
                                const char *token_file, const char *session_name,
                                struct credentials *out, struct err *e)
{
    struct buf file;
    int result;
    int error = secret_read_file(token_file, CREDENTIALS_BODY_MAX, &file);
    struct str token = secret_trim(buf_str(&file));
    struct sts_role role = {.role_arn = role_arn, .session_name = session_name};
    if (error)
        result = err_set(e, ERR_CREDENTIALS_NOT_CONFIGURED,
                         "web identity: the token file %s cannot be read: %s", token_file,
                         strerror(error));
    else if (token.n == 0)
        result = err_set(e, ERR_CREDENTIALS_NOT_CONFIGURED,
                         "web identity: the token file %s is empty", token_file);
    else if (!is_one_word(token))
        result = err_set(e, ERR_CREDENTIALS_NOT_CONFIGURED,
                         "web identity: the token file %s holds more than one word of visible "
                         "ASCII characters",
                         token_file);
    else
        result = sts_assume_role_with_web_identity(context, &role, token, "web identity", out, e);
    secret_buf_free(&file);
    return result;
}

enum credentials_result credentials_web_identity(const struct credentials_context *context,
                                                 struct credentials *out, struct err *e)
{
    const char *token_file = config_get(context->config, "AWS_WEB_IDENTITY_TOKEN_FILE");
    const char *role_arn = config_get(context->config, "AWS_ROLE_ARN");
    /* AWS_ROLE_ARN alone is no request for this provider: other tools use it too. */
    if (!token_file)
        return CREDENTIALS_NOT_HERE;
    if (!role_arn) {
        err_set(e, ERR_CREDENTIALS_NOT_CONFIGURED,
                "AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN is not");
        return CREDENTIALS_FAILED;
    }
    const char *session_name = config_get(context->config, "AWS_ROLE_SESSION_NAME");
    int result = credentials_from_token_file(context, role_arn, token_file, session_name, out, e);
    return result == 0 ? CREDENTIALS_FOUND : CREDENTIALS_FAILED;
}
