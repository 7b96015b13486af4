/*
 * Adds up what /proc says of each process. A process that has just ended counts as nothing; from
 * then on, what it used is part of the times of the children that the master has waited for.
 */
#include "pool/usage.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/metrics.h"

struct sums {
    uint64_t ticks;
    uint64_t pages;
    unsigned long most_descriptors; /* of one process */
    bool descriptors_known;
};

/* The whole of a small file of /proc; false if it cannot be read. */
static bool read_proc(pid_t pid, const char *name, char *out, size_t size)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    size_t n = fread(out, 1, size - 1, f);
    fclose(f);
    out[n] = '\0';
    return n > 0;
}

/* The number that is the word at an index, the first being 0; 0 if there is none. */
static uint64_t number_at(const char *text, unsigned index)
{
    static const char blanks[] = " \n";

    text += strspn(text, blanks);
    for (; index > 0; index--) {
        text += strcspn(text, blanks);
        text += strspn(text, blanks);
    }
    return strtoull(text, NULL, 10);
}

/* proc(5): the name in parentheses may have blanks and parentheses of its own. Of what follows, the
 * state being the first, utime, stime, cutime and cstime are these. */
enum { STAT_UTIME = 11, STAT_CSTIME = 14 };

static uint64_t ticks_of(pid_t pid)
{
    char text[1024];
    uint64_t ticks = 0;

    if (!read_proc(pid, "stat", text, sizeof(text)))
        return 0;
    const char *end = strrchr(text, ')');
    for (unsigned i = STAT_UTIME; end && i <= STAT_CSTIME; i++)
        ticks += number_at(end + 1, i);
    return ticks;
}

enum { STATM_RESIDENT = 1, STATM_SHARED = 2 };

struct pages {
    uint64_t resident;
    uint64_t own; /* of these, the pages that no other process shares */
};

static struct pages pages_of(pid_t pid)
{
    char text[256];

    if (!read_proc(pid, "statm", text, sizeof(text)))
        return (struct pages){0, 0};
    uint64_t resident = number_at(text, STATM_RESIDENT);
    uint64_t shared = number_at(text, STATM_SHARED);
    return (struct pages){resident, shared < resident ? resident - shared : 0};
}

static void add_descriptors(struct sums *sums, pid_t pid)
{
    char path[64];
    unsigned long n = 0;

    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    DIR *directory = opendir(path);
    if (!directory) {
        sums->descriptors_known = false;
        return;
    }
    // cppcheck-suppress readdirCalled ; the master has one thread
    while (readdir(directory))
        n++;
    closedir(directory);
    n -= n < 2 ? n : 2; /* "." and ".." */
    if (n > sums->most_descriptors)
        sums->most_descriptors = n;
}

static struct sums add_up(const pid_t *children, unsigned count)
{
    pid_t self = getpid();
    struct sums sums = {
        .ticks = ticks_of(self), .pages = pages_of(self).resident, .descriptors_known = true};

    add_descriptors(&sums, self);
    for (unsigned i = 0; i < count; i++) {
        if (children[i] <= 0)
            continue;
        sums.ticks += ticks_of(children[i]);
        /* The master has the program, its libraries and the counters too, so they count once. */
        sums.pages += pages_of(children[i]).own;
        add_descriptors(&sums, children[i]);
    }
    return sums;
}

static void print_number(struct buf *out, const char *name, const char *help, uint64_t value)
{
    metrics_print_family(out, name, "gauge", help);
    buf_printf(out, "%s %" PRIu64 "\n", name, value);
}

static void print_cpu(struct usage *usage, uint64_t ticks, struct buf *out)
{
    uint64_t a_second = (uint64_t)sysconf(_SC_CLK_TCK);

    if (usage->ticks_shown < ticks)
        usage->ticks_shown = ticks;
    metrics_print_family(out, "process_cpu_seconds_total", "counter",
                         "Processor time of the master and all its worker processes.");
    buf_printf(out, "process_cpu_seconds_total %" PRIu64 ".%03" PRIu64 "\n",
               usage->ticks_shown / a_second, usage->ticks_shown % a_second * 1000 / a_second);
}

static void print_descriptors(const struct sums *sums, struct buf *out)
{
    struct rlimit limit;

    if (!sums->descriptors_known || getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    print_number(out, "process_open_fds",
                 "Open descriptors of that process of the pool that has the most.",
                 sums->most_descriptors);
    print_number(out, "process_max_fds", "Descriptors that each process may have open.",
                 limit.rlim_cur);
}

void usage_print(struct usage *usage, const pid_t *children, unsigned count, struct buf *out)
{
    struct sums sums = add_up(children, count);

    if (sums.pages == 0)
        return; /* there is no /proc */
    print_cpu(usage, sums.ticks, out);
    print_number(out, "process_resident_memory_bytes",
                 "Memory of the master and all its worker processes; what they share counts once.",
                 sums.pages * (uint64_t)sysconf(_SC_PAGESIZE));
    print_descriptors(&sums, out);
}
