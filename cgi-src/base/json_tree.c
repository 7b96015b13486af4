/*
 * The only use of json-c: small documents that are read as trees. What clients send is never read
 * this way (see json_scan), nor are the answers of DynamoDB to requests (see json_reader.h).
 */
#include "base/json.h"

#include <json-c/json.h>
#include <limits.h>

/* json-c's own default of 32 is too small for some documents of AWS. */
#define TREE_DEPTH 256

static struct json_object *tree_parse(struct json_tokener *tokener, struct str text)
{
    struct json_object *tree = json_tokener_parse_ex(tokener, text.p, (int)text.n);
    /* A number at the top has no end of its own, so a blank ends it. */
    if (json_tokener_get_error(tokener) == json_tokener_continue)
        tree = json_tokener_parse_ex(tokener, " ", 1);
    return tree;
}

struct json_object *json_tree(struct str text, struct err *e)
{
    struct json_object *tree = NULL;
    if (text.n == 0 || text.n > INT_MAX) {
        err_set(e, ERR_INVALID_JSON, "the answer is not JSON: it has %zu bytes", text.n);
        return NULL;
    }
    struct json_tokener *tokener = json_tokener_new_ex(TREE_DEPTH);
    if (!tokener) {
        err_set(e, ERR_INTERNAL, "out of memory");
        return NULL;
    }
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
    tree = tree_parse(tokener, text);
    enum json_tokener_error error = json_tokener_get_error(tokener);
    if (error != json_tokener_success) {
        err_set(e, ERR_INVALID_JSON, "the answer is not JSON: %s at byte %zu",
                error == json_tokener_continue ? "it ends early" : json_tokener_error_desc(error),
                json_tokener_get_parse_end(tokener));
        json_object_put(tree);
        tree = NULL;
    } else if (!tree) {
        err_set(e, ERR_INVALID_JSON, "the answer is null");
    }
    json_tokener_free(tokener);
    return tree;
}

void json_tree_free(struct json_object *tree)
{
    json_object_put(tree);
}

struct json_object *json_get(struct json_object *tree, const char *name)
{
    struct json_object *member = NULL;
    if (json_object_is_type(tree, json_type_object))
        json_object_object_get_ex(tree, name, &member);
    return member;
}

struct str json_get_str(struct json_object *tree, const char *name)
{
    struct json_object *member = json_get(tree, name);
    if (!json_object_is_type(member, json_type_string))
        return STR_NONE;
    return (struct str){json_object_get_string(member), (size_t)json_object_get_string_len(member)};
}

size_t json_length(struct json_object *array)
{
    return json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;
}

struct json_object *json_at(struct json_object *array, size_t i)
{
    return i < json_length(array) ? json_object_array_get_idx(array, i) : NULL;
}
