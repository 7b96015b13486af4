/*
 * The reader in the order in which an answer comes: 1. the status line 2. header lines 3. the body,
 * by its length, in chunks or until the end. Which bytes come, and when, is the exchange's.
 */
#include "aws/http_answer.h"

#include <strings.h>

void http_answer_init(struct http_answer *a, struct transport_response *response)
{
    /* Not the line, which is large and of which only the first line_n bytes are ever read. */
    a->response = response;
    a->state = HTTP_ANSWER_STATUS_LINE;
    a->error = NULL;
    a->keep_alive = false;
    a->is_1_0 = a->chunked = a->has_length = a->close = false;
    a->headers = 0;
    a->interim = 0;
    a->head_bytes = 0;
    a->left = 0;
    a->line_n = 0;
}

static void break_answer(struct http_answer *a, const char *why)
{
    a->state = HTTP_ANSWER_BROKEN;
    a->error = why;
    a->keep_alive = false;
}

static void complete(struct http_answer *a)
{
    a->state = HTTP_ANSWER_COMPLETE;
    a->keep_alive = !a->close && !a->is_1_0;
}

/* ---- characters ------------------------------------------------------------------------------ */

static bool is_ascii_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* token (RFC 9110, 5.6.2). Nearly all that come are letters and hyphens. */
static bool is_token_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || is_ascii_digit(c) ||
           (c != '\0' && strchr("!#$%&'*+.^_`|~", c));
}

/* No control character but the tab: a bare CR or a NUL means one thing here and another elsewhere.
 */
static bool is_text(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

static bool is_header_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct str trim(struct str s)
{
    while (s.n > 0 && is_header_blank(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && is_header_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

static bool is_same_word(struct str s, const char *word)
{
    return s.n == strlen(word) && strncasecmp(s.p, word, s.n) == 0;
}

/* ---- 1. the status line ---------------------------------------------------------------------- */

/* "HTTP/1.1 200 OK"; the words may be empty, and some leave out the blank before them too. */
static void read_status_line(struct http_answer *a, struct str line)
{
    bool is_1_0 = str_starts_with(line, "HTTP/1.0 ");
    if (!is_1_0 && !str_starts_with(line, "HTTP/1.1 ")) {
        break_answer(a, "the answer is not HTTP/1.1");
        return;
    }
    const char *code = line.p + 9;
    bool digits = line.n >= 12 && is_ascii_digit(code[0]) && is_ascii_digit(code[1]) &&
                  is_ascii_digit(code[2]);
    if (!digits || (line.n > 12 && code[3] != ' ') || code[0] < '1' || code[0] > '5' ||
        !is_text(line)) {
        break_answer(a, "the answer's status line is malformed");
        return;
    }
    transport_response_forget_headers(a->response);
    a->response->status = (code[0] - '0') * 100 + (code[1] - '0') * 10 + (code[2] - '0');
    a->is_1_0 = is_1_0;
    a->chunked = a->has_length = a->close = false;
    a->headers = 0;
    a->state = HTTP_ANSWER_HEADERS;
}

/* ---- 2. header lines ------------------------------------------------------------------------- */

/* Digits alone: no sign, no list, nothing that another reader may take for another number. */
static void take_length(struct http_answer *a, struct str value)
{
    uint64_t length = 0;
    bool good = value.n > 0 && value.n <= 18 && !a->has_length;
    for (size_t i = 0; good && i < value.n; i++) {
        good = is_ascii_digit(value.p[i]);
        length = length * 10 + (uint64_t)(value.p[i] - '0');
    }
    if (!good) {
        break_answer(a, "the answer's Content-Length is malformed or there are two");
        return;
    }
    a->has_length = true;
    a->left = length;
}

static void take_transfer_encoding(struct http_answer *a, struct str value)
{
    if (a->chunked || a->is_1_0 || !is_same_word(value, "chunked"))
        break_answer(a, "the answer's Transfer-Encoding is not \"chunked\" alone");
    a->chunked = true;
}

/* A list of words, of which one matters. */
static void answer_read_connection(struct http_answer *a, struct str value)
{
    while (value.n > 0) {
        const char *comma = memchr(value.p, ',', value.n);
        size_t n = comma ? (size_t)(comma - value.p) : value.n;
        if (is_same_word(trim((struct str){value.p, n}), "close"))
            a->close = true;
        n += comma ? 1 : 0;
        value = (struct str){value.p + n, value.n - n};
    }
}

static void take_header(struct http_answer *a, struct str name, struct str value)
{
    if (is_same_word(name, "content-length"))
        take_length(a, value);
    else if (is_same_word(name, "transfer-encoding"))
        take_transfer_encoding(a, value);
    else if (is_same_word(name, "connection"))
        answer_read_connection(a, value);
    else
        transport_response_take_header(a->response, name, value);
}

/* A line that begins with a blank (obs-fold), and a blank before the colon, are no token. */
static int split_header(struct http_answer *a, struct str line, struct str *name, struct str *value)
{
    size_t n = 0;
    while (n < line.n && is_token_character(line.p[n]))
        n++;
    if (n == 0 || n == line.n || line.p[n] != ':') {
        break_answer(a, "a header line of the answer is malformed");
        return -1;
    }
    *name = (struct str){line.p, n};
    *value = trim((struct str){line.p + n + 1, line.n - n - 1});
    if (!is_text(*value)) {
        break_answer(a, "a header of the answer has a control character");
        return -1;
    }
    if (++a->headers > HTTP_ANSWER_HEADERS_MAX) {
        break_answer(a, "the answer has too many header lines");
        return -1;
    }
    return 0;
}

/* An answer before the answer: forgotten, but not for ever. */
static void end_interim(struct http_answer *a)
{
    if (a->response->status == 101)
        break_answer(a, "the server changes the protocol, which was not asked for");
    else if (a->chunked || a->has_length)
        break_answer(a, "an interim answer has a body");
    else if (++a->interim > HTTP_ANSWER_INTERIM_MAX)
        break_answer(a, "there are too many interim answers");
    else
        a->state = HTTP_ANSWER_STATUS_LINE;
}

static void begin_body(struct http_answer *a)
{
    /* In one piece: nothing has to be copied as it grows. Beyond the cap it fails at once. */
    if (a->left > SIZE_MAX / 4 || !buf_reserve(&a->response->body, (size_t)a->left))
        break_answer(a, "the answer is too large");
    else if (a->left == 0)
        complete(a);
    else
        a->state = HTTP_ANSWER_BODY;
}

/* RFC 9112, 6.3: how long the body is. An answer with both lengths is refused (6.1). */
static void end_head(struct http_answer *a)
{
    int status = a->response->status;
    if (status < 200) {
        end_interim(a);
    } else if (a->chunked && a->has_length) {
        break_answer(a, "the answer has a Content-Length and a Transfer-Encoding");
    } else if (status == 204 || status == 304) {
        complete(a);
    } else if (a->chunked) {
        a->state = HTTP_ANSWER_CHUNK_SIZE;
    } else if (a->has_length) {
        begin_body(a);
    } else {
        a->close = true;
        a->state = HTTP_ANSWER_BODY_TO_END;
    }
}

static void answer_read_header(struct http_answer *a, struct str line)
{
    struct str name;
    struct str value;
    if (line.n == 0)
        end_head(a);
    else if (split_header(a, line, &name, &value) == 0)
        take_header(a, name, value);
}

/* ---- 3. the body in chunks ------------------------------------------------------------------- */

static int hex_digit(char c)
{
    if (is_ascii_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Hexadecimal digits, then nothing or an extension, of which none has a meaning here. */
static void read_chunk_size(struct http_answer *a, struct str line)
{
    uint64_t size = 0;
    size_t n = 0;
    for (; n < line.n && n <= 8 && hex_digit(line.p[n]) >= 0; n++)
        size = size * 16 + (uint64_t)hex_digit(line.p[n]);
    bool ends = n == line.n || line.p[n] == ';';
    if (n == 0 || n > 8 || !ends || !is_text(line) || line.n > HTTP_ANSWER_CHUNK_LINE_MAX) {
        break_answer(a, "the size of a chunk of the answer is malformed");
        return;
    }
    a->left = size;
    a->state = HTTP_ANSWER_CHUNK;
    if (size == 0) {
        a->headers = 0;
        a->head_bytes = 0;
        a->state = HTTP_ANSWER_TRAILERS;
    } else if (!buf_reserve(&a->response->body, (size_t)size)) {
        break_answer(a, "the answer is too large");
    }
}

static void read_chunk_end(struct http_answer *a, struct str line)
{
    if (line.n > 0)
        break_answer(a, "a chunk of the answer is longer than its size");
    else
        a->state = HTTP_ANSWER_CHUNK_SIZE;
}

/* Read for their form and forgotten: none may change what the head has said (RFC 9110, 6.5.1). */
static void read_trailer(struct http_answer *a, struct str line)
{
    struct str name;
    struct str value;
    if (line.n == 0)
        complete(a);
    else
        (void)split_header(a, line, &name, &value);
}

/* ---- lines ----------------------------------------------------------------------------------- */

static void read_whole_line(struct http_answer *a, struct str line)
{
    if (line.n < 2 || line.p[line.n - 2] != '\r') {
        break_answer(a, "a line of the answer does not end with CR LF");
        return;
    }
    line.n -= 2;
    switch (a->state) {
    case HTTP_ANSWER_STATUS_LINE:
        read_status_line(a, line);
        break;
    case HTTP_ANSWER_HEADERS:
        answer_read_header(a, line);
        break;
    case HTTP_ANSWER_CHUNK_SIZE:
        read_chunk_size(a, line);
        break;
    case HTTP_ANSWER_CHUNK_END:
        read_chunk_end(a, line);
        break;
    default:
        read_trailer(a, line);
        break;
    }
}

/* The lines of chunks do not add up to a limit: their number is bounded by that of the bytes. */
static bool is_of_a_head(const struct http_answer *a)
{
    return a->state != HTTP_ANSWER_CHUNK_SIZE && a->state != HTTP_ANSWER_CHUNK_END;
}

/* A line whose end is there is read where it lies. */
static size_t read_line(struct http_answer *a, const char *bytes, size_t n)
{
    const char *end = memchr(bytes, '\n', n);
    size_t taken = end ? (size_t)(end - bytes) + 1 : n;
    struct str line = {bytes, taken};
    if (taken > sizeof(a->line) - a->line_n) {
        break_answer(a, "a line of the answer is too long");
        return 0;
    }
    if (!end || a->line_n > 0) {
        memcpy(a->line + a->line_n, bytes, taken);
        a->line_n += taken;
        line = (struct str){a->line, a->line_n};
    }
    if (!end)
        return taken;
    a->line_n = 0;
    if (is_of_a_head(a))
        a->head_bytes += line.n;
    if (a->head_bytes > HTTP_ANSWER_HEAD_MAX)
        break_answer(a, "the head of the answer is too large");
    else
        read_whole_line(a, line);
    return taken;
}

/* ---- bytes ----------------------------------------------------------------------------------- */

size_t http_answer_body_left(const struct http_answer *a)
{
    return a->state == HTTP_ANSWER_BODY || a->state == HTTP_ANSWER_CHUNK ? (size_t)a->left : 0;
}

static void note_body(struct http_answer *a, size_t n)
{
    a->left -= n;
    if (a->left > 0)
        return;
    if (a->state == HTTP_ANSWER_CHUNK)
        a->state = HTTP_ANSWER_CHUNK_END;
    else
        complete(a);
}

void http_answer_body_added(struct http_answer *a, size_t n)
{
    buf_added(&a->response->body, n);
    note_body(a, n);
}

static size_t read_body(struct http_answer *a, const char *bytes, size_t n)
{
    size_t taken = n < a->left ? n : (size_t)a->left;
    buf_append(&a->response->body, bytes, taken); /* there is room: it was reserved */
    note_body(a, taken);
    return taken;
}

static size_t read_body_to_end(struct http_answer *a, const char *bytes, size_t n)
{
    buf_append(&a->response->body, bytes, n);
    if (!buf_ok(&a->response->body))
        break_answer(a, "the answer is too large");
    return n;
}

size_t http_answer_read(struct http_answer *a, const char *bytes, size_t n)
{
    size_t taken = 0;
    while (taken < n && a->state != HTTP_ANSWER_COMPLETE && a->state != HTTP_ANSWER_BROKEN) {
        if (a->state == HTTP_ANSWER_BODY || a->state == HTTP_ANSWER_CHUNK)
            taken += read_body(a, bytes + taken, n - taken);
        else if (a->state == HTTP_ANSWER_BODY_TO_END)
            taken += read_body_to_end(a, bytes + taken, n - taken);
        else
            taken += read_line(a, bytes + taken, n - taken);
    }
    return taken;
}

void http_answer_end(struct http_answer *a)
{
    if (a->state == HTTP_ANSWER_BODY_TO_END)
        complete(a);
    else if (a->state == HTTP_ANSWER_STATUS_LINE && a->line_n == 0 && a->interim == 0)
        break_answer(a, "the connection was closed before an answer came");
    else if (a->state != HTTP_ANSWER_COMPLETE && a->state != HTTP_ANSWER_BROKEN)
        break_answer(a, "the connection was closed before the answer was complete");
}
