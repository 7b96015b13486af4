/*
 * Reads the head of one HTTP request (RFC 9112) from the pieces in which it arrives, for the status
 * server: method, path and X-Request-Id. Other headers are read and dropped. No system call in
 * here.
 */
#ifndef POOL_STATUS_REQUEST_H
#define POOL_STATUS_REQUEST_H

#include <stdbool.h>
#include "base/str.h"
#include "http/request.h"

/* More than nginx lets through (large_client_header_buffers). */
#define STATUS_REQUEST_MAX ((size_t)256 * 1024)
/* How much of a line is looked at. */
#define STATUS_LINE_MAX 512

enum status_progress {
    STATUS_MORE,      /* the head has not come in full */
    STATUS_COMPLETE,  /* it has */
    STATUS_TOO_LARGE, /* it is longer than STATUS_REQUEST_MAX */
};

struct status_request {
    enum status_progress progress;
    char line[STATUS_LINE_MAX]; /* the first bytes of the line that is being read */
    size_t line_n;              /* how many of them there are */
    size_t total;               /* bytes read */
    bool begun;                 /* the request line has been read */
    char method[8];             /* "" for one that is longer */
    size_t path_n;
    char path[64]; /* without its query; one that is longer is cut */
    char id[REQUEST_ID_SIZE];
};

void status_request_init(struct status_request *r);
/* Takes the next bytes, as far as the head goes. */
enum status_progress status_request_feed(struct status_request *r, const char *data, size_t n);

#endif
