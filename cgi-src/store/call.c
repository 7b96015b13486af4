/*
 * One call on the tables: what it says is written here, from texts that are constant or prepared
 * and from the values of the moment, and sent; the outcomes that any operation may meet are told.
 * What the expressions mean is told by the operations.
 */
#include <stdio.h>
#include <stdlib.h>

#include "aws/dynamo_failure.h"
#include "base/log.h"
#include "store/session_create.h"

#define BODY_CAP (8 * 1024 * 1024) /* a transaction's 4 MB, each byte of it escaped */
#define BODY_KEPT (4 * 1024)       /* a larger buffer is not kept for the next call */
#define OWNERS_CACHED 16384
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

bool store_pause(struct store *s, int64_t us)
{
    const struct clock *clock = s->shared->clock;

    if (us >= dynamo_deadline(s->dynamo) - clock->mono_us(clock->context))
        return false;
    clock->sleep_us(clock->context, us);
    return true;
}

/* ---- what it says ---------------------------------------------------------------------------- */

struct key store_session_key(struct str user_id, struct str session_id)
{
    return (struct key){.table = STORE_SESSIONS_TABLE, .partition = user_id, .sort = session_id};
}

struct key store_message_key(struct str session_id, int64_t timestamp)
{
    return (struct key){
        .table = STORE_MESSAGES_TABLE, .partition = session_id, .timestamp = timestamp};
}

void store_begin_call(struct store *s, enum store_table table)
{
    buf_reset(&s->body);
    buf_puts(&s->body, s->shared->tables[table].call);
}

void store_put_key_object(struct store *s, const struct key *key)
{
    struct buf *out = &s->body;

    if (key->table == STORE_SESSIONS_TABLE) {
        buf_append_str(out, STR("{\"user_id\":{\"S\":"));
        json_append_string(out, key->partition);
        buf_append_str(out, STR("},\"session_id\":{\"S\":"));
    } else {
        buf_append_str(out, STR("{\"session_id\":{\"S\":"));
        json_append_string(out, key->partition);
        buf_append_str(out, STR("},\"timestamp\":{\"N\":"));
    }
    if (key->sort.p)
        json_append_string(out, key->sort);
    else
        item_write_number(out, key->timestamp);
    buf_append_str(out, STR("}}"));
}

void store_put_key(struct store *s, const struct key *key)
{
    buf_append_str(&s->body, STR(",\"Key\":"));
    store_put_key_object(s, key);
}

void store_put_values(struct store *s, struct values values)
{
    struct buf *out = &s->body;
    struct str before = STR(",\"ExpressionAttributeValues\":{");

    if (values.count == 0)
        return;
    for (size_t i = 0; i < values.count; i++) {
        const struct expression_value *v = &values.list[i];
        if (v->kind != VALUE_NUMBER && !v->string.p)
            continue;
        buf_append_str(out, before);
        buf_append_str(out, v->attribute);
        if (v->kind == VALUE_NUMBER)
            item_write_number(out, v->number);
        else if (v->kind == VALUE_RAW)
            buf_append_str(out, v->string);
        else
            json_append_string(out, v->string);
        buf_putc(out, '}');
        before = STR(",");
    }
    buf_putc(out, '}');
}

/* ---- sending --------------------------------------------------------------------------------- */

/*
 * What DynamoDB says of a request that is wrong in itself, and so a bug of this service. All else
 * that it may say, today or some day (the key that encrypts a table was disabled, a table was
 * archived), is a trouble of its own.
 */
static bool is_malformed_request(const struct dynamo_answer *answer)
{
    static const char *const types[] = {
        "ValidationException",
        TRANSACTION_VALIDATION_ERROR,
        "SerializationException",
        "UnknownOperationException",
        "IdempotentParameterMismatchException",
    };

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(answer->type, types[i]) == 0)
            return true;
    }
    return false;
}

static void log_refusal(const char *name, const struct dynamo_answer *answer)
{
    char message[512];
    struct dynamo_stats stats = dynamo_stats(answer->client);
    const struct log_field id = {.name = "dynamodb_request_id", .text = str_from(stats.request_id)};

    snprintf(message, sizeof(message), "DynamoDB refused %s: %s %s: %s", name,
             dynamo_outcome_names[answer->outcome], answer->type, answer->message);
    log_fields(LOG_ERROR, message, &id, id.text.n > 0);
}

int store_unexpected(enum dynamo_operation operation, const struct dynamo_answer *answer,
                     struct err *e)
{
    const char *name = dynamo_operation_names[operation];

    log_refusal(name, answer);
    if (answer->repeated_after_maybe_sent)
        return dynamo_maybe_done(e);
    switch (answer->outcome) {
    case DYNAMO_TABLE_NOT_FOUND:
    case DYNAMO_TABLE_IN_USE:
        return err_set(e, ERR_DYNAMODB_UNAVAILABLE,
                       "a DynamoDB table of this service does not exist or is not ready; "
                       "`chat-sessions create-tables` makes it");
    case DYNAMO_DENIED:
        return err_set(e, ERR_DYNAMODB_DENIED,
                       "the AWS credentials of this service do not permit %s; its log says more",
                       name);
    default:
        if (is_malformed_request(answer))
            return err_set(e, ERR_INTERNAL,
                           "DynamoDB refused a call of this service; its log says more");
        return err_set(e, ERR_DYNAMODB_UNAVAILABLE,
                       "DynamoDB refused the call with %s; try again in a moment", answer->type);
    }
}

int store_send(struct store *s, enum dynamo_operation operation, unsigned expected,
               struct dynamo_answer *answer, struct err *e)
{
    buf_putc(&s->body, '}');
    if (!buf_ok(&s->body)) {
        *answer = (struct dynamo_answer){.outcome = DYNAMO_FAILED};
        /* What callers send was measured before. */
        return err_set(e, ERR_INTERNAL, "a call of this service would be too large for DynamoDB");
    }
    /* Every call of this layer may be repeated: reads, transactions with a token, plain deletes. */
    struct dynamo_call call = {
        .operation = operation, .body = buf_str(&s->body), .repeatable = true};
    int r = dynamo_call(s->dynamo, &call, answer, e);
    if (s->body.size > BODY_KEPT)
        buf_free(&s->body);
    if (r == 0 && answer->outcome != DYNAMO_OK && !(expected & STORE_EXPECT(answer->outcome)))
        r = store_unexpected(operation, answer, e);
    return r;
}

/* That its answer cannot be read does not undo a write: then its units are not counted, that is
 * all.
 */
static void count_write(enum dynamo_operation operation, struct dynamo_answer *answer)
{
    struct json_reader r = store_reader(answer);
    struct str name;

    if (!json_enter_object(&r))
        return;
    while (json_next_member(&r, &name)) {
        if (str_is(name, "ConsumedCapacity"))
            store_count_units(operation, &r);
        else
            json_skip(&r);
    }
}

int store_send_write(struct store *s, enum dynamo_operation operation, unsigned expected,
                     struct dynamo_answer *answer, struct err *e)
{
    int r = store_send(s, operation, expected, answer, e);

    if (r == 0 && answer->outcome == DYNAMO_OK)
        count_write(operation, answer);
    return r;
}

bool store_is_session_id(struct str session_id)
{
    return session_id.n >= 1 && session_id.n <= SORT_KEY_MAX_BYTES && session_id.p[0] != '!' &&
           !memchr(session_id.p, '\0', session_id.n);
}

bool store_is_user_id(struct str user_id)
{
    return user_id.n >= 1 && user_id.n <= PARTITION_KEY_MAX_BYTES;
}

/* ---- errors ---------------------------------------------------------------------------------- */

int store_session_not_found(struct err *e)
{
    return err_set(e, ERR_SESSION_NOT_FOUND, "there is no such session");
}

int store_message_not_found(struct err *e)
{
    return err_set(e, ERR_MESSAGE_NOT_FOUND, "there is no such message in this session");
}

int store_key_reused(struct err *e)
{
    return err_set(e, ERR_IDEMPOTENCY_KEY_REUSED,
                   "this Idempotency-Key was used for another request; use a new key for a new "
                   "request");
}

int store_changed_unseen(struct err *e)
{
    if (e->code == ERR_SESSION_NOT_FOUND || e->code == ERR_MESSAGE_NOT_FOUND)
        return -1; /* deleted since: so it is */
    return err_set(e, ERR_DEADLINE_EXCEEDED,
                   "the change was made, but what stands there now could not be read in time; "
                   "read it again");
}

int store_check_size(size_t size, const char *what, struct err *e)
{
    if (size <= ITEM_MAX_BYTES)
        return 0;
    return err_set(e, ERR_ITEM_TOO_LARGE,
                   "a %s must be at most %d bytes as DynamoDB counts them, this one has %zu", what,
                   ITEM_MAX_BYTES, size);
}
