/*
 * Provider: the endpoint that ECS and EKS (Pod Identity) give a container. The address comes from
 * the environment, so it is checked before a token is sent to it.
 * https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
 */
#include "aws/credentials_provider.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "aws/secret.h"

#define SOURCE "container"
#define TIMEOUT_MS 2000

static bool is_loopback_or_known_v4(const char *host)
{
    static const char *const known[] = {"169.254.170.2", "169.254.170.23"};
    struct in_addr address;
    struct in_addr other;
    if (inet_pton(AF_INET, host, &address) != 1)
        return false;
    if (ntohl(address.s_addr) >> 24 == 127)
        return true;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (inet_pton(AF_INET, known[i], &other) == 1 && other.s_addr == address.s_addr)
            return true;
    }
    return false;
}

static bool is_loopback_or_known_v6(const char *host)
{
    static const char *const known[] = {"::1", "fd00:ec2::23"};
    struct in6_addr address;
    struct in6_addr other;
    if (inet_pton(AF_INET6, host, &address) != 1)
        return false;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (inet_pton(AF_INET6, known[i], &other) == 1 &&
            memcmp(&other, &address, sizeof other) == 0)
            return true;
    }
    return false;
}

/* The host of "host:port/..." or "[v6]:port/...". False if there is none, or something that two
 * readers of the URL could take for different hosts. */
static bool url_host(const char *authority, char *out, size_t size, bool *v6)
{
    size_t whole = strcspn(authority, "/?#");
    *v6 = authority[0] == '[';
    const char *host = *v6 ? authority + 1 : authority;
    size_t n = strcspn(host, *v6 ? "]" : ":/?#");
    if (memchr(authority, '@', whole) || n == 0 || n >= size || host + n > authority + whole)
        return false;
    memcpy(out, host, n);
    out[n] = '\0';
    const char *rest = host + n + (*v6 ? 1 : 0);
    return *rest == ':' || rest == authority + whole;
}

static bool is_plain(const char *url)
{
    for (const char *p = url; *p; p++) {
        if (*p <= ' ' || *p >= 0x7f || *p == '\\')
            return false;
    }
    return true;
}

/* https may go anywhere; plain http only where no network lies between. */
static bool is_safe_url(const char *url)
{
    char host[64];
    bool v6;
    if (!is_plain(url))
        return false;
    if (strncmp(url, "https://", 8) == 0)
        return url[8] != '\0' && url[8] != '/';
    if (strncmp(url, "http://", 7) != 0 || !url_host(url + 7, host, sizeof host, &v6))
        return false;
    if (v6)
        return is_loopback_or_known_v6(host);
    return strcmp(host, "localhost") == 0 || is_loopback_or_known_v4(host);
}

static enum credentials_result find_url(const struct config *config, char *out, size_t size,
                                        struct err *e)
{
    const char *relative = config_get(config, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = config_get(config, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
    if (!relative && !full)
        return CREDENTIALS_NOT_HERE;
    int n = relative ? snprintf(out, size, "http://169.254.170.2%s", relative)
                     : snprintf(out, size, "%s", full);
    const char *name =
        relative ? "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" : "AWS_CONTAINER_CREDENTIALS_FULL_URI";
    if (n < 0 || (size_t)n >= size)
        err_set(e, ERR_CREDENTIALS_NOT_CONFIGURED, "%s is too long", name);
    else if (relative && relative[0] != '/')
        err_set(e, ERR_CREDENTIALS_NOT_CONFIGURED, "%s must begin with /", name);
    else if (!is_safe_url(out))
        err_set(e, ERR_CREDENTIALS_NOT_CONFIGURED,
                "%s must be https, or http to loopback, 169.254.170.2, 169.254.170.23 or "
                "fd00:ec2::23",
                name);
    else
        return CREDENTIALS_FOUND;
    return CREDENTIALS_FAILED;
}

/* from: the key or the file that has it. */
static int put_authorization(struct str token, const char *from, struct buf *line, struct err *e)
{
    token = secret_trim(token);
    for (size_t i = 0; i < token.n; i++) {
        if (token.p[i] < ' ' || token.p[i] >= 0x7f)
            return err_set(e, ERR_CREDENTIALS_NOT_CONFIGURED,
                           SOURCE ": the authorization token in %s has a line break or another "
                                  "control character in it",
                           from);
    }
    buf_puts(line, "Authorization: ");
    buf_append_str(line, token);
    return buf_ok(line) ? 0
                        : err_set(e, ERR_CREDENTIALS_NOT_CONFIGURED,
                                  SOURCE ": the authorization token is too long");
}

/* The Authorization line, empty if no token is wanted. The file is read each time: the platform
 * replaces it. */
static int make_authorization(const struct config *config, struct buf *line, struct err *e)
{
    const char *path = config_get(config, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    const char *token = config_get(config, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
    if (!path)
        return token ? put_authorization(str_from(token), "AWS_CONTAINER_AUTHORIZATION_TOKEN", line,
                                         e)
                     : 0;
    struct buf file;
    int error = secret_read_file(path, CREDENTIALS_BODY_MAX / 2, &file);
    int result =
        error ? err_set(e, ERR_CREDENTIALS_NOT_CONFIGURED,
                        SOURCE ": the token file %s cannot be read: %s", path, strerror(error))
              : put_authorization(buf_str(&file), path, line, e);
    secret_buf_free(&file);
    return result;
}

static int container_ask(const struct credentials_context *context, const char *url,
                         const char *authorization, struct credentials *out, struct err *e)
{
    static const struct credentials_dialect dialect = {.token_name = "Token", .temporary = true};
    const char *headers[] = {"Accept: application/json", authorization, NULL};
    const struct transport_request request = {
        .method = "GET",
        .url = url,
        .headers = headers,
        .connect_timeout_ms = TIMEOUT_MS,
        .timeout_ms = TIMEOUT_MS,
        .no_proxy = true,
    };
    struct transport_response response;
    credentials_response_init(&response);
    credentials_exchange(context, &request, CREDENTIALS_TRIES, &response);
    int result;
    if (response.outcome != TRANSPORT_ANSWERED || response.status != 200)
        result = credentials_bad_response(SOURCE, &response, e);
    else
        result =
            credentials_read_document(buf_str(&response.body), &dialect, SOURCE,
                                      context->clock->wall_us(context->clock->context), out, e);
    credentials_response_free(&response);
    return result;
}

enum credentials_result credentials_container(const struct credentials_context *context,
                                              struct credentials *out, struct err *e)
{
    char url[2048];
    struct buf authorization;
    enum credentials_result result = find_url(context->config, url, sizeof url, e);
    if (result != CREDENTIALS_FOUND)
        return result;
    secret_buf_init(&authorization, CREDENTIALS_BODY_MAX);
    if (make_authorization(context->config, &authorization, e) != 0 ||
        container_ask(context, url, authorization.len ? authorization.data : NULL, out, e) != 0)
        result = CREDENTIALS_FAILED;
    secret_buf_free(&authorization);
    return result;
}
