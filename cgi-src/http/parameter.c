/*
 * Finds a parameter, checks that it is there only once, and checks its type and range. The caller
 * knows what a value means.
 */
#include "http/parameter.h"

#include <inttypes.h>
#include <stdio.h>

/* A parameter as found: decoded text from the query or a JSON value from the body. */
struct found {
    bool present;
    bool is_json;
    struct json_value json;
    struct str text; /* what values are compared by; of a JSON string: decoded */
};

void parameters_of_request(const struct request *r, struct parameters *out)
{
    *out = (struct parameters){
        .arena = r->arena,
        .query = r->query_parameters,
        .query_count = r->query_parameter_count,
        .members = r->members,
        .member_count = r->member_count,
    };
}

int parameters_of_object(const struct request *r, struct parameters *out, struct err *e)
{
    parameters_of_request(r, out);
    if (r->has_body && r->body.type != JSON_OBJECT)
        return err_set(e, ERR_INVALID_PARAMETER, "the body must be a JSON object");
    return 0;
}

int parameters_of_element(const struct request *r, struct json_value element, size_t index,
                          struct parameters *out, struct err *e)
{
    struct json_member *members;

    if (element.type != JSON_OBJECT)
        return err_set(e, ERR_INVALID_PARAMETER, "element [%zu] of the array must be an object",
                       index);
    *out = (struct parameters){
        .arena = r->arena,
        .query = r->query_parameters,
        .query_count = r->query_parameter_count,
    };
    out->member_count = json_members_at_most(element, REQUEST_MAX_MEMBERS, r->arena, &members);
    out->members = members;
    if (out->member_count > REQUEST_MAX_MEMBERS)
        return err_set(e, ERR_INVALID_PARAMETER,
                       "element [%zu] of the array must have at most %d members", index,
                       REQUEST_MAX_MEMBERS);
    snprintf(out->prefix, sizeof(out->prefix), "[%zu].", index);
    return 0;
}

int parameters_of_member_element(const struct element *element, struct arena *a,
                                 struct parameters *out, struct err *e)
{
    struct json_member *members;

    *out = (struct parameters){.arena = a};
    if (element->value.type != JSON_OBJECT)
        return err_set(e, ERR_INVALID_PARAMETER, "%s[%zu] must be an object", element->parameter,
                       element->index);
    out->member_count = json_members_at_most(element->value, REQUEST_MAX_MEMBERS, a, &members);
    out->members = members;
    if (out->member_count > REQUEST_MAX_MEMBERS)
        return err_set(e, ERR_INVALID_PARAMETER, "%s[%zu] must have at most %d members",
                       element->parameter, element->index, REQUEST_MAX_MEMBERS);
    snprintf(out->prefix, sizeof(out->prefix), "%s[%zu].", element->parameter, element->index);
    return 0;
}

/* "7" and 7 are two values of JSON; in a query everything is text. */
static bool same_value(const struct found *a, const struct found *b)
{
    return str_equals(a->text, b->text) &&
           (!a->is_json || !b->is_json || a->json.type == b->json.type);
}

static int parameter_note(const struct parameters *p, const char *name, struct found *found,
                          struct found value, struct err *e)
{
    if (found->present && !same_value(found, &value))
        return err_set(e, ERR_INVALID_PARAMETER,
                       "%s%s is given more than once, with different values", p->prefix, name);
    if (!found->present)
        *found = value;
    return 0;
}

static int parameter_find(const struct parameters *p, const char *name, struct found *out,
                          struct err *e)
{
    *out = (struct found){0};
    for (size_t i = 0; i < p->query_count; i++) {
        if (!str_is(p->query[i].name, name))
            continue;
        struct found value = {.present = true, .text = p->query[i].value};
        if (parameter_note(p, name, out, value, e) < 0)
            return -1;
    }
    for (size_t i = 0; i < p->member_count; i++) {
        if (!str_is(p->members[i].name, name))
            continue;
        struct json_value json = p->members[i].value;
        struct found value = {
            .present = true,
            .is_json = true,
            .json = json,
            .text = json.type == JSON_STRING ? json_decode_string(json, p->arena) : json.text,
        };
        if (parameter_note(p, name, out, value, e) < 0)
            return -1;
    }
    return 0;
}

static bool is_left_out(const struct found *f)
{
    return !f->present || (f->is_json && f->json.type == JSON_NULL);
}

static int check_length(const struct parameters *p, const char *name,
                        const struct parameter_limits *limits, struct str s, struct err *e)
{
    if (s.n < limits->min_bytes)
        return err_set(e, ERR_INVALID_PARAMETER, "%s%s must not be empty", p->prefix, name);
    if (limits->max_bytes && s.n > limits->max_bytes)
        return err_set(e, ERR_INVALID_PARAMETER,
                       "%s%s must be at most %zu bytes of UTF-8, this one has %zu", p->prefix, name,
                       limits->max_bytes, s.n);
    if (limits->max_characters && s.n > limits->max_characters &&
        str_utf8_length(s) > limits->max_characters)
        return err_set(e, ERR_INVALID_PARAMETER,
                       "%s%s must be at most %zu characters, this one has %zu", p->prefix, name,
                       limits->max_characters, str_utf8_length(s));
    if (limits->no_nul && memchr(s.p, '\0', s.n))
        return err_set(e, ERR_INVALID_PARAMETER, "%s%s must not contain a NUL character", p->prefix,
                       name);
    return 0;
}

int parameter_string_or_null(const struct parameters *p, const char *name,
                             const struct parameter_limits *limits, struct parameter_text *out,
                             struct err *e)
{
    struct found f;

    *out = (struct parameter_text){.presence = PARAMETER_LEFT_OUT, .text = STR_NONE};
    if (parameter_find(p, name, &f, e) < 0)
        return -1;
    if (is_left_out(&f)) {
        out->presence = f.present ? PARAMETER_NULL : PARAMETER_LEFT_OUT;
        return 0;
    }
    if (f.is_json && f.json.type != JSON_STRING)
        return err_set(e, ERR_INVALID_PARAMETER, "%s%s must be a string", p->prefix, name);
    if (check_length(p, name, limits, f.text, e) < 0)
        return -1;
    *out = (struct parameter_text){PARAMETER_GIVEN, f.text};
    return 0;
}

int parameter_string(const struct parameters *p, const char *name,
                     const struct parameter_limits *limits, struct str *out, struct err *e)
{
    struct parameter_text found;

    int result = parameter_string_or_null(p, name, limits, &found, e);
    *out = found.text;
    return result;
}

int parameter_integer(const struct parameters *p, const char *name, int64_t min, int64_t max,
                      int64_t *out, struct err *e)
{
    struct found f;
    int64_t value;

    if (parameter_find(p, name, &f, e) < 0)
        return -1;
    if (is_left_out(&f))
        return 0;
    bool is_number = !f.is_json || f.json.type == JSON_NUMBER;
    struct json_value number = {JSON_NUMBER, f.text};
    if (!is_number || !json_integer(number, &value) || value < min || value > max)
        return err_set(e, ERR_INVALID_PARAMETER,
                       "%s%s must be an integer from %" PRId64 " to %" PRId64, p->prefix, name, min,
                       max);
    *out = value;
    return 0;
}

static int choice_error(const struct parameters *p, const char *name, const char *const *names,
                        struct err *e)
{
    char list[128] = "";
    size_t n = 0;

    for (size_t i = 0; names[i] && n < sizeof(list); i++) {
        const char *separator = i == 0 ? "" : names[i + 1] ? ", " : " or ";
        n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", separator, names[i]);
    }
    return err_set(e, ERR_INVALID_PARAMETER, "%s%s must be %s", p->prefix, name, list);
}

int parameter_choice(const struct parameters *p, const char *name, const char *const *names,
                     int *out, struct err *e)
{
    struct found f;

    if (parameter_find(p, name, &f, e) < 0)
        return -1;
    if (is_left_out(&f))
        return 0;
    if (!f.is_json || f.json.type == JSON_STRING) {
        for (int i = 0; names[i]; i++) {
            if (str_is(f.text, names[i])) {
                *out = i;
                return 0;
            }
        }
    }
    return choice_error(p, name, names, e);
}

/* If query and body give the same text, the body's counts, since it has a type. */
static void prefer_member(const struct parameters *p, const char *name, struct found *found)
{
    for (size_t i = 0; found->present && !found->is_json && i < p->member_count; i++) {
        if (!str_is(p->members[i].name, name))
            continue;
        found->is_json = true;
        found->json = p->members[i].value;
    }
}

int parameter_any(const struct parameters *p, const char *name, enum parameter_presence *presence,
                  struct json_value *out, struct err *e)
{
    struct found f;

    *presence = PARAMETER_LEFT_OUT;
    if (parameter_find(p, name, &f, e) < 0)
        return -1;
    prefer_member(p, name, &f);
    *out = (struct json_value){f.is_json ? f.json.type : JSON_STRING, f.text};
    if (f.present)
        *presence = out->type == JSON_NULL ? PARAMETER_NULL : PARAMETER_GIVEN;
    return 0;
}

int parameter_object(const struct parameters *p, const char *name,
                     enum parameter_presence *presence, struct str *text, struct err *e)
{
    struct found f;

    *presence = PARAMETER_LEFT_OUT;
    if (parameter_find(p, name, &f, e) < 0)
        return -1;
    if (!f.present)
        return 0;
    if (!f.is_json && json_scan(f.text, &f.json, e) < 0)
        return err_set(e, ERR_INVALID_PARAMETER, "%s%s must be a JSON object", p->prefix, name);
    if (f.json.type == JSON_NULL) {
        *presence = PARAMETER_NULL;
        return 0;
    }
    if (f.json.type != JSON_OBJECT)
        return err_set(e, ERR_INVALID_PARAMETER, "%s%s must be a JSON object", p->prefix, name);
    *presence = PARAMETER_GIVEN;
    *text = f.json.text;
    return 0;
}

int parameter_boolean(const struct parameters *p, const char *name,
                      enum parameter_presence *presence, bool *out, struct err *e)
{
    struct found f;

    *presence = PARAMETER_LEFT_OUT;
    if (parameter_find(p, name, &f, e) < 0)
        return -1;
    if (is_left_out(&f)) {
        *presence = f.present ? PARAMETER_NULL : PARAMETER_LEFT_OUT;
        return 0;
    }
    bool is_true = str_is(f.text, "true");
    if ((f.is_json && f.json.type != JSON_BOOL) || (!is_true && !str_is(f.text, "false")))
        return err_set(e, ERR_INVALID_PARAMETER, "%s%s must be true or false", p->prefix, name);
    *presence = PARAMETER_GIVEN;
    *out = is_true;
    return 0;
}

static int strings_error(const struct parameters *p, const char *name,
                         const struct parameter_limits *limits, struct err *e)
{
    return err_set(e, ERR_INVALID_PARAMETER, "%s%s must be an array of at most %zu strings",
                   p->prefix, name, limits->max_count);
}

static bool is_among(struct str s, const struct str *others, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (str_equals(others[i], s))
            return true;
    }
    return false;
}

/* The elements of a parameter that is an array. */
struct found_array {
    const char *name;
    const struct parameter_limits *limits;
    const struct json_value *elements;
    size_t count;
};

/* Decodes the strings; of equal ones it keeps the first. */
static int read_strings(const struct parameters *p, const struct found_array *array,
                        struct str *strings, size_t *count, struct err *e)
{
    char name[64];

    *count = 0;
    for (size_t i = 0; i < array->count; i++) {
        if (array->elements[i].type != JSON_STRING)
            return strings_error(p, array->name, array->limits, e);
        struct str s = json_decode_string(array->elements[i], p->arena);
        snprintf(name, sizeof(name), "%s[%zu]", array->name, i);
        if (check_length(p, name, array->limits, s, e) < 0)
            return -1;
        if (!is_among(s, strings, *count))
            strings[(*count)++] = s;
    }
    return 0;
}

/* cap: the bytes of the array as it was sent; what is written is never longer. */
static struct str write_strings(const struct str *strings, size_t count, size_t cap,
                                struct arena *a)
{
    struct json_writer w;
    struct buf text;

    buf_init(&text, cap);
    json_writer_init(&w, &text);
    json_begin_array(&w);
    for (size_t i = 0; i < count; i++)
        json_string(&w, strings[i]);
    json_end_array(&w);
    struct str out = arena_str(a, buf_str(&text));
    buf_free(&text);
    return out;
}

int parameter_strings(const struct parameters *p, const char *name,
                      const struct parameter_limits *limits, struct parameter_text *out,
                      struct err *e)
{
    struct json_value *elements;
    struct found f;

    *out = (struct parameter_text){.presence = PARAMETER_LEFT_OUT, .text = STR_NONE};
    if (parameter_find(p, name, &f, e) < 0)
        return -1;
    if (!f.present)
        return 0;
    if (!f.is_json && json_scan(f.text, &f.json, e) < 0)
        return strings_error(p, name, limits, e);
    if (f.json.type == JSON_NULL) {
        out->presence = PARAMETER_NULL;
        return 0;
    }
    size_t count = json_elements_at_most(f.json, limits->max_count, p->arena, &elements);
    if (f.json.type != JSON_ARRAY || count > limits->max_count)
        return strings_error(p, name, limits, e);
    const struct found_array array = {name, limits, elements, count};
    struct str *strings = arena_array(p->arena, count, sizeof(*strings));
    if (read_strings(p, &array, strings, &count, e) < 0)
        return -1;
    *out = (struct parameter_text){PARAMETER_GIVEN,
                                   write_strings(strings, count, f.json.text.n, p->arena)};
    return 0;
}
