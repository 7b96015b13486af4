/*
 * The two tables: their keys, creating them, and whether they answer.
 */
#include "base/log.h"
#include "store/internal.h"
#include "store/tables.h"

void tables_list(const struct store *s, struct table_definition out[2])
{
    out[0] = (struct table_definition){
        "Sessions", "sessions",   s->shared->tables[STORE_SESSIONS_TABLE].name,
        "user_id",  "session_id", "S"};
    out[1] = (struct table_definition){
        "Messages",   "messages",  s->shared->tables[STORE_MESSAGES_TABLE].name,
        "session_id", "timestamp", "N"};
}

static void put_key_element(struct json_writer *w, const char *name, const char *type)
{
    json_begin_object(w);
    json_put_string(w, "AttributeName", str_from(name));
    json_put_string(w, "KeyType", str_from(type));
    json_end_object(w);
}

static void put_attribute(struct json_writer *w, const char *name, const char *type)
{
    json_begin_object(w);
    json_put_string(w, "AttributeName", str_from(name));
    json_put_string(w, "AttributeType", str_from(type));
    json_end_object(w);
}

void tables_begin_call(struct store *s, const struct table_definition *t)
{
    buf_reset(&s->body);
    buf_puts(&s->body, "{\"TableName\":");
    json_append_string(&s->body, str_from(t->name));
}

void tables_begin_create(struct store *s, const struct table_definition *t)
{
    struct json_writer w = {.out = &s->body, .comma = true};

    tables_begin_call(s, t);
    json_put_string(&w, "BillingMode", STR("PAY_PER_REQUEST"));
    json_key(&w, "AttributeDefinitions");
    json_begin_array(&w);
    put_attribute(&w, t->partition_key, "S");
    put_attribute(&w, t->sort_key, t->sort_type);
    json_end_array(&w);
    json_key(&w, "KeySchema");
    json_begin_array(&w);
    put_key_element(&w, t->partition_key, "HASH");
    put_key_element(&w, t->sort_key, "RANGE");
    json_end_array(&w);
}

static int table_create(struct store *s, const struct table_definition *t, struct err *e)
{
    struct dynamo_answer answer;

    tables_begin_create(s, t);
    log_info("Creating %s table: %s", t->word, t->name);
    /* TABLE_IN_USE: another process was faster. Both wait for the table. */
    int r = store_send(s, DYNAMO_CREATE_TABLE, STORE_EXPECT(DYNAMO_TABLE_IN_USE), &answer, e);
    dynamo_answer_free(&answer);
    return r;
}

/* Finds the type of an attribute in a table's description. */
static struct str attribute_type(struct json_object *table, struct str name)
{
    struct json_object *attributes = json_get(table, "AttributeDefinitions");
    size_t n = json_length(attributes);

    for (size_t i = 0; i < n; i++) {
        struct json_object *attribute = json_at(attributes, i);
        if (str_equals(json_get_str(attribute, "AttributeName"), name))
            return json_get_str(attribute, "AttributeType");
    }
    return STR("?");
}

struct str tables_keys(struct store *s, struct json_object *table)
{
    struct json_object *schema = json_get(table, "KeySchema");
    size_t n = json_length(schema);
    struct str out = STR("");

    for (size_t i = 0; i < n; i++) {
        struct str name = json_get_str(json_at(schema, i), "AttributeName");
        struct str type = attribute_type(table, name);
        out = arena_printf(s->arena, "%.*s%s%.*s (%.*s)", (int)out.n, out.p, i ? ", " : "",
                           (int)name.n, name.p, (int)type.n, type.p);
    }
    return out;
}

struct str tables_wanted_keys(struct store *s, const struct table_definition *t)
{
    return arena_printf(s->arena, "%s (S), %s (%s)", t->partition_key, t->sort_key, t->sort_type);
}

bool tables_is_usable(struct str status)
{
    return str_is(status, "ACTIVE") || str_is(status, "UPDATING");
}

static int table_check_keys(struct store *s, const struct table_definition *t,
                            struct json_object *table, struct err *e)
{
    struct str wanted = tables_wanted_keys(s, t);
    struct str found = tables_keys(s, table);

    if (str_equals(wanted, found))
        return 0;
    return err_set(e, ERR_CONFIGURATION,
                   "table %s has the keys %s, but this service needs %s: name another table in "
                   "DYNAMODB_CHAT_%s_TABLE or remove that one",
                   t->name, found.p, wanted.p, t->sort_type[0] == 'S' ? "SESSIONS" : "MESSAGES");
}

/* TABLE_UNKNOWN with e, also if the table has other keys than this service needs. */
enum table_state { TABLE_UNKNOWN = -1, TABLE_MISSING, TABLE_NOT_YET, TABLE_ACTIVE };

static enum table_state table_judge(struct store *s, const struct table_definition *t,
                                    const struct dynamo_answer *answer, struct err *e)
{
    struct json_object *tree = json_tree(buf_str(&answer->body), NULL);
    struct json_object *table = json_get(tree, "Table");
    enum table_state state =
        tables_is_usable(json_get_str(table, "TableStatus")) ? TABLE_ACTIVE : TABLE_NOT_YET;
    int r = table ? table_check_keys(s, t, table, e) : store_unreadable(DYNAMO_DESCRIBE_TABLE, e);

    json_tree_free(tree);
    return r < 0 ? TABLE_UNKNOWN : state;
}

static enum table_state table_read_state(struct store *s, const struct table_definition *t,
                                         struct err *e)
{
    enum table_state state = TABLE_UNKNOWN;
    struct dynamo_answer answer;

    tables_begin_call(s, t);
    int r = store_send(s, DYNAMO_DESCRIBE_TABLE, STORE_EXPECT(DYNAMO_TABLE_NOT_FOUND), &answer, e);
    if (r == 0 && answer.outcome == DYNAMO_TABLE_NOT_FOUND)
        state = TABLE_MISSING;
    else if (r == 0)
        state = table_judge(s, t, &answer, e);
    dynamo_answer_free(&answer);
    return state;
}

/* Waits until the table is ACTIVE, or the deadline is too near for another look. */
static int table_wait_active(struct store *s, const struct table_definition *t, struct err *e)
{
    for (;;) {
        enum table_state state = table_read_state(s, t, e);
        if (state == TABLE_UNKNOWN)
            return -1;
        if (state == TABLE_ACTIVE)
            return 0;
        if (!store_pause(s, TABLES_WAIT_STEP_US))
            return err_set(e, ERR_DEADLINE_EXCEEDED,
                           "table %s is not ACTIVE yet; try again in a moment", t->name);
    }
}

static int table_ensure(struct store *s, const struct table_definition *t, struct err *e)
{
    enum table_state state = table_read_state(s, t, e);

    if (state == TABLE_UNKNOWN)
        return -1;
    bool existed = state != TABLE_MISSING;
    if (!existed && table_create(s, t, e) < 0)
        return -1;
    if (table_wait_active(s, t, e) < 0)
        return -1;
    if (existed)
        log_info("%s table %s already exists", t->title, t->name);
    else
        log_info("%s table %s created successfully", t->title, t->name);
    return 0;
}

int store_tables_ensure(struct store *s, struct err *e)
{
    struct table_definition tables[2];

    tables_list(s, tables);
    for (int i = 0; i < 2; i++) {
        if (table_ensure(s, &tables[i], e) < 0)
            return -1;
    }
    return 0;
}

static void err_name_table(const struct table_definition *t, struct err *e)
{
    struct err why = *e;

    err_set(e, why.code, "%s (asked for the table %s)", why.detail, t->name);
    e->retry_after_s = why.retry_after_s;
}

/* Reads an item that cannot be there. That is cheap, and needs what requests need. */
static int table_check_answers(struct store *s, enum store_table which,
                               const struct table_definition *t, struct err *e)
{
    const struct key key = which == STORE_SESSIONS_TABLE
                               ? store_session_key(STR("!ready"), STR("!ready"))
                               : store_message_key(STR("!ready"), TIMESTAMP_OWNER);
    struct dynamo_answer answer;

    store_begin_call(s, which);
    store_put_key(s, &key);
    int r = store_send(s, DYNAMO_GET_ITEM, 0, &answer, e);
    if (r < 0 && answer.outcome == DYNAMO_TABLE_NOT_FOUND)
        r = err_set(e, ERR_DYNAMODB_UNAVAILABLE,
                    "the DynamoDB table %s does not exist; `chat-sessions create-tables` makes it",
                    t->name);
    else if (r < 0)
        err_name_table(t, e);
    dynamo_answer_free(&answer);
    return r;
}

int store_tables_ready(struct store *s, struct err *e)
{
    struct table_definition tables[STORE_TABLES];

    tables_list(s, tables);
    for (int i = 0; i < STORE_TABLES; i++) {
        if (table_check_answers(s, (enum store_table)i, &tables[i], e) < 0)
            return -1;
    }
    return 0;
}
