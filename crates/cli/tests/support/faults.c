/* Lets a program's n-th call on files below a folder fail, or ends the program there. For LD_PRELOAD on Linux.
 *
 *   FAULT_UNDER  the folder, an absolute path
 *   FAULT_AT     n, counted from 1; 0 for no fault
 *   FAULT_KIND   error: the call fails with EIO, once
 *                full:  it and all later ones that write fail with ENOSPC; a write leaves half of its bytes
 *                kill:  the program ends before the call
 *                torn:  it ends behind the call; a write leaves half of its bytes
 *   FAULT_COUNT  a file that gets a byte for each call
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum answer { GO_ON, FAIL, HALF, HALF_AND_END };
static atomic_long calls;

static int is_kind(const char *kind) {
    const char *given = getenv("FAULT_KIND");
    return given && !strcmp(given, kind);
}

static int is_under(const char *path) {
    const char *folder = getenv("FAULT_UNDER");
    char whole[2 * PATH_MAX];
    if (!folder || !path) return 0;
    if (path[0] != '/') {
        char here[PATH_MAX];
        if (!getcwd(here, sizeof here)) return 0;
        snprintf(whole, sizeof whole, "%s/%s", here, path);
        path = whole;
    }
    return !strncmp(path, folder, strlen(folder));
}

static void end(void) {
    kill(getpid(), SIGKILL);
}

/* What happens to a call on that path. */
static enum answer ask(const char *path, int writes) {
    if (!is_under(path)) return GO_ON;
    long n = ++calls;
    const char *count = getenv("FAULT_COUNT");
    if (count) {
        int fd = syscall(SYS_openat, AT_FDCWD, count, O_WRONLY | O_CREAT | O_APPEND, 0644);
        syscall(SYS_write, fd, ".", 1);
        syscall(SYS_close, fd);
    }
    const char *text = getenv("FAULT_AT");
    long at = text ? atol(text) : 0;
    if (at == 0 || n < at) return GO_ON;
    if (is_kind("full")) {
        if (!writes) return GO_ON;
        errno = ENOSPC;
        return n == at ? HALF : FAIL;
    }
    if (n > at) return GO_ON;
    if (is_kind("kill")) end();
    if (is_kind("torn")) return HALF_AND_END;
    errno = EIO;
    return FAIL;
}

static enum answer ask_fd(int fd, int writes) {
    char link[64], path[PATH_MAX];
    if (fd < 3) return GO_ON;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = syscall(SYS_readlink, link, path, sizeof path - 1);
    if (n <= 0) return GO_ON;
    path[n] = 0;
    return ask(path, writes);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* A call without halves: it fails, or is done before the end. */
#define CALL(asked, bad, real)                           \
    enum answer todo = asked;                            \
    if (todo == FAIL || todo == HALF) return bad;        \
    __typeof__(real) result = real;                      \
    if (todo == HALF_AND_END) end();                     \
    return result

static int writes(int flags) {
    return (flags & O_ACCMODE) != O_RDONLY || flags & O_CREAT;
}

#define MODE                                             \
    mode_t mode = 0;                                     \
    if (flags & O_CREAT) {                               \
        va_list rest;                                    \
        va_start(rest, flags);                           \
        mode = va_arg(rest, mode_t);                     \
        va_end(rest);                                    \
    }

int open(const char *path, int flags, ...) {
    MODE CALL(ask(path, writes(flags)), -1, REAL(open)(path, flags, mode));
}
int open64(const char *path, int flags, ...) {
    MODE CALL(ask(path, writes(flags)), -1, REAL(open64)(path, flags, mode));
}
ssize_t read(int fd, void *to, size_t n) {
    CALL(ask_fd(fd, 0), -1, REAL(read)(fd, to, n));
}
ssize_t write(int fd, const void *from, size_t n) {
    enum answer todo = ask_fd(fd, 1);
    int told = errno;
    if (todo == HALF || todo == HALF_AND_END) REAL(write)(fd, from, n / 2);
    if (todo == HALF_AND_END) end();
    errno = told;
    return todo == GO_ON ? REAL(write)(fd, from, n) : -1;
}
int fsync(int fd) {
    CALL(ask_fd(fd, 1), -1, REAL(fsync)(fd));
}
int fdatasync(int fd) {
    CALL(ask_fd(fd, 1), -1, REAL(fdatasync)(fd));
}
int ftruncate64(int fd, off64_t n) {
    CALL(ask_fd(fd, 1), -1, REAL(ftruncate64)(fd, n));
}
int flock(int fd, int what) {
    CALL(ask_fd(fd, 0), -1, REAL(flock)(fd, what));
}
int rename(const char *from, const char *to) {
    CALL(ask(to, 1), -1, REAL(rename)(from, to));
}
int unlink(const char *path) {
    CALL(ask(path, 0), -1, REAL(unlink)(path));
}
int rmdir(const char *path) {
    CALL(ask(path, 0), -1, REAL(rmdir)(path));
}
int mkdir(const char *path, mode_t mode) {
    CALL(ask(path, 1), -1, REAL(mkdir)(path, mode));
}
int chmod(const char *path, mode_t mode) {
    CALL(ask(path, 1), -1, REAL(chmod)(path, mode));
}
int unlinkat(int folder, const char *path, int flags) {
    CALL(path[0] == '/' ? ask(path, 0) : ask_fd(folder, 0), -1, REAL(unlinkat)(folder, path, flags));
}
DIR *opendir(const char *path) {
    CALL(ask(path, 0), NULL, REAL(opendir)(path));
}
struct dirent64 *readdir64(DIR *folder) {
    CALL(ask_fd(dirfd(folder), 0), NULL, REAL(readdir64)(folder));
}
