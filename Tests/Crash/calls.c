// Tells which system calls count, and what they are about, by their arguments and /proc.
// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE
#include "calls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

const char *const class_names[CLASS_COUNT] = {
    "write",  "send",  "copy",   "truncate", "allocate", "sync",      "rename", "link",
    "unlink", "mkdir", "create", "close",    "lock",     "attribute", "mount",  "unseen"};

const struct call calls[] = {
    {__NR_write, "write", WRITE, FILE_FIRST, true},
    {__NR_pwrite64, "pwrite", WRITE, FILE_FIRST, true},
    {__NR_writev, "writev", WRITE, FILE_FIRST, true},
    {__NR_pwritev, "pwritev", WRITE, FILE_FIRST, true},
    {__NR_pwritev2, "pwritev2", WRITE, FILE_FIRST, true},
    {__NR_sendto, "sendto", SEND, FILE_FIRST, true},
    {__NR_sendmsg, "sendmsg", SEND, FILE_FIRST, false},
    {__NR_sendfile, "sendfile", COPY, FILE_FIRST, false},
    {__NR_copy_file_range, "copy_file_range", COPY, FILE_THIRD, false},
    {__NR_splice, "splice", COPY, FILE_THIRD, false},
    {__NR_ftruncate, "ftruncate", TRUNCATE, FILE_FIRST, false},
    {__NR_truncate, "truncate", TRUNCATE, PATH, false},
    {__NR_fallocate, "fallocate", ALLOCATE, FILE_FIRST, false},
    {__NR_fsync, "fsync", SYNC, FILE_FIRST, false},
    {__NR_fdatasync, "fdatasync", SYNC, FILE_FIRST, false},
    {__NR_syncfs, "syncfs", SYNC, FILE_FIRST, false},
    {__NR_sync_file_range, "sync_file_range", SYNC, FILE_FIRST, false},
    {__NR_renameat, "renameat", RENAME, TWO_PATHS_AT, false},
    {__NR_renameat2, "renameat2", RENAME, TWO_PATHS_AT, false},
    {__NR_linkat, "linkat", LINK, TWO_PATHS_AT, false},
    {__NR_symlinkat, "symlinkat", LINK, PATH_LATER_AT, false},
    {__NR_unlinkat, "unlinkat", UNLINK, PATH_AT, false},
    {__NR_mkdirat, "mkdirat", MKDIR, PATH_AT, false},
    {__NR_mknodat, "mknodat", CREATE, PATH_AT, false},
    {__NR_openat, "openat", CREATE, OPEN_AT, false},
    {__NR_openat2, "openat2", CREATE, OPEN_STRUCTURE, false},
    {__NR_close, "close", CLOSE, FILE_FIRST, false},
    {__NR_flock, "flock", LOCK, FILE_FIRST, false},
    {__NR_fcntl, "fcntl", LOCK, CONTROL, false},
    {__NR_fchmod, "fchmod", ATTRIBUTE, FILE_FIRST, false},
    {__NR_fchown, "fchown", ATTRIBUTE, FILE_FIRST, false},
    {__NR_fchmodat, "fchmodat", ATTRIBUTE, PATH_AT, false},
    {__NR_fchownat, "fchownat", ATTRIBUTE, PATH_AT, false},
    {__NR_utimensat, "utimensat", ATTRIBUTE, PATH_AT, false},
    {__NR_fsetxattr, "fsetxattr", ATTRIBUTE, FILE_FIRST, false},
    {__NR_setxattr, "setxattr", ATTRIBUTE, PATH, false},
    {__NR_mount, "mount", MOUNT, PATH_LATER, false},
    {__NR_umount2, "umount2", MOUNT, PATH, false},
    {__NR_mmap, "mmap", UNSEEN, MAPPING, false},
    {__NR_io_uring_setup, "io_uring_setup", UNSEEN, NOTHING, false},
#ifdef __x86_64__
    {__NR_open, "open", CREATE, OPEN, false},
    {__NR_creat, "creat", CREATE, PATH, false},
    {__NR_rename, "rename", RENAME, TWO_PATHS, false},
    {__NR_link, "link", LINK, TWO_PATHS, false},
    {__NR_symlink, "symlink", LINK, PATH_LATER, false},
    {__NR_unlink, "unlink", UNLINK, PATH, false},
    {__NR_rmdir, "rmdir", UNLINK, PATH, false},
    {__NR_mkdir, "mkdir", MKDIR, PATH, false},
    {__NR_mknod, "mknod", CREATE, PATH, false},
    {__NR_chmod, "chmod", ATTRIBUTE, PATH, false},
    {__NR_chown, "chown", ATTRIBUTE, PATH, false},
#endif
};

const unsigned call_count = sizeof calls / sizeof calls[0];
bool counts_sockets;

_Noreturn void fail(const char *what) {
    fprintf(stderr, "kill-at: %s: %s\n", what, strerror(errno));
    exit(125);
}

_Noreturn void refuse(const char *what) {
    fprintf(stderr, "kill-at: %s\n", what);
    exit(125);
}

void read_memory(pid_t id, uint64_t address, void *room, size_t size) {
    struct iovec own = {room, size}, other = {(void *)(uintptr_t)address, size};
    if (process_vm_readv(id, &own, 1, &other, 1, 0) != (ssize_t)size) fail("reading the command's memory");
}

// A string may end right before a page that is not there: page by page.
static void read_string(pid_t id, uint64_t address, char *room, size_t size) {
    size_t filled = 0;
    while (filled < size - 1) {
        size_t part = 256 - (address + filled) % 256;
        if (part > size - 1 - filled) part = size - 1 - filled;
        struct iovec own = {room + filled, part}, other = {(void *)(uintptr_t)(address + filled), part};
        if (process_vm_readv(id, &own, 1, &other, 1, 0) != (ssize_t)part) break;
        if (memchr(room + filled, 0, part)) return;
        filled += part;
    }
    room[filled] = 0;
}

static void number_text(char text[64], const struct stat *status) {
    snprintf(text, 64, "%llx:%llu", (unsigned long long)status->st_dev, (unsigned long long)status->st_ino);
}

// The name by which this process reaches what `path` is for the thread.
static void reach(pid_t id, int folder, const char *path, char room[2 * PATH_BYTES]) {
    if (path[0] == '/')
        snprintf(room, 2 * PATH_BYTES, "/proc/%d/root%s", id, path);
    else if (folder == AT_FDCWD)
        snprintf(room, 2 * PATH_BYTES, "/proc/%d/cwd/%s", id, path);
    else
        snprintf(room, 2 * PATH_BYTES, "/proc/%d/fd/%d/%s", id, folder, path);
}

static void note_path(struct thread *thread, int folder, uint64_t address, bool is_final) {
    char path[PATH_BYTES], reached[2 * PATH_BYTES];
    struct stat status;
    if (address == 0)
        path[0] = 0;
    else
        read_string(thread->id, address, path, sizeof path);
    reach(thread->id, folder, path, reached);
    if (lstat(reached, &status) == 0 && thread->file[0] == '-') number_text(thread->file, &status);
    if (!is_final) return;
    char *slash = strrchr(reached, '/');
    slash[1] = 0;
    if (stat(reached, &status) == 0) number_text(thread->folder, &status);
    snprintf(thread->path, sizeof thread->path, "%s", path);
}

// Whether the descriptor is of a file that counts.
static bool note_descriptor(struct thread *thread, int descriptor, const struct call *call) {
    char name[64];
    struct stat status;
    snprintf(name, sizeof name, "/proc/%d/fd/%d", thread->id, descriptor);
    if (stat(name, &status) != 0) return false;
    bool is_folder = S_ISDIR(status.st_mode) && call->class == SYNC;
    bool sends = counts_sockets && (call->class == SEND || call->class == WRITE);
    if (!S_ISREG(status.st_mode) && !is_folder && !(sends && S_ISSOCK(status.st_mode))) return false;
    number_text(thread->file, &status);
    ssize_t length = readlink(name, thread->path, sizeof thread->path - 1);
    thread->path[length > 0 ? length : 0] = 0;
    return true;
}

static bool is_writable(pid_t id, int descriptor) {
    char name[64], line[256];
    unsigned flags = 0;
    snprintf(name, sizeof name, "/proc/%d/fdinfo/%d", id, descriptor);
    FILE *information = fopen(name, "re");
    if (!information) return false;
    while (fgets(line, sizeof line, information))
        if (sscanf(line, "flags: %o", &flags) == 1) break;
    fclose(information);
    return (flags & O_ACCMODE) != O_RDONLY;
}

static bool makes_a_file(uint64_t flags) {
    return (flags & (O_CREAT | O_TRUNC)) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
}

// Whether the call counts; what it is about is noted.
bool look(struct thread *thread, const struct call *call, const uint64_t *arguments) {
    strcpy(thread->file, "-");
    strcpy(thread->folder, "-");
    thread->path[0] = 0;
    int first = (int)arguments[0];
    switch (call->place) {
    case FILE_FIRST:
        if (call->class == CLOSE && !is_writable(thread->id, first)) return false;
        return note_descriptor(thread, first, call);
    case FILE_THIRD: return note_descriptor(thread, (int)arguments[2], call);
    case PATH: note_path(thread, AT_FDCWD, arguments[0], true); return true;
    case PATH_AT:
        if (arguments[1] == 0) return note_descriptor(thread, first, call);
        note_path(thread, first, arguments[1], true);
        return true;
    case TWO_PATHS:
        note_path(thread, AT_FDCWD, arguments[0], false);
        note_path(thread, AT_FDCWD, arguments[1], true);
        return true;
    case TWO_PATHS_AT:
        note_path(thread, first, arguments[1], false);
        note_path(thread, (int)arguments[2], arguments[3], true);
        return true;
    case PATH_LATER: note_path(thread, AT_FDCWD, arguments[1], true); return true;
    case PATH_LATER_AT: note_path(thread, (int)arguments[1], arguments[2], true); return true;
    case OPEN:
        note_path(thread, AT_FDCWD, arguments[0], true);
        return makes_a_file(arguments[1]);
    case OPEN_AT:
        if (!makes_a_file(arguments[2])) return false;
        note_path(thread, first, arguments[1], true);
        return true;
    case OPEN_STRUCTURE: {
        uint64_t flags;
        read_memory(thread->id, arguments[2], &flags, sizeof flags);
        note_path(thread, first, arguments[1], true);
        return makes_a_file(flags);
    }
    case CONTROL:
        switch (arguments[1]) {
        case F_SETLK:
        case F_SETLKW:
        case F_OFD_SETLK:
        case F_OFD_SETLKW: return note_descriptor(thread, first, call);
        default: return false;
        }
    case MAPPING: {
        uint64_t protection = arguments[2], flags = arguments[3];
        bool is_own = (flags & MAP_TYPE) == MAP_PRIVATE || (flags & MAP_ANONYMOUS) != 0;
        if (is_own || (protection & PROT_WRITE) == 0) return false;
        return note_descriptor(thread, (int)arguments[4], call);
    }
    case NOTHING: return true;
    }
    return false;
}
