/*
 * The chain of providers, in the order in which they are asked. Each provider is a file of its own;
 * when to ask the chain again is decided by credentials_cache.c.
 */
#include "aws/credentials_provider.h"

const struct credentials_provider credentials_chain[] = {
    {"environment", credentials_environment}, {"web identity", credentials_web_identity},
    {"shared files", credentials_profile},    {"container", credentials_container},
    {"instance role", credentials_imds},      {NULL, NULL},
};

int credentials_fetch(const struct credentials_provider *chain,
                      const struct credentials_context *context, struct credentials *out,
                      struct err *e)
{
    *out = (struct credentials){0};
    for (const struct credentials_provider *p = chain; p->name; p++) {
        struct err why = {0};
        switch (p->fetch(context, out, &why)) {
        case CREDENTIALS_FOUND:
            return 0;
        case CREDENTIALS_NOT_HERE:
            break;
        case CREDENTIALS_FAILED:
            credentials_clear(out);
            return err_set(e, why.code,
                           why.code == ERR_CREDENTIALS_NOT_CONFIGURED
                               ? "AWS credentials not configured: %s"
                               : "the AWS credentials could not be obtained: %s",
                           why.detail);
        }
    }
    return err_set(e, ERR_CREDENTIALS_NOT_CONFIGURED,
                   "AWS credentials not configured: set "
                   "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or run with a "
                   "role");
}
