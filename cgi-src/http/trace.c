/*
 * Reads a traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".
 */
#include "http/trace.h"

#include <string.h>

/* Version, trace id, parent id, flags: where each begins and how many digits it has. */
enum { VERSION_AT = 0, TRACE_AT = 3, PARENT_AT = 36, FLAGS_AT = 53, LENGTH = 55 };
enum { VERSION_DIGITS = 2, TRACE_DIGITS = 32, PARENT_DIGITS = 16, FLAGS_DIGITS = 2 };

static bool are_hex_digits(struct str header, size_t at, size_t n)
{
    for (size_t i = at; i < at + n; i++) {
        char c = header.p[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
    }
    return true;
}

static bool is_zero(struct str digits)
{
    for (size_t i = 0; i < digits.n; i++) {
        if (digits.p[i] != '0')
            return false;
    }
    return true;
}

/* What may follow the flags: nothing in version 00, more fields in later ones. "ff" is not a
 * version. */
static bool is_version_possible(struct str header)
{
    if (memcmp(header.p, "ff", VERSION_DIGITS) == 0)
        return false;
    if (memcmp(header.p, "00", VERSION_DIGITS) == 0)
        return header.n == LENGTH;
    return header.n == LENGTH || header.p[LENGTH] == '-';
}

bool trace_parse(struct str header, struct trace *out)
{
    if (header.n < LENGTH || header.p[TRACE_AT - 1] != '-' || header.p[PARENT_AT - 1] != '-' ||
        header.p[FLAGS_AT - 1] != '-')
        return false;
    if (!are_hex_digits(header, VERSION_AT, VERSION_DIGITS) ||
        !are_hex_digits(header, TRACE_AT, TRACE_DIGITS) ||
        !are_hex_digits(header, PARENT_AT, PARENT_DIGITS) ||
        !are_hex_digits(header, FLAGS_AT, FLAGS_DIGITS) || !is_version_possible(header))
        return false;
    out->trace_id = (struct str){header.p + TRACE_AT, TRACE_DIGITS};
    out->parent_id = (struct str){header.p + PARENT_AT, PARENT_DIGITS};
    return !is_zero(out->trace_id) && !is_zero(out->parent_id);
}
