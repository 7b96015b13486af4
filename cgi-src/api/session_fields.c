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

static int field_read_given(const struct parameters *p, const struct item_field *f, struct str *out,
                            enum parameter_presence *presence, struct err *e)
{
    const struct parameter_limits limits = field_parameter_limits(f);
    struct parameter_text given;
    int result = f->type == FIELD_STRINGS
                     ? parameter_strings(p, f->name.p, &limits, &given, e)
                     : parameter_string_or_null(p, f->name.p, &limits, &given, e);

    *out = given.text;
    *presence = given.presence;
    return result;
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
    default:
        return field_read_given(p, f, field_text(f, out), presence, e);
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

    if (field_read_parameter(p, f, &out->fields, &presence, e) < 0)
        return -1;
    if (presence == PARAMETER_NULL && q->is_merge_patch && f->null == NULL_IS_REFUSED_IN_PATCH)
        return err_set(e, ERR_INVALID_PARAMETER,
                       "%s must not be null in a merge patch: a session always has one", f->name.p);
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
