/*
 * What aws/transport*.c share: the settings of a process, and the options that every handle of
 * libcurl has. For these files alone.
 */
#ifndef AWS_TRANSPORT_SHARED_H
#define AWS_TRANSPORT_SHARED_H

#include <curl/curl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include "aws/transport.h"
#include "aws/user_agent.h"

struct transport_shared {
    X509_STORE *store;
    char *proxy;    /* for https; "" if none */
    char *no_proxy; /* hosts that are asked directly; "" if none */
    char user_agent[USER_AGENT_SIZE];
    CURLSH *learnt; /* names and TLS sessions, for connections */
    pthread_mutex_t locks[CURL_LOCK_DATA_LAST];
};

/* A handle with the options that all have: protocols, TLS, time-outs that work, no proxy of the
 * environment's. NULL if libcurl lacks one of them or the memory. Errors are written to error. */
CURL *transport_handle_new(const struct transport_shared *shared, char error[CURL_ERROR_SIZE]);

/* HTTPS_PROXY is for https alone, as everywhere. */
bool transport_is_https(const char *url);

/* 0 would mean "for ever". */
long transport_to_ms(int64_t ms);

/* What libcurl said of a failure that it returned as code, for the log: no secret. */
void transport_explain(struct transport_response *r, CURLcode code, const char *error);

#endif
