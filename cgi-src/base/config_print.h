/*
 * Prints the configuration in force as KEY='value' lines that a shell reads as they are.
 */
#ifndef BASE_CONFIG_PRINT_H
#define BASE_CONFIG_PRINT_H

#include <stdio.h>

#include "base/config.h"

/*
 * Writes one line for each of the keys, or for every key if there are none (count 0), with the
 * value that the program would use, its default included. A comment stands in place of a secret
 * value and of a URL with a password in it. -1 with ERR_CONFIGURATION if there is no such key.
 */
int config_print(const struct config *c, char *const *keys, size_t count, FILE *out, struct err *e);

#endif
