/*
 * config: defaults, where values come from and which one wins, what is refused and with which
 * sentence.
 */
#include "base/config_table.h"
#include "environment.h"
#include "config_fixture.h"

static void test_defaults(void **state)
{
    (void)state;
    struct config c;
    load(&c, NULL);
    assert_string_equal(c.sessions_table, "ai4ai-chat-sessions");
    assert_string_equal(c.messages_table, "ai4ai-chat-messages");
    assert_string_equal(c.region, "");
    assert_true(c.consistent_read);
    assert_int_equal(c.max_attempts, 4);
    assert_int_equal(c.request_deadline_ms, 5000);
    assert_int_equal(c.connect_timeout_ms, 1000);
    assert_int_equal(c.attempt_timeout_ms, 3000);
    assert_string_equal(c.socket, "/run/chat-sessions/chat-sessions.sock");
    assert_int_equal(c.socket_mode, 0660);
    assert_int_equal(c.pool_processes, 0);
    assert_int_equal(c.pool_threads, 128);
    assert_int_equal(c.pool_max_requests, 0);
    assert_int_equal(c.pool_stop_timeout_s, 30);
    assert_string_equal(c.status_socket, "");
    assert_int_equal(c.stuck_request_s, 60);
    assert_string_equal(c.user, "");
    assert_int_equal(c.max_body_bytes, 4194304);
    assert_string_equal(c.cors_origins, "http://localhost:3000");
    assert_int_equal(c.auth_mode, AUTH_NONE);
    assert_string_equal(c.auth_jwt_secret, "");
    assert_string_equal(c.auth_jwt_user_claim, "sub");
    assert_string_equal(c.auth_user_header, "X-User-Id");
    assert_int_equal(c.log_level, LOG_INFO);
    assert_int_equal(c.log_format, LOG_TEXT);
    assert_string_equal(c.log_file, "");
    assert_int_equal(c.slow_request_ms, 1000);
    assert_null(config_get(&c, "AWS_PROFILE"));
    assert_null(config_get(&c, "NO_SUCH_KEY"));
    config_free(&c);
    config_free(&c);
}

/* ---- one value ---- */

struct value_case {
    const char *key;
    const char *value;
    const char
        *detail; /* what stands behind "KEY=value in the environment "; NULL: it is allowed */
};

#define NOT_A_HEADER                                                                               \
    "is not allowed: expected name of a header as it is sent (X-User-Id, not HTTP_X_USER_ID)"
#define QUOTED                                                                                     \
    "is not allowed: it is in quotes, which docker run --env-file does not remove; "               \
    "expected "
#define MS_DEADLINE "is not allowed: expected ms, 100 to 60000"
#define MS_BLANK "is not allowed: it begins or ends with a blank; expected ms, 100 to 60000"
#define SOCKET_107                                                                                 \
    "/2345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012" \
    "345678901234567"
#define TABLE_255                                                                                  \
    "t234567890123456789012345678901234567890123456789012345678901234567890123456789012345"        \
    "t234567890123456789012345678901234567890123456789012345678901234567890123456789012345"        \
    "t234567890123456789012345678901234567890123456789012345678901234567890123456789012345"

static const struct value_case value_cases[] = {
    {"REQUEST_DEADLINE_MS", "100", NULL},
    {"REQUEST_DEADLINE_MS", "60000", NULL},
    {"REQUEST_DEADLINE_MS", "99", MS_DEADLINE},
    {"REQUEST_DEADLINE_MS", "60001", MS_DEADLINE},
    {"REQUEST_DEADLINE_MS", "abc", MS_DEADLINE},
    {"REQUEST_DEADLINE_MS", "5000ms", MS_DEADLINE},
    {"REQUEST_DEADLINE_MS", "5e3", MS_DEADLINE},
    {"REQUEST_DEADLINE_MS", "+5000", MS_DEADLINE},
    {"REQUEST_DEADLINE_MS", "-5000", MS_DEADLINE},
    {"REQUEST_DEADLINE_MS", " 5000", MS_BLANK},
    {"REQUEST_DEADLINE_MS", "5000 ", MS_BLANK},
    {"REQUEST_DEADLINE_MS", "05000", MS_DEADLINE},
    {"REQUEST_DEADLINE_MS", "0x1000", MS_DEADLINE},
    {"REQUEST_DEADLINE_MS", "5000.0", MS_DEADLINE},
    {"REQUEST_DEADLINE_MS", "18446744073709556616", MS_DEADLINE}, /* 2^64 + 5000 */
    {"AWS_MAX_ATTEMPTS", "0", "is not allowed: expected attempts, 1 to 20"},
    {"AWS_MAX_ATTEMPTS", "20", NULL},
    {"POOL_PROCESSES", "0", NULL},
    {"POOL_PROCESSES", "65", "is not allowed: expected processes, 0 to 64"},
    {"POOL_THREADS", "0", "is not allowed: expected threads, 1 to 512"},
    {"MAX_BODY_BYTES", "16777216", NULL},
    {"MAX_BODY_BYTES", "16777217", "is not allowed: expected bytes, 1024 to 16777216"},
    {"SOCKET_MODE", "600", NULL},
    {"SOCKET_MODE", "0666", NULL},
    {"SOCKET_MODE", "0888", "is not allowed: expected octal, 0000 to 0777"},
    {"SOCKET_MODE", "1777", "is not allowed: expected octal, 0000 to 0777"},
    {"DYNAMODB_CONSISTENT_READ", "0", NULL},
    {"DYNAMODB_CONSISTENT_READ", "2", "is not allowed: expected 0 or 1"},
    {"DYNAMODB_CONSISTENT_READ", "01", "is not allowed: expected 0 or 1"},
    {"DYNAMODB_CONSISTENT_READ", "true", "is not allowed: expected 0 or 1"},
    {"DYNAMODB_CHAT_SESSIONS_TABLE", "a.b", NULL},
    {"DYNAMODB_CHAT_SESSIONS_TABLE", TABLE_255, NULL},
    {"DYNAMODB_CHAT_SESSIONS_TABLE", TABLE_255 "x",
     "is not allowed: expected 3 to 255 letters, digits, dots, _ or -"},
    {"DYNAMODB_CHAT_SESSIONS_TABLE", "ab",
     "is not allowed: expected 3 to 255 letters, digits, dots, _ or -"},
    {"DYNAMODB_CHAT_SESSIONS_TABLE", "a table",
     "is not allowed: expected 3 to 255 letters, digits, dots, _ or -"},
    {"AWS_ENDPOINT_URL", "http://localhost:8001", NULL},
    {"AWS_ENDPOINT_URL", "https://[::1]:8001/", NULL},
    {"AWS_ENDPOINT_URL", "localhost:8001", "is not allowed: expected http:// or https:// URL"},
    {"AWS_ENDPOINT_URL", "ftp://localhost", "is not allowed: expected http:// or https:// URL"},
    {"AWS_ENDPOINT_URL", "http://", "is not allowed: expected http:// or https:// URL"},
    {"AWS_ENDPOINT_URL", "http:///x", "is not allowed: expected http:// or https:// URL"},
    {"AWS_ENDPOINT_URL", "http://a b", "is not allowed: expected http:// or https:// URL"},
    {"SOCKET", SOCKET_107, NULL},
    {"SOCKET", SOCKET_107 "8", "is not allowed: expected path, at most 107 bytes"},
    {"STATUS_SOCKET", SOCKET_107 "8", "is not allowed: expected path, at most 107 bytes"},
    {"AUTH_MODE", "header", NULL},
    {"AUTH_MODE", "basic", "is not allowed: expected none, jwt or header"},
    {"AUTH_USER_HEADER", "X-Forwarded-User", NULL},
    {"AUTH_USER_HEADER", "X User", NOT_A_HEADER},
    {"AUTH_USER_HEADER", "HTTP_X_USER_ID", NOT_A_HEADER},
    {"CORS_CREDENTIALS", "1", NULL},
    {"CORS_CREDENTIALS", "yes", "is not allowed: expected 0 or 1"},
    {"LOG_LEVEL", "WARNING", NULL},
    {"LOG_LEVEL", "loud", "is not allowed: expected debug, info, warning or error"},
    {"LOG_FORMAT", "json", NULL},
    {"LOG_FORMAT", "xml", "is not allowed: expected text or json"},
    {"CORS_ORIGINS", "*", NULL},
    {"CORS_ORIGINS", "https://a.example, http://b.example:8080", NULL},
    {"CORS_ORIGINS", "https://a.example/",
     "is not allowed: expected origins, comma-separated, or *"},
    {"CORS_ORIGINS", "https://a.example,",
     "is not allowed: expected origins, comma-separated, or *"},
    {"CORS_ORIGINS", "a.example", "is not allowed: expected origins, comma-separated, or *"},
    {"AWS_PROFILE", "w\xC3\xB6rk", NULL},
    {"AWS_PROFILE", "bad \xFF", "is not allowed: it is not UTF-8; expected name of a profile"},
    {"AWS_PROFILE", "two\nlines",
     "is not allowed: there is a line break in it; expected name of a profile"},
    {"AWS_PROFILE", "a\x01",
     "is not allowed: there is a control character in it; expected name of a profile"},
    {"AWS_REGION", "us-gov-west-1", NULL},
    {"AWS_REGION", "eusc-de-east-1", NULL},
    {"AWS_REGION", "local", NULL},
    {"AWS_REGION", "us-east-1a",
     "is not allowed: it is a zone of the region us-east-1; expected name of an AWS region"},
    {"DEFAULT_AWS_REGION", "eu-central-1b",
     "is not allowed: it is a zone of the region eu-central-1; expected name of an AWS region"},
    {"AWS_DEFAULT_REGION", "US-EAST-1", "is not allowed: expected name of an AWS region"},
    {"AWS_REGION", "us-east-1.evil.example", "is not allowed: expected name of an AWS region"},
    {"AWS_REGION", "-", "is not allowed: expected name of an AWS region"},
    {"AWS_REGION", " ", "is not allowed: it is blank; expected name of an AWS region"},
    {"AWS_REGION", "us-east-1 ",
     "is not allowed: it begins or ends with a blank; expected name of an AWS region"},
    {"AWS_REGION", "\"us-east-1\"", QUOTED "name of an AWS region"},
    {"AWS_PROFILE", "'work'", QUOTED "name of a profile"},
    {"LOG_FILE", "\"/tmp/log\"", QUOTED "path"},
    {"AWS_ACCESS_KEY_ID", "AKID EXAMPLE", "is not allowed: expected access key id"},
};

static void test_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof value_cases / sizeof *value_cases; i++) {
        const struct value_case *v = &value_cases[i];
        struct config c;
        struct err e = {0};
        char expected[sizeof e.detail];
        clear_environment();
        setenv(v->key, v->value, 1);
        int result = config_load(&c, NULL, false, &e);
        if (!v->detail) {
            if (result != 0)
                fail_msg("%s", e.detail);
            assert_string_equal(config_get(&c, v->key), v->value);
            config_free(&c);
            continue;
        }
        if (result == 0)
            fail_msg("%s=%s is allowed", v->key, v->value);
        snprintf(expected, sizeof expected, "%s=%s in the environment %s", v->key, v->value,
                 v->detail);
        /* What is no UTF-8 is shown as a question mark. */
        for (char *bad = expected; (bad = strchr(bad, '\xFF'));)
            *bad = '?';
        assert_int_equal(e.code, ERR_CONFIGURATION);
        assert_string_equal(e.detail, expected);
        assert_null(c.values);
    }
}

static void test_values_arrive(void **state)
{
    (void)state;
    struct config c;
    setenv("SOCKET_MODE", "0600", 1);
    setenv("DYNAMODB_CONSISTENT_READ", "0", 1);
    setenv("AUTH_MODE", "header", 1);
    setenv("LOG_LEVEL", "ERROR", 1);
    setenv("LOG_FORMAT", "json", 1);
    setenv("POOL_THREADS", "7", 1);
    setenv("POOL_USER", "www-data", 1);
    load(&c, NULL);
    assert_int_equal(c.socket_mode, 0600);
    assert_false(c.consistent_read);
    assert_int_equal(c.auth_mode, AUTH_HEADER);
    assert_int_equal(c.log_level, LOG_ERROR);
    assert_int_equal(c.log_format, LOG_JSON);
    assert_int_equal(c.pool_threads, 7);
    assert_string_equal(c.user, "www-data");
    config_free(&c);
}

/* What is wrong with a secret is said; the secret is not. */
static void test_faults_of_secrets(void **state)
{
    (void)state;
    static const struct value_case cases[] = {
        {"AWS_SESSION_TOKEN", "HUSH\n", "it ends with a line break; expected session token"},
        {"AWS_SESSION_TOKEN", "HUSH\r", "it ends with a line break; expected session token"},
        {"AWS_SECRET_ACCESS_KEY", "\"HUSH\"",
         "it is in quotes, which docker run --env-file does not remove; expected secret "
         "access key"},
        {"AWS_SECRET_ACCESS_KEY", "HUSH ",
         "it begins or ends with a blank; expected secret access key"},
        {"AUTH_JWT_SECRET", "'HUSH5678901234567890123456789012345'",
         "it is in quotes, which docker run --env-file does not remove; expected secret, "
         "at least 32 bytes"},
        {"AWS_CONTAINER_AUTHORIZATION_TOKEN", "HUSH\n",
         "it ends with a line break; expected token"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct config c;
        struct err e = {0};
        char expected[sizeof(e.detail)];
        clear_environment();
        setenv(cases[i].key, cases[i].value, 1);
        if (config_load(&c, NULL, false, &e) == 0)
            fail_msg("%s is allowed", cases[i].key);
        snprintf(expected, sizeof(expected), "%s in the environment is not allowed: %s",
                 cases[i].key, cases[i].detail);
        assert_string_equal(e.detail, expected);
    }
}

static void test_passwords_in_urls(void **state)
{
    (void)state;
    static const char *const keys[] = {"AWS_ENDPOINT_URL", "AUTH_JWT_JWKS_URL", "CORS_ORIGINS",
                                       "HTTPS_PROXY", NULL};
    char shown[64];
    for (size_t i = 0; keys[i]; i++) {
        struct config c;
        struct err e = {0};
        clear_environment();
        setenv(keys[i], "ftp://me:HUSH@h/\n", 1);
        assert_int_equal(config_load(&c, NULL, false, &e), -1);
        assert_non_null(strstr(e.detail, "=ftp://(not shown)@h/"));
        assert_null(strstr(e.detail, "HUSH"));
    }
    config_hide_password("me:HUSH@h:3128", shown, sizeof(shown));
    assert_string_equal(shown, "(not shown)@h:3128");
    config_hide_password("http://me:HU@SH@h/a", shown, sizeof(shown));
    assert_string_equal(shown, "http://(not shown)@h/a");
    config_hide_password("http://h/a", shown, sizeof(shown));
    assert_string_equal(shown, "http://h/a");
}

static void test_long_token(void **state)
{
    (void)state;
    struct config c;
    char token[8193];
    memset(token, 'T', sizeof(token) - 1);
    token[8192] = '\0';
    setenv("AWS_ACCESS_KEY_ID", "AK", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "HUSH", 1);
    setenv("AWS_SESSION_TOKEN", token, 1);
    load(&c, NULL);
    config_free(&c);
    assert_true(log_has("AWS_SESSION_TOKEN in the environment has 8192 bytes"));
}

/* ---- where values come from ---- */

static void test_precedence(void **state)
{
    (void)state;
    struct config c;
    struct config_row row;
    write_env(STR("POOL_THREADS=5\nPOOL_PROCESSES=6\nAWS_PROFILE=file\nLOG_LEVEL=debug\n"));
    setenv("POOL_THREADS", "9", 1);
    setenv("AWS_PROFILE", "", 1); /* empty: as if it were not set */
    setenv("LOG_LEVEL", "error", 1);
    load(&c, env_path);
    assert_int_equal(c.pool_threads, 9);
    assert_int_equal(c.pool_processes, 6);
    assert_int_equal(c.log_level, LOG_ERROR);
    assert_string_equal(config_get(&c, "AWS_PROFILE"), "file");
    assert_true(find_row(&c, "POOL_THREADS", &row));
    assert_int_equal(row.source, CONFIG_FROM_ENVIRONMENT);
    assert_string_equal(row.text, "9");
    assert_true(find_row(&c, "POOL_PROCESSES", &row));
    assert_int_equal(row.source, CONFIG_FROM_FILE);
    assert_true(find_row(&c, "MAX_BODY_BYTES", &row));
    assert_int_equal(row.source, CONFIG_FROM_DEFAULT);
    assert_string_equal(row.text, "4194304");
    /* What was read stays, and nothing was put into the environment. */
    setenv("AWS_PROFILE", "later", 1);
    assert_string_equal(config_get(&c, "AWS_PROFILE"), "file");
    assert_null(getenv("POOL_PROCESSES"));
    config_free(&c);
}

static void test_region_keys(void **state)
{
    (void)state;
    struct config c;
    write_env(STR("DEFAULT_AWS_REGION=us-east-1\n"));
    load(&c, env_path);
    assert_string_equal(c.region, "us-east-1");
    config_free(&c);
    setenv("AWS_DEFAULT_REGION", "eu-west-1", 1);
    load(&c, env_path);
    assert_string_equal(c.region, "eu-west-1");
    config_free(&c);
    setenv("AWS_REGION", "eu-central-1", 1);
    load(&c, env_path);
    assert_string_equal(c.region, "eu-central-1");
    config_free(&c);
}

static void test_aliases_and_home(void **state)
{
    (void)state;
    struct config c;
    struct config_row row;
    setenv("https_proxy", "http://small:1", 1);
    setenv("no_proxy", "small", 1);
    setenv("NO_PROXY", "BIG", 1);
    setenv("HOME", "/home/somebody", 1);
    load(&c, NULL);
    assert_string_equal(config_get(&c, "HTTPS_PROXY"), "http://small:1");
    assert_string_equal(config_get(&c, "NO_PROXY"), "BIG");
    assert_string_equal(config_get(&c, "HOME"), "/home/somebody");
    assert_false(find_row(&c, "HOME", &row));
    config_free(&c);
}

static void test_missing_file(void **state)
{
    (void)state;
    struct config c;
    struct err e = {0};
    assert_int_equal(config_load(&c, env_path, false, &e), 0);
    config_free(&c);
    assert_int_equal(config_load(&c, env_path, true, &e), -1);
    assert_int_equal(e.code, ERR_CONFIGURATION);
    assert_non_null(strstr(e.detail, "No such file or directory"));
    assert_int_equal(config_load(&c, directory, false, &e), -1);
    assert_non_null(strstr(e.detail, "Is a directory"));
}

/* ---- secrets ---- */

static void test_secrets(void **state)
{
    (void)state;
    struct config c;
    struct config_row row;
    struct err e = {0};
    setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI", 1);
    load(&c, NULL);
    assert_true(find_row(&c, "AWS_SECRET_ACCESS_KEY", &row));
    assert_true(row.secret);
    assert_null(row.text);
    assert_true(find_row(&c, "AWS_SESSION_TOKEN", &row));
    assert_string_equal(row.text, "");
    assert_string_equal(config_get(&c, "AWS_SECRET_ACCESS_KEY"), "wJalrXUtnFEMI");
    config_free(&c);
    setenv("AUTH_JWT_SECRET", "thirty-one bytes, one too few..", 1);
    assert_int_equal(config_load(&c, NULL, false, &e), -1);
    assert_string_equal(e.detail, "AUTH_JWT_SECRET in the environment is not allowed: expected "
                                  "secret, at least 32 bytes");
    setenv("AUTH_JWT_SECRET", "thirty-two bytes, that is enough", 1);
    load(&c, NULL);
    config_free(&c);
}

static const char *const placeholders[] = {
    "your_access_key_id",
    "your-access-key",
    "YOUR_ACCESS_KEY_ID",
    "Your Access Key",
    "your_aws_access_key",
    "<your access key>",
    "<key>",
};

static void test_placeholders(void **state)
{
    (void)state;
    struct config c;
    struct err e = {0};
    for (size_t i = 0; i < sizeof placeholders / sizeof *placeholders; i++) {
        clear_environment();
        setenv("AWS_ACCESS_KEY_ID", placeholders[i], 1);
        setenv("AWS_SECRET_ACCESS_KEY", "real", 1);
        assert_int_equal(config_load(&c, NULL, false, &e), -1);
        assert_non_null(strstr(e.detail, "AWS_ACCESS_KEY_ID in the environment is still the "
                                         "placeholder of the example: put your real key there"));
        setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1);
        setenv("AWS_SECRET_ACCESS_KEY", placeholders[i], 1);
        assert_int_equal(config_load(&c, NULL, false, &e), -1);
        assert_non_null(strstr(e.detail, "AWS_SECRET_ACCESS_KEY in the environment is still"));
    }
    /* Real ones in the environment make those of the file harmless. */
    write_env(STR("AWS_ACCESS_KEY_ID=your_access_key_id\n"
                  "AWS_SECRET_ACCESS_KEY=your_secret_access_key\n"));
    setenv("AWS_SECRET_ACCESS_KEY", "real", 1);
    load(&c, env_path);
    config_free(&c);
    clear_environment();
    assert_int_equal(config_load(&c, env_path, false, &e), -1);
    assert_non_null(strstr(e.detail, env_path));
}

static const struct {
    const char *file;
    const char *id; /* in the environment */
    const char *secret;
    const char *detail; /* NULL: allowed; %s is the file */
} pair_cases[] = {
    {"", NULL, NULL, NULL},
    {"", "AKID", "secret", NULL},
    {"AWS_ACCESS_KEY_ID=AKID\nAWS_SECRET_ACCESS_KEY=s\n", NULL, NULL, NULL},
    {"AWS_ACCESS_KEY_ID=AKID\nAWS_SECRET_ACCESS_KEY=s\n", "OTHER", "secret", NULL},
    {"", "AKID", NULL,
     "AWS_ACCESS_KEY_ID is set in the environment, but AWS_SECRET_ACCESS_KEY is not"},
    {"", NULL, "secret",
     "AWS_SECRET_ACCESS_KEY is set in the environment, but AWS_ACCESS_KEY_ID is not"},
    {"AWS_SECRET_ACCESS_KEY=s\n", NULL, NULL, "but AWS_ACCESS_KEY_ID is not: set both or neither"},
    {"AWS_SECRET_ACCESS_KEY=s\n", "AKID", NULL, "AWS_ACCESS_KEY_ID is set in the environment, but"},
    {"AWS_ACCESS_KEY_ID=AKID\nAWS_SECRET_ACCESS_KEY=s\n", "OTHER", NULL,
     "set both in the same place"},
};

static void test_key_pairs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pair_cases / sizeof *pair_cases; i++) {
        struct config c;
        struct err e = {0};
        clear_environment();
        write_env(str_from(pair_cases[i].file));
        if (pair_cases[i].id)
            setenv("AWS_ACCESS_KEY_ID", pair_cases[i].id, 1);
        if (pair_cases[i].secret)
            setenv("AWS_SECRET_ACCESS_KEY", pair_cases[i].secret, 1);
        int result = config_load(&c, env_path, true, &e);
        if (!pair_cases[i].detail) {
            assert_int_equal(result, 0);
            config_free(&c);
        } else {
            assert_int_equal(result, -1);
            assert_int_equal(e.code, ERR_CONFIGURATION);
            if (!strstr(e.detail, pair_cases[i].detail))
                fail_msg("%s", e.detail);
        }
    }
}

static void test_foreign_token(void **state)
{
    (void)state;
    struct config c;
    write_env(STR("AWS_SESSION_TOKEN=of-another-key\n"));
    setenv("AWS_ACCESS_KEY_ID", "AKID", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
    load(&c, env_path);
    assert_null(config_get(&c, "AWS_SESSION_TOKEN"));
    assert_true(log_has("AWS_SESSION_TOKEN in "));
    assert_false(log_has("of-another-key"));
    config_free(&c);
}

static void test_together(void **state)
{
    (void)state;
    struct config c;
    struct err e = {0};
    setenv("DYNAMODB_CHAT_SESSIONS_TABLE", "ai4ai-chat-messages", 1);
    assert_int_equal(config_load(&c, NULL, false, &e), -1);
    assert_non_null(strstr(e.detail, "are both ai4ai-chat-messages"));
    clear_environment();
    setenv("AUTH_MODE", "jwt", 1);
    assert_int_equal(config_load(&c, NULL, false, &e), -1);
    assert_non_null(strstr(e.detail, "AUTH_MODE=jwt needs a key"));
    setenv("AUTH_JWT_JWKS_FILE", "/etc/keys.json", 1);
    load(&c, NULL);
    assert_int_equal(c.auth_mode, AUTH_JWT);
    config_free(&c);
    setenv("CORS_CREDENTIALS", "1", 1);
    load(&c, NULL);
    assert_true(c.cors_credentials);
    config_free(&c);
    setenv("CORS_ORIGINS", "https://a.example,*", 1);
    assert_int_equal(config_load(&c, NULL, false, &e), -1);
    assert_non_null(strstr(e.detail, "do not go together"));
    clear_environment();
    setenv("STUCK_REQUEST_S", "5", 1);
    load(&c, NULL);
    assert_true(log_has("STUCK_REQUEST_S is not longer than REQUEST_DEADLINE_MS"));
    config_free(&c);
}

/* What the reading of the table takes for granted: only a text can do without a default, and only
 * texts have an order of precedence where two keys share a field. */
static void test_rows_of_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < config_key_count; i++) {
        const struct config_key *row = &config_keys[i];
        if (row->type < CONFIG_INTEGER || row->field == CONFIG_NO_FIELD)
            continue;
        if (!row->default_text)
            fail_msg("%s has no default", row->key);
        for (size_t k = 0; k < i; k++) {
            if (config_keys[k].field == row->field)
                fail_msg("%s and %s share a field", row->key, config_keys[k].key);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_defaults),          TEST(test_values),
        TEST(test_values_arrive),     TEST(test_precedence),
        TEST(test_faults_of_secrets), TEST(test_passwords_in_urls),
        TEST(test_long_token),        TEST(test_region_keys),
        TEST(test_aliases_and_home),  TEST(test_missing_file),
        TEST(test_secrets),           TEST(test_placeholders),
        TEST(test_key_pairs),         TEST(test_foreign_token),
        TEST(test_together),          TEST(test_rows_of_numbers),
    };
    return run_config_tests("config", tests, sizeof tests / sizeof *tests);
}
