/*
 * The log: lines in text or JSON, appended to a file by whole lines. Nothing from outside can break
 * a line or forge one. Rotation is logrotate's, with log_reopen afterwards. How lines wait for
 * their turn is told in base/log_queue.
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
#include "base/json.h"
#include "base/log_queue.h"

/* A longer message is cut: it is formatted on the stack. */
#define MESSAGE_SIZE 4096
/* Of a new file, whatever the umask: the group reads it, as after logrotate's own create. */
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

static const char *const level_names[LOG_LEVELS] = {"debug", "info", "warning", "error"};
static const char *const level_labels[LOG_LEVELS] = {"DEBUG", "INFO", "WARNING", "ERROR"};

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
static int install(int fd)
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
    if (fd < 0 || install(fd) != 0) {
        int error = errno;
        free(name);
        errno = error;
        return -1;
    }
    free(file_name);
    file_name = name;
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
        if (fd < 0 || install(fd) != 0)
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

static void write_lines(struct str lines)
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
    static const struct log_queue_sink sink = {write_lines, report_dropped};

    if (!log_queue_start(&sink))
        log_warning("there is no thread for the log: requests wait for its file");
}

void log_end_queue(void)
{
    log_queue_stop();
}

void log_queue_lines_of_this_thread(void)
{
    lines_are_queued = true;
}

/* An error may be the last line before a crash, so that one is written at once. */
static void put_line(enum log_level level, struct str line)
{
    if (level < LOG_ERROR && lines_are_queued && log_queue_put(line))
        return;
    write_lines(line);
}

/* Control characters, also those of the C1 set, and bad bytes become \n or \x1B: a terminal and a
 * line keep their meaning. In quotes, the quote and the backslash are escaped as well. */
static void put_text(struct buf *out, struct str s, bool quoted)
{
    while (s.n > 0) {
        unsigned char c = (unsigned char)s.p[0];
        size_t n = c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
        if (n > s.n || !str_is_utf8((struct str){s.p, n}))
            n = 0;
        bool c1 = n == 2 && c == 0xC2 && (unsigned char)s.p[1] < 0xA0;
        if (c == '\n' || c == '\r' || c == '\t')
            buf_puts(out, c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
        else if (n == 0 || c < 0x20 || c == 0x7F)
            buf_printf(out, "\\x%02X", c);
        else if (c1)
            buf_printf(out, "\\u%04X", (unsigned char)s.p[1]);
        else {
            if (quoted && (c == '"' || c == '\\'))
                buf_putc(out, '\\');
            buf_append(out, s.p, n);
        }
        s.p += n ? n : 1;
        s.n -= n ? n : 1;
    }
}

/* True if the value could not be told from the text around it. */
static bool needs_quotes(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c <= ' ' || c >= 0x7F || c == '"' || c == '=' || c == '\\')
            return true;
    }
    return s.n == 0;
}

/* printf would cost more than the rest of the line. */
static void put_digits(struct buf *out, uint64_t number, unsigned least_digits)
{
    char text[20];
    unsigned at = sizeof(text);

    do
        text[--at] = (char)('0' + number % 10);
    while (number /= 10);
    while (sizeof(text) - at < least_digits)
        text[--at] = '0';
    buf_append(out, text + at, sizeof(text) - at);
}

static void put_number(struct buf *out, const struct log_field *field)
{
    bool negative = field->number < 0;
    uint64_t number = negative ? 0 - (uint64_t)field->number : (uint64_t)field->number;

    if (negative)
        buf_putc(out, '-');
    put_digits(out, field->thousandths ? number / 1000 : number, 1);
    if (field->thousandths) {
        buf_putc(out, '.');
        put_digits(out, number % 1000, 3);
    }
}

static void put_field(struct buf *out, const struct log_field *field)
{
    buf_putc(out, ' ');
    buf_puts(out, field->name);
    buf_putc(out, '=');
    if (!str_is_present(field->text)) {
        put_number(out, field);
    } else if (needs_quotes(field->text)) {
        buf_putc(out, '"');
        put_text(out, field->text, true);
        buf_putc(out, '"');
    } else {
        buf_append_str(out, field->text);
    }
}

static void put_json_number(struct json_writer *w, const struct log_field *field)
{
    struct buf text;

    buf_init(&text, LINE_CAP);
    put_number(&text, field);
    json_put_raw(w, field->name, buf_str(&text));
    buf_free(&text);
}

static void put_json_string(struct json_writer *w, const char *name, struct str s)
{
    if (str_is_utf8(s)) {
        json_put_string(w, name, s);
        return;
    }
    /* JSON has no bad bytes: they are shown as in the text format. */
    struct buf clean;
    buf_init(&clean, LINE_CAP);
    put_text(&clean, s, false);
    json_put_string(w, name, buf_str(&clean));
    buf_free(&clean);
}

/* What a line is made of. */
struct line {
    enum log_level level;
    struct str message;
    const struct log_field *fields;
    unsigned count;
};

static void put_json_line(struct buf *out, const char *time, const struct line *line)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    json_put_string(&w, "time", str_from(time));
    json_put_string(&w, "level", str_from(level_names[line->level]));
    put_json_string(&w, "message", line->message);
    json_put_int(&w, "pid", getpid());
    for (unsigned i = 0; i < line->count; i++) {
        const struct log_field *field = &line->fields[i];
        if (str_is_present(field->text))
            put_json_string(&w, field->name, field->text);
        else
            put_json_number(&w, field);
    }
    json_end_object(&w);
}

static void put_text_line(struct buf *out, const char *time, const struct line *line)
{
    buf_puts(out, time);
    buf_putc(out, ' ');
    buf_puts(out, level_labels[line->level]);
    buf_puts(out, ": ");
    put_text(out, line->message, false);
    for (unsigned i = 0; i < line->count; i++)
        put_field(out, &line->fields[i]);
}

static void emit(const struct line *line)
{
    char time[CLOCK_TIME_SIZE];
    struct buf out;
    int error = errno; /* callers log between a failure and its report */
    clock_format_us(clock_system.wall_us(clock_system.context), time);
    buf_init(&out, LINE_CAP);
    if (atomic_load_explicit(&log_format, memory_order_relaxed) == LOG_JSON)
        put_json_line(&out, time, line);
    else
        put_text_line(&out, time, line);
    buf_putc(&out, '\n');
    if (buf_ok(&out))
        put_line(line->level, buf_str(&out));
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
    emit(&(struct line){.level = level, .message = {message, length}});
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
        emit(&(struct line){
            .level = level, .message = str_from(message), .fields = fields, .count = count});
}
