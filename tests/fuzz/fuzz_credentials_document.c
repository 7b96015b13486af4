/*
 * Credentials as documents of a metadata service, a container endpoint, a process or STS. The first
 * line names which; the rest is the document. Whatever is taken is complete.
 */
#include "fuzz.h"

#include "aws/credentials_provider.h"

#define NOW_US INT64_C(1767225600000000) /* 2026-01-01T00:00:00Z */

static const struct {
    const char *name;
    struct credentials_dialect dialect;
} kinds[] = {
    {"endpoint", {.token_name = "Token", .temporary = true}},
    {"process", {.token_name = "SessionToken", .version_1 = true}},
    {"sts",
     {.path = {"AssumeRoleResponse", "AssumeRoleResult", "Credentials"},
      .token_name = "SessionToken",
      .temporary = true}},
};

static void check_found(const struct credentials *c, bool temporary)
{
    FUZZ_MUST(c->access_key_id && c->access_key_id[0]);
    FUZZ_MUST(c->secret_access_key && c->secret_access_key[0]);
    FUZZ_MUST(c->expires_us > NOW_US);
    FUZZ_MUST(!temporary || (c->session_token && c->session_token[0]));
    FUZZ_MUST(!strpbrk(c->access_key_id, "\r\n"));
    FUZZ_MUST(!c->session_token || !strpbrk(c->session_token, "\r\n"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = fuzz_input(data, size);
    struct str name = fuzz_line(&rest);

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct credentials found = {0};
        struct err e = {0};
        if (!str_is(name, kinds[i].name))
            continue;
        if (credentials_read_document(rest, &kinds[i].dialect, "fuzz", NOW_US, &found, &e) < 0)
            fuzz_check_error(&e);
        else
            check_found(&found, kinds[i].dialect.temporary);
        credentials_clear(&found);
    }
    return 0;
}
