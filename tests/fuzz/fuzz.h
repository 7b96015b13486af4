/*
 * What the harnesses share: taking an input apart into lines, and rules that no input may break.
 * An input is text where that is possible, so that a person can read and write a corpus.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/str.h"

/* libFuzzer calls these (https://llvm.org/docs/LibFuzzer.html). */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A rule of the code under test. Its failure is a finding, like a crash. */
#define FUZZ_MUST(condition)                                                                       \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "%s:%d: broken rule: %s\n", __FILE__, __LINE__, #condition);     \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static inline struct str fuzz_input(const uint8_t *data, size_t size)
{
    return (struct str){size ? (const char *)data : "", size};
}

/* Takes the first line off the input, without its line feed. */
static inline struct str fuzz_line(struct str *rest)
{
    const char *end = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;
    size_t n = end ? (size_t)(end - rest->p) : rest->n;
    struct str line = {rest->p, n};

    rest->p += n + (end != NULL);
    rest->n -= n + (end != NULL);
    return line;
}

/* Everything before a line "---", which is dropped; the whole rest if there is none. */
static inline struct str fuzz_part(struct str *rest)
{
    struct str part = {rest->p, 0};

    while (rest->n) {
        struct str line = fuzz_line(rest);
        if (str_is(line, "---"))
            return part;
        part.n = (size_t)(rest->p - part.p);
    }
    return part;
}

/* A NUL-terminated copy of exactly that size, so that AddressSanitizer sees a step too far. A NUL
 * inside ends it early, as it would in a C interface. The caller frees it. */
static inline char *fuzz_text(struct str s)
{
    char *text = malloc(s.n + 1);

    FUZZ_MUST(text);
    if (s.n)
        memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    return text;
}

/* What a caller is told: a code, and a sentence that fits into JSON. */
static inline void fuzz_check_error(const struct err *e)
{
    FUZZ_MUST(e->code > ERR_NONE && e->code < ERR_CODES);
    FUZZ_MUST(e->detail[0] != '\0');
    FUZZ_MUST(str_is_utf8(str_from(e->detail)));
}

/* The same of an input from the outside: it is never a bug of the program's (a 500). */
static inline void fuzz_check_refusal(const struct err *e)
{
    fuzz_check_error(e);
    FUZZ_MUST(e->code != ERR_INTERNAL);
}

#endif
