/*
 * Examines the tables without changing anything: what DescribeTable says, and which operations the
 * credentials permit. What that means for the service is for the caller to decide.
 */
#include "base/ids.h"
#include "store/internal.h"
#include "store/tables.h"

const char *store_table_name(const struct store *s, enum store_table which)
{
    return s->shared->tables[which].name;
}

static struct str answer_words(struct store *s, const struct dynamo_answer *answer)
{
    return arena_printf(s->arena, "%s%s%s", answer->type, answer->message[0] ? ": " : "",
                        answer->message);
}

static void table_description_read(struct store *s, struct json_object *table,
                                   struct table_description *out)
{
    out->status = arena_str(s->arena, json_get_str(table, "TableStatus"));
    out->keys = tables_keys(s, table);
    if (!tables_is_usable(out->status))
        out->finding = TABLE_IS_NOT_READY;
    else if (!str_equals(out->keys, out->wanted_keys))
        out->finding = TABLE_HAS_OTHER_KEYS;
    else
        out->finding = TABLE_IS_READY;
}

int store_table_describe(struct store *s, enum store_table which, struct table_description *out,
                         struct err *e)
{
    struct table_definition tables[STORE_TABLES];
    struct dynamo_answer answer;

    tables_list(s, tables);
    *out = (struct table_description){.wanted_keys = tables_wanted_keys(s, &tables[which])};
    tables_begin_call(s, &tables[which]);
    int r = store_send(s, DYNAMO_DESCRIBE_TABLE, STORE_EXPECT_ANY, &answer, e);
    if (r == 0 && answer.outcome == DYNAMO_OK) {
        struct json_object *tree = json_tree(buf_str(&answer.body), NULL);
        table_description_read(s, json_get(tree, "Table"), out);
        json_tree_free(tree);
    } else if (r == 0) {
        out->finding = answer.outcome == DYNAMO_TABLE_NOT_FOUND ? TABLE_IS_ABSENT : TABLE_IS_UNSEEN;
        out->said = answer_words(s, &answer);
    }
    dynamo_answer_free(&answer);
    return r;
}

/* A key that no item has, since it contains a new random id. */
struct nowhere {
    char id[IDS_UUID_SIZE];
    struct str partition;
};

static struct key nowhere_key(enum store_table which, const struct nowhere *n)
{
    if (which == STORE_SESSIONS_TABLE)
        return store_session_key(n->partition, n->partition);
    return store_message_key(n->partition, TIMESTAMP_OWNER);
}

/* before: ,"Key": or ,"Item": */
static void probe_put_key(struct store *s, struct str before, enum store_table which,
                          const struct nowhere *n)
{
    const struct key key = nowhere_key(which, n);

    buf_append_str(&s->body, before);
    store_put_key_object(s, &key);
}

/* This condition cannot hold for an item that is not there, so nothing is written. That DynamoDB
 * judged it means that the operation is permitted. */
static void probe_put_condition(struct store *s, const struct table_definition *t)
{
    buf_printf(&s->body, CONDITION("attribute_exists(%s)"), t->partition_key);
}

static void probe_put_query(struct store *s, const struct table_definition *t,
                            const struct nowhere *n)
{
    buf_printf(&s->body, KEY_CONDITION("%s = :p"), t->partition_key);
    store_put_values(s, VALUES(STRING_VALUE(":p", n->partition)));
    buf_append_str(&s->body, STR(",\"Limit\":1"));
}

/* BatchWriteItem has no conditions; but deleting what is not there changes nothing. */
static void probe_put_batch(struct store *s, enum store_table which,
                            const struct table_definition *t, const struct nowhere *n)
{
    buf_reset(&s->body);
    buf_append_str(&s->body, STR("{\"RequestItems\":{"));
    json_append_string(&s->body, str_from(t->name));
    probe_put_key(s, STR(":[{\"DeleteRequest\":{\"Key\":"), which, n);
    buf_append_str(&s->body, STR("}}]}"));
}

#define KEY STR(",\"Key\":")
#define ITEM STR(",\"Item\":")

static void probe_write(struct store *s, enum store_table which, enum dynamo_operation operation,
                        const struct nowhere *n)
{
    struct table_definition tables[STORE_TABLES];
    const struct table_definition *t = &tables[which];

    tables_list(s, tables);
    tables_begin_call(s, t);
    switch (operation) {
    case DYNAMO_CREATE_TABLE:
        tables_begin_create(s, t);
        break;
    case DYNAMO_PUT_ITEM:
        probe_put_key(s, ITEM, which, n);
        probe_put_condition(s, t);
        break;
    case DYNAMO_UPDATE_ITEM:
    case DYNAMO_DELETE_ITEM:
        probe_put_key(s, KEY, which, n);
        probe_put_condition(s, t);
        break;
    case DYNAMO_GET_ITEM:
        probe_put_key(s, KEY, which, n);
        break;
    case DYNAMO_QUERY:
        probe_put_query(s, t, n);
        break;
    case DYNAMO_SCAN:
        buf_append_str(&s->body, STR(",\"Limit\":1"));
        break;
    case DYNAMO_BATCH_WRITE_ITEM:
        probe_put_batch(s, which, t, n);
        break;
    default:
        break;
    }
}

static enum probe_finding probe_judge(enum dynamo_outcome outcome)
{
    switch (outcome) {
    case DYNAMO_OK:
    case DYNAMO_CONDITION_FAILED:
    case DYNAMO_TABLE_IN_USE:
        return PROBE_PERMITTED;
    case DYNAMO_DENIED:
        return PROBE_DENIED;
    case DYNAMO_TABLE_NOT_FOUND:
        return PROBE_NO_TABLE;
    default:
        return PROBE_REFUSED;
    }
}

int store_table_probe(struct store *s, enum store_table which, enum dynamo_operation operation,
                      struct table_probe *out, struct err *e)
{
    struct dynamo_answer answer;
    struct nowhere nowhere;

    *out = (struct table_probe){.finding = PROBE_REFUSED};
    ids_uuid7(store_now_us(s) / 1000, nowhere.id);
    nowhere.partition = arena_printf(s->arena, "!check!%s", nowhere.id);
    probe_write(s, which, operation, &nowhere);
    int r = store_send(s, operation, STORE_EXPECT_ANY, &answer, e);
    if (r == 0) {
        out->finding = probe_judge(answer.outcome);
        out->said = answer_words(s, &answer);
    }
    dynamo_answer_free(&answer);
    return r;
}
