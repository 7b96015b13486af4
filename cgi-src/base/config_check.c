/*
 * The check of one configuration value against its row of the table: pure and strict, so that a
 * typing mistake is found when the program starts and not when a request comes.
 */
#include "base/config_table.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

static bool all_of(const char *text, const char *set)
{
    return text[strspn(text, set)] == '\0';
}

/* Only digits of the base, no sign and no blank. A decimal number with a leading zero is
 * refused, because octal may have been meant. */
static bool read_integer(const char *text, int base, int64_t *out)
{
    int64_t value = 0;
    if (*text == '\0' || (base == 10 && text[0] == '0' && text[1] != '\0'))
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text >= '0' + base || __builtin_mul_overflow(value, base, &value) ||
            __builtin_add_overflow(value, *text - '0', &value))
            return false;
    }
    *out = value;
    return true;
}

static bool read_choice(const char *const *choices, const char *text, int64_t *out)
{
    for (int64_t i = 0; choices[i]; i++) {
        if (strcasecmp(choices[i], text) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

/* The text behind "http://" or "https://"; NULL if it begins with neither. */
static const char *after_scheme(const char *text)
{
    if (strncmp(text, "http://", 7) == 0)
        return text + 7;
    if (strncmp(text, "https://", 8) == 0)
        return text + 8;
    return NULL;
}

static bool is_url(const char *text)
{
    const char *host = after_scheme(text);
    return host && *host && !strchr("/:?#@", *host) && !strpbrk(text, " \"<>\\^`{|}");
}

/* Scheme, host and port; a browser sends no path and no slash at the end. */
static bool is_origin(struct str origin)
{
    char text[512];
    if (origin.n == 0 || origin.n >= sizeof text)
        return false;
    memcpy(text, origin.p, origin.n);
    text[origin.n] = '\0';
    if (strcmp(text, "*") == 0)
        return true;
    return is_url(text) && !strpbrk(after_scheme(text), "/?#@*");
}

static bool is_origins(const char *text)
{
    for (;;) {
        text += strspn(text, " ");
        size_t n = strcspn(text, ",");
        struct str origin = {text, n};
        while (origin.n > 0 && origin.p[origin.n - 1] == ' ')
            origin.n--;
        if (!is_origin(origin))
            return false;
        if (text[n] == '\0')
            return true;
        text += n + 1;
    }
}

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static bool is_table_name(const char *text)
{
    size_t n = strlen(text);
    return n >= 3 && n <= 255 && all_of(text, LETTERS DIGITS "_.-");
}

/* "us-east-1a": a region's name never ends with a letter behind its number. */
static bool is_zone(struct str region)
{
    return region.n >= 3 && char_is_digit(region.p[region.n - 2]) &&
           !char_is_digit(region.p[region.n - 1]) && region.p[region.n - 1] != '-' &&
           memchr(region.p, '-', region.n);
}

bool config_is_region(struct str region)
{
    for (size_t i = 0; i < region.n; i++) {
        char c = region.p[i];
        if (!((c >= 'a' && c <= 'z') || char_is_digit(c) || c == '-'))
            return false;
    }
    return region.n > 0 && region.n < 64 && region.p[0] != '-' && region.p[region.n - 1] != '-' &&
           !is_zone(region);
}

static bool is_config_token(const char *text)
{
    for (const char *p = text; *p; p++) {
        if (*p <= ' ' || *p >= 0x7F)
            return false;
    }
    return true;
}

/* UTF-8 without control characters: such a value can only be an accident. */
static bool is_clean(const char *text)
{
    for (const char *p = text; *p; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7F)
            return false;
    }
    return str_is_utf8(str_from(text));
}

static bool has_length(const struct config_key *row, const char *text)
{
    size_t n = strlen(text);
    return n >= (size_t)row->min && (row->max == 0 || n <= (size_t)row->max);
}

bool config_check(const struct config_key *row, const char *text, union config_value *out)
{
    union config_value value = {.text = text};
    bool good = is_clean(text);
    switch (row->type) {
    case CONFIG_TEXT:
    case CONFIG_PATH:
        good = good && has_length(row, text);
        break;
    case CONFIG_TOKEN:
        good = good && is_config_token(text);
        break;
    case CONFIG_REGION:
        good = good && config_is_region(str_from(text));
        break;
    case CONFIG_TABLE:
        good = good && is_table_name(text);
        break;
    case CONFIG_URL:
        good = good && is_url(text);
        break;
    case CONFIG_HEADER:
        good = good && *text && all_of(text, LETTERS DIGITS "-");
        break;
    case CONFIG_ORIGINS:
        good = good && is_origins(text);
        break;
    case CONFIG_INTEGER:
    case CONFIG_OCTAL:
        good = good && read_integer(text, row->type == CONFIG_OCTAL ? 8 : 10, &value.number) &&
               value.number >= row->min && value.number <= row->max;
        break;
    case CONFIG_FLAG:
        good = good && read_integer(text, 2, &value.number) && text[1] == '\0';
        break;
    case CONFIG_CHOICE:
        good = good && read_choice(row->choices, text, &value.number);
        break;
    }
    if (out)
        *out = value;
    return good;
}

/* ---- what is wrong with a refused value ---- */

bool config_is_quoted(const char *text)
{
    size_t n = strlen(text);

    return n >= 2 && (text[0] == '"' || text[0] == '\'') && text[n - 1] == text[0];
}

static const char *fault_of_bytes(const char *text)
{
    size_t n = strlen(text);

    if (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
        return "it ends with a line break";
    if (strpbrk(text, "\n\r"))
        return "there is a line break in it";
    if (config_is_quoted(text))
        return "it is in quotes, which docker run --env-file does not remove";
    if (n > 0 && all_of(text, " \t"))
        return "it is blank";
    if (n > 0 && (strchr(" \t", text[0]) || strchr(" \t", text[n - 1])))
        return "it begins or ends with a blank";
    if (!str_is_utf8((struct str){text, n}))
        return "it is not UTF-8";
    return is_clean(text) ? NULL : "there is a control character in it";
}

void config_fault(const struct config_key *row, const char *text, char out[CONFIG_FAULT_SIZE])
{
    struct str region = {text, strlen(text)};
    const char *fault = fault_of_bytes(text);

    out[0] = '\0';
    if (fault)
        snprintf(out, CONFIG_FAULT_SIZE, "%s; ", fault);
    else if (row->type == CONFIG_REGION && is_zone(region) && region.n < 64)
        snprintf(out, CONFIG_FAULT_SIZE, "it is a zone of the region %.*s; ", (int)region.n - 1,
                 region.p);
}

/* ---- passwords in URLs ---- */

void config_hide_password(const char *url, char *out, size_t size)
{
    const char *at = strrchr(url, '@');
    const char *scheme = strstr(url, "://");
    int begin = at && scheme && scheme < at ? (int)(scheme + 3 - url) : 0;

    snprintf(out, size, "%.*s%s%s", begin, url, at ? "(not shown)" : "", at ? at : url);
}
