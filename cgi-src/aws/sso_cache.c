/*
 * The files of the SSO cache. Whether a token is still good, and how it is renewed, is
 * sso_token.c's.
 */
#include "aws/sso_cache.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aws/secret.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/json_reader.h"

#define FILE_MAX 65536
#define SHA1_BYTES 20

/* The members of the file: reading and writing are loops over them. */
static const struct {
    const char *name;
    size_t place;
} members[] = {
    {"startUrl", offsetof(struct sso_token, start_url)},
    {"region", offsetof(struct sso_token, region)},
    {"accessToken", offsetof(struct sso_token, access_token)},
    {"expiresAt", offsetof(struct sso_token, expires_at)},
    {"clientId", offsetof(struct sso_token, client_id)},
    {"clientSecret", offsetof(struct sso_token, client_secret)},
    {"registrationExpiresAt", offsetof(struct sso_token, registration_expires_at)},
    {"refreshToken", offsetof(struct sso_token, refresh_token)},
};
#define MEMBERS (sizeof members / sizeof members[0])

static struct str *member_of(struct sso_token *token, size_t i)
{
    return (struct str *)(void *)((char *)token + members[i].place);
}

void sso_token_free(struct sso_token *token)
{
    secret_buf_free(&token->text);
    *token = (struct sso_token){0};
}

int sso_cache_path(const struct config *config, struct str name, char out[SSO_CACHE_PATH_SIZE],
                   struct err *e)
{
    unsigned char hash[SHA1_BYTES];
    char hex[2 * SHA1_BYTES + 1];
    const char *home = config_get(config, "HOME");
    size_t n = sizeof(hash);

    if (!home)
        return err_set(e, ERR_CREDENTIALS_NOT_CONFIGURED,
                       "HOME is not set: nobody knows where "
                       "the AWS CLI's files are");
    if (EVP_Q_digest(NULL, "SHA1", NULL, name.p, name.n, hash, &n) != 1)
        return err_set(e, ERR_INTERNAL, "OpenSSL has no SHA-1");
    for (size_t i = 0; i < sizeof(hash); i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", hash[i]);
    int length = snprintf(out, SSO_CACHE_PATH_SIZE, "%s/.aws/sso/cache/%s.json", home, hex);
    if (length < 0 || length >= SSO_CACHE_PATH_SIZE)
        return err_set(e, ERR_CREDENTIALS_NOT_CONFIGURED, "HOME is too long");
    return 0;
}

int64_t sso_cache_time_us(struct str time)
{
    char text[40];
    if (time.n >= 3 && time.n < sizeof(text) && memcmp(time.p + time.n - 3, "UTC", 3) == 0) {
        memcpy(text, time.p, time.n - 3);
        text[time.n - 3] = 'Z';
        return clock_parse_us(text, time.n - 2);
    }
    return str_is_present(time) ? clock_parse_us(time.p, time.n) : -1;
}

/* ---- reading --------------------------------------------------------------------------------- */

static void take_member(struct sso_token *token, struct json_reader *r, struct str name)
{
    for (size_t i = 0; i < MEMBERS; i++) {
        if (str_is(name, members[i].name)) {
            *member_of(token, i) = json_read_string(r);
            return;
        }
    }
    json_skip(r);
}

/* In place: no parser leaves copies of secrets behind. */
static bool sso_cache_parse(struct sso_token *token)
{
    struct json_reader r;
    struct str name;
    json_reader_init(&r, token->text.data, token->text.len);
    if (json_enter_object(&r)) {
        while (json_next_member(&r, &name))
            take_member(token, &r, name);
    }
    return json_reader_end(&r);
}

enum sso_cache_result sso_cache_read(const char *path, struct sso_token *out, struct err *e)
{
    *out = (struct sso_token){0};
    int error = secret_read_file(path, FILE_MAX, &out->text);
    if (error == ENOENT || error == ENOTDIR)
        return SSO_CACHE_EMPTY;
    if (error) {
        err_set(e, ERR_CREDENTIALS_NOT_CONFIGURED, "%s cannot be read: %s", path, strerror(error));
        return SSO_CACHE_FAILED;
    }
    if (!sso_cache_parse(out)) {
        err_set(e, ERR_CREDENTIALS_NOT_CONFIGURED, "%s is no JSON", path);
        return SSO_CACHE_FAILED;
    }
    return out->access_token.n > 0 ? SSO_CACHE_FOUND : SSO_CACHE_EMPTY;
}

/* ---- writing --------------------------------------------------------------------------------- */

static void put_members(struct buf *text, const struct sso_token *token)
{
    struct json_writer w;
    json_writer_init(&w, text);
    json_begin_object(&w);
    for (size_t i = 0; i < MEMBERS; i++) {
        const struct str *value = member_of((struct sso_token *)token, i);
        if (str_is_present(*value))
            json_put_string(&w, members[i].name, *value);
    }
    json_end_object(&w);
}

static int write_all(int fd, struct str text)
{
    while (text.n > 0) {
        ssize_t n = write(fd, text.p, text.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        text = (struct str){text.p + n, text.n - (size_t)n};
    }
    return 0;
}

/* A reader sees the old file or the new one, never a part. */
static int replace_file(const char *path, struct str text)
{
    char beside[SSO_CACHE_PATH_SIZE + 8];
    (void)snprintf(beside, sizeof(beside), "%s.XXXXXX", path);
    int fd = mkstemp(beside); /* mode 0600 */
    if (fd < 0)
        return errno;
    int error = write_all(fd, text);
    if (close(fd) < 0 && !error)
        error = errno;
    if (!error && rename(beside, path) < 0)
        error = errno;
    if (error)
        (void)unlink(beside);
    return error;
}

int sso_cache_write(const char *path, const struct sso_token *token)
{
    struct buf text;
    secret_buf_init(&text, FILE_MAX);
    put_members(&text, token);
    int error = buf_ok(&text) ? replace_file(path, buf_str(&text)) : ENOMEM;
    secret_buf_free(&text);
    return error;
}
