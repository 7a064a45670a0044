/* A clock of its own for one process, by LD_PRELOAD: the wall clock is moved by the nanoseconds that the file named by
   CHAOS_CLOCK holds (eight bytes, native order), at any time. Monotonic clocks are left alone, as by a real jump. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile const int64_t *moved_by;
static int (*original)(clockid_t, struct timespec *);

__attribute__((constructor)) static void open_clock(void) {
    const char *path = getenv("CHAOS_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file >= 0) {
        void *mapped = mmap(NULL, sizeof *moved_by, PROT_READ, MAP_SHARED, file, 0);
        moved_by = mapped == MAP_FAILED ? NULL : mapped;
        close(file);
    }
    original = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
}

int clock_gettime(clockid_t id, struct timespec *now) {
    int failed = original ? original(id, now) : (int)syscall(SYS_clock_gettime, id, now);
    if (!failed && moved_by && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) {
        int64_t nanoseconds = (int64_t)now->tv_sec * 1000000000 + now->tv_nsec + *moved_by;
        now->tv_sec = nanoseconds / 1000000000;
        now->tv_nsec = nanoseconds % 1000000000;
    }
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    (void)zone;
    struct timespec exact;
    int failed = clock_gettime(CLOCK_REALTIME, &exact);
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return failed;
}

time_t time(time_t *answer) {
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    if (answer) *answer = exact.tv_sec;
    return exact.tv_sec;
}
