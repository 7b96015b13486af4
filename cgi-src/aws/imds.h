/*
 * The instance metadata service of EC2 (IMDSv2, and v1 where v2 does not exist and v1 is not
 * forbidden). A machine that has none costs one try of at most a second.
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html
 */
#ifndef AWS_IMDS_H
#define AWS_IMDS_H

#include "aws/credentials.h"
#include "aws/credentials_provider.h"

#define IMDS_REGION_SIZE 64

/* A conversation: the endpoint and the header with its token. */
struct imds {
    const struct credentials_context *context;
    char endpoint[256];
    char token_header[512];         /* "" in version 1 */
    int64_t timeout_ms;             /* of one try */
    struct credentials_tries tries; /* before it is known whether anybody is there, and then */
};

/* Gets a token. NOT_HERE: switched off (AWS_EC2_METADATA_DISABLED) or nobody is there. */
enum credentials_result imds_open(struct imds *imds, const struct credentials_context *context,
                                  struct err *e);
void imds_close(struct imds *imds); /* cleanses the token */

/* GETs endpoint + path. FOUND: status 200, the body in the response; NOT_HERE: 403 or 404, which is
 * what proxies, containers and other clouds answer there. The response is initialised and freed by
 * the caller (credentials_response_init, _free). */
enum credentials_result imds_get(struct imds *imds, const char *path,
                                 struct transport_response *response, struct err *e);

/* The region of this instance. */
enum credentials_result imds_region(const struct credentials_context *context,
                                    char out[IMDS_REGION_SIZE], struct err *e);

#endif
