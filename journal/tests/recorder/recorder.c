// Writes down what a process does to the files below one directory, in the order in which it does it,
// and makes chosen calls fail. It is compiled and preloaded by the tests.
//
//   VANNA_RECORDER_DIR   the directory, absolute and without links
//   VANNA_RECORDER_LOG   where the log goes; processes one after the other may share it
//   VANNA_RECORDER_KILL  `kind:part of path:number`: after so many entries of this kind (one letter of the
//                        log, or `*` for any) the process kills itself, as by SIGKILL
//   VANNA_RECORDER_FAIL  `kind:part of path:from:count:errno`: calls from..from+count of this kind (one
//                        letter of the log, or `w` for all that takes space) fail with that errno
//   VANNA_RECORDER_HEAL  while this file exists, nothing fails
//
// One lock is held around the call and its entry, so the order in the log is the real order. What is
// told to others, by standard output or a socket, stands in the same log.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

// Kinds: C create, W write, L length, S sync, D sync of a directory, G sync_file_range, R rename,
// K link, U unlink, M mkdir, X rmdir, T told, B something that cannot be replayed.
struct entry {
    uint32_t magic;
    uint32_t kind;
    uint64_t inode;
    uint64_t offset;
    uint32_t path;
    uint32_t other;
    uint64_t bytes;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char dir[4096], fail_path[256], heal[4096];
static size_t dir_length;
static int log_fd = -1, fail_errno, ready;
static char fail_kind, kill_kind, kill_path[256];
static long kill_after, entries, fail_from, fail_count, fail_seen;

#define REAL(result, name, ...)                                                                      \
    static result (*real)(__VA_ARGS__);                                                              \
    if (!real) real = (result (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static ssize_t plain_write(int fd, const void *data, size_t bytes) {
    REAL(ssize_t, "write", int, const void *, size_t);
    return real(fd, data, bytes);
}

static int plain_open(const char *path, int flags, mode_t mode) {
    REAL(int, "open64", const char *, int, ...);
    return real(path, flags, mode);
}

__attribute__((constructor)) static void begin(void) {
    if (ready) return;
    ready = 1;
    const char *value = getenv("VANNA_RECORDER_DIR");
    if (!value) return;
    snprintf(dir, sizeof dir, "%s", value);
    dir_length = strlen(dir);
    if ((value = getenv("VANNA_RECORDER_LOG"))) {
        int fd = plain_open(value, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        log_fd = fcntl(fd, F_DUPFD_CLOEXEC, 700);
        close(fd);
        if (log_fd < 0) abort();
    }
    if ((value = getenv("VANNA_RECORDER_KILL"))
        && sscanf(value, "%c:%255[^:]:%ld", &kill_kind, kill_path, &kill_after) != 3)
        abort();
    if ((value = getenv("VANNA_RECORDER_HEAL"))) snprintf(heal, sizeof heal, "%s", value);
    if ((value = getenv("VANNA_RECORDER_FAIL"))
        && sscanf(value, "%c:%255[^:]:%ld:%ld:%d", &fail_kind, fail_path, &fail_from, &fail_count, &fail_errno) != 5)
        abort();
}

static void put(const void *data, size_t bytes) {
    const char *at = data;
    while (bytes > 0) {
        ssize_t done = plain_write(log_fd, at, bytes);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) abort();
        at += done;
        bytes -= (size_t)done;
    }
}

static void note(char kind, uint64_t inode, uint64_t offset, const char *path, const char *other,
                 const struct iovec *parts, int count, size_t bytes) {
    int before = errno;
    if (log_fd >= 0) {
        struct entry entry = {0x31524356, (uint32_t)kind, inode, offset, (uint32_t)strlen(path),
                              (uint32_t)strlen(other), bytes};
        put(&entry, sizeof entry);
        put(path, entry.path);
        put(other, entry.other);
        for (int part = 0; part < count && bytes > 0; part++) {
            size_t here = parts[part].iov_len < bytes ? parts[part].iov_len : bytes;
            put(parts[part].iov_base, here);
            bytes -= here;
        }
    }
    int counts = (kill_kind == '*' || kill_kind == kind) && (kill_path[0] == '*' || strstr(path, kill_path));
    if (kill_kind && counts && ++entries >= kill_after) {
        kill(getpid(), SIGKILL);
        for (;;) pause();
    }
    errno = before;
}

static int below(const char *path) {
    return dir_length && !strncmp(path, dir, dir_length) && (path[dir_length] == '/' || !path[dir_length]);
}

// The path of an open file, if it is below the directory.
static int path_of(int fd, char *path) {
    int before = errno;
    char link[64];
    begin();
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = dir_length ? readlink(link, path, 4095) : -1;
    path[length < 0 ? 0 : length] = 0;
    errno = before;
    return length > 0 && below(path);
}

// The path of a name, if it is below the directory.
static int path_at(int at, const char *name, char *path) {
    begin();
    if (!dir_length || !name) return 0;
    if (name[0] == '/' || at == AT_FDCWD) {
        snprintf(path, 4096, "%s", name);
        return below(path);
    }
    char folder[4096];
    if (!path_of(at, folder)) return 0;
    snprintf(path, 4096, "%.2000s/%.2000s", folder, name);
    return 1;
}

// Whether a path holds a text, or ends with it when the text ends with `$`.
static int holds(const char *path, const char *part) {
    size_t length = strlen(part), all = strlen(path);
    if (!length || part[length - 1] != '$') return strstr(path, part) != NULL;
    return all >= length - 1 && !strncmp(path + all - (length - 1), part, length - 1);
}

static int fails(char kind, const char *path) {
    int takes_space = strchr("CWLMK", kind) != NULL;
    if (!fail_kind || (fail_kind != kind && !(fail_kind == 'w' && takes_space))) return 0;
    if (!holds(path, fail_path) || (heal[0] && !access(heal, F_OK))) return 0;
    long now = ++fail_seen;
    if (now < fail_from || now >= fail_from + fail_count) return 0;
    errno = fail_errno;
    return 1;
}

static uint64_t inode_of(int fd) {
    struct stat found;
    return fstat(fd, &found) ? 0 : (uint64_t)found.st_ino;
}

static int opened(int at, const char *name, int flags, mode_t mode) {
    REAL(int, "openat64", int, const char *, int, ...);
    char path[4096];
    if (!(flags & (O_CREAT | O_TRUNC)) || !path_at(at, name, path)) return real(at, name, flags, mode);
    pthread_mutex_lock(&lock);
    struct stat found;
    int existed = !fstatat(at, name, &found, 0);
    int fd = !existed && fails('C', path) ? -1 : real(at, name, flags, mode);
    if (fd >= 0 && !existed) note('C', inode_of(fd), 0, path, "", NULL, 0, 0);
    if (fd >= 0 && existed && (flags & O_TRUNC)) note('L', inode_of(fd), 0, path, "", NULL, 0, 0);
    pthread_mutex_unlock(&lock);
    return fd;
}

#define MODE                                                                                         \
    mode_t mode = 0;                                                                                 \
    if (flags & (O_CREAT | O_TMPFILE)) {                                                             \
        va_list rest;                                                                                \
        va_start(rest, flags);                                                                       \
        mode = va_arg(rest, mode_t);                                                                 \
        va_end(rest);                                                                                \
    }

int open(const char *path, int flags, ...) { MODE return opened(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE return opened(AT_FDCWD, path, flags, mode); }
int openat(int at, const char *path, int flags, ...) { MODE return opened(at, path, flags, mode); }
int openat64(int at, const char *path, int flags, ...) { MODE return opened(at, path, flags, mode); }
int creat(const char *path, mode_t mode) { return opened(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return creat(path, mode); }

static int told(int fd) {
    int before = errno;
    struct stat found;
    int is = fd == 1 || (!fstat(fd, &found) && S_ISSOCK(found.st_mode));
    errno = before;
    return is;
}

// A write of any kind; `call` makes it, and `at` is where, or -1 for the file's own place.
#define WRITTEN(call, at, parts, count)                                                              \
    char path[4096];                                                                                 \
    int ours = path_of(fd, path);                                                                    \
    if (!ours && !(log_fd >= 0 && told(fd))) return call;                                            \
    pthread_mutex_lock(&lock);                                                                       \
    ssize_t done = ours && fails('W', path) ? -1 : call;                                             \
    if (done > 0 && ours) {                                                                          \
        int64_t place = (at) < 0 ? (int64_t)lseek(fd, 0, SEEK_CUR) - done : (int64_t)(at);           \
        note('W', inode_of(fd), (uint64_t)place, path, "", parts, count, (size_t)done);              \
    } else if (done > 0) {                                                                           \
        note('T', (uint64_t)fd, 0, "", "", parts, count, (size_t)done);                              \
    }                                                                                                \
    pthread_mutex_unlock(&lock);                                                                     \
    return done;

ssize_t write(int fd, const void *data, size_t bytes) {
    struct iovec part = {(void *)data, bytes};
    WRITTEN(plain_write(fd, data, bytes), -1, &part, 1)
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(ssize_t, "writev", int, const struct iovec *, int);
    WRITTEN(real(fd, parts, count), -1, parts, count)
}
ssize_t pwrite64(int fd, const void *data, size_t bytes, off64_t at) {
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
    struct iovec part = {(void *)data, bytes};
    WRITTEN(real(fd, data, bytes, at), at, &part, 1)
}
ssize_t pwrite(int fd, const void *data, size_t bytes, off_t at) { return pwrite64(fd, data, bytes, at); }
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t at) {
    REAL(ssize_t, "pwritev64", int, const struct iovec *, int, off64_t);
    WRITTEN(real(fd, parts, count, at), at, parts, count)
}
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) { return pwritev64(fd, parts, count, at); }
ssize_t send(int fd, const void *data, size_t bytes, int flags) {
    REAL(ssize_t, "send", int, const void *, size_t, int);
    struct iovec part = {(void *)data, bytes};
    WRITTEN(real(fd, data, bytes, flags), -1, &part, 1)
}
ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    REAL(ssize_t, "sendmsg", int, const struct msghdr *, int);
    WRITTEN(real(fd, message, flags), -1, message->msg_iov, (int)message->msg_iovlen)
}

// A call on an open file that has no data: its kind, and whether it is noted with a length.
#define ON_FILE(call, kind, length)                                                                  \
    char path[4096];                                                                                 \
    if (!path_of(fd, path)) return call;                                                             \
    pthread_mutex_lock(&lock);                                                                       \
    int done = fails(kind, path) ? -1 : call;                                                        \
    if (!done) note(kind, inode_of(fd), (uint64_t)(length), path, "", NULL, 0, 0);                   \
    pthread_mutex_unlock(&lock);                                                                     \
    return done;

static char sync_kind(int fd) {
    struct stat found;
    return !fstat(fd, &found) && S_ISDIR(found.st_mode) ? 'D' : 'S';
}
int fsync(int fd) {
    REAL(int, "fsync", int);
    ON_FILE(real(fd), sync_kind(fd), 0)
}
int fdatasync(int fd) {
    REAL(int, "fdatasync", int);
    ON_FILE(real(fd), sync_kind(fd), 0)
}
int sync_file_range(int fd, off64_t at, off64_t bytes, unsigned flags) {
    REAL(int, "sync_file_range", int, off64_t, off64_t, unsigned);
    ON_FILE(real(fd, at, bytes, flags), 'G', at)
}
int ftruncate64(int fd, off64_t length) {
    REAL(int, "ftruncate64", int, off64_t);
    ON_FILE(real(fd, length), 'L', length)
}
int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

// What cannot be replayed is noted, and fails the test that reads the log.
#define NOT_REPLAYED(result, call)                                                                   \
    char path[4096];                                                                                 \
    result done = call;                                                                              \
    if (path_of(fd, path)) {                                                                         \
        pthread_mutex_lock(&lock);                                                                   \
        note('B', 0, 0, path, __func__, NULL, 0, 0);                                                 \
        pthread_mutex_unlock(&lock);                                                                 \
    }                                                                                                \
    return done;

int fallocate64(int fd, int mode, off64_t at, off64_t bytes) {
    REAL(int, "fallocate64", int, int, off64_t, off64_t);
    NOT_REPLAYED(int, real(fd, mode, at, bytes))
}
int fallocate(int fd, int mode, off_t at, off_t bytes) { return fallocate64(fd, mode, at, bytes); }
int posix_fallocate64(int fd, off64_t at, off64_t bytes) {
    REAL(int, "posix_fallocate64", int, off64_t, off64_t);
    NOT_REPLAYED(int, real(fd, at, bytes))
}
int posix_fallocate(int fd, off_t at, off_t bytes) { return posix_fallocate64(fd, at, bytes); }
ssize_t copy_file_range(int from, off64_t *at, int fd, off64_t *to, size_t bytes, unsigned flags) {
    REAL(ssize_t, "copy_file_range", int, off64_t *, int, off64_t *, size_t, unsigned);
    NOT_REPLAYED(ssize_t, real(from, at, fd, to, bytes, flags))
}
ssize_t sendfile64(int fd, int from, off64_t *at, size_t bytes) {
    REAL(ssize_t, "sendfile64", int, int, off64_t *, size_t);
    NOT_REPLAYED(ssize_t, real(fd, from, at, bytes))
}
int syncfs(int fd) {
    REAL(int, "syncfs", int);
    NOT_REPLAYED(int, real(fd))
}
void *mmap64(void *address, size_t bytes, int protection, int flags, int fd, off64_t at) {
    REAL(void *, "mmap64", void *, size_t, int, int, int, off64_t);
    if (fd < 0 || !(flags & MAP_SHARED) || !(protection & PROT_WRITE))
        return real(address, bytes, protection, flags, fd, at);
    NOT_REPLAYED(void *, real(address, bytes, protection, flags, fd, at))
}
void *mmap(void *address, size_t bytes, int protection, int flags, int fd, off_t at) {
    return mmap64(address, bytes, protection, flags, fd, at);
}

// A call on names: what it did is noted with the inode of what it was done to.
#define ON_NAME(call, kind, path, other)                                                             \
    pthread_mutex_lock(&lock);                                                                       \
    int done = fails(kind, path) ? -1 : call;                                                        \
    if (!done) {                                                                                     \
        struct stat found;                                                                           \
        int known = !lstat(kind == 'R' ? other : path, &found);                                      \
        note(kind, known ? (uint64_t)found.st_ino : 0, 0, path, other, NULL, 0, 0);                  \
    }                                                                                                \
    pthread_mutex_unlock(&lock);                                                                     \
    return done;

static int renamed(int from_at, const char *from, int to_at, const char *to, unsigned flags) {
    REAL(int, "renameat2", int, const char *, int, const char *, unsigned);
    char path[4096], other[4096];
    int ours = path_at(from_at, from, path), theirs = path_at(to_at, to, other);
    if (!ours && !theirs) return real(from_at, from, to_at, to, flags);
    char kind = ours && theirs && !(flags & ~1u) ? 'R' : 'B';
    ON_NAME(real(from_at, from, to_at, to, flags), kind, path, other)
}
int renameat2(int from_at, const char *from, int to_at, const char *to, unsigned flags) {
    return renamed(from_at, from, to_at, to, flags);
}
int renameat(int from_at, const char *from, int to_at, const char *to) { return renamed(from_at, from, to_at, to, 0); }
int rename(const char *from, const char *to) { return renamed(AT_FDCWD, from, AT_FDCWD, to, 0); }

int unlinkat(int at, const char *name, int flags) {
    REAL(int, "unlinkat", int, const char *, int);
    char path[4096];
    if (!path_at(at, name, path)) return real(at, name, flags);
    char kind = flags & AT_REMOVEDIR ? 'X' : 'U';
    ON_NAME(real(at, name, flags), kind, path, "")
}
int unlink(const char *name) { return unlinkat(AT_FDCWD, name, 0); }
int rmdir(const char *name) { return unlinkat(AT_FDCWD, name, AT_REMOVEDIR); }
int mkdirat(int at, const char *name, mode_t mode) {
    REAL(int, "mkdirat", int, const char *, mode_t);
    char path[4096];
    if (!path_at(at, name, path)) return real(at, name, mode);
    ON_NAME(real(at, name, mode), 'M', path, "")
}
int mkdir(const char *name, mode_t mode) { return mkdirat(AT_FDCWD, name, mode); }
int linkat(int from_at, const char *from, int at, const char *name, int flags) {
    REAL(int, "linkat", int, const char *, int, const char *, int);
    char path[4096], other[4096];
    if (!path_at(at, name, other)) return real(from_at, from, at, name, flags);
    char kind = path_at(from_at, from, path) ? 'K' : 'B';
    ON_NAME(real(from_at, from, at, name, flags), kind, path, other)
}
int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }
int symlinkat(const char *target, int at, const char *name) {
    REAL(int, "symlinkat", const char *, int, const char *);
    char path[4096];
    if (!path_at(at, name, path)) return real(target, at, name);
    ON_NAME(real(target, at, name), 'B', path, "symlink")
}
int symlink(const char *target, const char *name) { return symlinkat(target, AT_FDCWD, name); }
int truncate64(const char *name, off64_t length) {
    REAL(int, "truncate64", const char *, off64_t);
    char path[4096];
    if (!path_at(AT_FDCWD, name, path)) return real(name, length);
    ON_NAME(real(name, length), 'B', path, "truncate")
}
int truncate(const char *name, off_t length) { return truncate64(name, length); }
