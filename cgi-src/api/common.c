/*
 * Shared by the handlers: the caller's user, idempotency, pages of lists.
 */
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "api/api.h"

static const struct parameter_limits user_limits = {
    .min_bytes = 1, .max_bytes = 2048, .no_nul = true};

const struct parameter_limits api_search_limits = {
    .min_bytes = 1, .max_characters = 200, .no_nul = true};

int64_t api_now_us(const struct api *api)
{
    return api->clock->wall_us(api->clock->context);
}

int api_missing(const char *prefix, const char *name, struct err *e)
{
    return err_set(e, ERR_MISSING_PARAMETER, "%s%s is required", prefix, name);
}

int api_user(const struct api *api, const struct parameters *p, struct str *out, struct err *e)
{
    if (parameter_string(p, "user_id", &user_limits, out, e) < 0)
        return -1;
    if (str_is_present(*out))
        return principal_check_user(&api->principal, *out, e);
    if (api->principal.authenticated)
        *out = api->principal.user_id;
    return 0;
}

/*
 * How deep "/api/v1/sessions/" and the id lead when a program resolves "." and ".." in a path, as
 * nginx does after it has decoded %2F. -1 if the id leads above the root, which nginx answers with
 * 400.
 */
static int path_depth(struct str id)
{
    int depth = 3;

    while (depth >= 0) {
        const char *slash = memchr(id.p, '/', id.n);
        struct str part = {id.p, slash ? (size_t)(slash - id.p) : id.n};
        if (str_is(part, ".."))
            depth--;
        else if (!str_is(part, "."))
            depth++;
        if (!slash)
            break;
        id = (struct str){slash + 1, id.n - part.n - 1};
    }
    return depth;
}

int api_new_user(const struct api *api, const struct parameters *p, struct str *out, struct err *e)
{
    if (api_user(api, p, out, e) < 0)
        return -1;
    if (!str_is_present(*out))
        return api_missing("", "user_id", e);
    if (str_is(*out, ".") || str_is(*out, "..") || path_depth(*out) < 0)
        return err_set(
            e, ERR_INVALID_PARAMETER,
            "user_id must not be \".\" or \"..\", nor lead above the root with \"../\": the "
            "path of a URL cannot carry it; choose another id");
    return 0;
}

int api_named_user(const struct api *api, const struct request *q, struct str *out, struct err *e)
{
    struct parameters p;

    if (request_path(q, "user_id").n)
        return api_path_user(api, q, out, e);
    parameters_of_request(q, &p);
    if (parameter_string(&p, "user_id", &user_limits, out, e) < 0)
        return -1;
    return str_is_present(*out) ? principal_check_user(&api->principal, *out, e)
                                : api_missing("", "user_id", e);
}

int api_path_user(const struct api *api, const struct request *q, struct str *out, struct err *e)
{
    *out = request_path(q, "user_id");
    if (out->n > user_limits.max_bytes)
        return err_set(e, ERR_INVALID_PARAMETER,
                       "user_id must be at most %zu bytes of UTF-8, this one has %zu",
                       user_limits.max_bytes, out->n);
    return principal_check_user(&api->principal, *out, e);
}

int api_idempotency_key(const struct request *q, struct idempotency *out, struct err *e)
{
    out->key = request_header(q, "HTTP_IDEMPOTENCY_KEY");
    if (!str_is_present(out->key))
        return 0;
    bool good = out->key.n >= 1 && out->key.n <= 255;

    for (size_t i = 0; good && i < out->key.n; i++)
        good = out->key.p[i] > ' ' && out->key.p[i] < 0x7f;
    return good ? 0
                : err_set(e, ERR_INVALID_PARAMETER,
                          "Idempotency-Key must be 1 to 255 visible ASCII characters");
}

struct fingerprint {
    EVP_MD_CTX *digest;
};

struct fingerprint *fingerprint_begin(void)
{
    struct fingerprint *f = malloc(sizeof(*f));
    if (!f || !(f->digest = EVP_MD_CTX_new()) || !EVP_DigestInit_ex(f->digest, EVP_sha256(), NULL))
        abort();
    return f;
}

void fingerprint_add(struct fingerprint *f, struct str field)
{
    uint64_t length = str_is_present(field) ? field.n : UINT64_MAX;
    EVP_DigestUpdate(f->digest, &length, sizeof(length));
    if (field.n)
        EVP_DigestUpdate(f->digest, field.p, field.n);
}

void fingerprint_end(struct fingerprint *f, unsigned char out[32])
{
    EVP_DigestFinal_ex(f->digest, out, NULL);
    EVP_MD_CTX_free(f->digest);
    free(f);
}

void api_etag(struct response *r, int64_t version)
{
    buf_printf(&r->headers, "ETag: \"%" PRId64 "\"\r\n", version);
}

/* nginx takes 32 KiB of headers (fastcgi_buffer_size). */
#define LINK_MAX_BYTES (24 * 1024)
#define REPEATED_MAX_BYTES 2048 /* of a user_id; a longer value is a number after many zeros */

/* A parameter that was given twice has the same value both times, so the first is enough. */
static void link_repeat_parameter(struct buf *link, const struct request *q, struct str name)
{
    for (size_t i = 0; i < q->query_parameter_count; i++) {
        const struct uri_parameter *p = &q->query_parameters[i];
        if (!str_equals(p->name, name) || p->value.n > REPEATED_MAX_BYTES)
            continue;
        buf_append(link, name.p, name.n);
        buf_putc(link, '=');
        uri_encode(link, p->value);
        buf_putc(link, '&');
        return;
    }
}

/* The link is written anew, since what was sent may hold characters that must not be in a URI or in
 * a Link header. */
void api_link_next(struct response *r, const struct request *q, const char *const *names,
                   struct str cursor)
{
    struct buf link;

    buf_init(&link, LINK_MAX_BYTES);
    buf_putc(&link, '<');
    for (size_t i = 0; i < q->segment_count; i++) {
        buf_putc(&link, '/');
        uri_encode(&link, q->segments[i]);
    }
    buf_putc(&link, '?');
    for (size_t i = 0; names[i]; i++)
        link_repeat_parameter(&link, q, str_from(names[i]));
    buf_puts(&link, "cursor=");
    buf_append_str(&link, cursor);
    buf_puts(&link, ">; rel=\"next\"");
    if (buf_ok(&link))
        response_header(r, "Link", buf_str(&link));
    buf_free(&link);
}

void api_put_page(struct json_writer *w, int64_t count, struct str cursor)
{
    json_put_int(w, "count", count);
    json_put_bool(w, "has_more", str_is_present(cursor));
    if (str_is_present(cursor))
        json_put_string(w, "next_cursor", cursor);
    else
        json_put_raw(w, "next_cursor", STR("null"));
}
