/*
 * The machine's clocks, and times as text. Conversions are plain arithmetic on the Gregorian
 * calendar: no locale, no time zone of the process, no strptime.
 */
#include "base/clock.h"

#include "base/ids.h"
#include "base/str.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

#define US_PER_S INT64_C(1000000)
#define S_PER_DAY INT64_C(86400)

static int64_t read_clock(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * US_PER_S + t.tv_nsec / 1000;
}

static int64_t system_wall_us(void *context)
{
    (void)context;
    return read_clock(CLOCK_REALTIME);
}

static int64_t system_mono_us(void *context)
{
    (void)context;
    return read_clock(CLOCK_MONOTONIC);
}

static void system_sleep_us(void *context, int64_t us)
{
    (void)context;
    if (us <= 0)
        return;
    struct timespec left = {.tv_sec = (time_t)(us / US_PER_S), .tv_nsec = us % US_PER_S * 1000};
    while (nanosleep(&left, &left) != 0)
        ; /* a signal came: sleep the rest */
}

static double system_chance(void *context)
{
    (void)context;
    uint64_t bits;
    ids_random(&bits, sizeof bits);
    return (double)(bits >> 11) * 0x1.0p-53;
}

const struct clock clock_system = {
    .wall_us = system_wall_us,
    .mono_us = system_mono_us,
    .sleep_us = system_sleep_us,
    .chance = system_chance,
};

struct date {
    int64_t year;
    int64_t month;
    int64_t day;
};

/* Days since 1970-01-01. Years are counted from March, so that the leap day comes last. */
static int64_t days_from_date(struct date d)
{
    int64_t year = d.month <= 2 ? d.year - 1 : d.year;
    int64_t era = year / 400;
    int64_t year_of_era = year - era * 400;
    int64_t month = d.month > 2 ? d.month - 3 : d.month + 9;
    int64_t day_of_year = (153 * month + 2) / 5 + d.day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

/* The inverse, for days >= 0. */
static struct date date_from_days(int64_t days)
{
    days += 719468;
    int64_t era = days / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153;
    struct date d = {
        .year = year_of_era + era * 400,
        .month = month < 10 ? month + 3 : month - 9,
        .day = day_of_year - (153 * month + 2) / 5 + 1,
    };
    if (d.month <= 2)
        d.year++;
    return d;
}

static void put_fixed_digits(char *out, int64_t value, int digits)
{
    for (int i = digits - 1; i >= 0; i--) {
        out[i] = (char)('0' + value % 10);
        value /= 10;
    }
}

void clock_format_us(int64_t wall_us, char out[CLOCK_TIME_SIZE])
{
    const int64_t last = INT64_C(253402300799999999); /* 9999-12-31T23:59:59.999999Z */
    if (wall_us < 0)
        wall_us = 0;
    if (wall_us > last)
        wall_us = last;
    int64_t seconds = wall_us / US_PER_S;
    int64_t of_day = seconds % S_PER_DAY;
    struct date d = date_from_days(seconds / S_PER_DAY);
    memcpy(out, "0000-00-00T00:00:00.000000Z", CLOCK_TIME_SIZE);
    put_fixed_digits(out, d.year, 4);
    put_fixed_digits(out + 5, d.month, 2);
    put_fixed_digits(out + 8, d.day, 2);
    put_fixed_digits(out + 11, of_day / 3600, 2);
    put_fixed_digits(out + 14, of_day / 60 % 60, 2);
    put_fixed_digits(out + 17, of_day % 60, 2);
    put_fixed_digits(out + 20, wall_us % US_PER_S, 6);
}

/* What is left to read. Each reader moves on and returns false at the first thing out of place. */
struct reader {
    const char *p;
    const char *end;
};

static bool read_char(struct reader *r, char c)
{
    if (r->p == r->end || *r->p != c)
        return false;
    r->p++;
    return true;
}

static bool read_fixed_digits(struct reader *r, int digits, int64_t max, int64_t *out)
{
    *out = 0;
    for (int i = 0; i < digits; i++) {
        if (r->p == r->end || !char_is_digit(*r->p))
            return false;
        *out = *out * 10 + (*r->p++ - '0');
    }
    return *out <= max;
}

static int64_t days_in_month(int64_t year, int64_t month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

static bool read_date(struct reader *r, int64_t *days)
{
    struct date d;
    if (!read_fixed_digits(r, 4, 9999, &d.year) || !read_char(r, '-') ||
        !read_fixed_digits(r, 2, 12, &d.month) || !read_char(r, '-') ||
        !read_fixed_digits(r, 2, 31, &d.day))
        return false;
    if (d.year < 1970 || d.month < 1 || d.day < 1 || d.day > days_in_month(d.year, d.month))
        return false;
    *days = days_from_date(d);
    return true;
}

/* A second of 60 is a leap second (RFC 3339, 5.6), counted as the one that follows. */
static bool read_time_of_day(struct reader *r, int64_t *seconds)
{
    int64_t hour;
    int64_t minute;
    int64_t second;
    if (!read_fixed_digits(r, 2, 23, &hour) || !read_char(r, ':') ||
        !read_fixed_digits(r, 2, 59, &minute) || !read_char(r, ':') ||
        !read_fixed_digits(r, 2, 60, &second))
        return false;
    *seconds = hour * 3600 + minute * 60 + second;
    return true;
}

/* ".342117": one to nine digits, those after the sixth cut off. Absent is 0. */
static bool read_fraction(struct reader *r, int64_t *us)
{
    *us = 0;
    if (!read_char(r, '.'))
        return true;
    int digits = 0;
    int64_t unit = US_PER_S / 10;
    for (; r->p < r->end && char_is_digit(*r->p); r->p++, digits++) {
        *us += (*r->p - '0') * unit;
        unit /= 10;
    }
    return digits >= 1 && digits <= 9;
}

static bool read_zone(struct reader *r, int64_t *offset_s)
{
    *offset_s = 0;
    if (r->p == r->end || read_char(r, 'Z') || read_char(r, 'z'))
        return true;
    int64_t sign = read_char(r, '-') ? -1 : 1;
    if (sign > 0 && !read_char(r, '+'))
        return false;
    int64_t hours;
    int64_t minutes;
    if (!read_fixed_digits(r, 2, 23, &hours) || !read_char(r, ':') ||
        !read_fixed_digits(r, 2, 59, &minutes))
        return false;
    *offset_s = sign * (hours * 3600 + minutes * 60);
    return true;
}

/* The value of two digits; -1 if they are not digits. */
static int two_digits(const char *p)
{
    unsigned tens = (unsigned char)p[0] - (unsigned)'0';
    unsigned ones = (unsigned char)p[1] - (unsigned)'0';

    return tens <= 9 && ones <= 9 ? (int)(tens * 10 + ones) : -1;
}

/*
 * The form that this API writes itself, with a Z and six digits of a second: a list parses one of
 * them for each session. -1 for any other form, and for a time that is out of range.
 */
static int64_t parse_own_us(const char *text)
{
    static const unsigned char places[] = {0, 2, 5, 8, 11, 14, 17, 20, 22, 24};
    int v[sizeof(places)];

    if (text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':' ||
        text[19] != '.' || text[26] != 'Z')
        return -1;
    for (size_t i = 0; i < sizeof(places); i++) {
        v[i] = two_digits(text + places[i]);
        if (v[i] < 0)
            return -1;
    }
    struct date d = {v[0] * 100 + v[1], v[2], v[3]};
    if (d.year < 1970 || d.month < 1 || d.month > 12 || d.day < 1 ||
        d.day > days_in_month(d.year, d.month) || v[4] > 23 || v[5] > 59 || v[6] > 59)
        return -1;
    int64_t seconds = days_from_date(d) * S_PER_DAY + v[4] * 3600 + v[5] * 60 + v[6];
    return seconds * US_PER_S + v[7] * 10000 + v[8] * 100 + v[9];
}

int64_t clock_parse_us(const char *text, unsigned long length)
{
    if (length == 0)
        return -1; /* text may be NULL */
    int64_t own = length == CLOCK_TIME_SIZE - 1 ? parse_own_us(text) : -1;
    if (own >= 0)
        return own;
    struct reader r = {text, text + length};
    int64_t days;
    int64_t seconds;
    int64_t us;
    int64_t offset_s;
    if (!read_date(&r, &days))
        return -1;
    if (!read_char(&r, 'T') && !read_char(&r, 't') && !read_char(&r, ' '))
        return -1;
    if (!read_time_of_day(&r, &seconds) || !read_fraction(&r, &us) || !read_zone(&r, &offset_s))
        return -1;
    if (r.p != r.end)
        return -1;
    int64_t result = (days * S_PER_DAY + seconds - offset_s) * US_PER_S + us;
    return result < 0 ? -1 : result;
}
