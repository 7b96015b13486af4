/*
 * The .env format: one KEY=value a line. The caller knows which keys exist.
 *
 * Blank lines and lines that begin with # are skipped, "export " before a key is allowed. A value
 * is bare (ends at white space before a #, or at the end of the line), 'literal', or "with \n \" \\
 * \$". No variables are expanded, nothing goes into the process environment. CRLF and a leading
 * byte order mark are fine.
 */
#ifndef BASE_DOTENV_H
#define BASE_DOTENV_H

#include "base/err.h"
#include "base/str.h"

/* Called for each pair, in order. The views live until it returns. Returns 0, or -1 with e to stop.
 */
typedef int dotenv_pair(void *context, struct str key, struct str value, unsigned line,
                        struct err *e);

/* Parses text. Any other line is ERR_CONFIGURATION, with the name and the line number but never
 * with its content, which may be a secret. */
int dotenv_parse(const char *name, struct str text, dotenv_pair *pair, void *context,
                 struct err *e);

#endif
