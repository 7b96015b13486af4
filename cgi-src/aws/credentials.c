/*
 * A set of credentials: checked as it is made, copied, cleansed as it goes. credentials_chain.c
 * asks the providers for one.
 */
#include "aws/credentials.h"

#include <stdio.h>
#include <string.h>

#include "aws/credentials_provider.h"
#include "aws/secret.h"

void credentials_clear(struct credentials *c)
{
    secret_free(c->access_key_id);
    secret_free(c->secret_access_key);
    secret_free(c->session_token);
    *c = (struct credentials){0};
}

int credentials_copy(struct credentials *to, const struct credentials *from)
{
    struct credentials copy = {
        .access_key_id = secret_dup(str_from(from->access_key_id)),
        .secret_access_key = secret_dup(str_from(from->secret_access_key)),
        .session_token = from->session_token ? secret_dup(str_from(from->session_token)) : NULL,
        .expires_us = from->expires_us,
    };
    memcpy(copy.source, from->source, sizeof copy.source);
    if (!copy.access_key_id || !copy.secret_access_key ||
        (from->session_token && !copy.session_token)) {
        credentials_clear(&copy);
        return -1;
    }
    *to = copy;
    return 0;
}

/* They go into header lines: a line feed in one would forge another header. */
static bool is_header_text(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] <= 0x20 || s.p[i] >= 0x7f)
            return false;
    }
    return true;
}

int credentials_set(struct credentials *out, const char *source,
                    const struct credentials_strings *strings, struct err *e)
{
    const struct {
        const char *name;
        struct str value;
        bool needed;
    } parts[] = {
        {"access key id", strings->access_key_id, true},
        {"secret access key", strings->secret_access_key, true},
        {"session token", strings->session_token, false},
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (parts[i].needed && parts[i].value.n == 0)
            return err_set(e, ERR_CREDENTIALS_NOT_CONFIGURED, "%s: the %s is missing", source,
                           parts[i].name);
        if (!is_header_text(parts[i].value))
            return err_set(e, ERR_CREDENTIALS_NOT_CONFIGURED,
                           "%s: the %s has a blank or a character that is not ASCII in it", source,
                           parts[i].name);
    }
    struct credentials set = {
        .access_key_id = secret_dup(strings->access_key_id),
        .secret_access_key = secret_dup(strings->secret_access_key),
        .session_token = strings->session_token.n ? secret_dup(strings->session_token) : NULL,
        .expires_us = strings->expires_us,
    };
    if (!set.access_key_id || !set.secret_access_key ||
        (strings->session_token.n && !set.session_token)) {
        credentials_clear(&set);
        return err_set(e, ERR_INTERNAL, "out of memory");
    }
    (void)snprintf(set.source, sizeof set.source, "%s", source);
    *out = set;
    return 0;
}
