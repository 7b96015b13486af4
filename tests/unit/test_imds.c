/* The instance metadata service: version 2, the fall-back to 1, machines that have none, regions.
 */
#include "fake_aws.h"

#include "aws/endpoint.h"
#include "aws/imds.h"
#include "aws/region.h"

#define BASE "http://169.254.169.254/latest/"
#define PUT "PUT " BASE "api/token"
#define LIST "GET " BASE "meta-data/iam/security-credentials/"
#define ROLE "GET " BASE "meta-data/iam/security-credentials/app-role"
#define REGION "GET " BASE "meta-data/placement/region"
#define GOOD                                                                                       \
    "{\"Code\":\"Success\",\"Type\":\"AWS-HMAC\",\"AccessKeyId\":\"AK\","                          \
    "\"SecretAccessKey\":\"HUSH\",\"Token\":\"HUSHTOKEN\",\"Expiration\":\"" FAKE_HOUR "\"}"
#define FOUND .result = CREDENTIALS_FOUND, .found = "AK/HUSH/HUSHTOKEN/instance role"
#define FAILED .result = CREDENTIALS_FAILED
#define NOT_HERE .result = CREDENTIALS_NOT_HERE
#define TOKEN                                                                                      \
    {                                                                                              \
        PUT, 0, 200, "HUSHIMDS", 0                                                                 \
    }

static const struct credentials_case cases[] = {
    {.name = "version 2",
     .script = {TOKEN, {LIST, 0, 200, "app-role\n", 0}, {ROLE, 0, 200, GOOD, 0}},
     FOUND,
     .seen = {"PUT " BASE "api/token\nX-aws-ec2-metadata-token-ttl-seconds: 21600\n",
              "security-credentials/\nX-aws-ec2-metadata-token: HUSHIMDS\n",
              "app-role\nX-aws-ec2-metadata-token: HUSHIMDS\n"},
     .longest_ms = 1000},
    {.name = "switched off", .settings = {"AWS_EC2_METADATA_DISABLED=true"}, NOT_HERE},
    {.name = "switched off, in capitals", .settings = {"AWS_EC2_METADATA_DISABLED=TRUE"}, NOT_HERE},
    {.name = "not switched off",
     .settings = {"AWS_EC2_METADATA_DISABLED=false"},
     .script = {{PUT, TRANSPORT_NOT_SENT, 0, NULL, 0}},
     NOT_HERE},
    {.name = "nobody there: one try", .script = {{PUT, TRANSPORT_NOT_SENT, 0, NULL, 0}}, NOT_HERE},
    {.name = "took the request, gave no answer",
     .script = {{PUT, TRANSPORT_MAYBE_SENT, 0, NULL, 0}},
     FAILED,
     .words = "HttpPutResponseHopLimit"},
    {.name = "version 1 on 403",
     .script = {{PUT, 0, 403, NULL, 0}, {LIST, 0, 200, "app-role", 0}, {ROLE, 0, 200, GOOD, 0}},
     FOUND,
     .seen = {"security-credentials/\n\n", "app-role\n\n"}},
    {.name = "version 1 on 404",
     .script = {{PUT, 0, 404, NULL, 0}, {LIST, 0, 200, "app-role", 0}, {ROLE, 0, 200, GOOD, 0}},
     FOUND},
    {.name = "version 1 on 405",
     .script = {{PUT, 0, 405, NULL, 0}, {LIST, 0, 200, "app-role", 0}, {ROLE, 0, 200, GOOD, 0}},
     FOUND},
    {.name = "no version 1 on 400",
     .script = {{PUT, 0, 400, NULL, 0}},
     FAILED,
     .words = "status 400"},
    {.name = "no version 1 on 401",
     .script = {{PUT, 0, 401, NULL, 0}},
     FAILED,
     .words = "status 401"},
    {.name = "version 1 forbidden",
     .settings = {"AWS_EC2_METADATA_V1_DISABLED=true"},
     .script = {{PUT, 0, 404, NULL, 0}},
     FAILED,
     .words = "forbids version 1"},
    {.name = "another endpoint",
     .settings = {"AWS_EC2_METADATA_SERVICE_ENDPOINT=http://[fd00:ec2::254]/"},
     .script = {{"PUT http://[fd00:ec2::254]/latest/api/token", TRANSPORT_NOT_SENT, 0, NULL, 0}},
     NOT_HERE},
    {.name = "the endpoint of IPv6",
     .settings = {"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE=IPv6"},
     .script = {{"PUT http://[fd00:ec2::254]/latest/api/token", TRANSPORT_NOT_SENT, 0, NULL, 0}},
     NOT_HERE},
    {.name = "the endpoint of IPv6, by the profile",
     .config_file = "[default]\nec2_metadata_service_endpoint_mode = ipv6\n",
     .script = {{"PUT http://[fd00:ec2::254]/latest/api/token", TRANSPORT_NOT_SENT, 0, NULL, 0}},
     NOT_HERE},
    {.name = "the endpoint of IPv4",
     .settings = {"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE=IPv4"},
     .config_file = "[default]\nec2_metadata_service_endpoint_mode = IPv6\n",
     .script = {{PUT, TRANSPORT_NOT_SENT, 0, NULL, 0}},
     NOT_HERE},
    {.name = "an endpoint that is named comes before its mode",
     .settings = {"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE=IPv6"},
     .config_file = "[default]\nec2_metadata_service_endpoint = http://m\n",
     .script = {{"PUT http://m/latest/api/token", TRANSPORT_NOT_SENT, 0, NULL, 0}},
     NOT_HERE},
    {.name = "a mode that is none",
     .config_file = "[default]\nec2_metadata_service_endpoint_mode = IPv5\n",
     FAILED,
     .words = "must be IPv4 or IPv6"},
    {.name = "a longer time and more attempts",
     .settings = {"AWS_METADATA_SERVICE_TIMEOUT=7", "AWS_METADATA_SERVICE_NUM_ATTEMPTS=2"},
     .script = {{PUT, TRANSPORT_NOT_SENT, 0, NULL, 0},
                TOKEN,
                {LIST, TRANSPORT_NOT_SENT, 0, NULL, 0},
                {LIST, 0, 503, NULL, 0}},
     FAILED,
     .words = "status 503",
     .longest_ms = 7000},
    {.name = "the same by the profile",
     .config_file = "[default]\nmetadata_service_timeout = 60\nmetadata_service_num_attempts = 2\n",
     .script = {{PUT, TRANSPORT_NOT_SENT, 0, NULL, 0}, {PUT, TRANSPORT_NOT_SENT, 0, NULL, 0}},
     NOT_HERE,
     .longest_ms = 60000},
    {.name = "no more than one attempt",
     .settings = {"AWS_METADATA_SERVICE_NUM_ATTEMPTS=1"},
     .script = {{PUT, 0, 503, NULL, 0}},
     FAILED,
     .words = "status 503"},
    {.name = "a time that is none",
     .config_file = "[default]\nmetadata_service_timeout = 61\n",
     FAILED,
     .words = "metadata_service_timeout of the profile must be a number from 1 to 60"},
    {.name = "attempts that are no number",
     .config_file = "[default]\nmetadata_service_num_attempts = 2x\n",
     FAILED,
     .words = "must be a number from 1 to 20"},
    {.name = "token service busy at first",
     .script =
         {{PUT, 0, 503, NULL, 0}, TOKEN, {LIST, 0, 200, "app-role", 0}, {ROLE, 0, 200, GOOD, 0}},
     FOUND},
    {.name = "token service busy for good",
     .script = {{PUT, 0, 503, NULL, 0}, {PUT, 0, 503, NULL, 0}, {PUT, 0, 500, NULL, 0}},
     FAILED,
     .words = "status 500"},
    {.name = "empty token", .script = {{PUT, 0, 200, "", 0}}, FAILED, .words = "no usable token"},
    {.name = "a token that would forge a header",
     .script = {{PUT, 0, 200, "HUSH\r\nX: y", 0}},
     FAILED,
     .words = "no usable token"},
    {.name = "an instance without a role", .script = {TOKEN, {LIST, 0, 404, NULL, 0}}, NOT_HERE},
    {.name = "403 to everything: no instance",
     .script = {{PUT, 0, 403, NULL, 0}, {LIST, 0, 403, NULL, 0}},
     NOT_HERE},
    {.name = "a role's name that is a path",
     .script = {TOKEN, {LIST, 0, 200, "../../user-data", 0}},
     FAILED,
     .words = "no usable name"},
    {.name = "an HTML page for a role's name",
     .script = {TOKEN, {LIST, 0, 200, "<html>", 0}},
     FAILED,
     .words = "no usable name"},
    {.name = "credentials on the third try",
     .script = {TOKEN,
                {LIST, 0, 200, "app-role", 0},
                {ROLE, 0, 500, NULL, 0},
                {ROLE, TRANSPORT_MAYBE_SENT, 0, NULL, 0},
                {ROLE, 0, 200, GOOD, 0}},
     FOUND},
    {.name = "the token is refused",
     .script = {TOKEN, {LIST, 0, 401, NULL, 0}},
     FAILED,
     .words = "status 401"},
    {.name = "the role went away",
     .script = {TOKEN, {LIST, 0, 200, "app-role", 0}, {ROLE, 0, 404, NULL, 0}},
     FAILED,
     .words = "status 404"},
    {.name = "status 200, but Code is no success",
     .script = {TOKEN,
                {LIST, 0, 200, "app-role", 0},
                {ROLE, 0, 200,
                 "{\"Code\":\"AssumeRoleUnauthorizedAccess\",\"AccessKeyId\":\"AK\","
                 "\"SecretAccessKey\":\"HUSH\",\"Token\":\"t\",\"Expiration\":\"" FAKE_HOUR "\"}",
                 0}},
     FAILED,
     .words = "Code is AssumeRoleUnauthorizedAccess"},
    {.name = "Code could be anything",
     .script = {TOKEN, {LIST, 0, 200, "app-role", 0}, {ROLE, 0, 200, "{\"Code\":\"HUSH 1\"}", 0}},
     FAILED,
     .words = "Code is an unreadable one"},
};

static void test_imds(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        run_case(&cases[i], credentials_imds);
}

/* Without an answer a machine is slowed down by no more than one try: no pause either. */
static void test_nobody_there_costs_one_try(void **state)
{
    (void)state;
    static const char *const settings[] = {NULL};
    static const struct fake_answer script[] = {{PUT, TRANSPORT_NOT_SENT, 0, NULL, 0}, {0}};
    struct fake_clock clock = {.wall_us = FAKE_NOW_US, .chance = 0.5};
    struct clock table = fake_clock_table(&clock);
    struct fake_transport transport;
    struct config config;
    struct credentials c = {0};
    struct err e = {0};
    fake_config(&config, settings);
    fake_transport_init(&transport, script);
    const struct credentials_context context = {
        .config = &config, .clock = &table, .transport = &transport.table, .region = ""};
    assert_int_equal(credentials_imds(&context, &c, &e), CREDENTIALS_NOT_HERE);
    assert_int_equal(clock.slept_us, 0);
    assert_int_equal(transport.longest, 1000);
    buf_free(&transport.transcript);
    config_free(&config);
}

struct region_case {
    const char *name;
    const char *settings[3];
    const char *config_file;
    struct fake_answer script[5];
    const char *region; /* NULL: an error */
    const char *endpoint;
    enum err_code code;
    const char *words; /* of the error */
};

/* A good one, at its region's own endpoint. */
#define IN(region_name)                                                                            \
    .region = (region_name), .endpoint = "https://dynamodb." region_name ".amazonaws.com"
#define BAD(error, said) .code = (error), .words = (said)

static const struct region_case region_cases[] = {
    {.name = "setting",
     .settings = {"AWS_REGION=eu-west-1"},
     .config_file = "[default]\nregion=x",
     IN("eu-west-1")},
    {.name = "second name",
     .settings = {"AWS_DEFAULT_REGION=eu-west-2"},
     .config_file = "[default]\nregion=x",
     IN("eu-west-2")},
    {.name = "the guide's name", .settings = {"DEFAULT_AWS_REGION=eu-west-3"}, IN("eu-west-3")},
    {.name = "profile",
     .config_file = "[default]\nregion=cn-north-1",
     .region = "cn-north-1",
     .endpoint = "https://dynamodb.cn-north-1.amazonaws.com.cn"},
    {.name = "the other region of China",
     .settings = {"AWS_REGION=cn-northwest-1"},
     .region = "cn-northwest-1",
     .endpoint = "https://dynamodb.cn-northwest-1.amazonaws.com.cn"},
    {.name = "instance", .script = {TOKEN, {REGION, 0, 200, "ap-south-1\n", 0}}, IN("ap-south-1")},
    {.name = "nobody there: fall back",
     .script = {{PUT, TRANSPORT_NOT_SENT, 0, NULL, 0}},
     IN("us-east-1")},
    {.name = "switched off: fall back",
     .settings = {"AWS_EC2_METADATA_DISABLED=true"},
     IN("us-east-1")},
    {.name = "a metadata service that knows no region: fall back",
     .script = {TOKEN, {REGION, 0, 404, NULL, 0}},
     IN("us-east-1")},

    /* An instance that fails is in a region all the same, and any guess may be another. */
    {.name = "instance gives rubbish",
     .script = {TOKEN, {REGION, 0, 200, "a.evil.example/", 0}},
     BAD(ERR_DYNAMODB_UNAVAILABLE, "no usable region")},
    {.name = "instance fails",
     .script =
         {TOKEN, {REGION, 0, 503, NULL, 0}, {REGION, 0, 503, NULL, 0}, {REGION, 0, 500, NULL, 0}},
     BAD(ERR_DYNAMODB_UNAVAILABLE,
         "no region is set, and the instance does not tell its own (instance metadata: answered "
         "with status 500); set AWS_REGION, or try again later")},
    {.name = "instance gives a token and nothing more",
     .script = {TOKEN,
                {REGION, TRANSPORT_MAYBE_SENT, 0, NULL, 0},
                {REGION, TRANSPORT_NOT_SENT, 0, NULL, 0},
                {REGION, TRANSPORT_NOT_SENT, 0, NULL, 0}},
     BAD(ERR_DYNAMODB_UNAVAILABLE, "no answer")},
    {.name = "instance gives no token",
     .script = {{PUT, 0, 500, NULL, 0}, {PUT, 0, 500, NULL, 0}, {PUT, 0, 500, NULL, 0}},
     BAD(ERR_DYNAMODB_UNAVAILABLE, "status 500")},
    {.name = "instance takes the request and does not answer",
     .script = {{PUT, TRANSPORT_MAYBE_SENT, 0, NULL, 0}},
     BAD(ERR_DYNAMODB_UNAVAILABLE, "HttpPutResponseHopLimit")},
    {.name = "version 1 went away",
     .script = {{PUT, 0, 404, NULL, 0},
                {REGION, TRANSPORT_NOT_SENT, 0, NULL, 0},
                {REGION, TRANSPORT_NOT_SENT, 0, NULL, 0},
                {REGION, TRANSPORT_NOT_SENT, 0, NULL, 0}},
     BAD(ERR_DYNAMODB_UNAVAILABLE, "no answer")},

    /* What answers 403 or 404 there is no instance: a container's host, a proxy, another cloud. */
    {.name = "403 to everything",
     .script = {{PUT, 0, 403, NULL, 0}, {REGION, 0, 403, NULL, 0}},
     IN("us-east-1")},
    {.name = "404 to everything",
     .script = {{PUT, 0, 404, NULL, 0}, {REGION, 0, 404, NULL, 0}},
     IN("us-east-1")},
    {.name = "a token, and 403 to the region",
     .script = {TOKEN, {REGION, 0, 403, NULL, 0}},
     IN("us-east-1")},
    {.name = "403 where version 1 is forbidden",
     .settings = {"AWS_EC2_METADATA_V1_DISABLED=true"},
     .script = {{PUT, 0, 403, NULL, 0}},
     IN("us-east-1")},
    {.name = "an endpoint is named: nobody is asked",
     .settings = {"AWS_ENDPOINT_URL_DYNAMODB=http://localhost:8000"},
     .region = "us-east-1",
     .endpoint = "http://localhost:8000"},
    {.name = "an endpoint for everything is named: nobody is asked",
     .settings = {"AWS_ENDPOINT_URL=http://localhost:8000"},
     .region = "us-east-1",
     .endpoint = "http://localhost:8000"},
    {.name = "the profile names an endpoint: nobody is asked",
     .config_file = "[default]\nendpoint_url=http://b",
     .region = "us-east-1",
     .endpoint = "http://b"},

    {.name = "profile with rubbish",
     .config_file = "[default]\nregion=a.evil.example/",
     BAD(ERR_CONFIGURATION, "the region of the profile default is \"a.evil.example/\"")},
    {.name = "profile with capitals",
     .config_file = "[default]\nregion=EU-west-1",
     BAD(ERR_CONFIGURATION, "the region of the profile default is \"EU-west-1\"")},
    {.name = "profile with a zone",
     .config_file = "[default]\nregion=us-east-1a",
     BAD(ERR_CONFIGURATION, "the region of the profile default is \"us-east-1a\"")},
    {.name = "endpoint: setting",
     .settings = {"AWS_REGION=eu-west-1", "AWS_ENDPOINT_URL_DYNAMODB=http://localhost:8000"},
     .config_file = "[default]\nendpoint_url=http://b",
     .region = "eu-west-1",
     .endpoint = "http://localhost:8000"},
    {.name = "endpoint: profile",
     .settings = {"AWS_REGION=eu-west-1"},
     .config_file = "[default]\nendpoint_url=http://b",
     .region = "eu-west-1",
     .endpoint = "http://b"},
};

static void check_asked(const struct region_case *row, const struct fake_transport *transport)
{
    unsigned expected = 0;
    while (expected < COUNT(row->script) && row->script[expected].request)
        expected++;
    assert_int_equal(transport->requests, expected);
}

static void check_region(const struct region_case *row)
{
    struct fake_clock clock = {.wall_us = FAKE_NOW_US, .chance = 0.5};
    struct clock table = fake_clock_table(&clock);
    struct fake_transport transport;
    struct config config;
    struct err e = {0};
    char region[REGION_SIZE];
    char endpoint[ENDPOINT_SIZE];
    print_message("  %s\n", row->name);
    fake_file_write(".aws/config", row->config_file);
    fake_config(&config, row->settings);
    fake_transport_init(&transport, row->script);
    const struct credentials_context context = {
        .config = &config, .clock = &table, .transport = &transport.table};
    int result = region_resolve(&context, region, &e);
    assert_int_equal(result, row->region ? 0 : -1);
    if (row->region) {
        assert_string_equal(region, row->region);
        assert_int_equal(endpoint_find(&config, ENDPOINT_DYNAMODB, region, endpoint, &e), 0);
        assert_string_equal(endpoint, row->endpoint);
    } else {
        assert_int_equal(e.code, row->code);
        if (!strstr(e.detail, row->words))
            fail_msg("%s: %s", row->name, e.detail);
    }
    check_asked(row, &transport);
    buf_free(&transport.transcript);
    config_free(&config);
}

static void test_region(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(region_cases); i++)
        check_region(&region_cases[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_imds),
        cmocka_unit_test(test_nobody_there_costs_one_try),
        cmocka_unit_test(test_region),
    };
    return cmocka_run_group_tests_name("imds", tests, fake_home_make, fake_home_remove);
}
