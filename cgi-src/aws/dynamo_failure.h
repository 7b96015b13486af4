/*
 * What is said of calls that DynamoDB did not answer: in the log, and to the caller. The sentences
 * are for the clients of the API as well as for who runs the service, so they name no ARN, host or
 * key.
 */
#ifndef AWS_DYNAMO_FAILURE_H
#define AWS_DYNAMO_FAILURE_H

#include <stdbool.h>
#include "aws/dynamo.h"
#include "aws/dynamo_classify.h"
#include "base/err.h"
#include "base/log.h"

/*
 * Fills e for the fault that a call ended with and returns -1. maybe_done: an attempt to write may
 * have been carried out.
 */
int dynamo_failure(const struct dynamo_verdict *v, bool maybe_done, struct err *e);

/* A write may have been carried out, whatever was met afterwards: -1 with what the caller is told.
 */
int dynamo_maybe_done(struct err *e);

/* The deadline had passed before an attempt began. */
int dynamo_too_late(bool maybe_done, struct err *e);

/*
 * A line about a call, or an attempt of it, that came to nothing: "DynamoDB GetItem WHAT: " and the
 * fault. request_id: by which AWS's support finds the attempt; "" if it had no answer.
 */
void dynamo_log_fault(enum log_level level, enum dynamo_operation operation, const char *what,
                      const struct dynamo_verdict *v, const char *request_id);

#endif
