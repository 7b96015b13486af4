/*
 * Reads Accept: media ranges with their weights. Of the ranges that fit a type, the most specific
 * one counts.
 */
#include "http/accept.h"

#include <strings.h>

#define WEIGHT_MAX 1000 /* q=1, in thousandths */
#define NOT_NAMED (-1)

/* How exactly a range fits a type. */
enum fit { FITS_NOT, FITS_ANY, FITS_KIND, FITS_EXACTLY };

static struct str accept_trim(struct str s)
{
    while (s.n && char_is_blank(s.p[0]))
        s = (struct str){s.p + 1, s.n - 1};
    while (s.n && char_is_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

/* Takes what stands before the separator off *rest. A separator within quotes does not count. */
static struct str accept_take_part(struct str *rest, char separator)
{
    bool quoted = false;
    size_t i = 0;

    for (; i < rest->n && (quoted || rest->p[i] != separator); i++) {
        if (rest->p[i] == '"')
            quoted = !quoted;
        else if (quoted && rest->p[i] == '\\' && i + 1 < rest->n)
            i++;
    }
    struct str part = accept_trim((struct str){rest->p, i});
    *rest = i < rest->n ? (struct str){rest->p + i + 1, rest->n - i - 1} : STR_NONE;
    return part;
}

static bool range_is(struct str range, const char *text, size_t n)
{
    return range.n == n && strncasecmp(range.p, text, n) == 0;
}

static enum fit range_fit(struct str range, const char *type)
{
    size_t kind = strcspn(type, "/") + 1; /* with the slash */

    if (range_is(range, type, strlen(type)))
        return FITS_EXACTLY;
    if (range.n == kind + 1 && range.p[kind] == '*' && strncasecmp(range.p, type, kind) == 0)
        return FITS_KIND;
    return str_is(range, "*/*") ? FITS_ANY : FITS_NOT;
}

/* "0", "0.5", "1.000" in thousandths; NOT_NAMED if the text is not a weight. */
static int read_weight(struct str text)
{
    int weight = 0;

    if (text.n == 0 || text.n > 5 || (text.p[0] != '0' && text.p[0] != '1') ||
        (text.n > 1 && text.p[1] != '.'))
        return NOT_NAMED;
    for (size_t i = 0, digit = 1000; i < text.n; i++) {
        if (i == 1)
            continue;
        if (text.p[i] < '0' || text.p[i] > '9')
            return NOT_NAMED;
        weight += (text.p[i] - '0') * (int)digit;
        digit /= 10;
    }
    return weight <= WEIGHT_MAX ? weight : NOT_NAMED;
}

/* The weight among the parameters of a range; WEIGHT_MAX if there is none. */
static int weight_of(struct str parameters)
{
    while (parameters.p) {
        struct str parameter = accept_take_part(&parameters, ';');
        if (parameter.n >= 2 && strncasecmp(parameter.p, "q=", 2) == 0)
            return read_weight((struct str){parameter.p + 2, parameter.n - 2});
    }
    return WEIGHT_MAX;
}

/* How much a type is wanted; NOT_NAMED if no range fits at least that exactly. */
static int weight_for(struct str header, const char *type, enum fit least)
{
    enum fit best = least;
    int weight = NOT_NAMED;

    while (header.p) {
        struct str parameters = accept_take_part(&header, ',');
        struct str range = accept_take_part(&parameters, ';');
        enum fit fit = range_fit(range, type);
        int this_weight = weight_of(parameters);
        if (fit < best || this_weight == NOT_NAMED || (fit == best && this_weight < weight))
            continue;
        best = fit;
        weight = this_weight;
    }
    return weight;
}

bool accept_prefers(struct str header, const char *other, const char *usual)
{
    int weight = weight_for(header, other, FITS_EXACTLY);

    return weight > 0 && weight >= weight_for(header, usual, FITS_ANY);
}
