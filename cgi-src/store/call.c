/*
 * One call or transaction on the tables: the JSON around it and the outcomes that any operation may
 * meet. What the expressions mean is told by the operations.
 */
#include <json-c/json.h>
#include <stdlib.h>

#include "aws/dynamo_failure.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/metrics.h"
#include "store/internal.h"

#define BODY_CAP (8 * 1024 * 1024)   /* a transaction's 4 MB, each byte of it escaped */
#define BODY_KEPT ((size_t)8 * 1024) /* a larger buffer is not kept for the next request */
#define OWNERS_CACHED 16384
#define SORT_KEY_MAX_BYTES 1024

struct store_shared *store_shared_new(const struct config *config, const struct clock *clock)
{
    struct store_shared *shared = calloc(1, sizeof(*shared));
    if (!shared)
        abort();
    shared->sessions_table = strdup(config->sessions_table);
    shared->messages_table = strdup(config->messages_table);
    if (!shared->sessions_table || !shared->messages_table)
        abort();
    shared->consistent = config->consistent_read;
    shared->clock = clock;
    shared->owners = owner_cache_new(OWNERS_CACHED);
    shared->gate = gate_new();
    return shared;
}

void store_shared_free(struct store_shared *shared)
{
    if (!shared)
        return;
    owner_cache_free(shared->owners);
    gate_free(shared->gate);
    free(shared->sessions_table);
    free(shared->messages_table);
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

void store_rest(struct store *s)
{
    if (s->body.size > BODY_KEPT)
        buf_free(&s->body);
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

bool store_pause(struct store *s, int64_t us)
{
    const struct clock *clock = s->shared->clock;

    if (us >= dynamo_deadline(s->dynamo) - clock->mono_us(clock->context))
        return false;
    clock->sleep_us(clock->context, us);
    return true;
}

void store_begin_body(struct store *s)
{
    buf_reset(&s->body);
    json_writer_init(&s->w, &s->body);
    json_begin_object(&s->w);
    json_put_string(&s->w, "ReturnConsumedCapacity", STR("TOTAL"));
}

void store_begin_call(struct store *s, const char *table)
{
    store_begin_body(s);
    json_put_string(&s->w, "TableName", str_from(table));
}

size_t store_array_length(struct json_object *array)
{
    return json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;
}

/* CapacityUnits of one table's entry, in thousandths; 0 for a list of such. */
static int64_t milliunits(struct json_object *entry)
{
    return (int64_t)(json_object_get_double(json_get(entry, "CapacityUnits")) * 1000.0);
}

static void count_units(enum dynamo_operation operation, struct json_object *body)
{
    struct json_object *consumed = json_get(body, "ConsumedCapacity");
    bool reads = operation == DYNAMO_GET_ITEM || operation == DYNAMO_QUERY;
    int64_t units = milliunits(consumed);

    for (size_t i = 0; i < store_array_length(consumed); i++)
        units += milliunits(json_object_array_get_idx(consumed, i));
    if (units)
        metrics_units(reads ? units : 0, reads ? 0 : units);
}

/* The first reason with this code of a canceled transaction, NULL if there is none. Borrowed. */
static struct json_object *find_reason(const struct dynamo_answer *answer, const char *code)
{
    struct json_object *reasons = json_get(answer->body, "CancellationReasons");
    size_t n = store_array_length(reasons);

    for (size_t i = 0; i < n; i++) {
        struct json_object *one = json_object_array_get_idx(reasons, i);
        if (str_is(json_get_str(one, "Code"), code))
            return one;
    }
    return NULL;
}

/*
 * What DynamoDB says of a request that is wrong in itself, and so a bug of this service. All else
 * that it may say, today or some day (the key that encrypts a table was disabled, a table was
 * archived), is a trouble of its own.
 */
static bool is_malformed_request(const struct dynamo_answer *answer)
{
    static const char *const types[] = {
        "ValidationException",
        "SerializationException",
        "UnknownOperationException",
        "IdempotentParameterMismatchException",
    };

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(answer->type, types[i]) == 0)
            return true;
    }
    return find_reason(answer, "ValidationError") != NULL;
}

static int unexpected(enum dynamo_operation operation, const struct dynamo_answer *answer,
                      struct err *e)
{
    const char *name = dynamo_operation_names[operation];

    log_error("DynamoDB refused %s: %s %s: %s", name, dynamo_outcome_names[answer->outcome],
              answer->type, answer->message);
    if (answer->repeated_after_maybe_sent)
        return dynamo_maybe_done(e);
    switch (answer->outcome) {
    case DYNAMO_TABLE_NOT_FOUND:
    case DYNAMO_TABLE_IN_USE:
        return err_set(e, ERR_DYNAMODB_UNAVAILABLE,
                       "DynamoDB not available: a table of this service does not exist or is not "
                       "ready; `chat-sessions create-tables` makes it");
    case DYNAMO_DENIED:
        return err_set(e, ERR_DYNAMODB_DENIED,
                       "DynamoDB not available: the AWS credentials of this service do not "
                       "permit %s; its log says more",
                       name);
    default:
        if (is_malformed_request(answer))
            return err_set(e, ERR_INTERNAL,
                           "DynamoDB refused a call of this service; its log says more");
        return err_set(e, ERR_DYNAMODB_UNAVAILABLE,
                       "DynamoDB not available: it answered %s; try again in a moment",
                       answer->type);
    }
}

int store_end_call(struct store *s, enum dynamo_operation operation, unsigned expected,
                   struct dynamo_answer *answer, struct err *e)
{
    json_end_object(&s->w);
    if (!buf_ok(&s->body)) {
        *answer = (struct dynamo_answer){0};
        /* What callers send was measured before. */
        return err_set(e, ERR_INTERNAL, "a call of this service would be too large for DynamoDB");
    }
    /* Every call of this layer may be repeated: reads, transactions with a token, plain deletes. */
    struct dynamo_call call = {
        .operation = operation, .body = buf_str(&s->body), .repeatable = true};
    if (dynamo_call(s->dynamo, &call, answer, e) < 0)
        return -1;
    if (answer->outcome != DYNAMO_OK && !(expected & STORE_EXPECT(answer->outcome)))
        return unexpected(operation, answer, e);
    count_units(operation, answer->body);
    return 0;
}

static void put_key(struct store *s, const char *partition, struct str value)
{
    json_key(&s->w, "Key");
    json_begin_object(&s->w);
    item_put_string(&s->w, partition, value);
}

void store_key_session(struct store *s, struct str user_id, struct str session_id)
{
    put_key(s, "user_id", user_id);
    item_put_string(&s->w, "session_id", session_id);
    json_end_object(&s->w);
}

void store_key_message(struct store *s, struct str session_id, int64_t timestamp)
{
    put_key(s, "session_id", session_id);
    item_put_number(&s->w, "timestamp", timestamp);
    json_end_object(&s->w);
}

bool store_is_session_id(struct str session_id)
{
    return session_id.n >= 1 && session_id.n <= SORT_KEY_MAX_BYTES && session_id.p[0] != '!' &&
           !memchr(session_id.p, '\0', session_id.n);
}

int store_get_item(struct store *s, bool consistent, struct dynamo_answer *answer,
                   struct json_object **item, struct err *e)
{
    *item = NULL;
    if (consistent)
        json_put_bool(&s->w, "ConsistentRead", true);
    if (store_end_call(s, DYNAMO_GET_ITEM, 0, answer, e) < 0)
        return -1;
    *item = json_get(answer->body, "Item");
    return 0;
}

void store_transaction_begin(struct store *s)
{
    char token[IDS_UUID_SIZE];

    ids_uuid7(store_now_us(s) / 1000, token);
    store_begin_body(s);
    json_put_string(&s->w, "ClientRequestToken", str_from(token));
    json_key(&s->w, "TransactItems");
    json_begin_array(&s->w);
}

void store_action_begin(struct store *s, const char *verb, const char *table)
{
    json_begin_object(&s->w);
    json_key(&s->w, verb);
    json_begin_object(&s->w);
    json_put_string(&s->w, "TableName", str_from(table));
}

void store_action_end(struct store *s, const char *condition, bool return_old)
{
    if (condition)
        json_put_string(&s->w, "ConditionExpression", str_from(condition));
    if (return_old)
        json_put_string(&s->w, "ReturnValuesOnConditionCheckFailure", STR("ALL_OLD"));
    json_end_object(&s->w);
    json_end_object(&s->w);
}

/* An Update may make an item too large that was not read before. */
static bool has_grown_too_large(const struct dynamo_answer *answer)
{
    struct str message = json_get_str(find_reason(answer, "ValidationError"), "Message");
    return message.n && memmem(message.p, message.n, "Item size", strlen("Item size"));
}

int store_transaction_commit(struct store *s, struct dynamo_answer *answer, struct err *e)
{
    json_end_array(&s->w);
    if (store_end_call(s, DYNAMO_TRANSACT_WRITE_ITEMS, STORE_EXPECT(DYNAMO_TRANSACTION_CANCELED),
                       answer, e) < 0)
        return -1;
    if (answer->outcome == DYNAMO_OK)
        return 0;
    /* Conditions come first: all else is no answer to what was asked. */
    if (find_reason(answer, "ConditionalCheckFailed"))
        return 1;
    if (has_grown_too_large(answer))
        return err_set(e, ERR_ITEM_TOO_LARGE,
                       "the item would have more than %d bytes as DynamoDB counts them",
                       ITEM_MAX_BYTES);
    return unexpected(DYNAMO_TRANSACT_WRITE_ITEMS, answer, e);
}

static struct json_object *reason(const struct dynamo_answer *answer, size_t action)
{
    struct json_object *reasons = json_get(answer->body, "CancellationReasons");

    if (action >= store_array_length(reasons))
        return NULL;
    return json_object_array_get_idx(reasons, action);
}

bool store_reason_is_condition(const struct dynamo_answer *answer, size_t action)
{
    return str_is(json_get_str(reason(answer, action), "Code"), "ConditionalCheckFailed");
}

struct json_object *store_reason_item(const struct dynamo_answer *answer, size_t action)
{
    struct json_object *item = json_get(reason(answer, action), "Item");
    bool has_attributes =
        json_object_is_type(item, json_type_object) && json_object_object_length(item) > 0;

    return has_attributes ? item : NULL;
}

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
