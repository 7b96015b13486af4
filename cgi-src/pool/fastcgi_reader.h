/*
 * Reads one FastCGI request (FastCGI specification 1.0, sections 3 to 5) from the pieces in which
 * it arrives, as far as the master needs it to refuse the request: its id and its first parameters.
 * No system call in here.
 */
#ifndef POOL_FASTCGI_READER_H
#define POOL_FASTCGI_READER_H

#include <stddef.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/buf.h"

enum fastcgi_progress {
    FASTCGI_MORE,     /* the request has not come in full */
    FASTCGI_COMPLETE, /* its body too has been read to the end */
    FASTCGI_BROKEN,   /* not the protocol, an abort, or a second request: close the connection */
};

struct fastcgi_reader {
    enum fastcgi_progress progress;
    unsigned char head[8]; /* of the record that is being read */
    size_t head_n;
    size_t content_left, padding_left;
    unsigned id;
    bool keep;    /* the web server wants to keep the connection (FCGI_KEEP_CONN) */
    bool surplus; /* something came behind the end of the request */
    uint64_t total;
    struct buf params; /* what comes beyond its cap is dropped */
};

/* The memory of the parameters is freed by fastcgi_reader_free. */
void fastcgi_reader_init(struct fastcgi_reader *r);
void fastcgi_reader_free(struct fastcgi_reader *r);

/* Takes the next bytes. After FASTCGI_COMPLETE or FASTCGI_BROKEN there is nothing more to take. */
enum fastcgi_progress fastcgi_reader_feed(struct fastcgi_reader *r, const void *data, size_t n);

/* The value of a parameter, NUL-terminated, in the arena; NULL if there is none. */
const char *fastcgi_reader_param(const struct fastcgi_reader *r, const char *name,
                                 struct arena *arena);

/* Appends the records of a whole answer: the text, and the end of the request. */
void fastcgi_write_answer(unsigned id, struct str text, struct buf *out);

#endif
