/*
 * Which region calls go to: the settings first, then the active profile, then the instance. Where
 * its services answer is endpoint.h's.
 */
#ifndef AWS_REGION_H
#define AWS_REGION_H

#include <stdbool.h>
#include "aws/credentials.h"
#include "base/str.h"

#define REGION_SIZE 64

/* As config_is_region says, and short enough for REGION_SIZE. */
static inline bool region_is_valid(struct str region)
{
    return config_is_region(region) && region.n < REGION_SIZE;
}

/*
 * config->region, the active profile's region, the instance's (unless an endpoint is named,
 * context->transport is NULL or AWS_EC2_METADATA_DISABLED is set; at most about a second where
 * there is none), else us-east-1 with a warning in the log. context->region is not looked at. -1
 * with ERR_CONFIGURATION if the profile's is no region's name or a file that was named cannot be
 * read, and with ERR_DYNAMODB_UNAVAILABLE if the instance has a metadata service and it fails. A
 * metadata service that answers 403 or 404 is none.
 */
int region_resolve(const struct credentials_context *context, char out[REGION_SIZE], struct err *e);

#endif
