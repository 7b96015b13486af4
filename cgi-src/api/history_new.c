/*
 * Reads the history that a client creates a session with: when the session was created, and its
 * messages with their times. A body of 16 MB may hold 10,000 messages; each is taken apart in
 * memory that the next one uses again, and only the messages are kept.
 */
#include <stdlib.h>

#include "api/api.h"
#include "store/history.h"

#define US_PER_MS 1000

/* ---- 1. created_at --------------------------------------------------------------------------- */

/* "…Z" or "…+01:00". A time without a zone would mean another moment to each reader. */
static bool time_has_zone(struct str time)
{
    char last = time.n ? time.p[time.n - 1] : '\0';

    return last == 'Z' || last == 'z' ||
           (time.n > 6 && (time.p[time.n - 6] == '+' || time.p[time.n - 6] == '-'));
}

/* 0 if it is left out. */
static int history_read_created_at(const struct parameters *p, int64_t now_us, int64_t *out,
                                   struct err *e)
{
    static const struct parameter_limits any = {0};
    struct str text;

    *out = 0;
    if (parameter_string(p, "created_at", &any, &text, e) < 0)
        return -1;
    if (!str_is_present(text))
        return 0;
    *out = clock_parse_us(text.p, text.n);
    if (*out < US_PER_MS || !time_has_zone(text))
        return err_set(e, ERR_INVALID_PARAMETER,
                       "created_at must be a time after 1970 with its zone, like "
                       "2026-11-23T08:30:00Z");
    if (*out > now_us)
        return err_set(e, ERR_INVALID_PARAMETER, "created_at must not be in the future");
    return 0;
}

/* ---- 2. messages ----------------------------------------------------------------------------- */

/* The messages being read. */
struct history_reader {
    const struct request *request;
    struct str user_id; /* the session's */
    int64_t now_ms;
    struct arena scratch; /* used for one element after the other */
};

/* A text that is part of the body stays where it is; a decoded one is copied out of the scratch. */
static struct str history_keep(const struct history_reader *r, struct str text)
{
    struct str body = r->request->body.text;
    uintptr_t at = (uintptr_t)text.p;

    if (at >= (uintptr_t)body.p && at < (uintptr_t)body.p + body.n)
        return text;
    return arena_str(r->request->arena, text);
}

static int history_read_timestamp(const struct history_reader *r, const struct parameters *p,
                                  int64_t *out, struct err *e)
{
    *out = 0;
    if (parameter_integer(p, "timestamp", 1, INT64_MAX, out, e) < 0)
        return err_set(e, ERR_INVALID_PARAMETER,
                       "%stimestamp must be an integer above 0, in milliseconds since 1970",
                       p->prefix);
    if (*out > r->now_ms)
        return err_set(e, ERR_INVALID_PARAMETER, "%stimestamp must not be in the future",
                       p->prefix);
    return 0;
}

static int history_check_user(const struct history_reader *r, const struct parameters *p,
                              struct err *e)
{
    static const struct parameter_limits any = {0};
    struct str user_id;

    if (parameter_string(p, "user_id", &any, &user_id, e) < 0)
        return -1;
    if (str_is_present(user_id) && !str_equals(user_id, r->user_id))
        return err_set(e, ERR_INVALID_PARAMETER, "%suser_id must be the session's, or be left out",
                       p->prefix);
    return 0;
}

static int history_read_element(struct history_reader *r, const struct element *element,
                                struct history_message *out, struct err *e)
{
    struct parameters p;

    if (parameters_of_member_element(element, &r->scratch, &p, e) < 0 ||
        api_message_new(&p, &out->message, e) < 0 || history_check_user(r, &p, e) < 0 ||
        history_read_timestamp(r, &p, &out->timestamp, e) < 0)
        return -1;
    out->message.content = history_keep(r, out->message.content);
    out->message.metadata = history_keep(r, out->message.metadata);
    out->message.message_id = history_keep(r, out->message.message_id);
    return 0;
}

static int history_read_elements(struct history_reader *r, struct json_value array,
                                 struct history_message *messages, struct err *e)
{
    struct element element = {.parameter = "messages"};
    struct json_walk walk = json_walk_begin(array);
    int result = 0;

    arena_init(&r->scratch);
    for (; result == 0 && json_walk_element(&walk, &element.value); element.index++) {
        result = history_read_element(r, &element, &messages[element.index], e);
        arena_reset(&r->scratch);
    }
    arena_free(&r->scratch);
    return result;
}

static size_t array_count_messages(struct json_value array)
{
    struct json_walk walk = json_walk_begin(array);
    struct json_value element;
    size_t count = 0;

    while (count <= STORE_HISTORY_MAX && json_walk_element(&walk, &element))
        count++;
    return count;
}

static int message_id_compare(const void *a, const void *b)
{
    const struct str *first = a;
    const struct str *second = b;
    int r = memcmp(first->p, second->p, first->n < second->n ? first->n : second->n);

    return r ? r : (first->n > second->n) - (first->n < second->n);
}

/* Two messages with one id are a mistake: nothing could tell them apart later. */
static int history_check_ids(const struct request *q, const struct history *history, struct err *e)
{
    struct str *ids = arena_array(q->arena, history->count, sizeof(*ids));
    size_t count = 0;

    for (size_t i = 0; i < history->count; i++) {
        if (str_is_present(history->messages[i].message.message_id))
            ids[count++] = history->messages[i].message.message_id;
    }
    qsort(ids, count, sizeof(*ids), message_id_compare);
    for (size_t i = 1; i < count; i++) {
        if (str_equals(ids[i - 1], ids[i]))
            return err_set(
                e, ERR_INVALID_PARAMETER,
                "message_id \"%.*s\" is used for more than one of the messages: give each "
                "an id of its own",
                (int)ids[i].n, ids[i].p);
    }
    return 0;
}

static int history_read_messages(struct history_reader *r, const struct parameters *p,
                                 struct history *out, struct err *e)
{
    enum parameter_presence presence;
    struct json_value array;

    *out = (struct history){.count = 0};
    if (parameter_any(p, "messages", &presence, &array, e) < 0)
        return -1;
    if (presence != PARAMETER_GIVEN)
        return 0;
    size_t count = array_count_messages(array);
    if (array.type != JSON_ARRAY || count < 1 || count > STORE_HISTORY_MAX)
        return err_set(e, ERR_INVALID_PARAMETER,
                       "messages must be an array of 1 to %d messages in the body",
                       STORE_HISTORY_MAX);
    struct history_message *messages = arena_array(r->request->arena, count, sizeof(*messages));
    if (history_read_elements(r, array, messages, e) < 0)
        return -1;
    *out = (struct history){messages, count};
    return history_check_ids(r->request, out, e);
}

/* ---- 3. both --------------------------------------------------------------------------------- */

int api_history(const struct api *api, const struct request *q, struct session_new *out,
                struct err *e)
{
    int64_t now_us = api_now_us(api);
    struct history_reader reader = {
        .request = q, .user_id = out->fields.user_id, .now_ms = now_us / US_PER_MS};
    struct parameters p;

    parameters_of_request(q, &p);
    if (history_read_created_at(&p, now_us, &out->created_us, e) < 0)
        return -1;
    return history_read_messages(&reader, &p, &out->history, e);
}

static void fingerprint_add_number(struct fingerprint *f, int64_t number)
{
    fingerprint_add(f, (struct str){(const char *)&number, sizeof(number)});
}

void api_fingerprint_history(struct fingerprint *f, const struct session_new *wanted)
{
    const struct history *history = &wanted->history;

    if (wanted->created_us || history->count)
        fingerprint_add_number(f, wanted->created_us);
    for (size_t i = 0; i < history->count; i++) {
        fingerprint_add_number(f, history->messages[i].timestamp);
        api_fingerprint_message(f, &history->messages[i].message);
    }
}

int api_history_times(const struct api *api, struct session_new *out, struct err *e)
{
    const struct history *history = &out->history;
    int64_t now_us = api_now_us(api);

    if (history->count == 0)
        return 0;
    if (!out->created_us)
        out->created_us = history->messages[0].timestamp * US_PER_MS;
    if (!out->created_us)
        out->created_us = now_us - now_us % US_PER_MS;
    size_t wrong = history_disorder(history, out->created_us / US_PER_MS);
    if (wrong == history->count)
        return 0;
    if (history->messages[wrong - 1].timestamp)
        return err_set(e, ERR_INVALID_PARAMETER,
                       "messages[%zu].timestamp must be greater than that of the message before it",
                       wrong);
    return err_set(e, ERR_INVALID_PARAMETER,
                   "messages[%zu].timestamp must be greater than that of the message before it, "
                   "which was given none and so has the next free one (a first message has "
                   "created_at, or now): give it one",
                   wrong);
}
