/* What requests call themselves. */
#include "fake_aws.h"

#include "aws/user_agent.h"

#define FIFTY "12345678901234567890123456789012345678901234567890"

struct agent_case {
    const char *name;
    const char *settings[3];
    const char *config_file;
    const char *agent;
};

static const struct agent_case agent_cases[] = {
    {.name = "no application", .agent = USER_AGENT},
    {.name = "a setting",
     .settings = {"AWS_SDK_UA_APP_ID=shop.chat"},
     .config_file = "[default]\nsdk_ua_app_id = other\n",
     .agent = USER_AGENT " app/shop.chat"},
    {.name = "the profile's",
     .settings = {"AWS_PROFILE=work"},
     .config_file = "[profile work]\nsdk_ua_app_id = shop\n",
     .agent = USER_AGENT " app/shop"},
    {.name = "what may not stand there",
     .settings = {"AWS_SDK_UA_APP_ID=my shop/(1) é"},
     .agent = USER_AGENT " app/my-shop--1----"},
    {.name = "the longest",
     .settings = {"AWS_SDK_UA_APP_ID=" FIFTY},
     .agent = USER_AGENT " app/" FIFTY},
    {.name = "the profile's is too long",
     .config_file = "[default]\nsdk_ua_app_id = " FIFTY "1\n",
     .agent = USER_AGENT},
};

static void test_agent(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(agent_cases); i++) {
        const struct agent_case *row = &agent_cases[i];
        struct config config;
        char agent[USER_AGENT_SIZE];
        print_message("  %s\n", row->name);
        fake_file_write(".aws/config", row->config_file);
        fake_config(&config, row->settings);
        user_agent_make(&config, agent);
        assert_string_equal(agent, row->agent);
        config_free(&config);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agent),
    };
    return cmocka_run_group_tests_name("user_agent", tests, fake_home_make, fake_home_remove);
}
