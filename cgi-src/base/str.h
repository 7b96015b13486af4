/*
 * A view of bytes that somebody else owns. Not NUL-terminated, may contain NUL.
 * Everything that comes from a client or from DynamoDB is carried as one of these.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *p; /* NULL means "absent"; an empty value has p != NULL and n == 0 */
    size_t n;      /* bytes */
};

#define STR_NONE ((struct str){NULL, 0})
#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
/* The same as an initializer of a static object. */
#define STR_INIT(literal)                                                                          \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }

static inline struct str str_from(const char *s)
{
    return s ? (struct str){s, strlen(s)} : STR_NONE;
}

static inline bool str_is_present(struct str s)
{
    return s.p != NULL;
}

static inline bool str_equals(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool str_is(struct str a, const char *literal)
{
    return str_equals(a, str_from(literal));
}

static inline bool str_starts_with(struct str s, const char *prefix)
{
    size_t n = strlen(prefix);
    return s.n >= n && (n == 0 || memcmp(s.p, prefix, n) == 0);
}

/* ASCII alone, whatever the locale. */
static inline bool char_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A space or a tab, as headers have them. */
static inline bool char_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* True if the bytes are well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms). */
bool str_is_utf8(struct str s);

/* How many bytes at the start of s are well-formed UTF-8: s.n if all are. */
size_t str_utf8_prefix(struct str s);

/* FNV-1a, 64 bits: for tables and checksums. It does not withstand attackers. */
uint64_t str_hash(struct str s);

/* Number of Unicode code points in well-formed UTF-8. */
size_t str_utf8_length(struct str s);

#endif
