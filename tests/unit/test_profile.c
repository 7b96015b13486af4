/* The shared files: every way of writing them that the AWS CLI and people have. */
#include "fake_aws.h"

#include "aws/profile.h"

struct parse_case {
    const char *name;
    const char *credentials_file;
    const char *config_file;
    const char *profile;
    const char *key;
    const char *value; /* NULL: none; "-": not even the profile */
};

static const struct parse_case parse_cases[] = {
    {"credentials file", "[work]\naws_access_key_id = AK\n", NULL, "work", "aws_access_key_id",
     "AK"},
    {"config file: profile", NULL, "[profile work]\nregion = eu-west-1\n", "work", "region",
     "eu-west-1"},
    {"config file: default", NULL, "[default]\nregion=eu-west-1", "default", "region", "eu-west-1"},
    {"config file: [profile default]", NULL, "[profile default]\nregion=a", "default", "region",
     "a"},
    {"config file: [profile default] voids [default]", NULL,
     "[profile default]\nregion=a\n[default]\nregion=b\noutput=json", "default", "region", "a"},
    {"config file: nothing of the void [default]", NULL,
     "[profile default]\nregion=a\n[default]\nregion=b\noutput=json", "default", "output", NULL},
    {"config file: a section without the word", NULL, "[work]\nregion = a\n", "work", "region",
     "-"},
    {"config file: sso-session is no profile", NULL, "[sso-session work]\nsso_region = a\n", "work",
     "sso_region", "-"},
    {"a profile named like the word", NULL, "[profile profile]\nregion = a\n", "profile", "region",
     "a"},
    {"quotes, double", NULL, "[profile \"my work\"]\nregion = a\n", "my work", "region", "a"},
    {"quotes, single", NULL, "[profile 'my work']\nregion = a\n", "my work", "region", "a"},
    {"blanks everywhere", NULL, "  [ \tprofile \t work  ]  \n\tregion \t=\t  a \t \n", "work",
     "region", "a"},
    {"all keys indented alike", "[work]\n  a = 1\n  b = 2\n", NULL, "work", "b", "2"},
    {"no blanks", "[work]\na=1", NULL, "work", "a", "1"},
    {"CRLF", "[work]\r\na = 1\r\nb = 2\r\n", NULL, "work", "a", "1"},
    {"byte order mark", "\xEF\xBB\xBF[work]\na = 1\n", NULL, "work", "a", "1"},
    {"comments", "# one\n[work] ; two\n; three\n  # four\na = 1\n", NULL, "work", "a", "1"},
    {"comment after a value", "[work]\na = 1 # one\n", NULL, "work", "a", "1"},
    {"comment after a value, semicolon", "[work]\na = 1\t; one\n", NULL, "work", "a", "1"},
    {"# within a value", "[work]\na = 1#2;3\n", NULL, "work", "a", "1#2;3"},
    {"# at the start of a value", "[work]\na =#1\n", NULL, "work", "a", "#1"},
    {"only a comment for a value", "[work]\na = # one\n", NULL, "work", "a", NULL},
    {"a command keeps its #", "[work]\ncredential_process = a ; b # c\n", NULL, "work",
     "credential_process", "a ; b # c"},
    {"= within a value", "[work]\na = b==\n", NULL, "work", "a", "b=="},
    {"an empty value", "[work]\na =\n", NULL, "work", "a", NULL},
    {"key in capitals", "[work]\nAWS_Access_Key_ID = 1\n", NULL, "work", "aws_access_key_id", "1"},
    {"names keep their case", "[Work]\na = 1\n", NULL, "work", "a", "-"},
    {"a later line wins", "[work]\na = 1\na = 2\n", NULL, "work", "a", "2"},
    {"sections of one name merge", "[work]\na = 1\nb = 1\n[x]\na = 3\n[work]\na = 2\n", NULL,
     "work", "b", "1"},
    {"of two sections the later wins", "[work]\na = 1\n[x]\na = 3\n[work]\na = 2\n", NULL, "work",
     "a", "2"},
    {"the credentials file wins", "[work]\na = 1\n", "[profile work]\na = 2\nb = 3\n", "work", "a",
     "1"},
    {"the files merge", "[work]\na = 1\n", "[profile work]\na = 2\nb = 3\n", "work", "b", "3"},
    {"nested values are none of the profile's", NULL,
     "[profile work]\ns3 =\n  region = x\n  max = 1\nregion = a\n", "work", "region", "a"},
    {"nested values come after", NULL, "[profile work]\nregion = a\ns3 =\n  region = x\n", "work",
     "region", "a"},
    {"a nested value by its path", NULL, "[profile work]\ns3 =\n  max = 1\nregion = a\n", "work",
     "s3.max", "1"},
    {"a value that goes on is no key", "[work]\na = 1\n  b = 2\n", NULL, "work", "b", NULL},
    {"rubbish is skipped", "rubbish\n= 1\n[work]\n=\nrubbish\na = 1\n", NULL, "work", "a", "1"},
    {"an open bracket takes nothing with it", "[work]\na = 1\n[x\na = 2\n", NULL, "work", "a", "1"},
    {"keys before any section", "a = 1\n[work]\nb = 1\n", NULL, "work", "a", NULL},
    {"an empty file", "", "", "work", "a", "-"},
    {"no file", NULL, NULL, "default", "a", "-"},
    {"an empty section exists", "[work]\n", NULL, "work", "a", NULL},
};

static void test_parse(void **state)
{
    (void)state;
    static const char *const settings[] = {NULL};
    for (size_t i = 0; i < COUNT(parse_cases); i++) {
        const struct parse_case *row = &parse_cases[i];
        struct config config;
        struct profile_files files;
        struct err e = {0};
        fake_file_write(".aws/credentials", row->credentials_file);
        fake_file_write(".aws/config", row->config_file);
        fake_config(&config, settings);
        assert_int_equal(profile_files_load(&config, &files, &e), 0);
        bool wanted = !row->value || strcmp(row->value, "-") != 0;
        if (profile_exists(&files, str_from(row->profile)) != wanted)
            fail_msg("%s: the profile %s exist", row->name, wanted ? "does not" : "does");
        struct str value = profile_get(&files, str_from(row->profile), row->key);
        if (wanted && !str_equals(value, str_from(row->value)))
            fail_msg("%s: %s is \"%.*s\"", row->name, row->key, (int)value.n,
                     value.n ? value.p : "");
        if (!row->value || !wanted)
            assert_false(str_is_present(value));
        profile_files_free(&files);
        config_free(&config);
    }
}

struct setting_case {
    const char *name;
    const char *settings[3];
    const char *config_file;
    const char *region;
    const char *dynamodb;
    const char *sts;
};

static const struct setting_case setting_cases[] = {
    {"none", {NULL}, NULL, "", "", ""},
    {"default",
     {NULL},
     "[default]\nregion = a\nendpoint_url = http://a\n",
     "a",
     "http://a",
     "http://a"},
    {"AWS_PROFILE",
     {"AWS_PROFILE=work"},
     "[default]\nregion = a\nendpoint_url = http://a\n[profile work]\nregion = b\n",
     "b",
     "",
     ""},
    {"services section",
     {NULL},
     "[default]\nservices = mine\nendpoint_url = http://a\n"
     "[services mine]\ndynamodb =\n  endpoint_url = http://b\ns3 = \n  endpoint_url = http://c\n",
     "",
     "http://b",
     "http://a"},
    {"services section of another name",
     {NULL},
     "[default]\nservices = mine\n[services other]\ndynamodb =\n  endpoint_url = http://b\n",
     "",
     "",
     ""},
    {"another file", {"AWS_CONFIG_FILE=@/token"}, "[default]\nregion = a\n", "elsewhere", "", ""},
    {"~ in a file's name", {"AWS_CONFIG_FILE=~/token"}, NULL, "elsewhere", "", ""},
    {"a file that is not there",
     {"AWS_CONFIG_FILE=@/nothing"},
     "[default]\nregion = a\n",
     "",
     "",
     ""},
};

static void test_settings(void **state)
{
    (void)state;
    fake_file_write(".aws/credentials", NULL);
    fake_file_write("token", "[default]\nregion = elsewhere\n");
    for (size_t i = 0; i < COUNT(setting_cases); i++) {
        const struct setting_case *row = &setting_cases[i];
        struct config config;
        char value[64];
        struct err e = {0};
        print_message("  %s\n", row->name);
        fake_file_write(".aws/config", row->config_file);
        fake_config(&config, row->settings);
        assert_int_equal(profile_region(&config, value, sizeof value, &e), 0);
        assert_string_equal(value, row->region);
        assert_int_equal(profile_endpoint(&config, "dynamodb", value, sizeof value, &e), 0);
        assert_string_equal(value, row->dynamodb);
        assert_int_equal(profile_endpoint(&config, "sts", value, sizeof value, &e), 0);
        assert_string_equal(value, row->sts);
        config_free(&config);
    }
}

static void test_unreadable(void **state)
{
    (void)state;
    /* A directory cannot be read by anybody, root included. */
    static const char *const named[] = {"AWS_CONFIG_FILE=@/.aws", NULL};
    static const char *const home[] = {NULL};
    struct config config;
    struct profile_files files;
    struct err e = {0};
    char path[128];
    fake_config(&config, named);
    assert_int_equal(profile_files_load(&config, &files, &e), -1);
    assert_int_equal(e.code, ERR_CREDENTIALS_NOT_CONFIGURED);
    assert_non_null(strstr(e.detail, "AWS_CONFIG_FILE names "));
    profile_files_free(&files);
    config_free(&config);

    fake_file_write(".aws/config", NULL);
    (void)snprintf(path, sizeof path, "%s/.aws/config", fake_home);
    assert_int_equal(mkdir(path, 0700), 0);
    fake_config(&config, home);
    assert_int_equal(profile_files_load(&config, &files, &e), 0);
    assert_false(profile_exists(&files, STR("default")));
    profile_files_free(&files);
    config_free(&config);
    rmdir(path);
}

static void test_too_large(void **state)
{
    (void)state;
    static const char *const settings[] = {"AWS_CONFIG_FILE=@/token", NULL};
    const size_t most = 1048576;
    char *text = malloc(most + 2);
    struct config config;
    struct profile_files files;
    struct err e = {0};
    assert_non_null(text);
    memset(text, '#', most + 1);
    text[most + 1] = '\0';
    fake_config(&config, settings);
    fake_file_write("token", text);
    assert_int_equal(profile_files_load(&config, &files, &e), -1);
    assert_non_null(strstr(e.detail, "larger than 1 MiB"));
    profile_files_free(&files);
    fake_file_write("token", text + 1);
    assert_int_equal(profile_files_load(&config, &files, &e), 0);
    profile_files_free(&files);
    config_free(&config);
    free(text);
}

/* A NUL ends a name for some functions and not for others. */
static void test_nul(void **state)
{
    (void)state;
    static const char *const settings[] = {"AWS_CONFIG_FILE=@/token", NULL};
    static const char start[] = "[default]\nregion\0";
    const size_t letters = 900000;
    char *text = malloc(sizeof(start) + letters + 16);
    struct config config;
    struct profile_files files;
    struct err e = {0};
    char path[128];
    assert_non_null(text);
    memcpy(text, start, sizeof(start) - 1);
    memset(text + sizeof(start) - 1, 'A', letters);
    memcpy(text + sizeof(start) - 1 + letters, " =\n  x = 1\n", 11);
    (void)snprintf(path, sizeof(path), "%s/token", fake_home);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, sizeof(start) + letters + 10, f),
                     sizeof(start) + letters + 10);
    assert_int_equal(fclose(f), 0);
    fake_config(&config, settings);
    assert_int_equal(profile_files_load(&config, &files, &e), -1);
    assert_int_equal(e.code, ERR_CREDENTIALS_NOT_CONFIGURED);
    assert_non_null(strstr(e.detail, "/token line 2: it holds a NUL byte"));
    profile_files_free(&files);
    config_free(&config);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),      cmocka_unit_test(test_settings),
        cmocka_unit_test(test_unreadable), cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_nul),
    };
    return cmocka_run_group_tests_name("profile", tests, fake_home_make, fake_home_remove);
}
