/*
 * Reads the fields that a client sets of a session, in the order and by the rules of their table:
 * which there are, their types and limits, and what null means. A new field needs nothing here.
 */
#include "api/api.h"
#include "store/item_table.h"

/* ---- 1. one field ---------------------------------------------------------------------------- */

static struct parameter_limits field_parameter_limits(const struct item_field *f)
{
    return (struct parameter_limits){
        .min_bytes = f->limits.min_bytes,
        .max_bytes = f->limits.max_bytes,
        .max_characters = f->limits.max_characters,
        .max_count = f->limits.max_count,
    };
}

static bool member_is_null(const struct parameters *p, const char *name)
{
    for (size_t i = 0; i < p->member_count; i++) {
        if (str_is(p->members[i].name, name) && p->members[i].value.type == JSON_NULL)
            return true;
    }
    return false;
}

static int field_read_string(const struct parameters *p, const struct item_field *f,
                             struct str *out, enum parameter_presence *presence, struct err *e)
{
    const struct parameter_limits limits = field_parameter_limits(f);

    if (parameter_string(p, f->name.p, &limits, out, e) < 0)
        return -1;
    *presence = PARAMETER_GIVEN;
    if (!str_is_present(*out))
        *presence = member_is_null(p, f->name.p) ? PARAMETER_NULL : PARAMETER_LEFT_OUT;
    return 0;
}

static int field_read_strings(const struct parameters *p, const struct item_field *f,
                              struct str *out, enum parameter_presence *presence, struct err *e)
{
    const struct parameter_limits limits = field_parameter_limits(f);
    struct parameter_strings strings;

    if (parameter_strings(p, f->name.p, &limits, &strings, e) < 0)
        return -1;
    *out = strings.text;
    *presence = strings.presence;
    return 0;
}

/* The field stays what it is if it is left out or null. */
static int field_read_parameter(const struct parameters *p, const struct item_field *f,
                                struct session *out, enum parameter_presence *presence,
                                struct err *e)
{
    switch (f->type) {
    case FIELD_BOOL:
        return parameter_boolean(p, f->name.p, presence, field_flag(f, out), e);
    case FIELD_JSON:
        return parameter_object(p, f->name.p, presence, field_text(f, out), e);
    case FIELD_STRINGS:
        return field_read_strings(p, f, field_text(f, out), presence, e);
    default:
        return field_read_string(p, f, field_text(f, out), presence, e);
    }
}

/* ---- 2. a new session ------------------------------------------------------------------------ */

int api_session_fields(const struct parameters *p, struct session *out, struct err *e)
{
    enum parameter_presence presence;
    const struct item_field *f;
    size_t position = 0;

    while ((f = session_client_field_next(&position))) {
        if (field_read_parameter(p, f, out, &presence, e) < 0)
            return -1;
    }
    return 0;
}

/* A field that came later to the API is included only if it is set, with its name. */
static void fingerprint_add_later_field(struct fingerprint *print, const struct item_field *f,
                                        const struct session *session)
{
    if (!field_is_written(f, session))
        return;
    fingerprint_add(print, f->name);
    if (!field_is_flag(f))
        fingerprint_add(print, field_text_of(f, session));
}

void api_fingerprint_session(struct fingerprint *print, const struct session *session)
{
    const struct item_field *f;
    size_t position = 0;

    while ((f = session_client_field_next(&position))) {
        if (f->access == SET_FROM_THE_FIRST)
            fingerprint_add(print, field_text_of(f, session));
        else
            fingerprint_add_later_field(print, f, session);
    }
}

/* ---- 3. a change ----------------------------------------------------------------------------- */

static int field_read_change(const struct request *q, const struct parameters *p,
                             const struct item_field *f, struct session_changes *out, struct err *e)
{
    enum parameter_presence presence;

    if (q->is_merge_patch && f->null == NULL_IS_REFUSED_IN_PATCH && member_is_null(p, f->name.p))
        return err_set(e, ERR_INVALID_PARAMETER,
                       "%s must not be null in a merge patch: a session always has one", f->name.p);
    if (field_read_parameter(p, f, &out->fields, &presence, e) < 0)
        return -1;
    bool null_clears = q->is_merge_patch || f->null == NULL_ALWAYS_CLEARS;
    if (presence == PARAMETER_GIVEN && q->is_merge_patch && f->type == FIELD_JSON)
        out->patched |= session_field_bit(f);
    else if (presence == PARAMETER_GIVEN || (presence == PARAMETER_NULL && null_clears))
        out->given |= session_field_bit(f);
    return 0;
}

int api_session_changes(const struct request *q, struct session_changes *out, struct err *e)
{
    struct parameters p;
    const struct item_field *f;
    size_t position = 0;

    *out = (struct session_changes){0};
    if (parameters_of_object(q, &p, e) < 0)
        return -1;
    while ((f = session_client_field_next(&position))) {
        if (field_read_change(q, &p, f, out, e) < 0)
            return -1;
    }
    return 0;
}
