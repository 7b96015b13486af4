/*
 * Two scripted servers, one plain and one with TLS, and the setting that trusts the second: the
 * setup and teardown of a group. For test_http_exchange.c and test_transport_tls.c alone.
 */
#ifndef TESTS_UNIT_TLS_SERVERS_H
#define TESTS_UNIT_TLS_SERVERS_H

#include "transport_fixture.h"

enum { PLAIN, SECURE };

static struct aws_server servers[2];
static char tls_directory[32]; /* the test's own; only its certificates are in it */
static char cert[64];
static char key[64];
static char bundle_setting[96]; /* "AWS_CA_BUNDLE=" and cert */

static inline int tls_servers_start(void **state)
{
    const char *const options[] = {"--cert", cert, "--key", key, NULL};
    (void)state;
    (void)snprintf(tls_directory, sizeof tls_directory, "/tmp/test_tls.XXXXXX");
    if (!mkdtemp(tls_directory))
        return -1;
    (void)snprintf(cert, sizeof cert, "%s/cert", tls_directory);
    (void)snprintf(key, sizeof key, "%s/key", tls_directory);
    (void)snprintf(bundle_setting, sizeof bundle_setting, "AWS_CA_BUNDLE=%s", cert);
    write_certificate(cert, key, "IP:127.0.0.1");
    aws_server_start(&servers[PLAIN], NULL);
    aws_server_start(&servers[SECURE], options);
    return 0;
}

static inline int tls_servers_stop(void **state)
{
    (void)state;
    aws_server_stop(&servers[PLAIN]);
    aws_server_stop(&servers[SECURE]);
    unlink(cert);
    unlink(key);
    return rmdir(tls_directory);
}

#endif
