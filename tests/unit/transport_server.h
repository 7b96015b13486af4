/*
 * One scripted server for all tests of a program: the setup and teardown of its group. For
 * tests/unit/test_transport*.c and test_dynamo_faults.c alone.
 */
#ifndef TESTS_UNIT_TRANSPORT_SERVER_H
#define TESTS_UNIT_TRANSPORT_SERVER_H

#include "transport_fixture.h"

static struct aws_server server;

static inline int server_start(void **state)
{
    (void)state;
    aws_server_start(&server, NULL);
    return 0;
}

static inline int server_stop(void **state)
{
    (void)state;
    aws_server_stop(&server);
    return 0;
}

/* Nothing seen, and every request is answered with 200 and {}. */
static inline void server_answer_all(void)
{
    aws_server_answer_all(&server);
}

#endif
