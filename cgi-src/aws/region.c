/*
 * The order in which a region and an endpoint are looked for. Reading the files and asking the
 * instance is the business of profile.c and imds.c.
 */
#include "aws/region.h"

#include <stdio.h>
#include <string.h>

#include "aws/imds.h"
#include "aws/profile.h"
#include "base/log.h"

#define FALLBACK "us-east-1"

bool region_is_valid(struct str region)
{
    for (size_t i = 0; i < region.n; i++) {
        char c = region.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
            return false;
    }
    return region.n > 0 && region.n < REGION_SIZE;
}

static int take(const char *region, const char *from, char out[REGION_SIZE], struct err *e)
{
    if (!region_is_valid(str_from(region)))
        return err_set(e, ERR_CONFIGURATION,
                       "the region of %s must be lower-case letters, digits and \"-\", for example "
                       "us-east-1",
                       from);
    if (out != region)
        memcpy(out, region, strlen(region) + 1);
    return 0;
}

/*
 * A machine that has no metadata service is in no region. One whose service fails is in a region
 * that is not known now: a guess would look for the tables, or even make them, in the wrong one.
 */
static int ask_instance(const struct credentials_context *context, char out[REGION_SIZE],
                        struct err *e)
{
    struct err why = {0};
    switch (imds_region(context, out, &why)) {
    case CREDENTIALS_FOUND:
        return 0;
    case CREDENTIALS_FAILED:
        return err_set(
            e, why.code == ERR_DYNAMODB_UNAVAILABLE ? ERR_DYNAMODB_UNAVAILABLE : ERR_CONFIGURATION,
            "no region is set, and the instance does not tell its own (%s); set "
            "AWS_REGION, or try again later",
            why.detail);
    default:
        return 0; /* out is "" */
    }
}

int region_resolve(const struct credentials_context *context, char out[REGION_SIZE], struct err *e)
{
    if (context->config->region[0])
        return take(context->config->region, "the settings", out, e);
    if (profile_region(context->config, out, REGION_SIZE, e) != 0)
        return -1;
    if (out[0])
        return take(out, "the profile", out, e);
    if (context->transport && ask_instance(context, out, e) != 0)
        return -1;
    if (out[0])
        return 0;
    memcpy(out, FALLBACK, sizeof FALLBACK);
    log_warning("no region is set; using " FALLBACK " (AWS_REGION sets another)");
    return 0;
}

int region_dynamodb_endpoint(const struct config *config, const char *region,
                             char out[REGION_ENDPOINT_SIZE], struct err *e)
{
    int n;
    if (config->endpoint[0])
        n = snprintf(out, REGION_ENDPOINT_SIZE, "%s", config->endpoint);
    else if (profile_endpoint(config, "dynamodb", out, REGION_ENDPOINT_SIZE, e) != 0)
        return -1;
    else if (out[0])
        return 0;
    else
        n = snprintf(out, REGION_ENDPOINT_SIZE, "https://dynamodb.%s.amazonaws.com%s", region,
                     strncmp(region, "cn-", 3) == 0 ? ".cn" : "");
    if (n < 0 || n >= REGION_ENDPOINT_SIZE)
        return err_set(e, ERR_CONFIGURATION, "the endpoint of DynamoDB is too long");
    return 0;
}
