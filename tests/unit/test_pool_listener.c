/*
 * pool/listener: permissions, files left behind, files of others, sockets from systemd.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "pool/listener.h"

static char directory[64];
static char path[80];

static int setup(void **state)
{
    (void)state;
    snprintf(directory, sizeof(directory), "/tmp/listener-XXXXXX");
    if (!mkdtemp(directory))
        return -1;
    snprintf(path, sizeof(path), "%s/s", directory);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(directory);
}

static bool connects(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    memcpy(address.sun_path, path, strlen(path));
    bool good = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
    close(fd);
    return good;
}

static void test_open_and_close(void **state)
{
    static const unsigned modes[] = {0660, 0600, 0666};
    struct listener l;
    struct stat s;

    (void)state;
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        mode_t before = umask(0077);
        assert_int_equal(listener_open(&l, path, modes[i], 8, NULL), 0);
        assert_int_equal(umask(before), 0077);
        assert_int_equal(stat(path, &s), 0);
        assert_int_equal(s.st_mode & 0777, modes[i]);
        assert_true(connects());
        assert_true(fcntl(l.fd, F_GETFD) & FD_CLOEXEC);
        assert_true(fcntl(l.fd, F_GETFL) & O_NONBLOCK);
        listener_close(&l);
        assert_int_equal(access(path, F_OK), -1);
    }
}

static void test_left_behind(void **state)
{
    struct listener l;

    (void)state;
    assert_int_equal(listener_open(&l, path, 0600, 8, NULL), 0);
    close(l.fd); /* as if the process had been killed */
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(listener_open(&l, path, 0600, 8, NULL), 0);
    assert_true(connects());
    listener_close(&l);
}

enum { RACERS = 8, ROUNDS = 40 };

/* Opens the socket when the gate opens; says in one byte whether it did; keeps it until the end. */
static void race(int gate, int said, int end)
{
    struct listener l;
    char byte;

    while (read(gate, &byte, 1) > 0)
        ;
    byte = listener_open(&l, path, 0600, 8, NULL) == 0 ? 'y' : 'n';
    if (write(said, &byte, 1) == 1) {
        while (read(end, &byte, 1) > 0)
            ;
    }
    _exit(0);
}

static void race_once(void)
{
    int gate[2];
    int said[2];
    int end[2];
    struct listener old;
    unsigned opened = 0;

    assert_int_equal(pipe(gate) | pipe(said) | pipe(end), 0);
    assert_int_equal(listener_open(&old, path, 0600, 8, NULL), 0);
    close(old.fd); /* as if the process had been killed */
    for (int i = 0; i < RACERS; i++) {
        if (fork() == 0) {
            close(gate[1]);
            close(end[1]);
            race(gate[0], said[1], end[0]);
        }
    }
    close(gate[0]);
    close(gate[1]); /* now */
    for (int i = 0; i < RACERS; i++) {
        char byte = '?';
        assert_int_equal(read(said[0], &byte, 1), 1);
        opened += byte == 'y';
    }
    assert_int_equal(opened, 1);
    assert_true(connects());
    close(said[0]);
    close(said[1]);
    close(end[0]);
    close(end[1]);
    while (wait(NULL) > 0)
        ;
    unlink(path);
}

/* Of many that find a file left behind, one replaces it and the others see that it answers. */
static void test_only_one_replaces(void **state)
{
    (void)state;
    assert_int_equal(log_open(LOG_ERROR, LOG_TEXT, "", NULL), 0);
    for (int i = 0; i < ROUNDS; i++)
        race_once();
}

static void test_alive(void **state)
{
    struct listener first;
    struct listener second;
    struct err e = {.code = ERR_NONE};

    (void)state;
    assert_int_equal(listener_open(&first, path, 0600, 8, NULL), 0);
    assert_int_equal(listener_open(&second, path, 0600, 8, &e), -1);
    assert_int_equal(e.code, ERR_CONFIGURATION);
    assert_non_null(strstr(e.detail, "already running"));
    assert_true(connects());
    listener_close(&first);
}

static void test_no_socket_is_not_replaced(void **state)
{
    struct listener l;
    struct err e = {.code = ERR_NONE};

    (void)state;
    close(open(path, O_CREAT | O_WRONLY, 0600));
    assert_int_equal(listener_open(&l, path, 0600, 8, &e), -1);
    assert_non_null(strstr(e.detail, path));
    assert_int_equal(access(path, F_OK), 0);
}

static void test_a_successors_file_stays(void **state)
{
    struct listener first;
    struct listener second;

    (void)state;
    assert_int_equal(listener_open(&first, path, 0600, 8, NULL), 0);
    unlink(path);
    assert_int_equal(listener_open(&second, path, 0600, 8, NULL), 0);
    listener_close(&first);
    assert_true(connects());
    listener_close(&second);
}

static void test_long_path(void **state)
{
    char name[200];
    struct listener l;
    struct err e = {.code = ERR_NONE};

    (void)state;
    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_int_equal(listener_open(&l, name, 0600, 8, &e), -1);
    assert_int_equal(e.code, ERR_CONFIGURATION);
    assert_int_equal(l.fd, -1);
}

/* Listening sockets as descriptors 3 and 4, which must be free. */
static void test_systemd(void **state)
{
    static const struct {
        const char *names; /* NULL: not told */
        bool own_pid;
        const char *name;
        int fd; /* -1: none */
    } cases[] = {
        {NULL, true, NULL, 3},
        {NULL, true, "status", -1},
        {"status:api", true, NULL, 4},
        {"status:api", true, "status", 3},
        {"api:status", true, NULL, 3},
        {"api:status", true, "status", 4},
        {"api:stat", true, "status", -1},
        {NULL, false, NULL, -1},
    };
    struct listener own;
    struct listener l;
    char pid[16];

    (void)state;
    assert_int_equal(listener_open(&own, path, 0600, 8, NULL), 0);
    for (int fd = 3; fd <= 4; fd++) {
        if (own.fd != fd)
            assert_int_equal(dup2(own.fd, fd), fd);
    }
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(pid, sizeof(pid), "%d", (int)getpid() + !cases[i].own_pid);
        setenv("LISTEN_PID", pid, 1);
        setenv("LISTEN_FDS", "2", 1);
        if (cases[i].names)
            setenv("LISTEN_FDNAMES", cases[i].names, 1);
        assert_int_equal(listener_from_systemd(&l, cases[i].name), cases[i].fd >= 0);
        assert_int_equal(l.fd, cases[i].fd);
        listener_forget_environment();
        assert_false(listener_from_systemd(&l, NULL));
    }
    close(3);
    close(4);
    listener_unlink(&own);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_open_and_close, setup, teardown),
        cmocka_unit_test_setup_teardown(test_left_behind, setup, teardown),
        cmocka_unit_test_setup_teardown(test_only_one_replaces, setup, teardown),
        cmocka_unit_test_setup_teardown(test_alive, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_socket_is_not_replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_successors_file_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_path, setup, teardown),
        cmocka_unit_test_setup_teardown(test_systemd, setup, teardown),
    };
    return cmocka_run_group_tests_name("pool/listener", tests, NULL, NULL);
}
