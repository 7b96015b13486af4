/* The container endpoint: which addresses are allowed, its token, its tries, its answers. */
#include "fake_aws.h"

#define ECS "http://169.254.170.2/creds"
#define RELATIVE "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/creds"
#define FULL "AWS_CONTAINER_CREDENTIALS_FULL_URI="
#define GOOD                                                                                       \
    "{\"RoleArn\":\"arn\",\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"HUSH+/=\","                 \
    "\"Token\":\"HUSHTOKEN\",\"Expiration\":\"" FAKE_HOUR "\"}"
#define FOUND .result = CREDENTIALS_FOUND, .found = "AK/HUSH+/=/HUSHTOKEN/container"
#define FAILED .result = CREDENTIALS_FAILED
#define ALLOWED(url)                                                                               \
    {                                                                                              \
        .name = (url), .settings = {FULL url}, .script = {{"GET " url, 0, 200, GOOD, 0}}, FOUND    \
    }
#define FORBIDDEN(url)                                                                             \
    {                                                                                              \
        .name = (url), .settings = {FULL url}, FAILED,                                             \
        .words = "must be https, or http to loopback"                                              \
    }

static const struct credentials_case cases[] = {
    {.name = "nothing set", .result = CREDENTIALS_NOT_HERE},
    {.name = "relative",
     .settings = {RELATIVE},
     .script = {{"GET " ECS, 0, 200, GOOD, 0}},
     FOUND,
     .longest_ms = 2000},
    {.name = "relative before full",
     .settings = {RELATIVE, FULL "http://127.0.0.1/x"},
     .script = {{"GET " ECS, 0, 200, GOOD, 0}},
     FOUND},
    {.name = "relative without a slash",
     .settings = {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=.evil.example/creds"},
     FAILED,
     .words = "must begin with /"},
    {.name = "relative with a blank",
     .settings = {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/a b"},
     FAILED,
     .words = "must be https"},

    ALLOWED("http://127.0.0.1:8080/a"),
    ALLOWED("http://127.255.0.9/a?b=c"),
    ALLOWED("http://localhost/a"),
    ALLOWED("http://[::1]:1/a"),
    ALLOWED("http://169.254.170.2/a"),
    ALLOWED("http://169.254.170.23/v1/credentials"),
    ALLOWED("http://[fd00:ec2::23]/v1/credentials"),
    ALLOWED("http://[fd00:0ec2:0:0::23]/v1/credentials"),
    ALLOWED("https://anywhere.example/a"),
    FORBIDDEN("http://anywhere.example/a"),
    FORBIDDEN("http://169.254.170.3/a"),
    FORBIDDEN("http://169.254.169.254/a"),
    FORBIDDEN("http://10.0.0.1/a"),
    FORBIDDEN("http://[fd00:ec2::24]/a"),
    FORBIDDEN("http://127.0.0.1.evil.example/a"),
    FORBIDDEN("http://127.1/a"),
    FORBIDDEN("http://169.254.170.2@evil.example/a"),
    FORBIDDEN("http://127.0.0.1:80@evil.example/a"),
    FORBIDDEN("http://[::1]@evil.example/a"),
    FORBIDDEN("http://[::1]evil.example/a"),
    FORBIDDEN("http://[::1"),

    {.name = "token variable",
     .settings = {RELATIVE, "AWS_CONTAINER_AUTHORIZATION_TOKEN=Basic HUSHA"},
     .script = {{"GET " ECS, 0, 200, GOOD, 0}},
     FOUND,
     .seen = {"\nAuthorization: Basic HUSHA\n"}},
    {.name = "token file before token variable, its line feed dropped",
     .settings = {RELATIVE, "AWS_CONTAINER_AUTHORIZATION_TOKEN=HUSHA",
                  "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=@/token"},
     .token_file = "HUSHB\n",
     .script = {{"GET " ECS, 0, 200, GOOD, 0}},
     FOUND,
     .seen = {"\nAuthorization: HUSHB\n"}},
    {.name = "token file missing",
     .settings = {RELATIVE, "AWS_CONTAINER_AUTHORIZATION_TOKEN=HUSHA",
                  "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=@/nothing"},
     FAILED,
     .words = "cannot be read: No such file"},
    {.name = "a token that would forge a header",
     .settings = {RELATIVE, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=@/token"},
     .token_file = "HUSH\r\nX: y",
     FAILED,
     .words = "control character"},

    {.name = "third try answers",
     .settings = {RELATIVE},
     .script = {{"GET " ECS, TRANSPORT_MAYBE_SENT, 0, NULL, 0},
                {"GET " ECS, 0, 503, "HUSH", 0},
                {"GET " ECS, 0, 200, GOOD, 0}},
     FOUND},
    {.name = "three tries and no more",
     .settings = {RELATIVE},
     .script = {{"GET " ECS, 0, 500, NULL, 0},
                {"GET " ECS, 0, 429, NULL, 0},
                {"GET " ECS, TRANSPORT_NOT_SENT, 0, NULL, 0}},
     FAILED,
     .words = "no answer"},
    {.name = "a refusal is not tried again",
     .settings = {RELATIVE},
     .script = {{"GET " ECS, 0, 403, "HUSH", 0}},
     FAILED,
     .words = "status 403"},
    {.name = "a name that does not resolve is not tried again",
     .settings = {FULL "https://nowhere.example/"},
     .script = {{"GET https://nowhere.example/", TRANSPORT_NOT_SENT, 0, NULL, true}},
     FAILED,
     .words = "no answer"},
#define ANSWER(title, body, said)                                                                  \
    {                                                                                              \
        .name = (title), .settings = {RELATIVE}, .script = {{"GET " ECS, 0, 200, body, 0}},        \
        FAILED, .words = (said)                                                                    \
    }
    ANSWER("no JSON", "<html>HUSH</html>", "not JSON"),
    ANSWER("cut off", "{\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"SECR", "not JSON"),
    ANSWER("empty", "", "not JSON"),
    ANSWER("no object", "[]", "no Expiration"),
    ANSWER("an error document", "{\"code\":\"x\",\"message\":\"HUSH\"}", "no Expiration"),
    ANSWER("empty key",
           "{\"AccessKeyId\":\"\",\"SecretAccessKey\":\"HUSH\",\"Token\":\"t\",\"Expiration\":"
           "\"" FAKE_HOUR "\"}",
           "access key id is missing"),
    ANSWER("no secret", "{\"AccessKeyId\":\"AK\",\"Token\":\"t\",\"Expiration\":\"" FAKE_HOUR "\"}",
           "secret access key is missing"),
    ANSWER("null token",
           "{\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"HUSH\",\"Token\":null,\"Expiration\":"
           "\"" FAKE_HOUR "\"}",
           "no Token"),
    ANSWER("expired",
           "{\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"HUSH\",\"Token\":\"t\",\"Expiration\":"
           "\"2026-01-01T00:00:00Z\"}",
           "expired at 2026-01-01T00:00:00"),
    ANSWER("no time",
           "{\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"HUSH\",\"Token\":\"t\",\"Expiration\":"
           "\"HUSH\"}",
           "Expiration is no time"),
    ANSWER("a key that would forge a header",
           "{\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"HUSH\",\"Token\":\"t\\r\\nX: y\","
           "\"Expiration\":\"" FAKE_HOUR "\"}",
           "session token has a blank"),
};

static void test_container(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        run_case(&cases[i], credentials_container);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_container)};
    return cmocka_run_group_tests_name("container", tests, fake_home_make, fake_home_remove);
}
