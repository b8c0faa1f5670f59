/* Loaded with LD_PRELOAD: makes durable writes stall, fail or find the disk full while a file says so.
 *
 *   $FAULT_DIR/stall   fsync and fdatasync do not return until the file is gone
 *   $FAULT_DIR/slow    fsync and fdatasync take 100 ms longer
 *   $FAULT_DIR/eio     fsync and fdatasync fail with EIO
 *   $FAULT_DIR/full    writes to files fail with ENOSPC
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static int asked(const char *what) {
    const char *dir = getenv("FAULT_DIR");
    char path[512];
    if (!dir || snprintf(path, sizeof path, "%s/%s", dir, what) >= (int)sizeof path) return 0;
    int before = errno, found = access(path, F_OK) == 0;
    errno = before;
    return found;
}

static int durable(const char *name, int fd) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    while (asked("stall")) usleep(20000);
    if (asked("slow")) usleep(100000);
    if (asked("eio")) {
        errno = EIO;
        return -1;
    }
    return real(fd);
}

int fsync(int fd) { return durable("fsync", fd); }
int fdatasync(int fd) { return durable("fdatasync", fd); }

static int full(int fd) {
    struct stat is;
    return asked("full") && fstat(fd, &is) == 0 && S_ISREG(is.st_mode);
}

#define WRITE_AT(name, offset_type)                                                       \
    ssize_t name(int fd, const void *from, size_t count, offset_type at) {                \
        ssize_t (*real)(int, const void *, size_t, offset_type) = dlsym(RTLD_NEXT, #name); \
        if (full(fd)) {                                                                   \
            errno = ENOSPC;                                                               \
            return -1;                                                                    \
        }                                                                                 \
        return real(fd, from, count, at);                                                 \
    }
WRITE_AT(pwrite, off_t)
WRITE_AT(pwrite64, off64_t)
