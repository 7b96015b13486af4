/*
 * The files that the AWS CLI writes. The input: the credentials file, a line "---", the config
 * file.
 */
#include "fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#include "aws/profile.h"
#include "base/log.h"

static struct config config;
static int files[2];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const char *const keys[] = {"AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"};
    struct err e;

    (void)argc, (void)argv;
    (void)clearenv();
    for (size_t i = 0; i < 2; i++) {
        char path[64];
        files[i] = memfd_create(keys[i], 0);
        FUZZ_MUST(files[i] >= 0);
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", files[i]);
        (void)setenv(keys[i], path, 1);
    }
    (void)setenv("AWS_PROFILE", "work", 1);
    FUZZ_MUST(log_open(LOG_ERROR, LOG_TEXT, "/dev/null", &e) == 0);
    FUZZ_MUST(config_load(&config, NULL, false, &e) == 0);
    return 0;
}

static void write_file(int fd, struct str text)
{
    FUZZ_MUST(ftruncate(fd, 0) == 0);
    FUZZ_MUST(pwrite(fd, text.p, text.n, 0) == (ssize_t)text.n);
}

static void look_up(const struct profile_files *f)
{
    static const char *const keys[] = {"aws_access_key_id", "region", "dynamodb.endpoint_url",
                                       "credential_process"};
    static const struct str names[] = {STR("work"), STR("default"), STR("x")};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)profile_exists(f, names[i]);
        for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
            struct str value = profile_get(f, names[i], keys[k]);
            FUZZ_MUST(!str_is_present(value) || value.n > 0);
            (void)profile_service_get(f, names[i], keys[k]);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = fuzz_input(data, size);
    struct profile_files f = {0};
    struct err e = {0};

    write_file(files[0], fuzz_part(&rest));
    write_file(files[1], rest);
    if (profile_files_load(&config, &f, &e) == 0)
        look_up(&f);
    else
        fuzz_check_error(&e);
    profile_files_free(&f);
    return 0;
}
