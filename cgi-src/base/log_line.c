/*
 * How a line of the log looks. Nothing from outside can break a line or forge one.
 */
#include "base/log_line.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"

#define LINE_CAP ((size_t)1024 * 1024)

static const char *const level_names[LOG_LEVELS] = {"debug", "info", "warning", "error"};
static const char *const level_labels[LOG_LEVELS] = {"DEBUG", "INFO", "WARNING", "ERROR"};
/* sd-daemon(3): the levels of syslog. */
static const char *const journal_priorities[LOG_LEVELS] = {"<7>", "<6>", "<4>", "<3>"};

enum text_form { TEXT_BARE, TEXT_QUOTED };

/* Control characters, also those of the C1 set, and bad bytes become \n or \x1B: a terminal and a
 * line keep their meaning. In quotes, the quote and the backslash are escaped as well. */
static void put_text(struct buf *out, struct str s, enum text_form form)
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
            if (form == TEXT_QUOTED && (c == '"' || c == '\\'))
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

/* printf would take longer than the rest of the line. */
static void put_unsigned(struct buf *out, uint64_t number, unsigned least_digits)
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

static void put_field_number(struct buf *out, const struct log_field *field)
{
    bool negative = field->number < 0;
    uint64_t number = negative ? 0 - (uint64_t)field->number : (uint64_t)field->number;

    if (negative)
        buf_putc(out, '-');
    put_unsigned(out, field->thousandths ? number / 1000 : number, 1);
    if (field->thousandths) {
        buf_putc(out, '.');
        put_unsigned(out, number % 1000, 3);
    }
}

static void put_field(struct buf *out, const struct log_field *field)
{
    buf_putc(out, ' ');
    buf_puts(out, field->name);
    buf_putc(out, '=');
    if (!str_is_present(field->text)) {
        put_field_number(out, field);
    } else if (needs_quotes(field->text)) {
        buf_putc(out, '"');
        put_text(out, field->text, TEXT_QUOTED);
        buf_putc(out, '"');
    } else {
        buf_append_str(out, field->text);
    }
}

static void put_json_number(struct json_writer *w, const struct log_field *field)
{
    struct buf text;

    buf_init(&text, LINE_CAP);
    put_field_number(&text, field);
    json_put_raw(w, field->name, buf_str(&text));
    buf_free(&text);
}

static void put_json_string(struct json_writer *w, const char *name, struct str s)
{
    if (str_is_utf8(s)) {
        json_put_string(w, name, s);
        return;
    }
    /* JSON must not have bad bytes: they are shown as in the text format. */
    struct buf clean;
    buf_init(&clean, LINE_CAP);
    put_text(&clean, s, TEXT_BARE);
    json_put_string(w, name, buf_str(&clean));
    buf_free(&clean);
}

static void put_json_fields(struct json_writer *w, struct log_fields fields)
{
    for (unsigned i = 0; i < fields.count; i++) {
        const struct log_field *field = &fields.list[i];
        if (str_is_present(field->text))
            put_json_string(w, field->name, field->text);
        else
            put_json_number(w, field);
    }
}

/* The time stays in the object, also in the journal: those who read the object look for it
 * there. */
static void put_json_line(struct buf *out, const struct log_line *line)
{
    struct json_writer w;
    char time[CLOCK_TIME_SIZE];

    clock_format_us(line->wall_us, time);
    json_writer_init(&w, out);
    json_begin_object(&w);
    json_put_string(&w, "time", str_from(time));
    json_put_string(&w, "level", str_from(level_names[line->level]));
    put_json_string(&w, "message", line->message);
    json_put_int(&w, "pid", getpid());
    put_json_fields(&w, line->context);
    put_json_fields(&w, line->fields);
    json_end_object(&w);
}

static void put_fields(struct buf *out, struct log_fields fields)
{
    for (unsigned i = 0; i < fields.count; i++)
        put_field(out, &fields.list[i]);
}

static void put_text_line(struct buf *out, const struct log_line *line)
{
    char time[CLOCK_TIME_SIZE];

    if (line->target == LOG_TO_FILE) {
        clock_format_us(line->wall_us, time);
        buf_puts(out, time);
        buf_putc(out, ' ');
    }
    buf_puts(out, level_labels[line->level]);
    buf_puts(out, ": ");
    put_text(out, line->message, TEXT_BARE);
    put_fields(out, line->context);
    put_fields(out, line->fields);
}

void log_line_put(struct buf *out, const struct log_line *line)
{
    if (line->target == LOG_TO_JOURNAL)
        buf_puts(out, journal_priorities[line->level]);
    if (line->format == LOG_JSON)
        put_json_line(out, line);
    else
        put_text_line(out, line);
    buf_putc(out, '\n');
}
