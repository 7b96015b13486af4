/*
 * Where AWS's services answer: the endpoint that was configured, else the region's own one of the
 * wanted kind. Which region that is, is region.h's.
 * https://docs.aws.amazon.com/sdkref/latest/guide/feature-endpoints.html
 */
#ifndef AWS_ENDPOINT_H
#define AWS_ENDPOINT_H

#include <stdbool.h>
#include "base/config.h"
#include "base/err.h"
#include "base/str.h"

#define ENDPOINT_SIZE 512

enum endpoint_service { ENDPOINT_DYNAMODB, ENDPOINT_STS, ENDPOINT_SSO, ENDPOINT_SSO_OIDC };

/* Which of a region's endpoints. */
struct endpoint_kind {
    bool fips;       /* with cryptography that is validated under FIPS 140 */
    bool dual_stack; /* with addresses of IPv6 too */
};

/* "https://dynamodb.eu-central-1.amazonaws.com". -1 with ERR_CONFIGURATION if it does not fit. */
int endpoint_of_region(enum endpoint_service service, const char *region,
                       const struct endpoint_kind *kind, char out[ENDPOINT_SIZE], struct err *e);

/*
 * The endpoint that is configured: the service's own variable, AWS_ENDPOINT_URL, the active
 * profile's services section, its endpoint_url. "" if there is none, or if
 * AWS_IGNORE_CONFIGURED_ENDPOINT_URLS (ignore_configured_endpoint_urls of the profile) is true. -1
 * only if a file cannot be read or a value does not fit.
 */
int endpoint_configured(const struct config *config, enum endpoint_service service,
                        char out[ENDPOINT_SIZE], struct err *e);

/*
 * The configured endpoint, else the region's own, of the kind that AWS_USE_FIPS_ENDPOINT and
 * AWS_USE_DUALSTACK_ENDPOINT (or the profile) ask for. Both together are ERR_CONFIGURATION: nobody
 * can tell whether the configured one is of that kind, and AWS's tools refuse it too.
 */
int endpoint_find(const struct config *config, enum endpoint_service service, const char *region,
                  char out[ENDPOINT_SIZE], struct err *e);

/* True for the name of a host of AWS's, in any partition. */
bool endpoint_is_aws(struct str host);
/* The region in the name of a host of DynamoDB's own ("dynamodb-fips.us-east-1.api.aws"); STR_NONE
 * for any other host. */
struct str endpoint_region_in(struct str host);

#endif
