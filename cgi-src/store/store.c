/*
 * A store: the part that the threads of a process share, and a thread's own part; the clock, as
 * operations use it; and which ids can be keys.
 */
#include <stdlib.h>

#include "store/creation.h"

#define BODY_CAP (8 * 1024 * 1024) /* 4 MB of a transaction, with each byte escaped */
#define OWNERS_CACHED 16384
#define CALL_LIMIT_US INT64_C(30000000) /* for a call with its retries */
#define SORT_KEY_MAX_BYTES 1024
#define PARTITION_KEY_MAX_BYTES 2048

/* ---- the shared part, and a thread's --------------------------------------------------------- */

static char *table_text_new(const char *before, const char *name)
{
    struct buf text;

    buf_init(&text, 4096);
    buf_puts(&text, before);
    json_append_string(&text, str_from(name));
    if (!buf_ok(&text))
        abort();
    return text.data;
}

static void table_texts_init(struct table_texts *out, const char *name)
{
    out->name = strdup(name);
    if (!out->name)
        abort();
    out->call = table_text_new("{\"ReturnConsumedCapacity\":\"TOTAL\",\"TableName\":", name);
    out->member = table_text_new("\"TableName\":", name);
}

struct store_shared *store_shared_new(const struct config *config, const struct clock *clock)
{
    struct store_shared *shared = calloc(1, sizeof(*shared));
    if (!shared)
        abort();
    table_texts_init(&shared->tables[STORE_SESSIONS_TABLE], config->sessions_table);
    table_texts_init(&shared->tables[STORE_MESSAGES_TABLE], config->messages_table);
    shared->consistent = config->consistent_read;
    shared->clock = clock;
    shared->owners = owner_cache_new(OWNERS_CACHED);
    shared->gate = gate_new();
    shared->history_batch = HISTORY_BATCH_MAX;
    return shared;
}

void store_shared_free(struct store_shared *shared)
{
    if (!shared)
        return;
    owner_cache_free(shared->owners);
    gate_free(shared->gate);
    for (int i = 0; i < STORE_TABLES; i++) {
        free(shared->tables[i].name);
        free(shared->tables[i].call);
        free(shared->tables[i].member);
    }
    free(shared);
}

struct store *store_new(struct store_shared *shared, struct dynamo *dynamo, struct arena *arena)
{
    struct store *s = calloc(1, sizeof(*s));
    if (!s)
        abort();
    s->shared = shared;
    s->dynamo = dynamo;
    s->arena = arena;
    buf_init(&s->body, BODY_CAP);
    return s;
}

void store_free(struct store *s)
{
    if (!s)
        return;
    buf_free(&s->body);
    free(s);
}

int64_t store_now_us(const struct store *s)
{
    const struct clock *clock = s->shared->clock;
    return clock->wall_us(clock->context);
}

struct str store_time(struct store *s, int64_t wall_us)
{
    char *out = arena_alloc(s->arena, CLOCK_TIME_SIZE);
    clock_format_us(wall_us, out);
    return str_from(out);
}

struct str store_digits(struct store *s, int64_t n)
{
    char digits[JSON_DIGITS_SIZE];

    return arena_str(s->arena, (struct str){digits, json_digits(n, digits)});
}

void store_set_deadline(struct store *s, int64_t deadline_us)
{
    dynamo_set_deadline(s->dynamo, deadline_us);
}

void store_renew_deadline(struct store *s)
{
    const struct clock *clock = s->shared->clock;

    dynamo_set_deadline(s->dynamo, clock->mono_us(clock->context) + CALL_LIMIT_US);
}

bool store_pause(struct store *s, int64_t us)
{
    const struct clock *clock = s->shared->clock;

    if (us >= dynamo_deadline(s->dynamo) - clock->mono_us(clock->context))
        return false;
    clock->sleep_us(clock->context, us);
    return true;
}

/* ---- ids ------------------------------------------------------------------------------------- */

bool store_is_session_id(struct str session_id)
{
    return session_id.n >= 1 && session_id.n <= SORT_KEY_MAX_BYTES && session_id.p[0] != '!' &&
           !memchr(session_id.p, '\0', session_id.n);
}

bool store_is_user_id(struct str user_id)
{
    return user_id.n >= 1 && user_id.n <= PARTITION_KEY_MAX_BYTES;
}
