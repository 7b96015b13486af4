#!/bin/sh
# Chat Sessions under a web server that starts it from a file: Apache's mod_cgid and mod_fcgid, fcgiwrap.
# Keep the program and its .env outside the document root and name them here.
# These servers set no HOME.
DIRECTORY=/home/you/chat-sessions

# These servers give a process one request at a time.
POOL_THREADS=${POOL_THREADS:-1}
export POOL_THREADS

exec "$DIRECTORY/chat-sessions" --env-file "$DIRECTORY/.env"
