/*
 * log: what a line looks like in both formats, that nothing breaks out of it, levels, and files
 * that are moved away under it while threads write.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"

#define TEXT(literal)                                                                              \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }

static char directory[] = "/tmp/test_log.XXXXXX";
static char path[64];
static char moved[64];

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(directory))
        return -1;
    snprintf(path, sizeof path, "%s/log", directory);
    snprintf(moved, sizeof moved, "%s/log.1", directory);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    unlink(moved);
    return log_open(LOG_INFO, LOG_TEXT, "", NULL) || rmdir(directory);
}

static void start(enum log_level level, enum log_format format)
{
    struct err e;
    unlink(path);
    if (log_open(level, format, path, &e) != 0)
        fail_msg("%s", e.detail);
}

/* The whole file; NUL-terminated, for the caller to buf_free. */
static void read_file(const char *name, struct buf *out)
{
    FILE *f = fopen(name, "r");
    char piece[4096];
    size_t n;
    assert_non_null(f);
    buf_init(out, (size_t)64 * 1024 * 1024);
    buf_puts(out, "");
    while ((n = fread(piece, 1, sizeof piece, f)) > 0)
        buf_append(out, piece, n);
    fclose(f);
    assert_true(buf_ok(out));
}

/* The file's only line must be a time, a blank, and this. */
static void expect_line(const char *expected)
{
    struct buf b;
    read_file(path, &b);
    assert_true(b.len > 28);
    assert_true(clock_parse_us(b.data, 27) > 0);
    assert_int_equal(b.data[27], ' ');
    assert_string_equal(b.data + 28, expected);
    buf_free(&b);
}

static void test_levels(void **state)
{
    (void)state;
    start(LOG_WARNING, LOG_TEXT);
    log_debug("no");
    log_info("no");
    log_fields(LOG_INFO, "no", NULL, 0);
    assert_false(log_enabled(LOG_INFO));
    assert_true(log_enabled(LOG_WARNING));
    log_warning("%s %d", "table", 7);
    expect_line("WARNING: table 7\n");
    start(LOG_DEBUG, LOG_TEXT);
    log_debug("d");
    expect_line("DEBUG: d\n");
    start(LOG_ERROR, LOG_TEXT);
    log_warning("no");
    log_error("e");
    expect_line("ERROR: e\n");
    start(LOG_INFO, LOG_TEXT);
    log_info("Creating sessions table: %s", "ai4ai-chat-sessions");
    expect_line("INFO: Creating sessions table: ai4ai-chat-sessions\n");
}

static const struct {
    const char *message;
    const char *line;
} injections[] = {
    {"a\nb", "INFO: a\\nb\n"},
    {"a\r\n2026-11-23T08:30:02.342117Z INFO: forged",
     "INFO: a\\r\\n2026-11-23T08:30:02.342117Z INFO: forged\n"},
    {"\x1b[31mred\x7f", "INFO: \\x1B[31mred\\x7F\n"},
    {"tab\there", "INFO: tab\\there\n"},
    {"C1 \xC2\x9B", "INFO: C1 \\u009B\n"},
    {"caf\xC3\xA9 \xF0\x9F\x98\x80", "INFO: caf\xC3\xA9 \xF0\x9F\x98\x80\n"},
    {"bad \xFF\xC3", "INFO: bad \\xFF\\xC3\n"},
    {"\"quoted\" \\", "INFO: \"quoted\" \\\n"},
};

static void test_injection(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof injections / sizeof *injections; i++) {
        start(LOG_INFO, LOG_TEXT);
        log_info("%s", injections[i].message);
        expect_line(injections[i].line);
    }
}

static const struct log_field fields[] = {
    {"request_id", TEXT("abc-1"), 0, false}, {"n", {NULL, 0}, -12, false},
    {"empty", TEXT(""), 0, false},           {"path", TEXT("a b"), 0, false},
    {"q", TEXT("\"\\\n\xFF"), 0, false},     {"pair", TEXT("a=b"), 0, false},
    {"ms", {NULL, 0}, 12007, true},
};

static void test_text_fields(void **state)
{
    (void)state;
    start(LOG_INFO, LOG_TEXT);
    log_fields(LOG_INFO, "request", fields, 7);
    expect_line("INFO: request request_id=abc-1 n=-12 empty=\"\" path=\"a b\" "
                "q=\"\\\"\\\\\\n\\xFF\" pair=\"a=b\" ms=12.007\n");
}

static void test_json_fields(void **state)
{
    (void)state;
    struct buf b;
    start(LOG_INFO, LOG_JSON);
    log_fields(LOG_WARNING, "line\n\"x\"", fields, 7);
    read_file(path, &b);
    assert_int_equal(b.data[b.len - 1], '\n');
    assert_null(memchr(b.data, '\n', b.len - 1));
    struct json_object *tree = json_tree(buf_str(&b), NULL);
    assert_non_null(tree);
    struct str time = json_get_str(tree, "time");
    assert_true(clock_parse_us(time.p, time.n) > 0);
    assert_true(str_is(json_get_str(tree, "level"), "warning"));
    assert_true(str_is(json_get_str(tree, "message"), "line\n\"x\""));
    assert_int_equal(json_object_get_int(json_get(tree, "pid")), getpid());
    assert_true(str_is(json_get_str(tree, "request_id"), "abc-1"));
    assert_int_equal(json_object_get_int(json_get(tree, "n")), -12);
    assert_true(json_object_get_double(json_get(tree, "ms")) == 12.007);
    assert_true(str_is(json_get_str(tree, "empty"), ""));
    assert_true(str_is(json_get_str(tree, "q"), "\"\\\\n\\xFF"));
    json_object_put(tree);
    buf_free(&b);
}

static void test_long_message(void **state)
{
    (void)state;
    char text[20000];
    struct buf b;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    start(LOG_INFO, LOG_TEXT);
    log_info("%s", text);
    log_info("next");
    read_file(path, &b);
    assert_non_null(strstr(b.data, "x\n"));
    assert_non_null(strstr(b.data, "INFO: next\n"));
    buf_free(&b);
}

static void test_errno_is_kept(void **state)
{
    (void)state;
    start(LOG_INFO, LOG_TEXT);
    errno = EDOM;
    log_info("x");
    assert_int_equal(errno, EDOM);
}

static void test_bad_file(void **state)
{
    (void)state;
    struct err e = {0};
    start(LOG_INFO, LOG_TEXT);
    assert_int_equal(log_open(LOG_DEBUG, LOG_JSON, "/nonexistent/log", &e), -1);
    assert_int_equal(e.code, ERR_CONFIGURATION);
    assert_string_equal(e.detail,
                        "cannot open the log file /nonexistent/log: No such file or directory");
    log_info("still there");
    expect_line("INFO: still there\n");
}

static void test_not_inherited(void **state)
{
    (void)state;
    struct stat wanted;
    start(LOG_INFO, LOG_TEXT);
    assert_int_equal(stat(path, &wanted), 0);
    log_reopen(); /* the second way a descriptor comes to be */
    int found = 0;
    for (int fd = 3; fd < 64; fd++) {
        struct stat s;
        if (fstat(fd, &s) != 0 || s.st_ino != wanted.st_ino || s.st_dev != wanted.st_dev)
            continue;
        found++;
        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        assert_true(fcntl(fd, F_GETFL) & O_APPEND);
    }
    assert_int_equal(found, 1);
}

static void test_reopen(void **state)
{
    (void)state;
    struct buf b;
    start(LOG_INFO, LOG_TEXT);
    log_info("one");
    assert_int_equal(rename(path, moved), 0);
    log_info("two");
    log_reopen();
    log_info("three");
    expect_line("INFO: three\n");
    read_file(moved, &b);
    assert_non_null(strstr(b.data, "INFO: one\n"));
    assert_non_null(strstr(b.data, "INFO: two\n"));
    assert_null(strstr(b.data, "three"));
    buf_free(&b);
    unlink(moved);
}

/* As logrotate makes it: readable by the group even where the service's umask is 077. */
static void test_mode(void **state)
{
    (void)state;
    struct stat s;
    mode_t before = umask(077);
    start(LOG_INFO, LOG_TEXT);
    assert_int_equal(stat(path, &s), 0);
    assert_int_equal(s.st_mode & 07777, 0640);
    assert_int_equal(chmod(path, 0600), 0);
    log_reopen(); /* one that is there keeps what it was given */
    assert_int_equal(stat(path, &s), 0);
    assert_int_equal(s.st_mode & 07777, 0600);
    umask(before);
}

static void test_give(void **state)
{
    (void)state;
    assert_int_equal(log_open(LOG_INFO, LOG_TEXT, "", NULL), 0);
    assert_int_equal(log_give(1, 1), 0); /* standard error stays whose it is */
    start(LOG_INFO, LOG_TEXT);
    assert_int_equal(log_give(getuid(), getgid()), 0);
    if (getuid() != 0) {
        assert_int_equal(log_give(0, 0), -1);
        assert_int_equal(errno, EPERM);
        return;
    }
    struct stat s;
    assert_int_equal(log_give(1, 2), 0);
    assert_int_equal(stat(path, &s), 0);
    assert_int_equal(s.st_uid, 1);
    assert_int_equal(s.st_gid, 2);
}

/* QUEUED_LINES of each thread fit into the queue together: none is dropped. */
enum { THREADS = 4, LINES = 2000, QUEUED_LINES = 500 };
static atomic_int writers_left;

static void write_some(int thread, int lines)
{
    for (int i = 0; i < lines; i++)
        log_info("thread %d line %d end", thread, i);
    atomic_fetch_sub(&writers_left, 1);
}

static void *write_lines(void *number)
{
    write_some(*(int *)number, LINES);
    return NULL;
}

/* Line `number` of thread `thread` as it must stand behind the time. */
static bool is_line_of(const char *line, int thread, int number)
{
    char expected[64];
    snprintf(expected, sizeof expected, "INFO: thread %d line %d end", thread, number);
    return strlen(line) > 28 && strcmp(line + 28, expected) == 0;
}

/* Every line is the next one of one of the threads; returns how many there are. */
static size_t count_whole_lines(const char *name)
{
    struct buf b;
    int next[THREADS] = {0};
    size_t count = 0;
    read_file(name, &b);
    for (char *line = b.data, *newline; (newline = strchr(line, '\n')); line = newline + 1) {
        int thread = 0;
        *newline = '\0';
        while (thread < THREADS && !is_line_of(line, thread, next[thread]))
            thread++;
        if (thread == THREADS)
            fail_msg("broken line: %s", line);
        next[thread]++;
        count++;
    }
    buf_free(&b);
    return count;
}

/* Lines stay whole and none is lost while the file is moved away and opened again. */
static void test_threads(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    int numbers[THREADS];
    size_t lines = 0;
    start(LOG_INFO, LOG_TEXT);
    atomic_store(&writers_left, THREADS);
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, &numbers[i]), 0);
    }
    while (atomic_load(&writers_left) > 0)
        log_reopen();
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    lines = count_whole_lines(path);
    assert_int_equal(lines, THREADS * LINES);
}

static void *write_queued_lines(void *number)
{
    log_queue_lines_of_this_thread();
    write_some(*(int *)number, QUEUED_LINES);
    return NULL;
}

/* The same where a thread of the log's own writes; an error does not wait for it. */
static void test_queued_lines(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    int numbers[THREADS];
    start(LOG_INFO, LOG_TEXT);
    log_begin_queue();
    atomic_store(&writers_left, THREADS);
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, write_queued_lines, &numbers[i]), 0);
    }
    while (atomic_load(&writers_left) > 0)
        log_reopen();
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    log_end_queue();
    assert_int_equal(count_whole_lines(path), THREADS * QUEUED_LINES);
}

static void *write_queued_error(void *unused)
{
    log_queue_lines_of_this_thread();
    log_error("at once");
    return unused;
}

static void test_errors_are_not_queued(void **state)
{
    (void)state;
    pthread_t thread;
    start(LOG_INFO, LOG_TEXT);
    log_begin_queue();
    assert_int_equal(pthread_create(&thread, NULL, write_queued_error, NULL), 0);
    pthread_join(thread, NULL);
    expect_line("ERROR: at once\n");
    log_end_queue();
}

enum { FLOOD = 20000 }; /* lines: more than a pipe and the queue hold together */

static void *flood(void *unused)
{
    log_queue_lines_of_this_thread();
    for (int i = 0; i < FLOOD; i++)
        log_info("one of very many lines that nobody reads, number %d", i);
    return unused;
}

static atomic_bool queue_has_ended;

static void *end_queue(void *unused)
{
    log_end_queue();
    atomic_store(&queue_has_ended, true);
    return unused;
}

/* Reads until the queue has ended and the pipe is empty. */
static void read_pipe(int reader, struct buf *out)
{
    char piece[65536];
    bool ended;
    ssize_t n;
    buf_init(out, (size_t)64 * 1024 * 1024);
    do {
        struct pollfd wait = {.fd = reader, .events = POLLIN};
        ended = atomic_load(&queue_has_ended);
        poll(&wait, 1, ended ? 0 : 10);
        while ((n = read(reader, piece, sizeof(piece))) > 0)
            buf_append(out, piece, (size_t)n);
    } while (!ended);
    buf_putc(out, '\0');
}

/* A thread ends its work though nobody reads the log; what had no room is told afterwards. */
static void test_nobody_reads(void **state)
{
    (void)state;
    pthread_t writer;
    pthread_t ender;
    struct buf b;
    assert_int_equal(mkfifo(moved, 0600), 0);
    int reader = open(moved, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_int_equal(log_open(LOG_INFO, LOG_TEXT, moved, NULL), 0);
    log_begin_queue();
    assert_int_equal(pthread_create(&writer, NULL, flood, NULL), 0);
    pthread_join(writer, NULL);
    assert_int_equal(pthread_create(&ender, NULL, end_queue, NULL), 0);
    read_pipe(reader, &b);
    pthread_join(ender, NULL);
    assert_non_null(strstr(b.data, "number 0\n"));
    assert_non_null(strstr(b.data, " lines are missing above: "));
    buf_free(&b);
    assert_int_equal(log_open(LOG_INFO, LOG_TEXT, "", NULL), 0);
    close(reader);
    unlink(moved);
}

static void test_back_to_standard_error(void **state)
{
    (void)state;
    struct buf b;
    start(LOG_INFO, LOG_TEXT);
    int saved = dup(STDERR_FILENO);
    int file = open(moved, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    dup2(file, STDERR_FILENO);
    int result = log_open(LOG_INFO, LOG_TEXT, "", NULL);
    log_info("to standard error");
    log_reopen();
    log_info("still");
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(file);
    assert_int_equal(result, 0);
    read_file(moved, &b);
    assert_non_null(strstr(b.data, "INFO: to standard error\n"));
    assert_non_null(strstr(b.data, "INFO: still\n"));
    buf_free(&b);
    unlink(moved);
}

enum stream { ITS_OWN, NONE, OTHER_DEVICE, OTHER_INODE, NONSENSE };

/* Standard error is a file for a while; what was written to it is read back. */
static void capture(enum stream stream, enum log_format format, struct buf *out)
{
    int kept = dup(STDERR_FILENO);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    char named[64];
    struct stat s;

    assert_true(kept >= 0 && fd >= 0 && fstat(fd, &s) == 0);
    assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
    close(fd);
    snprintf(named, sizeof(named), "%llu:%llu",
             (unsigned long long)s.st_dev + (stream == OTHER_DEVICE),
             (unsigned long long)s.st_ino + (stream == OTHER_INODE));
    setenv("JOURNAL_STREAM", stream == NONSENSE ? "nonsense" : named, 1);
    if (stream == NONE)
        unsetenv("JOURNAL_STREAM");
    /* Not the file that the log has now, so that standard error is looked at. */
    assert_int_equal(log_open(LOG_DEBUG, format, "/dev/null", NULL), 0);
    assert_int_equal(log_open(LOG_DEBUG, format, "", NULL), 0);
    log_debug("d");
    log_info("i");
    log_warning("a\n<0>b");
    log_error("e");
    unsetenv("JOURNAL_STREAM");
    dup2(kept, STDERR_FILENO);
    close(kept);
    read_file(path, out);
    unlink(path);
}

static void test_journal(void **state)
{
    struct buf b;

    (void)state;
    capture(ITS_OWN, LOG_TEXT, &b);
    assert_string_equal(b.data, "<7>DEBUG: d\n<6>INFO: i\n<4>WARNING: a\\n<0>b\n<3>ERROR: e\n");
    buf_free(&b);
    capture(ITS_OWN, LOG_JSON, &b);
    assert_memory_equal(b.data, "<7>{\"time\":\"", 12);
    assert_non_null(strstr(b.data, "\n<4>{"));
    buf_free(&b);
    for (int other = NONE; other <= NONSENSE; other++) {
        capture((enum stream)other, LOG_TEXT, &b);
        assert_true(clock_parse_us(b.data, 27) > 0);
        assert_null(strstr(b.data, "<7>"));
        buf_free(&b);
    }
}

static void test_file_in_a_unit(void **state)
{
    (void)state;
    setenv("JOURNAL_STREAM", "1:1", 1);
    start(LOG_INFO, LOG_TEXT);
    log_info("to a file");
    expect_line("INFO: to a file\n");
    unsetenv("JOURNAL_STREAM");
}

static void *log_without_context(void *unused)
{
    (void)unused;
    log_info("elsewhere");
    return NULL;
}

static unsigned request_context(const struct log_context *self, struct log_field *out)
{
    (void)self;
    out[0] = (struct log_field){.name = "request_id", .text = TEXT("r 1")};
    out[1] = (struct log_field){.name = "trace_id", .text = TEXT("abc")};
    return 2;
}

static void test_context(void **state)
{
    static const struct log_context context = {request_context};
    const struct log_field own = {.name = "n", .number = 7};
    pthread_t thread;
    struct buf b;

    (void)state;
    start(LOG_INFO, LOG_TEXT);
    log_set_context(&context);
    log_fields(LOG_INFO, "m", &own, 1);
    expect_line("INFO: m request_id=\"r 1\" trace_id=abc n=7\n");
    start(LOG_INFO, LOG_JSON);
    log_warning("m");
    read_file(path, &b);
    assert_non_null(strstr(b.data, ",\"request_id\":\"r 1\",\"trace_id\":\"abc\"}"));
    buf_free(&b);
    start(LOG_INFO, LOG_TEXT);
    assert_int_equal(pthread_create(&thread, NULL, log_without_context, NULL), 0);
    pthread_join(thread, NULL);
    expect_line("INFO: elsewhere\n");
    log_set_context(NULL);
    start(LOG_INFO, LOG_TEXT);
    log_info("afterwards");
    expect_line("INFO: afterwards\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_journal),
        cmocka_unit_test(test_file_in_a_unit),
        cmocka_unit_test(test_context),
        cmocka_unit_test(test_injection),
        cmocka_unit_test(test_text_fields),
        cmocka_unit_test(test_json_fields),
        cmocka_unit_test(test_long_message),
        cmocka_unit_test(test_errno_is_kept),
        cmocka_unit_test(test_bad_file),
        cmocka_unit_test(test_not_inherited),
        cmocka_unit_test(test_reopen),
        cmocka_unit_test(test_mode),
        cmocka_unit_test(test_give),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_queued_lines),
        cmocka_unit_test(test_errors_are_not_queued),
        cmocka_unit_test(test_nobody_reads),
        cmocka_unit_test(test_back_to_standard_error),
    };
    return cmocka_run_group_tests_name("log", tests, set_up, tear_down);
}
