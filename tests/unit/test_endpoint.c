/* Where services answer: every partition with each kind of endpoint, and what is configured. The
 * expected names are those that AWS's own rules give (botocore's endpoint rule sets). */
#include "fake_aws.h"

#include "aws/endpoint.h"

struct host_case {
    enum endpoint_service service;
    const char *region;
    const char *plain;
    const char *fips;
    const char *dual_stack;
    const char *both;
};

static const struct host_case host_cases[] = {
    {ENDPOINT_DYNAMODB, "us-east-1", "dynamodb.us-east-1.amazonaws.com",
     "dynamodb-fips.us-east-1.amazonaws.com", "dynamodb.us-east-1.api.aws",
     "dynamodb-fips.us-east-1.api.aws"},
    {ENDPOINT_DYNAMODB, "mx-central-1", "dynamodb.mx-central-1.amazonaws.com",
     "dynamodb-fips.mx-central-1.amazonaws.com", "dynamodb.mx-central-1.api.aws",
     "dynamodb-fips.mx-central-1.api.aws"},
    {ENDPOINT_DYNAMODB, "cn-north-1", "dynamodb.cn-north-1.amazonaws.com.cn",
     "dynamodb-fips.cn-north-1.amazonaws.com.cn",
     "dynamodb.cn-north-1.api.amazonwebservices.com.cn",
     "dynamodb-fips.cn-north-1.api.amazonwebservices.com.cn"},
    {ENDPOINT_DYNAMODB, "us-gov-west-1", "dynamodb.us-gov-west-1.amazonaws.com",
     "dynamodb.us-gov-west-1.amazonaws.com", "dynamodb.us-gov-west-1.api.aws",
     "dynamodb-fips.us-gov-west-1.api.aws"},
    {ENDPOINT_DYNAMODB, "us-iso-east-1", "dynamodb.us-iso-east-1.c2s.ic.gov",
     "dynamodb-fips.us-iso-east-1.c2s.ic.gov", "dynamodb.us-iso-east-1.api.aws.ic.gov",
     "dynamodb-fips.us-iso-east-1.api.aws.ic.gov"},
    {ENDPOINT_DYNAMODB, "us-isob-east-1", "dynamodb.us-isob-east-1.sc2s.sgov.gov",
     "dynamodb-fips.us-isob-east-1.sc2s.sgov.gov", "dynamodb.us-isob-east-1.api.aws.scloud",
     "dynamodb-fips.us-isob-east-1.api.aws.scloud"},
    {ENDPOINT_DYNAMODB, "eu-isoe-west-1", "dynamodb.eu-isoe-west-1.cloud.adc-e.uk",
     "dynamodb-fips.eu-isoe-west-1.cloud.adc-e.uk",
     "dynamodb.eu-isoe-west-1.api.cloud-aws.adc-e.uk",
     "dynamodb-fips.eu-isoe-west-1.api.cloud-aws.adc-e.uk"},
    {ENDPOINT_DYNAMODB, "us-isof-south-1", "dynamodb.us-isof-south-1.csp.hci.ic.gov",
     "dynamodb-fips.us-isof-south-1.csp.hci.ic.gov", "dynamodb.us-isof-south-1.api.aws.hci.ic.gov",
     "dynamodb-fips.us-isof-south-1.api.aws.hci.ic.gov"},
    {ENDPOINT_DYNAMODB, "eusc-de-east-1", "dynamodb.eusc-de-east-1.amazonaws.eu",
     "dynamodb-fips.eusc-de-east-1.amazonaws.eu",
     "dynamodb.eusc-de-east-1.api.amazonwebservices.eu",
     "dynamodb-fips.eusc-de-east-1.api.amazonwebservices.eu"},
    {ENDPOINT_STS, "eu-west-1", "sts.eu-west-1.amazonaws.com", "sts-fips.eu-west-1.amazonaws.com",
     "sts.eu-west-1.api.aws", "sts-fips.eu-west-1.api.aws"},
    {ENDPOINT_STS, "us-gov-east-1", "sts.us-gov-east-1.amazonaws.com",
     "sts.us-gov-east-1.amazonaws.com", "sts.us-gov-east-1.api.aws",
     "sts-fips.us-gov-east-1.api.aws"},
    {ENDPOINT_SSO, "eu-west-1", "portal.sso.eu-west-1.amazonaws.com",
     "portal.sso-fips.eu-west-1.amazonaws.com", "portal.sso.eu-west-1.api.aws",
     "portal.sso-fips.eu-west-1.api.aws"},
    {ENDPOINT_SSO, "us-gov-west-1", "portal.sso.us-gov-west-1.amazonaws.com",
     "portal.sso.us-gov-west-1.amazonaws.com", "portal.sso.us-gov-west-1.api.aws",
     "portal.sso-fips.us-gov-west-1.api.aws"},
    {ENDPOINT_SSO_OIDC, "eu-west-1", "oidc.eu-west-1.amazonaws.com",
     "oidc-fips.eu-west-1.amazonaws.com", "oidc.eu-west-1.api.aws", "oidc-fips.eu-west-1.api.aws"},
    {ENDPOINT_SSO_OIDC, "cn-northwest-1", "oidc.cn-northwest-1.amazonaws.com.cn",
     "oidc-fips.cn-northwest-1.amazonaws.com.cn",
     "oidc.cn-northwest-1.api.amazonwebservices.com.cn",
     "oidc-fips.cn-northwest-1.api.amazonwebservices.com.cn"},
};

static void check_host(const struct host_case *row, bool fips, bool dual_stack, const char *host)
{
    const struct endpoint_kind kind = {.fips = fips, .dual_stack = dual_stack};
    char url[ENDPOINT_SIZE];
    struct err e = {0};
    assert_int_equal(endpoint_of_region(row->service, row->region, &kind, url, &e), 0);
    assert_memory_equal(url, "https://", 8);
    assert_string_equal(url + 8, host);
    assert_true(endpoint_is_aws(str_from(host)));
    struct str region = endpoint_region_in(str_from(host));
    if (row->service == ENDPOINT_DYNAMODB)
        assert_true(str_is(region, row->region));
    else
        assert_false(str_is_present(region));
}

static void test_hosts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(host_cases); i++) {
        const struct host_case *row = &host_cases[i];
        check_host(row, false, false, row->plain);
        check_host(row, true, false, row->fips);
        check_host(row, false, true, row->dual_stack);
        check_host(row, true, true, row->both);
    }
}

static void test_other_hosts(void **state)
{
    (void)state;
    static const char *const none[] = {"",
                                       "dynamodb",
                                       "dynamodb.",
                                       "dynamodb.us-east-1",
                                       "dynamodb.us-east-1.example.com",
                                       "dynamodb.us-east-1.amazonaws.com.example.com",
                                       "dynamodb.cn-north-1.amazonaws.com",
                                       "vpce-1.dynamodb.us-east-1.vpce.amazonaws.com",
                                       "127.0.0.1"};
    for (size_t i = 0; i < COUNT(none); i++)
        assert_false(str_is_present(endpoint_region_in(str_from(none[i]))));
    assert_true(endpoint_is_aws(STR("vpce-1.dynamodb.us-east-1.vpce.amazonaws.com")));
    assert_false(endpoint_is_aws(STR("amazonaws.com")));
    assert_false(endpoint_is_aws(STR("notamazonaws.com")));
    assert_false(endpoint_is_aws(STR("dynamodb.us-east-1.amazonaws.com.example.com")));
}

struct find_case {
    const char *name;
    const char *settings[5];
    const char *config_file;
    enum endpoint_service service;
    const char *url;   /* NULL: refused */
    const char *words; /* of the error */
};

#define SECTIONS                                                                                   \
    "[services mine]\ndynamodb =\n  endpoint_url = http://d\nsts =\n  endpoint_url = http://s\n"   \
    "sso =\n  endpoint_url = http://p\nsso_oidc =\n  endpoint_url = http://o\n"

static const struct find_case find_cases[] = {
    {.name = "nothing said", .url = "https://dynamodb.eu-west-1.amazonaws.com"},
    {.name = "FIPS by a setting",
     .settings = {"AWS_USE_FIPS_ENDPOINT=true"},
     .url = "https://dynamodb-fips.eu-west-1.amazonaws.com"},
    {.name = "FIPS by the profile, in capitals",
     .config_file = "[default]\nuse_fips_endpoint = TRUE\n",
     .url = "https://dynamodb-fips.eu-west-1.amazonaws.com"},
    {.name = "a setting comes before the profile",
     .settings = {"AWS_USE_FIPS_ENDPOINT=false"},
     .config_file = "[default]\nuse_fips_endpoint = true\n",
     .url = "https://dynamodb.eu-west-1.amazonaws.com"},
    {.name = "another profile's does not count",
     .settings = {"AWS_PROFILE=work"},
     .config_file = "[default]\nuse_fips_endpoint = true\n[profile work]\nregion = a\n",
     .url = "https://dynamodb.eu-west-1.amazonaws.com"},
    {.name = "dual stack by a setting",
     .settings = {"AWS_USE_DUALSTACK_ENDPOINT=True"},
     .url = "https://dynamodb.eu-west-1.api.aws"},
    {.name = "dual stack by the profile, for STS",
     .config_file = "[default]\nuse_dualstack_endpoint = true\n",
     .service = ENDPOINT_STS,
     .url = "https://sts.eu-west-1.api.aws"},
    {.name = "both",
     .settings = {"AWS_USE_DUALSTACK_ENDPOINT=true", "AWS_USE_FIPS_ENDPOINT=true"},
     .url = "https://dynamodb-fips.eu-west-1.api.aws"},
    {.name = "the service's variable first",
     .settings = {"AWS_ENDPOINT_URL=http://all", "AWS_ENDPOINT_URL_DYNAMODB=http://dynamodb"},
     .config_file = "[default]\nservices = mine\nendpoint_url = http://e\n" SECTIONS,
     .url = "http://dynamodb"},
    {.name = "the variable of all services second",
     .settings = {"AWS_ENDPOINT_URL=http://all", "AWS_ENDPOINT_URL_DYNAMODB=http://dynamodb"},
     .config_file = "[default]\nservices = mine\nendpoint_url = http://e\n" SECTIONS,
     .service = ENDPOINT_SSO,
     .url = "http://all"},
    {.name = "the services section third",
     .config_file = "[default]\nservices = mine\nendpoint_url = http://e\n" SECTIONS,
     .service = ENDPOINT_SSO_OIDC,
     .url = "http://o"},
    {.name = "the portal's section",
     .config_file = "[default]\nservices = mine\nendpoint_url = http://e\n" SECTIONS,
     .service = ENDPOINT_SSO,
     .url = "http://p"},
    {.name = "the profile's endpoint_url last",
     .config_file = "[default]\nservices = other\nendpoint_url = http://e\n" SECTIONS,
     .url = "http://e"},
    {.name = "variables of the other services",
     .settings = {"AWS_ENDPOINT_URL_SSO=http://portal", "AWS_ENDPOINT_URL_SSO_OIDC=http://oidc",
                  "AWS_ENDPOINT_URL_STS=http://sts"},
     .service = ENDPOINT_SSO_OIDC,
     .url = "http://oidc"},
    {.name = "ignored by a setting",
     .settings = {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true", "AWS_ENDPOINT_URL=http://all",
                  "AWS_ENDPOINT_URL_DYNAMODB=http://dynamodb"},
     .config_file = "[default]\nendpoint_url = http://e\n",
     .url = "https://dynamodb.eu-west-1.amazonaws.com"},
    {.name = "ignored by the profile",
     .settings = {"AWS_ENDPOINT_URL_DYNAMODB=http://dynamodb"},
     .config_file = "[default]\nignore_configured_endpoint_urls = true\nendpoint_url = http://e\n",
     .url = "https://dynamodb.eu-west-1.amazonaws.com"},
    {.name = "not ignored by the profile where a setting says so",
     .settings = {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=false"},
     .config_file = "[default]\nignore_configured_endpoint_urls = true\nendpoint_url = http://e\n",
     .url = "http://e"},
    {.name = "FIPS and a configured one",
     .settings = {"AWS_ENDPOINT_URL_DYNAMODB=http://dynamodb", "AWS_USE_FIPS_ENDPOINT=true"},
     .words = "an endpoint of DynamoDB is configured, and AWS_USE_FIPS_ENDPOINT "
              "(use_fips_endpoint of the profile) asks for another"},
    {.name = "dual stack and a configured one",
     .settings = {"AWS_ENDPOINT_URL=http://all", "AWS_USE_DUALSTACK_ENDPOINT=true"},
     .words = "AWS_USE_DUALSTACK_ENDPOINT"},
    {.name = "FIPS, and the configured one is ignored",
     .settings = {"AWS_ENDPOINT_URL=http://all", "AWS_USE_FIPS_ENDPOINT=true",
                  "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true"},
     .url = "https://dynamodb-fips.eu-west-1.amazonaws.com"},
    {.name = "a file that was named and cannot be read",
     .settings = {"AWS_CONFIG_FILE=@/.aws"},
     .words = "AWS_CONFIG_FILE names "},
};

static void test_find(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(find_cases); i++) {
        const struct find_case *row = &find_cases[i];
        struct config config;
        char url[ENDPOINT_SIZE];
        struct err e = {0};
        print_message("  %s\n", row->name);
        fake_file_write(".aws/config", row->config_file);
        fake_config(&config, row->settings);
        int result = endpoint_find(&config, row->service, "eu-west-1", url, &e);
        assert_int_equal(result, row->url ? 0 : -1);
        if (row->url)
            assert_string_equal(url, row->url);
        else if (!strstr(e.detail, row->words))
            fail_msg("%s: %s", row->name, e.detail);
        config_free(&config);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_other_hosts),
        cmocka_unit_test(test_find),
    };
    return cmocka_run_group_tests_name("endpoint", tests, fake_home_make, fake_home_remove);
}
