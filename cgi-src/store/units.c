/*
 * Counts the capacity that calls consume, as DynamoDB's answers tell it, for the metrics.
 */
#include <stdlib.h>

#include "base/metrics.h"
#include "store/internal.h"

#define UNITS_MAX 1e9 /* DynamoDB would not write more */

/* Reads the CapacityUnits of one table, in thousandths. */
static int64_t units_read_milli(struct json_reader *r)
{
    int64_t milliunits = 0;
    struct str name;

    if (!json_enter_object(r))
        return 0;
    while (json_next_member(r, &name)) {
        if (!str_is(name, "CapacityUnits")) {
            json_skip(r);
            continue;
        }
        struct str text = json_read_number(r);
        /* the number is followed by a byte that is no digit */
        double units = str_is_present(text) ? strtod(text.p, NULL) : 0;
        if (units > 0 && units < UNITS_MAX)
            milliunits = (int64_t)(units * 1000.0);
    }
    return milliunits;
}

void store_count_units(enum dynamo_operation operation, struct json_reader *r)
{
    bool reads =
        operation == DYNAMO_GET_ITEM || operation == DYNAMO_QUERY || operation == DYNAMO_SCAN;
    int64_t units = 0;

    if (json_peek(r) != '[') {
        units = units_read_milli(r);
    } else if (json_enter_array(r)) {
        while (json_next_element(r))
            units += units_read_milli(r);
    }
    if (units)
        metrics_units(reads ? units : 0, reads ? 0 : units);
}

void store_count_write_units(enum dynamo_operation operation, struct dynamo_answer *answer)
{
    struct json_reader r = store_reader(answer);
    struct str name;

    if (!json_enter_object(&r))
        return;
    while (json_next_member(&r, &name)) {
        if (str_is(name, "ConsumedCapacity"))
            store_count_units(operation, &r);
        else
            json_skip(&r);
    }
}
