/*
 * Request targets: what is taken is UTF-8, and what is encoded reads as the same again.
 */
#include "fuzz.h"

#include "http/uri.h"

static void check_segments(struct str text, struct arena *a)
{
    struct str *segments;
    size_t count;
    struct err e = {0};

    if (uri_segments(text, a, &segments, &count, &e) < 0) {
        FUZZ_MUST(e.code == ERR_INVALID_ENCODING);
        fuzz_check_refusal(&e);
        return;
    }
    for (size_t i = 0; i < count; i++)
        FUZZ_MUST(str_is_utf8(segments[i]) &&
                  (segments[i].n == 0 || !memchr(segments[i].p, '\0', segments[i].n)));
}

static void check_parameters(struct str text, struct arena *a)
{
    struct uri_parameter *parameters;
    size_t count;
    struct err e = {0};

    if (uri_parameters(text, a, &parameters, &count, &e) < 0) {
        FUZZ_MUST(e.code == ERR_INVALID_ENCODING);
        fuzz_check_refusal(&e);
        return;
    }
    for (size_t i = 0; i < count; i++)
        FUZZ_MUST(str_is_utf8(parameters[i].name) && str_is_utf8(parameters[i].value));
}

/* As one segment, and as one parameter's value. */
static void check_encoding(struct str text, struct arena *a)
{
    struct buf out;
    struct str *segments;
    struct uri_parameter *parameters;
    size_t count;

    if (!str_is_utf8(text) || (text.n && memchr(text.p, '\0', text.n)))
        return;
    buf_init(&out, 3 * text.n + 8);
    buf_puts(&out, "v=");
    uri_encode(&out, text);
    FUZZ_MUST(buf_ok(&out));
    FUZZ_MUST(uri_parameters(buf_str(&out), a, &parameters, &count, NULL) == 0 && count == 1);
    FUZZ_MUST(str_equals(parameters[0].value, text));
    out.data[0] = '/';
    out.data[1] = '/';
    FUZZ_MUST(uri_segments(buf_str(&out), a, &segments, &count, NULL) == 0 && count == 2);
    FUZZ_MUST(str_equals(segments[1], text));
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = fuzz_input(data, size);
    struct arena arena;

    arena_init(&arena);
    check_segments(text, &arena);
    check_parameters(text, &arena);
    check_encoding(text, &arena);
    arena_free(&arena);
    return 0;
}
