/*
 * Transactions: actions are added one after the other and get an index each. If the transaction is
 * canceled, the index tells which of them caused it.
 */
#include "base/ids.h"
#include "store/internal.h"

void transaction_begin(struct store *s, struct transaction *t)
{
    char token[IDS_UUID_SIZE];

    *t = (struct transaction){.store = s};
    ids_uuid7(store_now_us(s) / 1000, token);
    buf_reset(&s->body);
    buf_append_str(&s->body,
                   STR("{\"ReturnConsumedCapacity\":\"TOTAL\",\"ClientRequestToken\":\""));
    buf_append(&s->body, token, IDS_UUID_SIZE - 1);
    buf_append_str(&s->body, STR("\",\"TransactItems\":["));
}

/* ---- adding actions -------------------------------------------------------------------------- */

/* verb: {"Put":{ or the like. */
static struct buf *transaction_begin_action(struct transaction *t, struct str verb,
                                            enum store_table table)
{
    struct buf *out = &t->store->body;

    if (t->actions > 0)
        buf_putc(out, ',');
    buf_append_str(out, verb);
    buf_puts(out, t->store->shared->tables[table].member);
    return out;
}

static size_t transaction_end_action(struct transaction *t, struct str text, struct values values)
{
    buf_append_str(&t->store->body, text);
    store_put_values(t->store, values);
    buf_append_str(&t->store->body, STR("}}"));
    return t->actions++;
}

size_t transaction_put(struct transaction *t, const struct item_kind *kind, const void *item,
                       struct str text, struct values values)
{
    struct buf *out = transaction_begin_action(t, STR("{\"Put\":{"), item_table(kind));

    buf_append_str(out, STR(",\"Item\":"));
    item_write(out, kind, item);
    return transaction_end_action(t, text, values);
}

size_t transaction_update(struct transaction *t, const struct key *key, struct str text,
                          struct values values)
{
    transaction_begin_action(t, STR("{\"Update\":{"), key->table);
    store_put_key(t->store, key);
    return transaction_end_action(t, text, values);
}

size_t transaction_delete(struct transaction *t, const struct key *key, struct str text)
{
    transaction_begin_action(t, STR("{\"Delete\":{"), key->table);
    store_put_key(t->store, key);
    return transaction_end_action(t, text, NO_VALUES);
}

/* ---- its end --------------------------------------------------------------------------------- */

/* What all the reasons say. */
struct reasons {
    bool has_condition;
    bool has_validation_error;
    bool has_grown_too_large; /* an Update made an item too large that was not read before */
};

static bool reason_contains(struct str text, const char *words)
{
    return text.n && memmem(text.p, text.n, words, strlen(words));
}

/* Reads one reason. c is NULL if there is no action with that index. */
static void reasons_read_one(struct json_reader *r, struct reasons *out, struct cancellation *c)
{
    struct str item = STR_NONE;
    struct str code = STR_NONE;
    struct str message = STR_NONE;
    struct str name;

    if (!json_enter_object(r))
        return;
    while (json_next_member(r, &name)) {
        if (str_is(name, "Code"))
            code = json_read_string(r);
        else if (str_is(name, "Message"))
            message = json_read_string(r);
        else if (str_is(name, "Item"))
            item = json_read_raw(r);
        else
            json_skip(r);
    }
    if (str_is(code, TRANSACTION_VALIDATION_ERROR)) {
        out->has_validation_error = true;
        out->has_grown_too_large |= reason_contains(message, "Item size");
    }
    if (c && str_is(code, "ConditionalCheckFailed")) {
        out->has_condition = true;
        *c = (struct cancellation){.by_condition = true, .item = item};
    }
}

/* A reader at a part of the answer. */
static struct json_reader transaction_reader(struct transaction *t, struct str text)
{
    char *body = t->answer.body.data;
    struct json_reader r;

    json_reader_init(&r, body + (text.p - body), text.n);
    return r;
}

static void transaction_read_reasons(struct transaction *t, struct reasons *out)
{
    struct json_reader r = transaction_reader(t, t->answer.reasons);
    size_t action = 0;

    t->cancellations = arena_array(t->store->arena, t->actions, sizeof(*t->cancellations));
    if (!json_enter_array(&r))
        return;
    for (; json_next_element(&r); action++)
        reasons_read_one(&r, out, action < t->actions ? &t->cancellations[action] : NULL);
}

enum transaction_end transaction_commit(struct transaction *t, struct err *e)
{
    const enum dynamo_operation operation = DYNAMO_TRANSACT_WRITE_ITEMS;
    struct reasons reasons = {0};

    buf_putc(&t->store->body, ']');
    if (store_send_write(t->store, operation, STORE_EXPECT(DYNAMO_TRANSACTION_CANCELED), &t->answer,
                         e) < 0)
        return TRANSACTION_FAILED;
    if (t->answer.outcome == DYNAMO_OK)
        return TRANSACTION_DONE;
    if (str_is_present(t->answer.reasons))
        transaction_read_reasons(t, &reasons);
    /* Failed conditions come first, since they are the answer to what was asked. */
    if (reasons.has_condition)
        return TRANSACTION_CANCELED;
    if (reasons.has_grown_too_large)
        return err_set(e, ERR_ITEM_TOO_LARGE,
                       "the item would have more than %d bytes as DynamoDB counts them",
                       ITEM_MAX_BYTES);
    if (reasons.has_validation_error)
        memcpy(t->answer.type, TRANSACTION_VALIDATION_ERROR, sizeof(TRANSACTION_VALIDATION_ERROR));
    return store_unexpected(operation, &t->answer, e);
}

void transaction_free(struct transaction *t)
{
    dynamo_answer_free(&t->answer);
}

bool transaction_stopped_by(const struct transaction *t, size_t action)
{
    return t->cancellations && action < t->actions && t->cancellations[action].by_condition;
}

bool transaction_read_item(struct transaction *t, size_t action, const struct item_kind *kind,
                           void *out)
{
    struct json_reader r;

    if (!transaction_stopped_by(t, action))
        return false;
    struct str item = t->cancellations[action].item;
    if (!str_is_present(item) || json_is_empty_object(item))
        return false;
    r = transaction_reader(t, item);
    return item_read(&r, kind, t->store->arena, out);
}
