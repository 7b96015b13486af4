/*
 * Provider: keys in the environment or in the .env file. Which of the two holds is decided by
 * base/config.
 */
#include "aws/credentials_provider.h"

enum credentials_result credentials_environment(const struct credentials_context *context,
                                                struct credentials *out, struct err *e)
{
    struct credentials_strings strings = {
        .access_key_id = str_from(config_get(context->config, "AWS_ACCESS_KEY_ID")),
        .secret_access_key = str_from(config_get(context->config, "AWS_SECRET_ACCESS_KEY")),
        .session_token = str_from(config_get(context->config, "AWS_SESSION_TOKEN")),
        .expires_us = CREDENTIALS_NEVER_EXPIRE,
    };
    if (strings.access_key_id.n == 0 && strings.secret_access_key.n == 0)
        return CREDENTIALS_NOT_HERE;
    /* Half a pair is a slip: credentials_set refuses it. Going on would use some that nobody meant.
     */
    bool in_file = config_source(context->config, "AWS_ACCESS_KEY_ID") == CONFIG_FROM_FILE;
    const char *source = in_file ? CREDENTIALS_FROM_FILE : "environment";
    return credentials_set(out, source, &strings, e) == 0 ? CREDENTIALS_FOUND : CREDENTIALS_FAILED;
}
