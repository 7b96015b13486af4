/* Profiles of `aws configure sso`: both forms, the cached token, its renewal, GetRoleCredentials,
 * and what a person is told to do. */
#include "fake_aws.h"

#define CACHE ".aws/sso/cache/"
#define CORP CACHE "ee0bfd2552fbd840c02cc48b6e823320543c450f.json"  /* SHA-1 of "corp" */
#define START CACHE "a51746d4aa793ae07b25e90c3a5db96fc7832bd7.json" /* of the start URL */
#define START_URL "https://corp.awsapps.com/start"
#define PORTAL                                                                                     \
    "GET https://portal.sso.eu-west-1.amazonaws.com/federation/credentials?role_name=Reader&"      \
    "account_id=123456789012"
#define OIDC "POST https://oidc.eu-west-1.amazonaws.com/token"
#define FOUND .result = CREDENTIALS_FOUND, .found
#define FAILED .result = CREDENTIALS_FAILED, .words
#define ROLE "sso_account_id = 123456789012\nsso_role_name = Reader\n"
#define SESSION                                                                                    \
    "[sso-session corp]\nsso_region = eu-west-1\nsso_start_url = " START_URL                       \
    "\nsso_registration_scopes = sso:account:access\n"
#define PROFILE "[profile work]\nsso_session = corp\n" ROLE SESSION
#define OLD_PROFILE "[profile work]\nsso_start_url = " START_URL "\nsso_region = eu-west-1\n" ROLE
#define WORK .settings = {"AWS_PROFILE=work"}
#define KEYS                                                                                       \
    "{\"roleCredentials\":{\"accessKeyId\":\"AK\",\"secretAccessKey\":\"HUSH\",\"sessionToken\":"  \
    "\"HUSHT\",\"expiration\":1767229200000}}" /* an hour from now */
#define GIVES_KEYS                                                                                 \
    {                                                                                              \
        PORTAL, 0, 200, KEYS, 0                                                                    \
    }
#define LIVES "\"expiresAt\":\"2026-01-01T08:00:00Z\""
#define DYING "\"expiresAt\":\"2026-01-01T00:04:00Z\""
#define DEAD "\"expiresAt\":\"2025-12-31T23:59:59Z\""
#define TOKEN "\"accessToken\":\"HUSH-OLD\""
#define CLIENT(registered_until)                                                                   \
    "\"startUrl\":\"" START_URL "\",\"region\":\"eu-west-1\",\"clientId\":\"cid\","                \
    "\"clientSecret\":\"HUSH-S\",\"refreshToken\":\"HUSH-R\",\"registrationExpiresAt\":"           \
    "\"" registered_until "\""
#define RENEWABLE CLIENT("2026-03-01T00:00:00Z")
#define RENEWED                                                                                    \
    "{\"accessToken\":\"HUSH-NEW\",\"expiresIn\":28800,\"refreshToken\":\"HUSH-R2\","              \
    "\"tokenType\":\"Bearer\",\"idToken\":null}"
#define LOGIN "run `aws sso login --profile work`"

/* A profile, what is in the cache, and what is in it afterwards. */
struct sso_case {
    struct credentials_case machine;
    const char *path;  /* NULL: CORP */
    const char *cache; /* NULL: no file */
    const char *kept;  /* what the file has then; NULL: what it had */
};

static const struct sso_case cases[] = {
    {.machine = {.name = "a session",
                 WORK,
                 .config_file = PROFILE,
                 .script = {GIVES_KEYS},
                 FOUND = "AK/HUSH/HUSHT/profile work, SSO",
                 .seen = {"\nx-amz-sso_bearer_token: HUSH-OLD\n"},
                 .expires_us = INT64_C(1767229200000000)},
     .cache = "{" TOKEN "," LIVES ",\"unknown\":[1,{}]}"},
    {.machine = {.name = "the older form, its time as earlier versions wrote it",
                 WORK,
                 .config_file = OLD_PROFILE,
                 .script = {GIVES_KEYS},
                 FOUND = "AK/HUSH/HUSHT/profile work, SSO"},
     .path = START,
     .cache = "{" TOKEN ",\"expiresAt\":\"2026-01-01T08:00:00UTC\"}"},
    {.machine = {.name = "SSO comes before keys",
                 WORK,
                 .config_file = PROFILE,
                 .credentials_file =
                     "[work]\naws_access_key_id = OLD\naws_secret_access_key = HUSH\n",
                 .script = {GIVES_KEYS},
                 FOUND = "AK/HUSH/HUSHT/profile work, SSO"},
     .cache = "{" TOKEN "," LIVES "}"},
    {.machine = {.name = "the source of a role",
                 .config_file = "[default]\nrole_arn = r\nsource_profile = work\n" PROFILE,
                 .script = {GIVES_KEYS,
                            {"POST https://sts.eu-central-1.amazonaws.com/", 0, 403,
                             "{\"Error\":{\"Code\":\"AccessDenied\",\"Message\":\"no\"}}", 0}},
                 FAILED = "STS says AccessDenied",
                 .seen = {"Credential=AK/", "\nX-Amz-Security-Token: HUSHT\n"}},
     .cache = "{" TOKEN "," LIVES "}"},
    {.machine = {.name = "a profile that is its own source",
                 .config_file = "[default]\nrole_arn = r\nsource_profile = default\n"
                                "sso_session = corp\n" ROLE SESSION,
                 .script = {GIVES_KEYS,
                            {"POST https://sts.eu-central-1.amazonaws.com/", 0, 403,
                             "{\"Error\":{\"Code\":\"AccessDenied\",\"Message\":\"no\"}}", 0}},
                 FAILED = "STS says AccessDenied"},
     .cache = "{" TOKEN "," LIVES "}"},
    {.machine = {.name = "a role's name that a query must escape",
                 WORK,
                 .config_file = "[profile work]\nsso_session = corp\nsso_account_id = 1\n"
                                "sso_role_name = a+b=c&d\n" SESSION,
                 .script = {{"GET https://portal.sso.eu-west-1.amazonaws.com/federation/"
                             "credentials?role_name=a%2Bb%3Dc%26d&account_id=1",
                             0, 200, KEYS, 0}},
                 FOUND = "AK/HUSH/HUSHT/profile work, SSO"},
     .cache = "{" TOKEN "," LIVES "}"},
    {.machine = {.name = "the portal elsewhere",
                 .settings = {"AWS_PROFILE=work", "AWS_ENDPOINT_URL_SSO=http://portal/"},
                 .config_file = PROFILE,
                 .script = {{"GET http://portal/federation/credentials?role_name=Reader&"
                             "account_id=123456789012",
                             0, 200, KEYS, 0}},
                 FOUND = "AK/HUSH/HUSHT/profile work, SSO"},
     .cache = "{" TOKEN "," LIVES "}"},
    {.machine = {.name = "third try",
                 WORK,
                 .config_file = PROFILE,
                 .script = {{PORTAL, 0, 429, NULL, 0},
                            {PORTAL, TRANSPORT_MAYBE_SENT, 0, NULL, 0},
                            GIVES_KEYS},
                 FOUND = "AK/HUSH/HUSHT/profile work, SSO"},
     .cache = "{" TOKEN "," LIVES "}"},

    /* ---- what a person must do ---- */
    {.machine = {.name = "nobody has signed in",
                 WORK,
                 .config_file = PROFILE,
                 FAILED = "nobody has signed in with SSO: " LOGIN}},
    {.machine = {.name = "nobody has signed in, the older form",
                 WORK,
                 .config_file = OLD_PROFILE,
                 FAILED = "nobody has signed in with SSO: " LOGIN},
     .path = CORP,
     .cache = "{" TOKEN "," LIVES "}"},
    {.machine = {.name = "the token has expired",
                 WORK,
                 .config_file = PROFILE,
                 FAILED = "its SSO token has expired: " LOGIN},
     .cache = "{" TOKEN "," DEAD "}"},
    {.machine = {.name = "the older form is not renewed",
                 WORK,
                 .config_file = OLD_PROFILE,
                 FAILED = "its SSO token has expired: " LOGIN},
     .path = START,
     .cache = "{" TOKEN "," DEAD "," RENEWABLE "}"},
    {.machine = {.name = "the token has no time",
                 WORK,
                 .config_file = PROFILE,
                 FAILED = "its SSO token has expired: " LOGIN},
     .cache = "{" TOKEN "}"},
    {.machine = {.name = "the portal does not take the token",
                 WORK,
                 .config_file = PROFILE,
                 .script = {{PORTAL, 0, 401, "{\"message\":\"HUSH\"}", 0}},
                 FAILED = "IAM Identity Center does not take its SSO token: " LOGIN},
     .cache = "{" TOKEN "," LIVES "}"},
    {.machine = {.name = "the role is not given",
                 WORK,
                 .config_file = PROFILE,
                 .script = {{PORTAL, 0, 403, "{\"message\":\"HUSH\"}", 0}},
                 FAILED = "does not give the role Reader in the account 123456789012"},
     .cache = "{" TOKEN "," LIVES "}"},
    {.machine = {.name = "the portal is away",
                 WORK,
                 .config_file = PROFILE,
                 .script = {{PORTAL, TRANSPORT_NOT_SENT, 0, NULL, true}},
                 FAILED = "profile work: SSO: no answer: connection refused"},
     .cache = "{" TOKEN "," LIVES "}"},
    {.machine = {.name = "no credentials in the answer",
                 WORK,
                 .config_file = PROFILE,
                 .script = {{PORTAL, 0, 200, "{\"roleCredentials\":{\"accessKeyId\":\"HUSH\"}}",
                             0}},
                 FAILED = "profile work, SSO: the answer has no expiration"},
     .cache = "{" TOKEN "," LIVES "}"},
    {.machine = {.name = "a token that would forge a header",
                 WORK,
                 .config_file = PROFILE,
                 FAILED = "its SSO token is no token: " LOGIN},
     .cache = "{\"accessToken\":\"HUSH\\r\\nX: y\"," LIVES "}"},
    {.machine = {.name = "the cache is no JSON",
                 WORK,
                 .config_file = PROFILE,
                 FAILED = "543c450f.json is no JSON"},
     .cache = "{" TOKEN "," LIVES},
    {.machine = {.name = "no role in the profile",
                 WORK,
                 .config_file = "[profile work]\nsso_session = corp\nsso_account_id = 1\n" SESSION,
                 FAILED = "sso_role_name is missing; `aws configure sso --profile work` sets it"}},
    {.machine = {.name = "no such session",
                 WORK,
                 .config_file = "[profile work]\nsso_session = other\n" ROLE SESSION,
                 FAILED = "no [sso-session other] with sso_start_url"}},
    {.machine = {.name = "profile and session differ",
                 WORK,
                 .config_file =
                     "[profile work]\nsso_session = corp\nsso_region = us-east-1\n" ROLE SESSION,
                 FAILED = "its sso_region is not that of [sso-session corp]"}},
    {.machine = {.name = "a region that is none",
                 WORK,
                 .config_file = "[profile work]\nsso_start_url = " START_URL
                                "\nsso_region = a.evil.example/\n" ROLE,
                 FAILED = "its sso_region is no region's name"}},

    /* ---- renewing ---- */
    {.machine = {.name = "an expired token is renewed and kept",
                 WORK,
                 .config_file = PROFILE,
                 .script = {{OIDC, 0, 200, RENEWED, 0}, GIVES_KEYS},
                 FOUND = "AK/HUSH/HUSHT/profile work, SSO",
                 .seen = {"Content-Type: application/json\n",
                          "\n{\"grantType\":\"refresh_token\",\"clientId\":\"cid\","
                          "\"clientSecret\":\"HUSH-S\",\"refreshToken\":\"HUSH-R\"}\n",
                          "\nx-amz-sso_bearer_token: HUSH-NEW\n"}},
     .cache = "{" TOKEN "," DEAD "," RENEWABLE "}",
     .kept = "{\"startUrl\":\"" START_URL "\",\"region\":\"eu-west-1\",\"accessToken\":"
             "\"HUSH-NEW\",\"expiresAt\":\"2026-01-01T08:00:00.000000Z\",\"clientId\":\"cid\","
             "\"clientSecret\":\"HUSH-S\",\"registrationExpiresAt\":\"2026-03-01T00:00:00Z\","
             "\"refreshToken\":\"HUSH-R2\"}"},
    {.machine = {.name = "one that is about to expire is renewed, too",
                 WORK,
                 .config_file = PROFILE,
                 .script = {{OIDC, 0, 200, "{\"accessToken\":\"HUSH-NEW\",\"expiresIn\":60}", 0},
                            GIVES_KEYS},
                 FOUND = "AK/HUSH/HUSHT/profile work, SSO",
                 .seen = {"\nx-amz-sso_bearer_token: HUSH-NEW\n"}},
     .cache = "{" TOKEN "," DYING "," RENEWABLE "}",
     .kept = "{\"startUrl\":\"" START_URL "\",\"region\":\"eu-west-1\",\"accessToken\":"
             "\"HUSH-NEW\",\"expiresAt\":\"2026-01-01T00:01:00.000000Z\",\"clientId\":\"cid\","
             "\"clientSecret\":\"HUSH-S\",\"registrationExpiresAt\":\"2026-03-01T00:00:00Z\","
             "\"refreshToken\":\"HUSH-R\"}"},
    {.machine = {.name = "one that cannot be renewed is used while it lives",
                 WORK,
                 .config_file = PROFILE,
                 .script = {{OIDC, 0, 400, "{\"error\":\"invalid_grant\"}", 0}, GIVES_KEYS},
                 FOUND = "AK/HUSH/HUSHT/profile work, SSO",
                 .seen = {"\nx-amz-sso_bearer_token: HUSH-OLD\n"}},
     .cache = "{" TOKEN "," DYING "," RENEWABLE "}"},
    {.machine = {.name = "renewal is refused",
                 WORK,
                 .config_file = PROFILE,
                 .script = {{OIDC, 0, 400, "{\"error\":\"invalid_grant\"}", 0}},
                 FAILED = "its SSO token has expired: " LOGIN},
     .cache = "{" TOKEN "," DEAD "," RENEWABLE "}"},
    {.machine = {.name = "renewal gives rubbish",
                 WORK,
                 .config_file = PROFILE,
                 .script = {{OIDC, 0, 200, "{\"accessToken\":\"HUSH\"}", 0}},
                 FAILED = "its SSO token has expired: " LOGIN},
     .cache = "{" TOKEN "," DEAD "," RENEWABLE "}"},
    {.machine = {.name = "the sign-in is away: signing in again would not help",
                 WORK,
                 .config_file = PROFILE,
                 .script = {{OIDC, 0, 503, NULL, 0},
                            {OIDC, 0, 503, NULL, 0},
                            {OIDC, 0, 503, NULL, 0}},
                 FAILED = "could not be renewed: SSO token: answered with status 503"},
     .cache = "{" TOKEN "," DEAD "," RENEWABLE "}"},
    {.machine = {.name = "the registration has expired: nobody is asked",
                 WORK,
                 .config_file = PROFILE,
                 FAILED = "its SSO token has expired: " LOGIN},
     .cache = "{" TOKEN "," DEAD "," CLIENT("2025-12-31T00:00:00Z") "}"},
    {.machine = {.name = "the sign-in elsewhere",
                 .settings = {"AWS_PROFILE=work", "AWS_ENDPOINT_URL_SSO_OIDC=http://oidc"},
                 .config_file = PROFILE,
                 .script = {{"POST http://oidc/token", 0, 403, NULL, 0}},
                 FAILED = "its SSO token has expired: " LOGIN},
     .cache = "{" TOKEN "," DEAD "," RENEWABLE "}"},
};

static void check_kept(const struct sso_case *row, const char *path)
{
    char name[256];
    char text[4096];
    struct stat st;
    const char *wanted = row->kept ? row->kept : row->cache;
    (void)snprintf(name, sizeof(name), "%s/%s", fake_home, path);
    FILE *file = fopen(name, "r");
    if (!wanted) {
        assert_null(file);
        return;
    }
    assert_non_null(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    (void)fclose(file);
    assert_string_equal(text, wanted);
    assert_int_equal(stat(name, &st), 0);
    if (row->kept)
        assert_int_equal(st.st_mode & 07777, 0600);
}

static void test_sso(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct sso_case *row = &cases[i];
        struct credentials_case machine = row->machine;
        const char *path = row->path ? row->path : CORP;
        machine.may_use_proxy = true;
        fake_file_remove(CORP);
        fake_file_remove(START);
        fake_file_write(path, row->cache);
        run_case(&machine, credentials_profile);
        check_kept(row, path);
    }
    fake_file_remove(CORP);
    fake_file_remove(START);
}

/* Another process renews the token while this one is on its way with the old refresh token, which
 * is void then. */
static void renew_meanwhile(struct transport *t, const struct transport_request *request,
                            struct transport_response *response)
{
    if (strstr(request->url, "/token"))
        fake_file_write(CORP, "{\"accessToken\":\"HUSH-OTHER\"," LIVES "," RENEWABLE "}");
    fake_perform(t, request, response);
}

static void test_renewed_by_another_process(void **state)
{
    (void)state;
    static const char *const settings[] = {"AWS_PROFILE=work", NULL};
    static const struct fake_answer script[] = {
        {OIDC, 0, 400, "{\"error\":\"invalid_grant\"}", 0}, GIVES_KEYS, {0}};
    struct fake_clock clock = {.wall_us = FAKE_NOW_US, .chance = 0.5};
    struct clock table = fake_clock_table(&clock);
    struct fake_transport transport;
    struct config config;
    struct credentials c = {0};
    struct err e = {0};
    fake_file_write(".aws/config", PROFILE);
    fake_file_write(CORP, "{" TOKEN "," DEAD "," RENEWABLE "}");
    fake_config(&config, settings);
    fake_transport_init(&transport, script);
    transport.table.perform = renew_meanwhile;
    const struct credentials_context context = {
        .config = &config, .clock = &table, .transport = &transport.table, .region = ""};
    assert_int_equal(credentials_profile(&context, &c, &e), CREDENTIALS_FOUND);
    assert_non_null(strstr(transport.transcript.data, "x-amz-sso_bearer_token: HUSH-OTHER\n"));
    credentials_clear(&c);
    buf_free(&transport.transcript);
    config_free(&config);
    fake_file_remove(CORP);
}

static void cache_path(char *out, size_t size)
{
    (void)snprintf(out, size, "%s/" CACHE, fake_home);
}

static void lose_cache(struct transport *t, const struct transport_request *request,
                       struct transport_response *response)
{
    char directory[128];
    cache_path(directory, sizeof(directory));
    fake_file_remove(CORP);
    (void)rmdir(directory);
    fake_perform(t, request, response);
}

/* A cache that cannot be written keeps nobody from working. */
static void test_cache_cannot_be_written(void **state)
{
    (void)state;
    static const char *const settings[] = {"AWS_PROFILE=work", NULL};
    static const struct fake_answer script[] = {{OIDC, 0, 200, RENEWED, 0}, GIVES_KEYS, {0}};
    struct fake_clock clock = {.wall_us = FAKE_NOW_US, .chance = 0.5};
    struct clock table = fake_clock_table(&clock);
    struct fake_transport transport;
    struct config config;
    struct credentials c = {0};
    struct err e = {0};
    char directory[128];
    fake_file_write(".aws/config", PROFILE);
    fake_file_write(CORP, "{" TOKEN "," DEAD "," RENEWABLE "}");
    fake_config(&config, settings);
    fake_transport_init(&transport, script);
    transport.table.perform = lose_cache;
    const struct credentials_context context = {
        .config = &config, .clock = &table, .transport = &transport.table, .region = ""};
    assert_int_equal(credentials_profile(&context, &c, &e), CREDENTIALS_FOUND);
    assert_non_null(strstr(transport.transcript.data, "x-amz-sso_bearer_token: HUSH-NEW\n"));
    cache_path(directory, sizeof(directory));
    assert_int_equal(mkdir(directory, 0700), 0);
    credentials_clear(&c);
    buf_free(&transport.transcript);
    config_free(&config);
}

static int make_cache(void **state)
{
    static const char *const directories[] = {".aws/sso", ".aws/sso/cache"};
    char path[128];
    if (fake_home_make(state) != 0)
        return -1;
    for (size_t i = 0; i < COUNT(directories); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", fake_home, directories[i]);
        if (mkdir(path, 0700) != 0)
            return -1;
    }
    return 0;
}

static int remove_cache(void **state)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/.aws/sso/cache", fake_home);
    rmdir(path);
    (void)snprintf(path, sizeof(path), "%s/.aws/sso", fake_home);
    rmdir(path);
    return fake_home_remove(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sso),
        cmocka_unit_test(test_renewed_by_another_process),
        cmocka_unit_test(test_cache_cannot_be_written),
    };
    return cmocka_run_group_tests_name("credentials_sso", tests, make_cache, remove_cache);
}
