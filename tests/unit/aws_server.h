/*
 * tests/lib/aws-server.js as a child of a test program: started on a free port, told what to do
 * line by line, and ended with the program, because its standard input ends then. A certificate for
 * it is made here too.
 */
#ifndef TESTS_UNIT_AWS_SERVER_H
#define TESTS_UNIT_AWS_SERVER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <spawn.h>

extern char **environ;

struct aws_server {
    pid_t pid;
    FILE *commands;
    FILE *answers;
    int port;
    char url[64]; /* without a slash at the end */
};

/* ---- the process ----------------------------------------------------------------------------- */

static inline struct json_object *aws_server_read(struct aws_server *s)
{
    char *line = NULL;
    size_t size = 0;
    if (getline(&line, &size, s->answers) < 0)
        fail_msg("the server has gone");
    struct json_object *tree = json_tokener_parse(line);
    if (!tree)
        fail_msg("the server says: %s", line);
    free(line);
    if (json_object_object_get(tree, "error"))
        fail_msg("the server says: %s", json_object_get_string(tree));
    return tree;
}

/* One command, carried out when this returns. The answer is the caller's to put. */
static inline struct json_object *aws_server_ask(struct aws_server *s, const char *command)
{
    if (fprintf(s->commands, "%s\n", command) < 0 || fflush(s->commands) != 0)
        fail_msg("the server has gone");
    return aws_server_read(s);
}

static inline void aws_server_do(struct aws_server *s, const char *command)
{
    json_object_put(aws_server_ask(s, command));
}

/* Nothing seen, and every request is answered with 200 and {}. */
static inline void aws_server_answer_all(struct aws_server *s)
{
    aws_server_do(s, "{\"reset\":true,\"rules\":[{\"times\":0}]}");
}

/* A number of the answer, or how many elements it has if it is an array. */
static inline int aws_server_count(struct aws_server *s, const char *member)
{
    struct json_object *tree = aws_server_ask(s, "{}");
    struct json_object *value = json_object_object_get(tree, member);
    int n = json_object_is_type(value, json_type_array) ? (int)json_object_array_length(value)
                                                        : json_object_get_int(value);
    json_object_put(tree);
    return n;
}

/* The program is at the top of the tree, or TOP says where that is. */
static inline void aws_server_script(char *out, size_t size)
{
    const char *top = getenv("TOP");
    (void)snprintf(out, size, "%s/tests/lib/aws-server.js", top ? top : ".");
    if (access(out, R_OK) != 0)
        fail_msg("%s is not there: run this at the top of the tree, or set TOP", out);
}

static inline void aws_server_spawn(struct aws_server *s, char *const *argv)
{
    int in[2];
    int out[2];
    posix_spawn_file_actions_t actions;
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    if (posix_spawnp(&s->pid, "node", &actions, NULL, argv, environ) != 0)
        fail_msg("node cannot be started");
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    s->commands = fdopen(in[1], "w");
    s->answers = fdopen(out[0], "r");
}

/* options: "--name", "value", ..., ended by NULL; or NULL. */
static inline void aws_server_start(struct aws_server *s, const char *const *options)
{
    char script[512];
    char node[] = "node";
    char *argv[16] = {node, script};
    size_t n = 2;
    bool tls = false;
    const char *host = "127.0.0.1";
    signal(SIGPIPE, SIG_IGN); /* a server that has died is a failure that can be read */
    aws_server_script(script, sizeof script);
    for (; options && *options; options++) {
        tls = tls || strcmp(*options, "--cert") == 0;
        if (strcmp(*options, "::1") == 0)
            host = "[::1]";
        argv[n++] = (char *)*options;
    }
    aws_server_spawn(s, argv);
    struct json_object *first = aws_server_read(s);
    s->port = json_object_get_int(json_object_object_get(first, "port"));
    json_object_put(first);
    (void)snprintf(s->url, sizeof s->url, "%s://%s:%d", tls ? "https" : "http", host, s->port);
}

static inline void aws_server_stop(struct aws_server *s)
{
    int status = 0;
    fclose(s->commands);
    assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
    fclose(s->answers);
}

/* ---- a certificate --------------------------------------------------------------------------- */

static inline void add_extension(X509 *cert, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(cert, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static inline X509 *make_certificate(EVP_PKEY *key, const char *names)
{
    X509 *cert = X509_new();
    assert_non_null(cert);
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -86400);
    X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                               (const unsigned char *)"test", -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    add_extension(cert, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(cert, NID_subject_alt_name, names);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    return cert;
}

/* Writes a self-signed certificate for names ("IP:127.0.0.1,DNS:localhost") and its key. */
static inline void write_certificate(const char *cert_path, const char *key_path, const char *names)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    assert_non_null(key);
    X509 *cert = make_certificate(key, names);
    FILE *file = fopen(cert_path, "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_X509(file, cert), 1);
    assert_int_equal(fclose(file), 0);
    file = fopen(key_path, "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
    assert_int_equal(fclose(file), 0);
    X509_free(cert);
    EVP_PKEY_free(key);
}

#endif
