/*
 * The part of `check` about the two tables: are they there, are their keys right, and which of the
 * policy's permissions are missing.
 */
#include <string.h>

#include "check/report.h"

static const char *const titles[STORE_TABLES] = {
    [STORE_SESSIONS_TABLE] = "sessions table", [STORE_MESSAGES_TABLE] = "messages table"};
static const char *const table_keys[STORE_TABLES] = {
    [STORE_SESSIONS_TABLE] = "DYNAMODB_CHAT_SESSIONS_TABLE",
    [STORE_MESSAGES_TABLE] = "DYNAMODB_CHAT_MESSAGES_TABLE"};

/* ---- tables ---------------------------------------------------------------------------------- */

static void write_table_line(struct check *c, enum store_table which,
                             const struct table_description *d)
{
    struct check_report *r = &c->report;
    const char *name = store_table_name(c->store, which);
    const char *region = dynamo_region(c->dynamo_shared);

    switch (d->finding) {
    case TABLE_IS_READY:
        check_line(r, CHECK_GOOD, titles[which], "%s: %s, keys %s", name, d->status.p, d->keys.p);
        break;
    case TABLE_IS_NOT_READY:
        check_line(r, CHECK_BAD, titles[which], "%s is %s: wait until it is ACTIVE", name,
                   d->status.p ? d->status.p : "in no state");
        break;
    case TABLE_HAS_OTHER_KEYS:
        check_line(r, CHECK_BAD, titles[which],
                   "%s has the keys %s, but the service needs %s: name another table in %s", name,
                   d->keys.p, d->wanted_keys.p, table_keys[which]);
        break;
    case TABLE_IS_ABSENT:
        check_line(
            r, CHECK_BAD, titles[which],
            "%s does not exist in the region %s. `chat-sessions create-tables` makes it, and "
            "so does a start of the service; if it is there already, the region is wrong: "
            "set %s to its own",
            name, region, check_region_key(c));
        break;
    case TABLE_IS_UNSEEN:
        check_line(r, CHECK_NOTE, titles[which], "%s cannot be described: %s", name, d->said.p);
        break;
    }
}

/* What is known of a table: enough to judge the probes by. */
struct known {
    bool exists;
    bool has_other_keys;
};

static int look_at_table(struct check *c, enum store_table which, struct known *known)
{
    struct table_description d;
    struct table_probe probe = {.finding = PROBE_REFUSED};
    struct err e = {0};

    check_begin_call(c);
    int r = store_table_describe(c->store, which, &d, &e);
    if (r == 0 && d.finding == TABLE_IS_UNSEEN) {
        check_begin_call(c);
        r = store_table_probe(c->store, which, DYNAMO_GET_ITEM, &probe, &e);
    }
    if (r != 0) {
        check_line(&c->report, CHECK_BAD, titles[which], "%s", e.detail);
        return -1;
    }
    write_table_line(c, which, &d);
    if (probe.finding == PROBE_NO_TABLE)
        check_line(&c->report, CHECK_BAD, titles[which], "%s does not exist in the region %s",
                   store_table_name(c->store, which), dynamo_region(c->dynamo_shared));
    known->has_other_keys = d.finding == TABLE_HAS_OTHER_KEYS;
    known->exists =
        d.finding == TABLE_IS_READY || known->has_other_keys || probe.finding == PROBE_PERMITTED;
    return 0;
}

/* ---- permissions ----------------------------------------------------------------------------- */

/* The eight of the policy, then the one that may be added. */
static const struct permission {
    enum dynamo_operation operation;
    const char *without; /* what the service does without it; NULL: it cannot work */
} permissions[] = {
    {DYNAMO_GET_ITEM, NULL},
    {DYNAMO_PUT_ITEM, NULL},
    {DYNAMO_UPDATE_ITEM, NULL},
    {DYNAMO_DELETE_ITEM, NULL},
    {DYNAMO_QUERY, NULL},
    {DYNAMO_SCAN, "only purge needs it"},
    {DYNAMO_DESCRIBE_TABLE, "the tables are not looked at when the service starts"},
    {DYNAMO_CREATE_TABLE, "missing tables have to be made by hand"},
    {DYNAMO_BATCH_WRITE_ITEM, "it is optional; deletes of long sessions take longer"},
};
#define PERMISSIONS (sizeof permissions / sizeof permissions[0])

/* What was found about one operation, on both tables together. */
struct permission_trial {
    struct str denied_on; /* names of tables; STR_NONE: on neither */
    struct str refused;   /* how, by a table; STR_NONE: by neither */
    unsigned not_tried;
    bool explicit_deny;
};

static void name_list_add(struct check *c, struct str *list, const char *text)
{
    *list = str_is_present(*list) ? arena_printf(&c->arena, "%s and %s", list->p, text)
                                  : arena_printf(&c->arena, "%s", text);
}

/* "User: arn:… is not authorized to perform: …" says who it is where STS was not asked. */
static void learn_identity(struct check *c, struct str said)
{
    static const char mark[] = "User: arn:";
    const char *found = strstr(said.p, mark);

    if (!found || c->identity.arn[0])
        return;
    const char *arn = found + sizeof "User: " - 1;
    (void)snprintf(c->identity.arn, sizeof c->identity.arn, "%.*s", (int)strcspn(arn, " "), arn);
}

static int try_on_table(struct check *c, enum dynamo_operation operation, enum store_table which,
                        const struct known *known, struct permission_trial *v)
{
    struct table_probe probe;
    struct err e = {0};
    const char *name = store_table_name(c->store, which);

    /* Where the table is missing, this would make it. */
    if (operation == DYNAMO_CREATE_TABLE && !known->exists) {
        v->not_tried++;
        return 0;
    }
    check_begin_call(c);
    if (store_table_probe(c->store, which, operation, &probe, &e) != 0) {
        check_line(&c->report, CHECK_BAD, dynamo_operation_names[operation], "%s", e.detail);
        return -1;
    }
    if (probe.finding == PROBE_DENIED) {
        name_list_add(c, &v->denied_on, name);
        learn_identity(c, probe.said);
        v->explicit_deny |= strstr(probe.said.p, "explicit deny") != NULL;
    } else if (probe.finding == PROBE_REFUSED && known->has_other_keys) {
        v->not_tried++; /* the keys do not fit, which the table's own line says */
    } else if (probe.finding == PROBE_REFUSED) {
        name_list_add(c, &v->refused, probe.said.p);
    }
    return 0;
}

static void write_denied_line(struct check *c, const struct permission *p, const char *subject,
                              const struct permission_trial *v)
{
    const char *who = c->identity.arn[0] ? c->identity.arn : "the user or role";
    const char *why = v->explicit_deny ? "an explicit deny forbids it" : "its policy lacks it";

    if (p->without)
        check_line(&c->report, CHECK_NOTE, subject, "not permitted (AccessDenied) on %s; %s",
                   v->denied_on.p, p->without);
    else
        check_line(&c->report, CHECK_BAD, subject,
                   "not permitted (AccessDenied) on %s: %s; README.md has the policy for %s",
                   v->denied_on.p, why, who);
}

static void write_permission_line(struct check *c, const struct permission *p,
                                  const struct permission_trial *v)
{
    struct str subject =
        arena_printf(&c->arena, "dynamodb:%s", dynamo_operation_names[p->operation]);

    if (str_is_present(v->denied_on))
        write_denied_line(c, p, subject.p, v);
    else if (str_is_present(v->refused))
        check_line(&c->report, p->without ? CHECK_NOTE : CHECK_BAD, subject.p, "refused: %s",
                   v->refused.p);
    else if (v->not_tried == STORE_TABLES)
        check_line(&c->report, CHECK_NOTE, subject.p, "not tried: there is no table that fits");
    else
        check_line(&c->report, CHECK_GOOD, subject.p, "permitted");
}

static int check_permission(struct check *c, const struct permission *p,
                            const struct known known[STORE_TABLES], struct permission_trial *v)
{
    for (int i = 0; i < STORE_TABLES; i++) {
        if (try_on_table(c, p->operation, (enum store_table)i, &known[i], v) != 0)
            return -1;
    }
    write_permission_line(c, p, v);
    return 0;
}

/* Says all that is missing in one sentence, if nothing worse came before. */
static void name_cause(struct check *c, struct str missing)
{
    struct check_report *r = &c->report;
    const char *who = c->identity.arn[0] ? c->identity.arn : "the user or role of the credentials";

    (void)snprintf(r->cause, sizeof r->cause,
                   "AccessDenied: the credentials do not permit %s. Attach the policy of README.md "
                   "to %s, with the names of both tables in its Resource",
                   missing.p, who);
}

static void check_permissions(struct check *c, const struct known known[STORE_TABLES])
{
    struct str missing = STR_NONE;
    bool first = c->report.bad == 0;

    check_heading(&c->report, "Permissions");
    for (size_t i = 0; i < PERMISSIONS; i++) {
        struct permission_trial v = {0};
        if (check_permission(c, &permissions[i], known, &v) != 0)
            return;
        if (str_is_present(v.denied_on) && !permissions[i].without)
            name_list_add(c, &missing, dynamo_operation_names[permissions[i].operation]);
    }
    if (first && str_is_present(missing))
        name_cause(c, missing);
}

void check_tables(struct check *c)
{
    struct known known[STORE_TABLES] = {{0}};

    check_heading(&c->report, "Tables");
    for (int i = 0; i < STORE_TABLES; i++) {
        if (look_at_table(c, (enum store_table)i, &known[i]) != 0)
            return;
    }
    check_permissions(c, known);
}
