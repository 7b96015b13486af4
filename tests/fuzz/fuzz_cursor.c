/*
 * Cursors: any text may come; what was encoded comes back for its own list and for no other. The
 * input: the scope of a list, a line "---", a position.
 */
#include "fuzz.h"

#include "http/cursor.h"

static struct cursor_key key;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    cursor_key_init(&key, "sessions", "messages");
    return 0;
}

static int decode(struct arena *a, struct str scope, struct str text, struct str *position,
                  struct err *e)
{
    const struct cursor_text cursor = {scope, text};
    return cursor_decode(&key, a, &cursor, position, e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = fuzz_input(data, size);
    struct str whole = rest;
    struct str scope = fuzz_part(&rest);
    struct str position;
    struct arena arena;
    struct err e = {0};

    arena_init(&arena);
    if (decode(&arena, scope, whole, &position, &e) < 0) {
        FUZZ_MUST(e.code == ERR_INVALID_CURSOR);
        fuzz_check_refusal(&e);
    }
    if (rest.n < 32 * 1024) {
        struct str text = cursor_encode(&key, &arena, scope, rest);
        FUZZ_MUST(decode(&arena, scope, text, &position, NULL) == 0);
        FUZZ_MUST(str_equals(position, rest));
        struct str other = arena_printf(&arena, "%.*sx", (int)scope.n, scope.p);
        if (!memchr(scope.p, '\0', scope.n))
            FUZZ_MUST(decode(&arena, other, text, &position, NULL) < 0);
    }
    arena_free(&arena);
    return 0;
}
