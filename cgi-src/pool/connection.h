/*
 * One FastCGI connection and libfcgi: the only file that touches the fields of FCGX_Request that
 * the library calls private. That is how a thread can serve any connection that is ready, instead
 * of being bound to one until it closes.
 */
#ifndef POOL_CONNECTION_H
#define POOL_CONNECTION_H

#include <stdbool.h>
#include <fcgiapp.h>
#include "base/err.h"

/* Once in each process, before its threads start. */
int connection_library_init(struct err *e);

/* Once for each request structure; a thread uses the same one for all its requests. */
void connection_request_init(FCGX_Request *request);

/* Sets time limits for reading and writing; libfcgi itself waits for ever. */
void connection_prepare(int fd);

/* True if the peer has closed and nothing is left to read. */
bool connection_is_closed(int fd);
/* True if something has arrived that has not been read. */
bool connection_has_data(int fd);

/*
 * Makes the client close a connection on which it does not wait for an answer, by sending an empty
 * record that means nothing. nginx closes an idle connection when anything arrives on it; if it has
 * just sent a request, it takes the record for the beginning of the answer and skips it. So no
 * request is lost, as might happen if the connection were closed from here.
 */
void connection_ask_to_close(int fd);

/* Reads the next request from fd. -1: there is no request, and fd has been closed. */
int connection_accept(FCGX_Request *request, int fd);

/*
 * Ends the request: reads what is left of its body, sends the end of the answer. Returns fd if the
 * connection stays open; -1 when it was closed (the peer does not keep it, or something failed).
 */
int connection_finish(FCGX_Request *request);

/* Drops the request: the connection is closed without the end of the answer, by which the peer sees
 * that the answer was broken off. */
void connection_drop(FCGX_Request *request);

#endif
