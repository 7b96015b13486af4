/*
 * The error type: the names of the codes, and sentences cut to the size they have room for.
 * http/response knows what a code means in HTTP.
 */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

#define NAME_OF_CODE(code, name, status, retry_after_s) [code] = (name),
static const char *const code_names[ERR_CODES] = {[ERR_NONE] = "none", ERR_TABLE(NAME_OF_CODE)};

/* Drops the start of a character whose end did not fit. */
static void cut_at_character(char *text)
{
    size_t n = strlen(text);
    size_t start = n;
    while (start > 0 && n - start < 3 && ((unsigned char)text[start - 1] & 0xC0) == 0x80)
        start--;
    if (start == 0)
        return;
    unsigned char lead = (unsigned char)text[start - 1];
    size_t need = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    if (n - (start - 1) < need)
        text[start - 1] = '\0';
}

/* A detail may hold the words of others, such as a server. It is written as JSON, which must not
 * have bad bytes. */
static void replace_bad_bytes(char *text)
{
    size_t n = strlen(text);
    for (size_t good = str_utf8_prefix((struct str){text, n}); good < n;
         good += str_utf8_prefix((struct str){text + good, n - good}))
        text[good] = '?';
}

int err_set(struct err *e, enum err_code code, const char *format, ...)
{
    if (!e)
        return -1;
    /* The arguments may point into the old detail: "loading %s: %s", name, e->detail. */
    char detail[sizeof e->detail];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    if (n < 0)
        detail[0] = '\0';
    if (n >= (int)sizeof detail)
        cut_at_character(detail);
    replace_bad_bytes(detail);
    memcpy(e->detail, detail, sizeof detail);
    e->code = code;
    e->retry_after_s = 0;
    return -1;
}

const char *err_code_name(enum err_code code)
{
    if ((unsigned)code >= ERR_CODES || !code_names[code])
        return code_names[ERR_INTERNAL];
    return code_names[code];
}
