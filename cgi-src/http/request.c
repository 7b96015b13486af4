/*
 * Reads a request from the gateway and checks its form. http/parameter and api/ know what the
 * parameters mean.
 */
#include "http/request.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/clock.h"
#include "base/ids.h"

const char *const http_method_names[HTTP_METHODS] = {
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", NULL,
};

static const char *request_variable(const struct request *r, const char *name)
{
    return r->gateway->param(r->gateway, name);
}

struct str request_header(const struct request *r, const char *cgi_name)
{
    return str_from(request_variable(r, cgi_name));
}

static enum http_method method_of(const char *name)
{
    for (int i = 0; name && i < HTTP_OTHER; i++) {
        if (strcmp(name, http_method_names[i]) == 0)
            return (enum http_method)i;
    }
    return HTTP_OTHER;
}

void request_id_choose(struct str given, char out[REQUEST_ID_SIZE])
{
    bool good = given.n >= 1 && given.n < REQUEST_ID_SIZE;

    for (size_t i = 0; good && i < given.n; i++)
        good = given.p[i] > ' ' && given.p[i] < 0x7f;
    if (good) {
        memcpy(out, given.p, given.n);
        out[given.n] = '\0';
    } else {
        ids_uuid7(clock_system.wall_us(clock_system.context) / 1000, out);
    }
}

/* "http://host/path" (RFC 9112 section 3.2.2) becomes "/path". */
static struct str strip_authority(struct str target)
{
    const char *colon = memmem(target.p, target.n, "://", 3);
    if (target.n == 0 || target.p[0] == '/' || !colon)
        return target;
    size_t skip = (size_t)(colon - target.p) + 3;
    const char *slash = memchr(target.p + skip, '/', target.n - skip);
    if (!slash)
        return STR("/");
    return (struct str){slash, target.n - (size_t)(slash - target.p)};
}

/* Cuts off the program's own path, where the server calls it by one
 * (/cgi-bin/chat-sessions/api/...). */
static struct str strip_script_name(const struct request *r, struct str path)
{
    struct str script = request_header(r, "SCRIPT_NAME");
    if (script.n == 0 || script.n >= path.n || memcmp(path.p, script.p, script.n) != 0)
        return path;
    struct str rest = {path.p + script.n, path.n - script.n};
    return str_starts_with(rest, "/api/") ? rest : path;
}

static void split_target(struct request *r)
{
    struct str target = request_header(r, "REQUEST_URI");

    if (!target.p)
        target = str_from(request_variable(r, "PATH_INFO"));
    target = strip_authority(target.p ? target : STR("/"));
    const char *mark = memchr(target.p, '?', target.n);
    r->path = target;
    if (mark) {
        r->path.n = (size_t)(mark - target.p);
        r->query = (struct str){mark + 1, target.n - r->path.n - 1};
    } else if (!request_variable(r, "REQUEST_URI")) {
        r->query = request_header(r, "QUERY_STRING");
    }
    r->path = strip_script_name(r, r->path);
}

int request_init(struct request *r, struct gateway *g, struct arena *a, struct err *e)
{
    *r = (struct request){.arena = a, .gateway = g};
    r->method = method_of(request_variable(r, "REQUEST_METHOD"));
    request_id_choose(request_header(r, "HTTP_X_REQUEST_ID"), r->request_id);
    split_target(r);
    if (uri_segments(r->path, a, &r->segments, &r->segment_count, e) < 0)
        return -1;
    if (!r->query.p)
        return 0;
    return uri_parameters(r->query, a, &r->query_parameters, &r->query_parameter_count, e);
}

/* The value of a charset, quoted or not, and what may follow it. Many programs write "utf8". */
static bool is_utf8(const char *value)
{
    bool quoted = *value == '"';

    value += quoted;
    if (strncasecmp(value, "utf", 3) != 0)
        return false;
    value += 3 + (value[3] == '-');
    if (*value++ != '8' || (quoted && *value++ != '"'))
        return false;
    return *value == '\0' || *value == ';' || char_is_blank(*value);
}

/* True if the media type is this one; then *parameters is what follows it. */
static bool is_media_type(struct str type, const char *name, struct str *parameters)
{
    size_t n = strlen(name);

    if (type.n < n || strncasecmp(type.p, name, n) != 0)
        return false;
    *parameters = (struct str){type.p + n, type.n - n};
    while (parameters->n && char_is_blank(parameters->p[0])) {
        parameters->p++;
        parameters->n--;
    }
    return parameters->n == 0 || parameters->p[0] == ';';
}

/* A charset, if named, is UTF-8. */
static int check_charset(struct str parameters, struct err *e)
{
    const char *charset = parameters.n ? strcasestr(parameters.p, "charset=") : NULL;

    if (charset && !is_utf8(charset + strlen("charset=")))
        return err_set(e, ERR_UNSUPPORTED_MEDIA_TYPE,
                       "the charset in Content-Type must be utf-8, JSON has no other: send "
                       "Content-Type: application/json");
    return 0;
}

static int check_type(struct request *r, struct str type, struct err *e)
{
    struct str parameters = STR("");

    r->is_merge_patch =
        r->takes_merge_patch && is_media_type(type, "application/merge-patch+json", &parameters);
    if (!r->is_merge_patch && !is_media_type(type, "application/json", &parameters))
        return err_set(e, ERR_UNSUPPORTED_MEDIA_TYPE,
                       "send the body as JSON, with Content-Type: application/json%s",
                       r->takes_merge_patch ? " or application/merge-patch+json" : "");
    return check_charset(parameters, e);
}

/* Nothing is unpacked here: a small body could become a very large one. */
static int compressed_body_error(struct err *e)
{
    return err_set(e, ERR_UNSUPPORTED_MEDIA_TYPE,
                   "the body is compressed, which is not supported: send it as it is, without "
                   "Content-Encoding");
}

static int check_encoding(const struct request *r, struct err *e)
{
    struct str encoding = request_header(r, "HTTP_CONTENT_ENCODING");

    if (encoding.n && strcasecmp(encoding.p, "identity") != 0)
        return compressed_body_error(e);
    return 0;
}

int64_t request_body_bytes(const struct request *r)
{
    const char *text = request_variable(r, "CONTENT_LENGTH");
    int64_t n;
    if (!text || !json_integer((struct json_value){JSON_NUMBER, str_from(text)}, &n) || n < 0)
        return -1;
    return n;
}

static int read_fixed(struct request *r, char *out, size_t n, struct err *e)
{
    size_t have = 0;

    while (have < n) {
        long got = r->gateway->read(r->gateway, out + have, n - have);
        if (got <= 0)
            return err_set(e, ERR_INCOMPLETE_BODY,
                           "the body ended after %zu of %zu bytes; send it again", have, n);
        have += (size_t)got;
    }
    return 0;
}

static int take_body(struct request *r, struct str text, struct err *e)
{
    /* This is gzip, although no header says so. */
    if (str_starts_with(text, "\x1f\x8b"))
        return compressed_body_error(e);
    if (json_scan(text, &r->body, e) < 0)
        return -1;
    r->has_body = true;
    r->member_count = json_members_at_most(r->body, REQUEST_MAX_MEMBERS, r->arena, &r->members);
    if (r->member_count > REQUEST_MAX_MEMBERS)
        return err_set(e, ERR_INVALID_PARAMETER,
                       "the object in the body must have at most %d members", REQUEST_MAX_MEMBERS);
    return 0;
}

#define SIZE_TEXT 32
#define MIB (INT64_C(1024) * 1024)

/* "5.2 MB": tenths, rounded down. */
static const char *size_text(int64_t bytes, char out[SIZE_TEXT])
{
    bool is_mb = bytes >= 1000000;
    int64_t tenths = bytes / (is_mb ? 100000 : 100);

    snprintf(out, SIZE_TEXT, "%" PRId64 ".%" PRId64 " %s", tenths / 10, tenths % 10,
             is_mb ? "MB" : "KB");
    return out;
}

/* "4 MB": most limits are powers of two, and are named in units of 1,024. */
static const char *limit_text(int64_t bytes, char out[SIZE_TEXT])
{
    if (bytes % 1024 != 0)
        return size_text(bytes, out);
    bool is_mb = bytes % MIB == 0;

    snprintf(out, SIZE_TEXT, "%" PRId64 " %s", bytes / (is_mb ? MIB : 1024), is_mb ? "MB" : "KB");
    return out;
}

static int body_too_large_error(int64_t bytes, int64_t max_bytes, struct err *e)
{
    char size[SIZE_TEXT];
    char limit[SIZE_TEXT];

    return err_set(e, ERR_BODY_TOO_LARGE, "the body must be at most %s, this one has %s",
                   limit_text(max_bytes, limit), size_text(bytes, size));
}

int request_read_body(struct request *r, int64_t max_bytes, struct err *e)
{
    int64_t n = request_body_bytes(r);

    if (n <= 0)
        return 0;
    if (n > max_bytes)
        return body_too_large_error(n, max_bytes, e);
    struct str type = request_header(r, "CONTENT_TYPE");
    if (check_encoding(r, e) < 0 || check_type(r, type.p ? type : STR(""), e) < 0)
        return -1;
    char *text = arena_text(r->arena, (size_t)n + 1);
    text[n] = '\0';
    return read_fixed(r, text, (size_t)n, e) < 0 ? -1
                                                 : take_body(r, (struct str){text, (size_t)n}, e);
}

struct str request_path(const struct request *r, const char *name)
{
    for (size_t i = 0; i < r->path_parameter_count; i++) {
        if (str_is(r->path_parameters[i].name, name))
            return r->path_parameters[i].value;
    }
    return STR("");
}

/* The next element of a list, without the blanks around it. */
static struct str next_element(const char **at)
{
    size_t n = strcspn(*at, ",");
    struct str element = {*at, n};

    *at += n + ((*at)[n] == ',');
    while (element.n && char_is_blank(element.p[0])) {
        element.p++;
        element.n--;
    }
    while (element.n && char_is_blank(element.p[element.n - 1]))
        element.n--;
    return element;
}

/* The number in an ETag of this API, spelt as this API spells it: "7", not "07". */
static bool version_of(struct str etag, int64_t *out)
{
    if (str_starts_with(etag, "W/"))
        etag = (struct str){etag.p + 2, etag.n - 2};
    if (etag.n < 3 || etag.p[0] != '"' || etag.p[etag.n - 1] != '"')
        return false;
    struct str digits = {etag.p + 1, etag.n - 2};
    if (digits.p[0] == '0' && digits.n > 1)
        return false;
    return json_integer((struct json_value){JSON_NUMBER, digits}, out);
}

void request_versions(const struct request *r, const char *cgi_name, struct versions *out)
{
    struct str header = request_header(r, cgi_name);
    const char *at = header.p;

    *out = (struct versions){.present = header.p != NULL};
    if (!header.p)
        return;
    /* An ETag and its comma are four bytes at least. */
    int64_t *list = arena_array(r->arena, header.n / 4 + 1, sizeof(*list));
    while (*at) {
        struct str element = next_element(&at);
        if (str_is(element, "*"))
            out->any = true;
        else if (version_of(element, &list[out->count]))
            out->count++;
    }
    out->list = list;
}
