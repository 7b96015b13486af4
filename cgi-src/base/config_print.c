/*
 * The configuration for scripts, so that there is one reader of the .env format: the program's.
 */
#include "base/config_print.h"

#include <string.h>

/* In single quotes a shell takes everything as it is but the quote itself. */
static void print_quoted(const char *text, FILE *out)
{
    fputc('\'', out);
    for (const char *p = text; *p; p++) {
        if (*p == '\'')
            fputs("'\\''", out);
        else
            fputc(*p, out);
    }
    fputs("'\n", out);
}

static void print_row(const struct config_row *row, FILE *out)
{
    if (!row->text || (row->url && strchr(row->text, '@'))) {
        fprintf(out, "# %s is set and not shown\n", row->key);
        return;
    }
    fprintf(out, "%s=", row->key);
    print_quoted(row->text, out);
}

static int print_key(const struct config *c, const char *key, FILE *out, struct err *e)
{
    struct config_row row;

    for (size_t i = 0; config_row(c, i, &row); i++) {
        if (strcmp(row.key, key) == 0) {
            print_row(&row, out);
            return 0;
        }
    }
    return err_set(e, ERR_CONFIGURATION, "there is no key %s: .env.example has all of them", key);
}

int config_print(const struct config *c, char *const *keys, size_t count, FILE *out, struct err *e)
{
    struct config_row row;

    for (size_t i = 0; count == 0 && config_row(c, i, &row); i++)
        print_row(&row, out);
    for (size_t i = 0; i < count; i++) {
        if (print_key(c, keys[i], out, e) < 0)
            return -1;
    }
    return 0;
}
