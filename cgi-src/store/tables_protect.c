/*
 * Protects the tables against accidents: 1. both refuse to be deleted, which is only a flag 2. the
 * changes of both are kept for a while (point-in-time recovery). In this order, since the second
 * may not be permitted where the first is.
 */
#include "base/log.h"
#include "store/internal.h"
#include "store/tables.h"

/* A kind of protection. */
struct protection {
    enum dynamo_operation operation;
    const char *members; /* members of the call after the table's name */
    const char *title;   /* "deletion protection" */
};

static const struct protection deletion = {
    .operation = DYNAMO_UPDATE_TABLE,
    .members = ",\"DeletionProtectionEnabled\":true",
    .title = "deletion protection",
};
static const struct protection recovery = {
    .operation = DYNAMO_UPDATE_CONTINUOUS_BACKUPS,
    .members = ",\"PointInTimeRecoverySpecification\":{\"PointInTimeRecoveryEnabled\":true}",
    .title = "point-in-time recovery",
};

/* A table that was just created or changed refuses other changes for some seconds, and its backups
 * become available a moment later than the table. */
static bool table_is_busy(const struct dynamo_answer *answer)
{
    return answer->outcome == DYNAMO_TABLE_IN_USE ||
           str_is(str_from(answer->type), "ContinuousBackupsUnavailableException");
}

/* Says what was wanted, and what DynamoDB answered. */
static int protection_explain_refusal(const struct protection *p, const struct table_definition *t,
                                      const struct dynamo_answer *answer, struct err *e)
{
    const char *name = dynamo_operation_names[p->operation];

    if (answer->outcome == DYNAMO_DENIED)
        return err_set(e, ERR_DYNAMODB_DENIED,
                       "table %s has no %s: the AWS credentials do not permit dynamodb:%s on it",
                       t->name, p->title, name);
    if (str_is(str_from(answer->type), "UnknownOperationException"))
        return err_set(e, ERR_DYNAMODB_UNAVAILABLE,
                       "table %s has no %s: the server does not know %s (DynamoDB Local does not)",
                       t->name, p->title, name);
    if (table_is_busy(answer))
        return err_set(e, ERR_DEADLINE_EXCEEDED,
                       "table %s has no %s yet: it is busy; try again in a moment", t->name,
                       p->title);
    return err_set(e, ERR_DYNAMODB_UNAVAILABLE, "table %s has no %s: DynamoDB says %s: %s", t->name,
                   p->title, answer->type, answer->message);
}

enum protect_step { PROTECT_FAILED = -1, PROTECT_DONE, PROTECT_AGAIN };

static enum protect_step table_try_protect(struct store *s, const struct table_definition *t,
                                           const struct protection *p, struct err *e)
{
    struct dynamo_answer answer;
    enum protect_step step = PROTECT_FAILED;

    tables_begin_call(s, t);
    buf_puts(&s->body, p->members);
    int r = store_send(s, p->operation, STORE_EXPECT_ANY, &answer, e);
    if (r == 0 && answer.outcome == DYNAMO_OK)
        step = PROTECT_DONE;
    else if (r == 0)
        protection_explain_refusal(p, t, &answer, e);
    if (r == 0 && table_is_busy(&answer))
        step = PROTECT_AGAIN;
    dynamo_answer_free(&answer);
    return step;
}

static int table_protect(struct store *s, const struct table_definition *t,
                         const struct protection *p, struct err *e)
{
    for (;;) {
        switch (table_try_protect(s, t, p, e)) {
        case PROTECT_DONE:
            log_info("%s table %s has %s", t->title, t->name, p->title);
            return 0;
        case PROTECT_FAILED:
            return -1;
        case PROTECT_AGAIN:
            if (!store_pause(s, TABLES_WAIT_STEP_US))
                return -1; /* e says that the table is busy */
            break;
        }
    }
}

/* Looks for the flag in the description of the table. */
static bool table_is_protected(struct dynamo_answer *answer)
{
    struct json_reader r = store_reader(answer);
    struct str name;
    bool found = false;

    if (!json_enter_object(&r))
        return false;
    while (json_next_member(&r, &name)) {
        if (!str_is(name, "Table")) {
            json_skip(&r);
            continue;
        }
        if (!json_enter_object(&r))
            continue;
        while (json_next_member(&r, &name)) {
            found = found || (str_is(name, "DeletionProtectionEnabled") && json_peek(&r) == 't');
            json_skip(&r);
        }
    }
    return json_reader_end(&r) && found;
}

enum deletion_state { DELETION_UNKNOWN = -1, DELETION_PERMITTED, DELETION_REFUSED };

static enum deletion_state table_read_deletion(struct store *s, const struct table_definition *t,
                                               struct err *e)
{
    enum deletion_state state = DELETION_UNKNOWN;
    struct dynamo_answer answer;

    tables_begin_call(s, t);
    if (store_send(s, DYNAMO_DESCRIBE_TABLE, 0, &answer, e) == 0)
        state = table_is_protected(&answer) ? DELETION_REFUSED : DELETION_PERMITTED;
    dynamo_answer_free(&answer);
    return state;
}

/* DynamoDB refuses a change that changes nothing, so a table that is protected is left alone. */
static int table_protect_from_deletion(struct store *s, const struct table_definition *t,
                                       struct err *e)
{
    switch (table_read_deletion(s, t, e)) {
    case DELETION_PERMITTED:
        return table_protect(s, t, &deletion, e);
    case DELETION_REFUSED:
        log_info("%s table %s has %s already", t->title, t->name, deletion.title);
        return 0;
    default:
        return -1;
    }
}

int store_tables_protect(struct store *s, struct err *e)
{
    struct table_definition tables[STORE_TABLES];

    tables_list(s, tables);
    for (int i = 0; i < STORE_TABLES; i++) {
        if (table_protect_from_deletion(s, &tables[i], e) < 0)
            return -1;
    }
    for (int i = 0; i < STORE_TABLES; i++) {
        if (table_protect(s, &tables[i], &recovery, e) < 0)
            return -1;
    }
    return 0;
}
