/*
 * The order in which a region is looked for. profile.c reads the files, and
 * imds.c asks the instance.
 */
#include "aws/region.h"

#include <stdio.h>
#include <string.h>

#include "aws/endpoint.h"
#include "aws/imds.h"
#include "aws/profile.h"
#include "base/log.h"

#define FALLBACK "us-east-1"

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

int region_resolve(const struct credentials_context *context, char out[REGION_SIZE], struct err *e)
{
    const struct config *config = context->config;
    char endpoint[ENDPOINT_SIZE];

    if (config->region[0]) {
        (void)snprintf(out, REGION_SIZE, "%s", config->region); /* checked by config_load */
        return 0;
    }
    if (profile_region(config, out, REGION_SIZE, e) != 0)
        return -1;
    if (out[0])
        return check_profile_region(config, out, e);
    /* Where an endpoint is named, calls go there, in whatever region. */
    if (endpoint_configured(config, ENDPOINT_DYNAMODB, endpoint, e) < 0)
        return -1;
    if (endpoint[0])
        return use_fallback(", but an endpoint is", out);
    return context->transport ? ask_instance(context, out, e) : use_fallback("", out);
}
