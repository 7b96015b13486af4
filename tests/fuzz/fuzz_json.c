/*
 * The scanner of what clients send. What it takes is JSON: json-c, which is laxer, takes it too;
 * its parts are JSON again; and a string that is written and read again is the same.
 */
#include "fuzz.h"

#include <json-c/json.h>

#include "base/json.h"

static void check_string(struct json_value value, struct arena *a)
{
    struct str decoded = json_decode_string(value, a);
    struct json_writer w;
    struct buf text;
    struct json_value again;

    FUZZ_MUST(str_is_utf8(decoded));
    buf_init(&text, 8 * (decoded.n + 8));
    json_writer_init(&w, &text);
    json_string(&w, decoded);
    FUZZ_MUST(buf_ok(&text));
    FUZZ_MUST(json_scan(buf_str(&text), &again, NULL) == 0 && again.type == JSON_STRING);
    FUZZ_MUST(str_equals(json_decode_string(again, a), decoded));
    buf_free(&text);
}

static void check_value(struct json_value value, struct arena *a)
{
    struct json_value again;
    struct json_member *members;
    struct json_value *elements;
    int64_t number;

    FUZZ_MUST(json_scan(value.text, &again, NULL) == 0);
    FUZZ_MUST(again.type == value.type && str_equals(again.text, value.text));
    if (value.type == JSON_STRING)
        check_string(value, a);
    if (value.type == JSON_NUMBER)
        (void)json_integer(value, &number);
    if (value.type == JSON_OBJECT) {
        size_t n = json_members(value, a, &members);
        for (size_t i = 0; i < n; i++) {
            FUZZ_MUST(str_is_utf8(members[i].name));
            check_value(members[i].value, a);
        }
    }
    if (value.type == JSON_ARRAY) {
        size_t n = json_elements(value, a, &elements);
        for (size_t i = 0; i < n; i++)
            check_value(elements[i], a);
    }
}

static void check_tree(struct json_value value)
{
    struct json_object *tree = json_tree(value.text, NULL);

    FUZZ_MUST((tree == NULL) == (value.type == JSON_NULL));
    json_object_put(tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = fuzz_input(data, size);
    struct json_value value;
    struct err e = {0};

    if (json_scan(text, &value, &e) < 0) {
        FUZZ_MUST(e.code == ERR_INVALID_JSON || e.code == ERR_INVALID_ENCODING);
        fuzz_check_refusal(&e);
        json_object_put(json_tree(text, NULL)); /* DynamoDB's answers come this way, unscanned */
        return 0;
    }
    struct arena arena;
    arena_init(&arena);
    /* Each level is scanned again: the work grows with the square of the depth. */
    if (size < 4096)
        check_value(value, &arena);
    check_tree(value);
    arena_free(&arena);
    return 0;
}
