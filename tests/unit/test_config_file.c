/*
 * config: the format of .env, and .env.example against the table of keys.
 */
#include <sys/stat.h>

#include "config_fixture.h"

/* ---- the .env format: every case sets AWS_PROFILE ---- */

#define TEXT(literal)                                                                              \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }

static const struct {
    struct str file;
    const char *value; /* NULL: not set */
} env_cases[] = {
    {TEXT("AWS_PROFILE=x"), "x"},
    {TEXT("AWS_PROFILE=x\n"), "x"},
    {TEXT("\xEF\xBB\xBF"
          "AWS_PROFILE=x\r\nLOG_LEVEL=info\r\n"),
     "x"},
    {TEXT("\n  \t\n# AWS_PROFILE=no\n   # no\nexport   AWS_PROFILE=x\n"), "x"},
    {TEXT("  AWS_PROFILE = x y \t\n"), "x y"},
    {TEXT("AWS_PROFILE=x # comment"), "x"},
    {TEXT("AWS_PROFILE=x#y"), "x#y"},
    {TEXT("AWS_PROFILE=#y"), "#y"},
    {TEXT("AWS_PROFILE= # comment"), NULL},
    {TEXT("AWS_PROFILE="), NULL},
    {TEXT("AWS_PROFILE=''"), NULL},
    {TEXT("AWS_PROFILE=\"\""), NULL},
    {TEXT("AWS_PROFILE=a=b=="), "a=b=="},
    {TEXT("AWS_PROFILE='$x \\n \"q\" # y'  # comment"), "$x \\n \"q\" # y"},
    {TEXT("AWS_PROFILE=\"\\$x \\\\ \\\"q\\\" # y\"# comment"), "$x \\ \"q\" # y"},
    {TEXT("AWS_PROFILE=\"a\\tb\""), "a\\tb"}, /* no escape of ours: as it stands */
    {TEXT("AWS_PROFILE=it's"), "it's"},
    {TEXT("AWS_PROFILE=$HOME/${x}"), "$HOME/${x}"},
    {TEXT("AWS_PROFILE=x\nAWS_PROFILE=y\n"), "y"},
    {TEXT("AWS_PROFILE=x\nAWS_PROFILE=\n"), NULL},
    {TEXT(""), NULL},
};

static void test_env_file(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof env_cases / sizeof *env_cases; i++) {
        struct config c;
        write_env(env_cases[i].file);
        load(&c, env_path);
        const char *value = config_get(&c, "AWS_PROFILE");
        if (!env_cases[i].value) {
            assert_null(value);
        } else {
            assert_non_null(value);
            assert_string_equal(value, env_cases[i].value);
        }
        config_free(&c);
    }
}

static const struct {
    struct str file;
    const char *detail; /* behind the file's name */
} bad_env_cases[] = {
    {TEXT("LOG_LEVEL=info\n\nhunter2\n"), " line 3: expected KEY=value"},
    {TEXT("export\n"), " line 1: expected KEY=value"},
    {TEXT("=x\n"), " line 1: expected KEY=value"},
    {TEXT("1KEY=x\n"), " line 1: expected KEY=value"},
    {TEXT("A-B=x\n"), " line 1: expected KEY=value"},
    {TEXT("A B=x\n"), " line 1: expected KEY=value"},
    {TEXT("AWS_PROFILE='x\n"), " line 1: the closing quote is missing"},
    {TEXT("AWS_PROFILE=\"x\\\"\n"), " line 1: the closing quote is missing"},
    {TEXT("AWS_PROFILE='x' y\n"), " line 1: nothing may follow the closing quote"},
    {TEXT("AWS_PROFILE=x\0y\n"), " line 1: it holds a NUL byte"},
};

static void test_bad_env_file(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_env_cases / sizeof *bad_env_cases; i++) {
        struct config c;
        struct err e = {0};
        write_env(bad_env_cases[i].file);
        assert_int_equal(config_load(&c, env_path, true, &e), -1);
        assert_int_equal(e.code, ERR_CONFIGURATION);
        if (strncmp(e.detail, env_path, strlen(env_path)) != 0 ||
            !strstr(e.detail, bad_env_cases[i].detail))
            fail_msg("%s", e.detail);
        assert_null(strstr(e.detail, "hunter2"));
    }
}

static void test_env_warnings(void **state)
{
    (void)state;
    struct config c;
    write_env(STR("LOG_LEVEL=info\nLOG_LEVLE=hunter2\nLOG_LEVEL=error\n"));
    load(&c, env_path);
    assert_int_equal(c.log_level, LOG_ERROR);
    assert_true(log_has("WARNING"));
    assert_true(log_has(" line 2: unknown key LOG_LEVLE\n"));
    assert_true(log_has(" line 3: LOG_LEVEL was set in line 1 already, the last one counts\n"));
    assert_false(log_has("hunter2"));
    config_free(&c);
}

/* ---- .env.example ---- */

static char top[256] = "."; /* TOP of the environment, kept before the tests clear it */

static void example_path(char *out, size_t size)
{
    snprintf(out, size, "%s/.env.example", top);
}

struct example_line {
    char above[512]; /* the comment directly above */
    char value[512];
    bool commented;
};

/* Finds the line of the key. Returns how many there are. */
static int find_example(char *text, const char *key, struct example_line *out)
{
    int found = 0;
    char above[512] = "";
    size_t n = strlen(key);
    for (char *line = text, *next; line && *line; line = next) {
        next = strchr(line, '\n');
        size_t length = next ? (size_t)(next - line) : strlen(line);
        const char *start = strncmp(line, "# ", 2) == 0 ? line + 2 : line;
        if (strncmp(start, key, n) == 0 && start[n] == '=') {
            found++;
            out->commented = start != line;
            snprintf(out->above, sizeof out->above, "%s", above);
            snprintf(out->value, sizeof out->value, "%.*s",
                     (int)(length - (size_t)(start - line) - n - 1), start + n + 1);
        }
        snprintf(above, sizeof above, "%.*s", (int)length, line);
        if (next)
            next++;
    }
    return found;
}

static const struct {
    const char *key;
    const char *value;
} filled_in[] = {
    {"AWS_ACCESS_KEY_ID", "your_access_key_id"},
    {"AWS_SECRET_ACCESS_KEY", "your_secret_access_key"},
    {"DEFAULT_AWS_REGION", "us-east-1"},
};

static const char *example_value(const struct config_row *row)
{
    for (size_t i = 0; i < sizeof filled_in / sizeof *filled_in; i++) {
        if (strcmp(filled_in[i].key, row->key) == 0)
            return filled_in[i].value;
    }
    return row->default_text;
}

static void check_example(char *text, const struct config_row *row)
{
    struct example_line line = {0};
    char above[512];
    const char *value = example_value(row);
    if (find_example(text, row->key, &line) != 1)
        fail_msg("%s does not stand once in .env.example", row->key);
    if (*row->default_text)
        snprintf(above, sizeof above, "# Allowed: %s. Default: %s.", row->unit_or_values,
                 row->default_text);
    else
        snprintf(above, sizeof above, "# Allowed: %s. No default.", row->unit_or_values);
    assert_string_equal(line.above, above);
    assert_string_equal(line.value, value);
    assert_int_equal(line.commented, *value == '\0');
}

/* True if the line assigns to a key, commented out or not. */
static bool is_assignment(const char *line, char key[128])
{
    if (strncmp(line, "# ", 2) == 0)
        line += 2;
    size_t n = strspn(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    snprintf(key, 128, "%.*s", (int)n, line);
    return n > 0 && n < 127 && line[n] == '=';
}

static void test_example_has_the_table(void **state)
{
    (void)state;
    char path[512];
    char key[128];
    struct buf text;
    struct config c;
    struct config_row row;
    example_path(path, sizeof path);
    read_file(path, &text);
    load(&c, NULL);
    size_t rows = 0;
    while (config_row(&c, rows, &row)) {
        assert_true(*row.unit_or_values && *row.help);
        check_example(text.data, &row);
        rows++;
    }
    assert_true(rows > 40);
    for (char *line = text.data, *next; *line; line = next) {
        next = line + strcspn(line, "\n");
        next += *next == '\n';
        if (is_assignment(line, key) && !find_row(&c, key, &row))
            fail_msg("%s of .env.example is no key", key);
    }
    config_free(&c);
    buf_free(&text);
}

/* As it is shipped it is refused for its placeholders and nothing else. */
static void test_example_loads(void **state)
{
    (void)state;
    char path[512];
    struct config c;
    struct err e = {0};
    example_path(path, sizeof path);
    assert_int_equal(config_load(&c, path, true, &e), -1);
    assert_non_null(strstr(e.detail, "AWS_ACCESS_KEY_ID in "));
    setenv("AWS_ACCESS_KEY_ID", "AKID", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
    load(&c, path);
    assert_string_equal(c.region, "us-east-1");
    config_free(&c);
    assert_false(log_has("WARNING"));
}

/* A group may be the service's own. */
static void test_file_that_everybody_may_read(void **state)
{
    (void)state;
    static const struct {
        mode_t mode;
        const char *text;
        bool warned;
    } cases[] = {
        {0644, "AWS_ACCESS_KEY_ID=AK\nAWS_SECRET_ACCESS_KEY=HUSH\n", true},
        {0640, "AWS_ACCESS_KEY_ID=AK\nAWS_SECRET_ACCESS_KEY=HUSH\n", false},
        {0600, "AUTH_JWT_SECRET=HUSH5678901234567890123456789012\n", false},
        {0604, "AUTH_JWT_SECRET=HUSH5678901234567890123456789012\n", true},
        {0644, "AWS_REGION=us-east-1\n", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct config c;
        before_each(NULL);
        write_env(str_from(cases[i].text));
        assert_int_equal(chmod(env_path, cases[i].mode), 0);
        load(&c, env_path);
        config_free(&c);
        if (log_has("every user of this machine may read it: chmod o-r ") != cases[i].warned)
            fail_msg("case %zu", i);
        assert_false(log_has("HUSH"));
    }
}

static void test_source(void **state)
{
    (void)state;
    struct config c;
    write_env(STR("AWS_PROFILE=file\nPOOL_THREADS=5\n"));
    setenv("POOL_THREADS", "9", 1);
    load(&c, env_path);
    assert_int_equal(config_source(&c, "AWS_PROFILE"), CONFIG_FROM_FILE);
    assert_int_equal(config_source(&c, "POOL_THREADS"), CONFIG_FROM_ENVIRONMENT);
    assert_int_equal(config_source(&c, "LOG_LEVEL"), CONFIG_FROM_DEFAULT);
    assert_int_equal(config_source(&c, "NO_SUCH_KEY"), CONFIG_FROM_DEFAULT);
    config_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_env_file),      TEST(test_bad_env_file),
        TEST(test_env_warnings),  TEST(test_example_has_the_table),
        TEST(test_example_loads), TEST(test_file_that_everybody_may_read),
        TEST(test_source),
    };
    if (getenv("TOP"))
        snprintf(top, sizeof top, "%s", getenv("TOP"));
    return run_config_tests("config_file", tests, sizeof tests / sizeof *tests);
}
