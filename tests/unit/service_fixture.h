/*
 * What the tests of the HTTP contract in process share: the whole service between a fake web server
 * and a fake DynamoDB, and one kind of row: a request as text, the calls that it must make with
 * their answers, and the answer that the client must get. For tests/unit/test_api_*.c and
 * test_service_*.c.
 *
 * Every answer is also held against the rules that all answers keep (see check_envelope).
 */
#ifndef TESTS_UNIT_SERVICE_FIXTURE_H
#define TESTS_UNIT_SERVICE_FIXTURE_H

#include "store_fixture.h"

#include <ctype.h>
#include <json-c/json_object.h>

#include "base/json.h"
#include "base/log.h"
#include "service/internal.h"

#define API "/api/v1"
/* A session and a message as DynamoDB has them. */
#define ITS_SESSION                                                                                \
    S("user_id", "u")                                                                              \
    "," S("session_id", "s") "," S("title", "t") "," S("created_at", NOW_TEXT) "," S(              \
        "updated_at", NOW_TEXT) "," N("message_count", "2") "," N("version", "3")
#define ITS_MESSAGE                                                                                \
    S("session_id", "s")                                                                           \
    "," N("timestamp", "5") "," S("message_id", "m") "," S("role", "user") "," S(                  \
        "content", "c") "," S("created_at", NOW_TEXT)
#define VARIABLES_MAX 24
#define HEADERS_MAX 5

struct service_case {
    const char *name;
    /*
     * "METHOD TARGET", then header lines, then an empty line and the body; lines end with \n.
     * Without a Content-Type line a body is application/json; its length is told as it is unless a
     * Content-Length line says otherwise. A line that begins with "$" is a variable of the web
     * server's: "$SERVER_ADDR: 10.0.0.1".
     */
    const char *request;
    const char *settings[4]; /* "KEY=value" */
    struct scripted_call script[6];
    bool client_gone;
    /* what the client gets */
    int status;
    const char *code;                 /* of an error; NULL: it is none */
    const char *headers[HEADERS_MAX]; /* lines that the answer must have: "Allow: GET" */
    const char *has[6];               /* texts that the body must have */
    const char *lacks;                /* one that neither headers nor body may have */
};

/* The service, made as a worker process makes it, but for the fakes around it. */
struct served {
    struct machine machine;
    struct service_process process;
    struct service_thread *thread;
    struct fake_gateway gateway;
    char lines[16384];
    const char *variables[VARIABLES_MAX + 1];
};

/* The variable that a web server makes of a header line; true if it is the body's type or length,
 * which has no HTTP_ before its name. */
static inline char *name_variable(char *at, const char *line, size_t n)
{
    bool plain = line[0] == '$' || strncasecmp(line, "Content-Type", n) == 0 ||
                 strncasecmp(line, "Content-Length", n) == 0;
    if (!plain)
        at = stpcpy(at, "HTTP_");
    for (size_t i = line[0] == '$'; i < n; i++)
        *at++ = line[i] == '-' ? '_' : (char)toupper((unsigned char)line[i]);
    return at;
}

static inline char *add_variable(struct served *s, size_t *count, char *at, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static inline char *add_variable(struct served *s, size_t *count, char *at, const char *format, ...)
{
    va_list arguments;
    size_t room = (size_t)(s->lines + sizeof(s->lines) - at);
    assert_true(*count < VARIABLES_MAX);
    s->variables[(*count)++] = at;
    va_start(arguments, format);
    int n = vsnprintf(at, room, format, arguments);
    va_end(arguments);
    assert_true(n >= 0 && (size_t)n < room);
    return at + n + 1;
}

static inline bool has_variable(const struct served *s, size_t count, const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < count; i++) {
        if (strncmp(s->variables[i], name, n) == 0 && s->variables[i][n] == '=')
            return true;
    }
    return false;
}

/* Takes the text of a request apart, as a web server does. */
static inline void take_request_apart(struct served *s, const char *text)
{
    const char *body = strstr(text, "\n\n");
    const char *end = body ? body : text + strlen(text);
    size_t method = strcspn(text, " ");
    size_t count = 0;
    const char *line = text + strcspn(text, "\n");
    char *at = s->lines;

    body = body ? body + 2 : "";
    at = add_variable(s, &count, at, "REQUEST_METHOD=%.*s", (int)method, text);
    at = add_variable(s, &count, at, "REQUEST_URI=%.*s", (int)(line - text - (ptrdiff_t)method - 1),
                      text + method + 1);
    while (line < end) {
        line++;
        size_t name = strcspn(line, ":");
        size_t whole = strcspn(line, "\n");
        char variable[128];
        *name_variable(variable, line, name) = '\0';
        at = add_variable(s, &count, at, "%s=%.*s", variable, (int)(whole - name - 2),
                          line + name + 2);
        line += whole;
    }
    if (*body && !has_variable(s, count, "CONTENT_TYPE"))
        at = add_variable(s, &count, at, "CONTENT_TYPE=application/json");
    if (*body && !has_variable(s, count, "CONTENT_LENGTH"))
        at = add_variable(s, &count, at, "CONTENT_LENGTH=%zu", strlen(body));
    s->variables[count] = NULL;
    fake_gateway_init(&s->gateway, s->variables, body);
}

static inline void served_init(struct served *s, const struct service_case *row,
                               const struct step *steps, size_t step_count)
{
    struct err e = {0};
    struct service_process *p = &s->process;

    *s = (struct served){.variables = {NULL}};
    (void)log_open(LOG_ERROR, LOG_TEXT, "", NULL);
    machine_init_with(&s->machine, row->settings, steps, step_count);
    p->config = &s->machine.config;
    p->clock = &s->machine.clock;
    p->dynamo = s->machine.shared;
    p->store = store_shared_new(p->config, p->clock);
    p->auth = auth_new(p->config, p->clock, &e);
    if (!p->auth)
        fail_msg("%s: %s", row->name, e.detail);
    p->cors = (struct cors_policy){p->config->cors_origins, p->config->cors_credentials};
    cursor_key_init(&p->cursor_key, p->config->sessions_table, p->config->messages_table);
    s->thread = service_thread_new(p, &e);
    assert_non_null(s->thread);
    take_request_apart(s, row->request);
    s->gateway.client_gone = row->client_gone;
}

static inline void served_free(struct served *s)
{
    service_thread_free(s->thread);
    store_shared_free(s->process.store);
    auth_free(s->process.auth);
    buf_free(&s->gateway.written);
    machine_free(&s->machine);
}

/* ---- judging ----------------------------------------------------------------------------------
 */

/* An answer taken apart: the text that was written has a NUL behind it and between both. */
struct answer_text {
    const char *headers; /* lines that end with \r\n */
    const char *body;
    int status;
};

static inline struct answer_text take_answer_apart(const struct service_case *row, struct buf *text)
{
    struct answer_text a = {.status = 200};
    assert_true(buf_ok(text));
    buf_putc(text, '\0');
    char *end = text->data ? strstr(text->data, "\r\n\r\n") : NULL;
    if (!end)
        fail_msg("%s: no answer", row->name);
    end[2] = '\0';
    a.headers = text->data;
    a.body = end + 4;
    const char *status = strstr(text->data, "Status: ");
    if (status)
        a.status = (int)strtol(status + 8, NULL, 10);
    return a;
}

static inline bool has_header(const struct answer_text *a, const char *line)
{
    size_t n = strlen(line);
    for (const char *at = a->headers; (at = strstr(at, line)); at++) {
        if ((at == a->headers || at[-1] == '\n') && at[n] == '\r')
            return true;
    }
    return false;
}

static inline const char *member_text(struct json_object *object, const char *name)
{
    const char *text = json_object_get_string(json_get(object, name));
    return text ? text : "";
}

/* What every answer keeps: JSON that says how it went, in the media type for that; errors as
 * RFC 9457 has them, with the request's id. */
static inline void check_envelope(const struct service_case *row, const struct answer_text *a)
{
    bool is_error = a->status >= 400;
    char id[160];

    if (!strstr(a->headers, "X-Request-Id: "))
        fail_msg("%s: no X-Request-Id", row->name);
    if (a->status == 204 || a->status == 304 || strncmp(row->request, "HEAD ", 5) == 0) {
        if (*a->body)
            fail_msg("%s: a body: %s", row->name, a->body);
        return;
    }
    if (!has_header(a, is_error ? "Content-Type: application/problem+json"
                                : "Content-Type: application/json"))
        fail_msg("%s: another media type: %s", row->name, a->headers);
    struct json_object *tree = json_tree(str_from(a->body), NULL);
    if (!tree)
        fail_msg("%s: no JSON: %s", row->name, a->body);
    if (is_error) {
        (void)snprintf(id, sizeof(id), "X-Request-Id: %s", member_text(tree, "request_id"));
        if (strcmp(member_text(tree, "type"), "about:blank") != 0 ||
            json_object_get_int(json_get(tree, "status")) != a->status ||
            !*member_text(tree, "title") || !*member_text(tree, "detail") || !has_header(a, id))
            fail_msg("%s: a bad problem: %s%s", row->name, a->headers, a->body);
    } else if (strcmp(member_text(tree, "status"), "success") != 0 ||
               strncmp(member_text(tree, "timestamp"), "2015-08-30T12:3", 15) != 0) {
        fail_msg("%s: a bad envelope: %s", row->name, a->body);
    }
    json_tree_free(tree);
}

static inline void check_answer(const struct service_case *row, const struct answer_text *a)
{
    char code[64] = "";

    if (row->code)
        (void)snprintf(code, sizeof(code), "\"code\":\"%s\"", row->code);
    if (a->status != row->status || !strstr(a->body, code))
        fail_msg("%s: wanted %d %s, got %d %s", row->name, row->status, row->code ? row->code : "",
                 a->status, a->body);
    for (size_t i = 0; i < COUNT(row->headers) && row->headers[i]; i++) {
        if (!has_header(a, row->headers[i]))
            fail_msg("%s: no header %s in %s", row->name, row->headers[i], a->headers);
    }
    for (size_t i = 0; i < COUNT(row->has) && row->has[i]; i++) {
        if (!strstr(a->body, row->has[i]))
            fail_msg("%s: no %s in %s", row->name, row->has[i], a->body);
    }
    if (row->lacks && (strstr(a->headers, row->lacks) || strstr(a->body, row->lacks)))
        fail_msg("%s: %s in %s%s", row->name, row->lacks, a->headers, a->body);
    check_envelope(row, a);
}

/* The row, after which s tells what was asked; to be freed by served_free. */
static inline void serve_case(struct served *s, const struct service_case *row)
{
    struct step steps[COUNT(row->script)];

    for (size_t i = 0; i < COUNT(row->script); i++)
        steps[i] = row->script[i].answer;
    served_init(s, row, steps, COUNT(steps));
    service_handle(s->thread, &s->gateway.gateway);
    check_calls(row->name, row->script, COUNT(row->script), &s->machine);
    if (row->client_gone) {
        assert_int_equal(s->gateway.written.len, 0);
    } else {
        const struct answer_text a = take_answer_apart(row, &s->gateway.written);
        check_answer(row, &a);
    }
}

static inline void run_service_case(const struct service_case *row)
{
    struct served s;
    serve_case(&s, row);
    served_free(&s);
}

/* A test of cmocka's that runs a table of cases. */
#define SERVICE_TEST(test, cases)                                                                  \
    static void test(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        for (size_t i = 0; i < COUNT(cases); i++) {                                                \
            print_message("  %s\n", (cases)[i].name);                                              \
            run_service_case(&(cases)[i]);                                                         \
        }                                                                                          \
    }

/* The same request with each of many values where its text has %s. */
static inline void run_with_each(const struct service_case *row, const char *const *values)
{
    for (; *values; values++) {
        char request[4096];
        char name[256];
        struct service_case each = *row;
        const char *place = strstr(row->request, "%s");
        (void)snprintf(request, sizeof(request), "%.*s%s%s", (int)(place - row->request),
                       row->request, *values, place + 2);
        (void)snprintf(name, sizeof(name), "%s: %.80s", row->name, *values);
        each.request = request;
        each.name = name;
        run_service_case(&each);
    }
}

#endif
