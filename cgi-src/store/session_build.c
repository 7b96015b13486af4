/*
 * A session with a long history is built where nobody sees it, in transactions of up to 97
 * messages, and then revealed by one. Each of them changes the owner item, on the condition that
 * the build goes on and has not come as far already: so whatever arrives late, or from somebody who
 * builds the same session under the same key, does nothing, and a build that was deleted stays so.
 *
 *     begun      the owner item has building_at; there is no session item, but one of the build
 *     built      built_until of the owner item: the last message that is there
 *     revealed   session item; the owner item without both; the build's item is gone
 *
 * How a build is deleted that nobody finishes is told in build_delete.c.
 */
#include "store/creation.h"

#define BUILD_PREFIX "!build#"

struct str store_build_key(struct store *s, struct str session_id)
{
    return arena_printf(s->arena, BUILD_PREFIX "%.*s", (int)session_id.n, session_id.p);
}

bool store_is_build(struct str sort_key)
{
    return str_starts_with(sort_key, BUILD_PREFIX);
}

struct str store_build_session(struct str sort_key)
{
    size_t prefix = sizeof(BUILD_PREFIX) - 1;

    return (struct str){sort_key.p + prefix, sort_key.n - prefix};
}

/* ---- going on -------------------------------------------------------------------------------- */

#define GOES_ON "attribute_exists(building_at) AND attribute_not_exists(deleted_at)"

static struct key build_owner_key(const struct creation *c)
{
    return store_message_key(c->out->session_id, TIMESTAMP_OWNER);
}

static int build_was_deleted(struct err *e)
{
    return err_set(e, ERR_SESSION_NOT_FOUND,
                   "the session was deleted while it was being created, and nothing is left of it");
}

/* What the owner item says that stopped a transaction. Somebody else may have built on. */
static enum creation_end build_learn(struct creation *c, struct transaction *t, size_t owner_action,
                                     struct err *e)
{
    struct owner_item owner;

    if (!transaction_stopped_by(t, owner_action))
        return err_set(e, ERR_DYNAMODB_UNAVAILABLE,
                       "DynamoDB says that the id of the new session is in use; try again");
    if (!transaction_read_item(t, owner_action, &item_owner, &owner) || owner.deleted)
        return build_was_deleted(e);
    if (!owner.building_at.p)
        return CREATED_BEFORE;
    if (owner.built_until == c->built_until)
        return store_unreadable(DYNAMO_TRANSACT_WRITE_ITEMS, e);
    c->built_until = owner.built_until;
    return CREATION_UNFINISHED;
}

/* What there is when a step was taken. */
struct step_end {
    enum creation_end end;
    int64_t built_until;
};

static enum creation_end build_end_step(struct creation *c, struct transaction *t,
                                        size_t owner_action, struct step_end done, struct err *e)
{
    enum creation_end r = CREATION_FAILED;

    switch (transaction_commit(t, e)) {
    case TRANSACTION_DONE:
        r = done.end;
        c->built_until = done.built_until;
        break;
    case TRANSACTION_CANCELED:
        r = build_learn(c, t, owner_action, e);
        break;
    default:
        break;
    }
    transaction_free(t);
    return r;
}

/* That the owner item is updated, and not only checked, has two reasons: a ConditionCheck would
 * want a permission of its own, and whoever goes on with the build learns how far it has come. */
static enum creation_end build_put_batch(struct store *s, struct creation *c,
                                         struct history_walk *walk, struct err *e)
{
    static const struct str text = STR_INIT(UPDATE("SET built_until = :until") CONDITION(
        GOES_ON " AND (attribute_not_exists(built_until) OR "
                "built_until < :until)") RETURN_OLD);
    const struct key key = build_owner_key(c);
    struct transaction t;

    transaction_begin(s, &t);
    creation_put_messages(&t, c, walk);
    size_t owner_action =
        transaction_update(&t, &key, text, VALUES(NUMBER_VALUE(":until", walk->before)));
    return build_end_step(c, &t, owner_action, (struct step_end){CREATION_UNFINISHED, walk->before},
                          e);
}

static enum creation_end build_reveal(struct store *s, struct creation *c, struct err *e)
{
    static const struct str text = STR_INIT(UPDATE("REMOVE building_at, built_until") CONDITION(
        GOES_ON " AND built_until = :until") RETURN_OLD);
    const struct key owner = build_owner_key(c);
    const struct key build =
        store_session_key(c->out->user_id, store_build_key(s, c->out->session_id));
    struct transaction t;

    transaction_begin(s, &t);
    transaction_put(&t, &item_session, c->out, STR(IS_NEW), NO_VALUES);
    size_t owner_action =
        transaction_update(&t, &owner, text, VALUES(NUMBER_VALUE(":until", c->built_until)));
    transaction_delete(&t, &build, STR(""));
    return build_end_step(c, &t, owner_action, (struct step_end){CREATED, c->built_until}, e);
}

/* The next batch, or if all are there the end. */
static enum creation_end build_take_step(struct store *s, struct creation *c, struct err *e)
{
    struct history_walk walk = history_begin(&c->wanted->history, c->created_us / 1000);

    history_skip(&walk, c->built_until);
    return walk.next < walk.history->count ? build_put_batch(s, c, &walk, e)
                                           : build_reveal(s, c, e);
}

#define CAPACITY_PAUSE_US INT64_C(1000000)

/* A long history may take more than the table writes in a moment: the rest comes later. */
static bool build_wait_for_capacity(struct store *s, struct err *e)
{
    if (e->code != ERR_DYNAMODB_THROTTLED || !store_pause(s, CAPACITY_PAUSE_US))
        return false;
    e->code = ERR_NONE;
    return true;
}

static int build_out_of_time(struct store *s, const struct creation *c, unsigned steps,
                             struct err *e)
{
    if (c->out->create_marker.p)
        return store_out_of_time(s, steps,
                                 "the time for this request is over before all messages were "
                                 "written; repeat the request with its Idempotency-Key, it goes "
                                 "on where this one ended",
                                 e);
    return store_out_of_time(s, steps,
                             "the time for this request is over before all messages were written, "
                             "and nothing of the session is shown; send it again with an "
                             "Idempotency-Key, under which it can be repeated until it is done",
                             e);
}

static enum creation_end build_run_steps(struct store *s, struct creation *c, struct err *e)
{
    unsigned steps = 0;
    enum creation_end r;

    do {
        r = build_take_step(s, c, e);
        steps++;
        if (r == CREATION_FAILED && build_wait_for_capacity(s, e))
            r = CREATION_UNFINISHED;
    } while (r == CREATION_UNFINISHED);
    return r == CREATION_FAILED ? (enum creation_end)build_out_of_time(s, c, steps, e) : r;
}

/* Those of a process who build one session under one key do so in turn: not for correctness, but
 * transactions that meet at the owner item cancel each other. Who comes second finds it done. */
enum creation_end creation_finish_build(struct store *s, struct creation *c, struct err *e)
{
    struct str session_id = c->out->session_id;

    if (!gate_enter(s->shared->gate, session_id, dynamo_deadline(s->dynamo)))
        return err_set(e, ERR_DEADLINE_EXCEEDED,
                       "another request is still writing this history; repeat this one with its "
                       "Idempotency-Key");
    enum creation_end r = build_run_steps(s, c, e);
    gate_leave(s->shared->gate, session_id);
    return r;
}
