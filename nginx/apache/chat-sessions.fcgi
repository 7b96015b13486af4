#!/bin/sh
# Chat Sessions under a web server that starts it from a file: Apache's mod_cgid and mod_fcgid, fcgiwrap.
# Keep the program and its .env outside the document root and name them here.
# These servers set no HOME.
DIRECTORY=/home/you/chat-sessions

# These servers give a process one request at a time.
POOL_THREADS=${POOL_THREADS:-1}
export POOL_THREADS

if [ -n "$GATEWAY_INTERFACE" ]; then
    # Plain CGI. mod_cgid gives one socket as standard input and output and has closed its half, which looks
    # like a client that has gone; and an answer is lost if what it has sent was not read (a body too large).
    { "$DIRECTORY/chat-sessions" --env-file "$DIRECTORY/.env"; cat >/dev/null; } | cat
else
    exec "$DIRECTORY/chat-sessions" --env-file "$DIRECTORY/.env"
fi
