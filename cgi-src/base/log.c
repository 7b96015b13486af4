/*
 * The log: whole lines, appended to a file or given to the journal. base/log_line knows how a line
 * looks, base/log_queue how lines wait for their turn. logrotate moves files away, and log_reopen
 * follows.
 */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log_line.h"
#include "base/log_queue.h"

/* A longer message is cut: it is formatted on the stack. */
#define MESSAGE_SIZE 4096
/* The mode of a new file, whatever the umask is: the group may read it, as with the file that
 * logrotate creates. */
#define FILE_MODE 0640
#define LINE_CAP ((size_t)1024 * 1024)

/* Readers take the descriptor without a lock: it never changes its number once it is not standard
 * error, a new file is put behind the same number. */
static atomic_int log_fd = STDERR_FILENO;
static atomic_int log_level = LOG_INFO;
static atomic_int log_format = LOG_TEXT;
static pthread_mutex_t file_lock = PTHREAD_MUTEX_INITIALIZER;
static char *file_name; /* under file_lock; NULL is standard error */
static _Thread_local bool lines_are_queued;
static _Thread_local const struct log_context *thread_context;

/* Lines may be written before the log is opened, so the first one finds out. */
enum { TARGET_UNKNOWN = -1 };
static atomic_int log_target = TARGET_UNKNOWN;

static int open_for_append(const char *file)
{
    static const int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY;
    int fd = open(file, flags | O_EXCL, FILE_MODE);
    if (fd < 0)
        return errno == EEXIST ? open(file, flags, FILE_MODE) : -1;
    fchmod(fd, FILE_MODE);
    return fd;
}

/* Puts the open file behind the log's descriptor. Takes fd over. Call with file_lock held. */
static int log_use_descriptor(int fd)
{
    int current = atomic_load(&log_fd);
    if (current == STDERR_FILENO) {
        atomic_store(&log_fd, fd);
        return 0;
    }
    int result;
    do
        result = dup3(fd, current, O_CLOEXEC);
    while (result < 0 && (errno == EINTR || errno == EBUSY));
    int error = errno;
    close(fd);
    errno = error;
    return result < 0 ? -1 : 0;
}

static int switch_file(const char *file)
{
    char *name = NULL;
    bool is_file = *file != '\0';
    if (!is_file && atomic_load(&log_fd) == STDERR_FILENO)
        return 0;
    if (is_file && !(name = strdup(file)))
        return -1;
    int fd = is_file ? open_for_append(file) : fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    if (fd < 0 || log_use_descriptor(fd) != 0) {
        int error = errno;
        free(name);
        errno = error;
        return -1;
    }
    free(file_name);
    file_name = name;
    atomic_store(&log_target, is_file ? (int)LOG_TO_FILE : TARGET_UNKNOWN);
    return 0;
}

int log_open(enum log_level level, enum log_format format, const char *file, struct err *e)
{
    pthread_mutex_lock(&file_lock);
    int result = switch_file(file ? file : "");
    int error = errno;
    pthread_mutex_unlock(&file_lock);
    if (result != 0)
        return err_set(e, ERR_CONFIGURATION, "cannot open the log file %s: %s", file,
                       strerrordesc_np(error));
    atomic_store(&log_level, (int)level);
    atomic_store(&log_format, (int)format);
    return 0;
}

void log_reopen(void)
{
    int error = 0;
    pthread_mutex_lock(&file_lock);
    if (file_name) {
        int fd = open_for_append(file_name);
        if (fd < 0 || log_use_descriptor(fd) != 0)
            error = errno;
    }
    pthread_mutex_unlock(&file_lock);
    if (error)
        log_error("cannot open the log file again, the old one stays in use: %s",
                  strerrordesc_np(error));
}

int log_give(uid_t user, gid_t group)
{
    struct stat s;
    int result = 0;
    pthread_mutex_lock(&file_lock);
    int fd = atomic_load(&log_fd);
    if (file_name && fstat(fd, &s) == 0 && S_ISREG(s.st_mode))
        result = fchown(fd, user, group);
    pthread_mutex_unlock(&file_lock);
    return result;
}

bool log_enabled(enum log_level level)
{
    return (int)level >= atomic_load_explicit(&log_level, memory_order_relaxed);
}

static void file_write_lines(struct str lines)
{
    int fd = atomic_load_explicit(&log_fd, memory_order_relaxed);
    while (lines.n > 0) {
        ssize_t written = write(fd, lines.p, lines.n);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return; /* a full disk or a closed pipe must not stop a request */
        lines.p += written;
        lines.n -= (size_t)written;
    }
}

static void report_dropped(unsigned long lines)
{
    log_warning("%lu lines are missing above: they came faster than the log could be written",
                lines);
}

void log_begin_queue(void)
{
    static const struct log_queue_sink sink = {file_write_lines, report_dropped};

    if (!log_queue_start(&sink))
        log_warning(
            "the log has no thread of its own: requests wait until their lines are written");
}

void log_end_queue(void)
{
    log_queue_stop();
}

void log_queue_lines_of_this_thread(void)
{
    lines_are_queued = true;
}

/* An error may be the last line before a crash, so it is written at once. */
static void log_put_line(enum log_level level, struct str line)
{
    if (level < LOG_ERROR && lines_are_queued && log_queue_put(line))
        return;
    file_write_lines(line);
}

/*
 * systemd.exec(5): JOURNAL_STREAM is "device:inode" of the connection to the journal that a unit is
 * started with. A program whose standard error was redirected inherits the variable all the same,
 * so the two are compared.
 */
static enum log_target look_at_standard_error(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    char ours[48];
    struct stat s;

    if (!stream || fstat(STDERR_FILENO, &s) != 0)
        return LOG_TO_FILE;
    snprintf(ours, sizeof(ours), "%llu:%llu", (unsigned long long)s.st_dev,
             (unsigned long long)s.st_ino);
    return strcmp(stream, ours) == 0 ? LOG_TO_JOURNAL : LOG_TO_FILE;
}

static enum log_target log_find_target(void)
{
    int known = atomic_load_explicit(&log_target, memory_order_relaxed);

    if (known == TARGET_UNKNOWN) {
        known = (int)look_at_standard_error();
        atomic_store_explicit(&log_target, known, memory_order_relaxed);
    }
    return (enum log_target)known;
}

void log_set_context(const struct log_context *context)
{
    thread_context = context;
}

static void log_write_line(enum log_level level, struct str message, struct log_fields fields)
{
    struct buf out;
    struct log_field context[LOG_CONTEXT_MAX];
    unsigned n = thread_context ? thread_context->fields(thread_context, context) : 0;
    int error = errno; /* callers log between a failure and its report */
    const struct log_line line = {
        .target = log_find_target(),
        .format = (enum log_format)atomic_load_explicit(&log_format, memory_order_relaxed),
        .level = level,
        .wall_us = clock_system.wall_us(clock_system.context),
        .message = message,
        .context = {context, n},
        .fields = fields,
    };

    buf_init(&out, LINE_CAP);
    log_line_put(&out, &line);
    if (buf_ok(&out))
        log_put_line(level, buf_str(&out));
    buf_free(&out);
    errno = error;
}

__attribute__((format(printf, 2, 0))) static void log_v(enum log_level level, const char *format,
                                                        va_list args)
{
    char message[MESSAGE_SIZE];
    int n = vsnprintf(message, sizeof message, format, args);
    if (n < 0)
        return;
    size_t length = (size_t)n < sizeof message ? (size_t)n : sizeof message - 1;
    log_write_line(level, (struct str){message, length}, (struct log_fields){NULL, 0});
}

void log_debug(const char *format, ...)
{
    va_list args;
    if (!log_enabled(LOG_DEBUG))
        return;
    va_start(args, format);
    log_v(LOG_DEBUG, format, args);
    va_end(args);
}

void log_info(const char *format, ...)
{
    va_list args;
    if (!log_enabled(LOG_INFO))
        return;
    va_start(args, format);
    log_v(LOG_INFO, format, args);
    va_end(args);
}

void log_warning(const char *format, ...)
{
    va_list args;
    if (!log_enabled(LOG_WARNING))
        return;
    va_start(args, format);
    log_v(LOG_WARNING, format, args);
    va_end(args);
}

void log_error(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    log_v(LOG_ERROR, format, args);
    va_end(args);
}

void log_fields(enum log_level level, const char *message, const struct log_field *fields,
                unsigned count)
{
    if (log_enabled(level))
        log_write_line(level, str_from(message), (struct log_fields){fields, count});
}
