/*
 * The caller's place in a distributed trace: the header `traceparent` (W3C Trace Context, section
 * 3.2). It is checked and shown in the log. No span is made, and nothing is sent on.
 */
#ifndef HTTP_TRACE_H
#define HTTP_TRACE_H

#include <stdbool.h>
#include "base/str.h"

/* Views into the header. */
struct trace {
    struct str trace_id;  /* 32 hexadecimal digits */
    struct str parent_id; /* 16: the caller's span */
};

/* False if the header is absent (STR_NONE) or not as the specification has it. A later version
 * is read as far as version 00 goes (section 4.3). */
bool trace_parse(struct str header, struct trace *out);

#endif
