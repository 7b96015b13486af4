/*
 * What the tests of the configuration share: a directory of their own, an empty environment before
 * each test, and a log to look into. For tests/unit/test_config*.c alone.
 */
#ifndef TESTS_UNIT_CONFIG_FIXTURE_H
#define TESTS_UNIT_CONFIG_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "environment.h"
#include "base/config.h"

static char directory[] = "/tmp/test_config.XXXXXX";
static char env_path[64];
static char log_path[64];

/* Each test begins with an empty environment, no file and an empty log. */
static inline int before_each(void **state)
{
    (void)state;
    unlink(env_path);
    unlink(log_path);
    clear_environment();
    return log_open(LOG_INFO, LOG_TEXT, log_path, NULL);
}

static inline void read_file(const char *name, struct buf *out)
{
    char piece[4096];
    size_t n;
    FILE *f = fopen(name, "r");
    if (!f)
        fail_msg("cannot open %s", name);
    buf_init(out, (size_t)1024 * 1024);
    buf_puts(out, "");
    while ((n = fread(piece, 1, sizeof piece, f)) > 0)
        buf_append(out, piece, n);
    fclose(f);
    assert_true(buf_ok(out));
}

static inline void write_env(struct str text)
{
    FILE *f = fopen(env_path, "w");
    assert_non_null(f);
    if (text.n > 0)
        assert_int_equal(fwrite(text.p, 1, text.n, f), text.n);
    assert_int_equal(fclose(f), 0);
}

static inline bool log_has(const char *text)
{
    struct buf b;
    read_file(log_path, &b);
    bool found = strstr(b.data, text) != NULL;
    buf_free(&b);
    return found;
}

static inline void load(struct config *c, const char *file)
{
    struct err e;
    if (config_load(c, file, file != NULL, &e) != 0)
        fail_msg("%s", e.detail);
}

static inline bool find_row(const struct config *c, const char *key, struct config_row *row)
{
    for (size_t i = 0; config_row(c, i, row); i++) {
        if (strcmp(row->key, key) == 0)
            return true;
    }
    return false;
}

#define TEST(function) cmocka_unit_test_setup(function, before_each)

static inline int run_config_tests(const char *name, const struct CMUnitTest *tests, size_t count)
{
    if (!mkdtemp(directory))
        return 1;
    snprintf(env_path, sizeof env_path, "%s/.env", directory);
    snprintf(log_path, sizeof log_path, "%s/log", directory);
    int failed = _cmocka_run_group_tests(name, tests, count, NULL, NULL);
    unlink(env_path);
    unlink(log_path);
    rmdir(directory);
    return failed;
}

#endif
