/*
 * Provider: the role of an EC2 instance. Asks the metadata service for the role's name and then for
 * its credentials; the conversation itself is imds.c's.
 */
#include "aws/credentials_provider.h"

#include <stdio.h>
#include <string.h>

#include "aws/imds.h"
#include "aws/secret.h"

#define SOURCE "instance role"
#define PATH "/latest/meta-data/iam/security-credentials/"

/* A role's name as IAM allows it: it becomes a part of the next path. */
static bool is_role_name(struct str s)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                  "+=,.@_-";
    for (size_t i = 0; i < s.n; i++) {
        if (!memchr(allowed, s.p[i], sizeof allowed - 1))
            return false;
    }
    return s.n > 0 && s.n <= 64;
}

static struct str metadata_first_line(struct str s)
{
    const char *end = s.n ? memchr(s.p, '\n', s.n) : NULL;
    return secret_trim(end ? (struct str){s.p, (size_t)(end - s.p)} : s);
}

static enum credentials_result find_role(struct imds *imds, char *path, size_t size, struct err *e)
{
    struct transport_response response;
    credentials_response_init(&response);
    /* 404 here: an instance without a role. */
    enum credentials_result result = imds_get(imds, PATH, &response, e);
    if (result == CREDENTIALS_FOUND) {
        struct str role = metadata_first_line(buf_str(&response.body));
        if (is_role_name(role)) {
            (void)snprintf(path, size, PATH "%.*s", (int)role.n, role.p);
        } else {
            err_set(e, ERR_DYNAMODB_UNAVAILABLE,
                    SOURCE ": the metadata service gave no usable name of a role");
            result = CREDENTIALS_FAILED;
        }
    }
    credentials_response_free(&response);
    return result;
}

static enum credentials_result fetch_role(struct imds *imds, const char *path,
                                          struct credentials *out, struct err *e)
{
    static const struct credentials_dialect dialect = {.token_name = "Token", .temporary = true};
    const struct clock *clock = imds->context->clock;
    struct transport_response response;
    credentials_response_init(&response);
    enum credentials_result result = imds_get(imds, path, &response, e);
    if (result == CREDENTIALS_NOT_HERE) {
        /* The name was there a moment ago. */
        credentials_bad_response(SOURCE, &response, e);
        result = CREDENTIALS_FAILED;
    }
    if (result == CREDENTIALS_FOUND &&
        credentials_read_document(buf_str(&response.body), &dialect, SOURCE,
                                  clock->wall_us(clock->context), out, e) != 0)
        result = CREDENTIALS_FAILED;
    credentials_response_free(&response);
    return result;
}

enum credentials_result credentials_imds(const struct credentials_context *context,
                                         struct credentials *out, struct err *e)
{
    struct imds imds;
    char path[sizeof PATH + 64];
    enum credentials_result result = imds_open(&imds, context, e);
    if (result == CREDENTIALS_FOUND)
        result = find_role(&imds, path, sizeof path, e);
    if (result == CREDENTIALS_FOUND)
        result = fetch_role(&imds, path, out, e);
    imds_close(&imds);
    return result;
}
