/*
 * Builds a session with a long history where nobody sees it, in transactions of up to 97 messages;
 * a last transaction reveals it. Each transaction updates the owner item, on the condition that the
 * build is still going on and has not come that far already. So a transaction that arrives late, or
 * comes from another request that builds the same session under the same key, does nothing, and a
 * build that was deleted stays deleted.
 *
 *     begun      the owner item has building_at; there is no session item, but a build's item
 *     built      built_until of the owner item is the timestamp of the last message written
 *     revealed   there is a session item, the owner item has neither, and the build's item is gone
 *
 * A build that nobody finishes is deleted in build_delete.c.
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

/* Learns from the owner item that stopped a transaction how far the build is. Another request may
 * have continued it. */
static enum creation_end build_learn(struct creation *c, struct transaction *t, size_t owner_action,
                                     struct err *e)
{
    struct owner_item owner;

    if (!transaction_stopped_by(t, owner_action))
        return err_set(e, ERR_DYNAMODB_UNAVAILABLE,
                       "DynamoDB says that the id of the new session is in use; try again");
    if (!transaction_read_item(t, owner_action, &item_owner, &owner) || owner.deleted)
        return build_was_deleted(e);
    if (!str_is_present(owner.building_at))
        return CREATED_BEFORE;
    if (owner.built_until == c->built_until)
        return store_unreadable(DYNAMO_TRANSACT_WRITE_ITEMS, e);
    c->built_until = owner.built_until;
    return CREATION_UNFINISHED;
}

/* What is reached when a step is done. */
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

/* There are two reasons why the owner item is updated, and not only checked: a ConditionCheck would
 * need a permission of its own, and whoever continues the build learns how far it is. */
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

/* Writes the next batch, or reveals the session if all messages are written. */
static enum creation_end build_take_step(struct store *s, struct creation *c, struct err *e)
{
    struct history_walk walk = history_begin(&c->wanted->history, c->created_us / 1000);

    history_skip(&walk, c->built_until);
    return walk.next < walk.history->count ? build_put_batch(s, c, &walk, e)
                                           : build_reveal(s, c, e);
}

#define CAPACITY_PAUSE_US INT64_C(1000000)

/* A long history may need more capacity than the table has at the moment. After a pause the rest is
 * written. False if there is no time for a pause, or the error is another one. */
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
    if (str_is_present(c->out->create_marker))
        return store_out_of_time(s, steps,
                                 "the time for this request was over before all messages were "
                                 "written; repeat the request with its Idempotency-Key, it goes "
                                 "on where this one ended",
                                 e);
    return store_out_of_time(s, steps,
                             "the time for this request was over before all messages were written, "
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

/* The requests of a process that build one session under one key do so in turn. It would be correct
 * without, but transactions that meet at the owner item cancel each other. A request that comes
 * later finds the build finished. */
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
