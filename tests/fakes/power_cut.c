/* A power cut at a chosen commit, for a program started with LD_PRELOAD: it kills itself by SIGKILL around the `at`-th
 * commit since `how` was set in the file $POWER_CUT, and counts them there in `seen`. With SQLite a commit ends when its
 * file is synchronised; with PostgreSQL it is asked for by COMMIT. BEFORE: nothing of it has been written, or asked for.
 * AFTER: it is durable, and the program has not been told. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { NEVER, BEFORE, AFTER };
struct cut {
    _Atomic int32_t how, at, seen;
};
static struct cut none;
static struct cut *cut = &none;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("POWER_CUT");
    int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *found = mmap(NULL, sizeof *cut, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (found != MAP_FAILED) cut = found;
    close(file);
}

static void now(int how, int seen) {
    if (cut->how == how && cut->at == seen) kill(getpid(), SIGKILL);
}

static int synchronised(const char *name, int file) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    int code = real(file);
    if (cut->how) now(AFTER, ++cut->seen);
    return code;
}

int fsync(int file) { return synchronised("fsync", file); }

int fdatasync(int file) { return synchronised("fdatasync", file); }

/* Whether it is a log that SQLite writes a transaction to. */
static int of_sqlite(int file) {
    char link[32], name[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, name, sizeof name);
    return length > 4 && memcmp(name + length - 4, "-wal", 4) == 0;
}

static void written(int file) {
    if (cut->how == BEFORE && cut->at == cut->seen + 1 && of_sqlite(file)) now(BEFORE, cut->at);
}

ssize_t write(int file, const void *octets, size_t length) {
    static ssize_t (*real)(int, const void *, size_t);
    if (!real) real = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    written(file);
    return real(file, octets, length);
}

ssize_t pwrite64(int file, const void *octets, size_t length, off64_t at) {
    static ssize_t (*real)(int, const void *, size_t, off64_t);
    if (!real) real = (ssize_t(*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");
    written(file);
    return real(file, octets, length, at);
}

ssize_t pwrite(int file, const void *octets, size_t length, off_t at) { return pwrite64(file, octets, length, at); }

ssize_t send(int file, const void *octets, size_t length, int flags) {
    static ssize_t (*real)(int, const void *, size_t, int);
    if (!real) real = (ssize_t(*)(int, const void *, size_t, int))dlsym(RTLD_NEXT, "send");
    int commit = cut->how && memmem(octets, length, "COMMIT", 6);
    int seen = commit ? ++cut->seen : 0;
    if (commit) now(BEFORE, seen);
    ssize_t sent = real(file, octets, length, flags);
    if (commit) now(AFTER, seen);
    return sent;
}
