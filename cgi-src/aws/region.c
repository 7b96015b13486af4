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
    return config_is_region(region) && region.n < REGION_SIZE;
}

static int check_profile_region(const struct config *config, const char *region, struct err *e)
{
    if (region_is_valid(str_from(region)))
        return 0;
    return err_set(e, ERR_CONFIGURATION,
                   "the region of the profile %s is \"%s\", which is no region's name: expected "
                   "lower-case letters, digits and \"-\", for example us-east-1",
                   profile_active(config), region);
}

static int use_fallback(const char *why, char out[REGION_SIZE])
{
    memcpy(out, FALLBACK, sizeof(FALLBACK));
    log_warning("no region is set%s; using " FALLBACK " (AWS_REGION sets another)", why);
    return 0;
}

/*
 * A machine that has no metadata service is in no region; so is one where something else answers in
 * its place, with 403 or 404. One whose service fails is in a region that is not known now: a guess
 * would look for the tables, or even make them, in the wrong one.
 */
static int ask_instance(const struct credentials_context *context, char out[REGION_SIZE],
                        struct err *e)
{
    struct err why = {0};
    switch (imds_region(context, out, &why)) {
    case CREDENTIALS_FOUND:
        return 0;
    case CREDENTIALS_FAILED:
        if (why.code == ERR_CREDENTIALS_NOT_CONFIGURED)
            return use_fallback(", and nobody may be asked for the instance's", out);
        return err_set(e, ERR_DYNAMODB_UNAVAILABLE,
                       "no region is set, and the instance does not tell its own (%s); set "
                       "AWS_REGION, or try again later",
                       why.detail);
    default:
        return use_fallback("", out);
    }
}

/* Whether an endpoint is named: then calls go there, in whatever region. */
static int names_endpoint(const struct config *config, bool *named, struct err *e)
{
    char url[REGION_ENDPOINT_SIZE] = "";

    if (!config->endpoint[0] && profile_endpoint(config, "dynamodb", url, sizeof(url), e) < 0)
        return -1;
    *named = config->endpoint[0] || url[0];
    return 0;
}

int region_resolve(const struct credentials_context *context, char out[REGION_SIZE], struct err *e)
{
    const struct config *config = context->config;
    bool named;

    if (config->region[0]) {
        (void)snprintf(out, REGION_SIZE, "%s", config->region); /* checked by config_load */
        return 0;
    }
    if (profile_region(config, out, REGION_SIZE, e) != 0)
        return -1;
    if (out[0])
        return check_profile_region(config, out, e);
    if (names_endpoint(config, &named, e) < 0)
        return -1;
    if (named)
        return use_fallback(", but an endpoint is", out);
    return context->transport ? ask_instance(context, out, e) : use_fallback("", out);
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
