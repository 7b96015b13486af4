/*
 * A gateway whose variables and body are given by a test.
 */
#ifndef TESTS_FAKE_GATEWAY_H
#define TESTS_FAKE_GATEWAY_H

#include <string.h>

#include "base/buf.h"
#include "http/gateway.h"

struct fake_gateway {
    struct gateway gateway;
    const char *const *variables; /* "NAME=value", ended by NULL */
    struct str body;              /* what read hands out, a few bytes at a time */
    struct buf written;
    bool broken_off;
};

static const char *fake_param(struct gateway *g, const char *name)
{
    const struct fake_gateway *fake = (const struct fake_gateway *)g;
    size_t n = strlen(name);

    for (size_t i = 0; fake->variables[i]; i++) {
        if (strncmp(fake->variables[i], name, n) == 0 && fake->variables[i][n] == '=')
            return fake->variables[i] + n + 1;
    }
    return NULL;
}

static long fake_read(struct gateway *g, void *out, size_t n)
{
    struct fake_gateway *fake = (struct fake_gateway *)g;
    size_t step = n < 7 ? n : 7;

    if (step > fake->body.n)
        step = fake->body.n;
    memcpy(out, fake->body.p, step);
    fake->body.p += step;
    fake->body.n -= step;
    return (long)step;
}

static int fake_write(struct gateway *g, const void *data, size_t n)
{
    struct fake_gateway *fake = (struct fake_gateway *)g;
    buf_append(&fake->written, data, n);
    return 0;
}

static bool fake_client_gone(struct gateway *g)
{
    (void)g;
    return false;
}

static void fake_break_off(struct gateway *g)
{
    ((struct fake_gateway *)g)->broken_off = true;
}

static inline void fake_gateway_init(struct fake_gateway *fake, const char *const *variables,
                                     const char *body)
{
    *fake = (struct fake_gateway){
        .gateway = {fake_param, fake_read, fake_write, fake_client_gone, fake_break_off},
        .variables = variables,
        .body = str_from(body),
    };
    buf_init(&fake->written, 1 << 20);
}

#endif
