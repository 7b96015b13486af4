/*
 * Writes the text of one call to DynamoDB and sends it. The text is put together from constant
 * texts, from texts that were prepared once, and from the values of the call. What the expressions
 * mean is explained where the operations are.
 */
#include "store/internal.h"

#define BODY_KEPT (4 * 1024) /* a larger buffer is not kept for the next call */

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
    if (str_is_present(key->sort))
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
        if (v->kind != VALUE_NUMBER && !str_is_present(v->string))
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

int store_send(struct store *s, enum dynamo_operation operation, unsigned expected,
               struct dynamo_answer *answer, struct err *e)
{
    buf_putc(&s->body, '}');
    if (!buf_ok(&s->body)) {
        *answer = (struct dynamo_answer){.outcome = DYNAMO_FAILED};
        /* The sizes of what clients send were checked before. */
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

int store_send_write(struct store *s, enum dynamo_operation operation, unsigned expected,
                     struct dynamo_answer *answer, struct err *e)
{
    int r = store_send(s, operation, expected, answer, e);

    if (r == 0 && answer->outcome == DYNAMO_OK)
        store_count_write_units(operation, answer);
    return r;
}

int store_item_delete(struct store *s, const struct key *key, struct err *e)
{
    struct dynamo_answer answer;

    store_begin_call(s, key->table);
    store_put_key(s, key);
    int r = store_send_write(s, DYNAMO_DELETE_ITEM, 0, &answer, e);
    dynamo_answer_free(&answer);
    return r;
}
