/*
 * libFuzzer over what the master itself reads from its sockets: the HTTP head of the status server,
 * and the FastCGI request that it refuses. The first byte says how large the pieces are in which
 * the rest arrives; whatever they are, the result must be that of the whole.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pool/fastcgi_reader.h"
#include "pool/status_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(int condition)
{
    if (!condition)
        abort();
}

static void read_head(const char *text, size_t n, size_t piece)
{
    struct status_request whole;
    struct status_request pieces;

    status_request_init(&whole);
    status_request_init(&pieces);
    status_request_feed(&whole, text, n);
    for (size_t at = 0; at < n; at += piece)
        status_request_feed(&pieces, text + at, piece < n - at ? piece : n - at);
    must(whole.progress == pieces.progress);
    must(strcmp(whole.method, pieces.method) == 0 && whole.path_n == pieces.path_n);
    must(whole.path_n <= sizeof(whole.path) && whole.line_n <= STATUS_LINE_MAX);
    must(memcmp(whole.path, pieces.path, whole.path_n) == 0);
    for (const char *c = whole.id; *c; c++)
        must(*c > ' ' && *c < 0x7f);
    must(whole.id[0] != '\0' && strlen(whole.id) < REQUEST_ID_SIZE);
}

static void read_request(const char *bytes, size_t n, size_t piece)
{
    static const char *const names[] = {"REQUEST_METHOD", "HTTP_X_REQUEST_ID", ""};
    struct fastcgi_reader whole;
    struct fastcgi_reader pieces;
    struct arena arena;

    arena_init(&arena);
    fastcgi_reader_init(&whole);
    fastcgi_reader_init(&pieces);
    fastcgi_reader_feed(&whole, bytes, n);
    for (size_t at = 0; at < n; at += piece)
        fastcgi_reader_feed(&pieces, bytes + at, piece < n - at ? piece : n - at);
    must(whole.progress == pieces.progress && whole.id == pieces.id && whole.keep == pieces.keep);
    must(whole.params.len == pieces.params.len);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *a = fastcgi_reader_param(&whole, names[i], &arena);
        const char *b = fastcgi_reader_param(&pieces, names[i], &arena);
        must(!a == !b && (!a || strcmp(a, b) == 0));
    }
    fastcgi_reader_free(&whole);
    fastcgi_reader_free(&pieces);
    arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n == 0)
        return 0;
    size_t piece = data[0] % 64 + 1;
    read_head((const char *)data + 1, n - 1, piece);
    read_request((const char *)data + 1, n - 1, piece);
    return 0;
}
