/*
 * The table of AWS's partitions and the rules by which endpoints are made of them. What a profile
 * says is read by profile.c.
 */
#include "aws/endpoint.h"

#include <stdio.h>
#include <string.h>

#include "aws/profile.h"

/* ---- names of hosts -------------------------------------------------------------------------- */

/* A partition is a set of regions with accounts, and names of hosts, of their own. */
struct partition {
    const char *regions; /* how their names begin */
    const char *suffix;
    const char *dual_stack_suffix;
    bool fips_by_plain_name; /* all its endpoints are FIPS ones: they have no name of their own */
};

/* The last one has the regions that none of the others has. */
static const struct partition partitions[] = {
    {"cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn", false},
    {"us-gov-", "amazonaws.com", "api.aws", true},
    {"us-iso-", "c2s.ic.gov", "api.aws.ic.gov", false},
    {"us-isob-", "sc2s.sgov.gov", "api.aws.scloud", false},
    {"us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov", false},
    {"eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk", false},
    {"eusc-", "amazonaws.eu", "api.amazonwebservices.eu", false},
    {"", "amazonaws.com", "api.aws", false},
};
#define PARTITIONS (sizeof partitions / sizeof partitions[0])

static const struct partition *partition_of(struct str region)
{
    size_t i = 0;
    while (!str_starts_with(region, partitions[i].regions))
        i++;
    return &partitions[i];
}

/* How the services are called, by enum endpoint_service. */
static const struct {
    const char *title;
    const char *host;
    const char *config_key;
    const char *profile_name; /* in a services section */
} services[] = {
    [ENDPOINT_DYNAMODB] = {"DynamoDB", "dynamodb", "AWS_ENDPOINT_URL_DYNAMODB", "dynamodb"},
    [ENDPOINT_STS] = {"STS", "sts", "AWS_ENDPOINT_URL_STS", "sts"},
    [ENDPOINT_SSO] = {"SSO", "portal.sso", "AWS_ENDPOINT_URL_SSO", "sso"},
    [ENDPOINT_SSO_OIDC] = {"SSO OIDC", "oidc", "AWS_ENDPOINT_URL_SSO_OIDC", "sso_oidc"},
};

int endpoint_of_region(enum endpoint_service service, const char *region,
                       const struct endpoint_kind *kind, char out[ENDPOINT_SIZE], struct err *e)
{
    const struct partition *partition = partition_of((struct str){region, strlen(region)});
    bool plain = !kind->fips || (partition->fips_by_plain_name && !kind->dual_stack);
    int n = snprintf(out, ENDPOINT_SIZE, "https://%s%s.%s.%s", services[service].host,
                     plain ? "" : "-fips", region,
                     kind->dual_stack ? partition->dual_stack_suffix : partition->suffix);
    if (n < 0 || n >= ENDPOINT_SIZE)
        return err_set(e, ERR_CONFIGURATION, "the endpoint of %s is too long",
                       services[service].title);
    return 0;
}

static bool is_below(struct str host, const char *suffix)
{
    size_t n = strlen(suffix);
    return host.n > n && host.p[host.n - n - 1] == '.' &&
           memcmp(host.p + host.n - n, suffix, n) == 0;
}

bool endpoint_is_aws(struct str host)
{
    for (size_t i = 0; i < PARTITIONS; i++) {
        if (is_below(host, partitions[i].suffix) || is_below(host, partitions[i].dual_stack_suffix))
            return true;
    }
    return false;
}

struct str endpoint_region_in(struct str host)
{
    static const char *const begins[] = {"dynamodb.", "dynamodb-fips."};
    for (size_t i = 0; i < sizeof begins / sizeof begins[0]; i++) {
        size_t n = strlen(begins[i]);
        const char *end = str_starts_with(host, begins[i]) && host.n > n
                              ? memchr(host.p + n, '.', host.n - n)
                              : NULL;
        if (!end)
            continue;
        struct str region = {host.p + n, (size_t)(end - host.p) - n};
        struct str rest = {end + 1, host.n - n - region.n - 1};
        const struct partition *partition = partition_of(region);
        if (str_is(rest, partition->suffix) || str_is(rest, partition->dual_stack_suffix))
            return region;
    }
    return STR_NONE;
}

/* ---- what is configured ---------------------------------------------------------------------- */

static const struct profile_setting ignore_setting = {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
                                                      "ignore_configured_endpoint_urls"};
static const struct profile_setting fips_setting = {"AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint"};
static const struct profile_setting dual_stack_setting = {"AWS_USE_DUALSTACK_ENDPOINT",
                                                          "use_dualstack_endpoint"};

static int copy_url(const char *url, enum endpoint_service service, char out[ENDPOINT_SIZE],
                    struct err *e)
{
    if ((size_t)snprintf(out, ENDPOINT_SIZE, "%s", url) >= ENDPOINT_SIZE)
        return err_set(e, ERR_CONFIGURATION, "the endpoint of %s is too long",
                       services[service].title);
    return 0;
}

int endpoint_configured(const struct config *config, enum endpoint_service service,
                        char out[ENDPOINT_SIZE], struct err *e)
{
    bool ignored = false;
    out[0] = '\0';
    if (profile_setting_is_true(config, &ignore_setting, &ignored, e) < 0)
        return -1;
    if (ignored)
        return 0;
    const char *url = config_get(config, services[service].config_key);
    if (!url)
        url = config_get(config, "AWS_ENDPOINT_URL");
    if (url)
        return copy_url(url, service, out, e);
    return profile_endpoint(config, services[service].profile_name, out, ENDPOINT_SIZE, e);
}

int endpoint_find(const struct config *config, enum endpoint_service service, const char *region,
                  char out[ENDPOINT_SIZE], struct err *e)
{
    struct endpoint_kind kind = {0};
    if (endpoint_configured(config, service, out, e) < 0 ||
        profile_setting_is_true(config, &fips_setting, &kind.fips, e) < 0 ||
        profile_setting_is_true(config, &dual_stack_setting, &kind.dual_stack, e) < 0)
        return -1;
    if (!out[0])
        return endpoint_of_region(service, region, &kind, out, e);
    if (kind.fips || kind.dual_stack) {
        const struct profile_setting *wanted = kind.fips ? &fips_setting : &dual_stack_setting;
        return err_set(e, ERR_CONFIGURATION,
                       "an endpoint of %s is configured, and %s (%s of the profile) asks for "
                       "another: remove one of the two",
                       services[service].title, wanted->config_key, wanted->profile_key);
    }
    return 0;
}
