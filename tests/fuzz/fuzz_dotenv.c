/*
 * The .env file: a pair is given only with a key, and an error names the file and a line.
 */
#include "fuzz.h"

#include "base/dotenv.h"

static int take_pair(void *context, struct str key, struct str value, unsigned line, struct err *e)
{
    (void)e;
    FUZZ_MUST(key.n > 0 && !memchr(key.p, '=', key.n) && !memchr(key.p, '\n', key.n));
    FUZZ_MUST(str_is_present(value) && line >= 1);
    *(size_t *)context += key.n + value.n;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t taken = 0;
    struct err e = {0};

    if (dotenv_parse("fuzz.env", fuzz_input(data, size), take_pair, &taken, &e) < 0) {
        FUZZ_MUST(e.code == ERR_CONFIGURATION && strstr(e.detail, "fuzz.env"));
        fuzz_check_error(&e);
    }
    FUZZ_MUST(taken <= size);
    return 0;
}
