// GNU and Linux calls and numbers that the Swift importer hides.
// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <asm/unistd.h>
#include <errno.h>
#include <linux/stat.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/vfs.h>

ssize_t preadv2(int descriptor, const struct iovec *pieces, int count, off_t offset, int flags);
int renameat2(int old_directory, const char *old_path, int new_directory, const char *new_path, unsigned int flags);
int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int first);
int fcntl(int descriptor, int request, ...);
long syscall(long number, ...);
int fallocate(int descriptor, int mode, off_t offset, off_t length);
int statx(int directory, const char *path, int flags, unsigned int mask, struct statx *result);

/// RENAME_NOREPLACE of renameat2(2).
static const unsigned int ovafs_rename_without_replacing = 1;

/// UMOUNT_NOFOLLOW of umount2(2).
static const int ovafs_unmount_without_following = 8;

/// BLKGETSIZE64 of ioctl(2): the length of a block device, in bytes.
static const unsigned long ovafs_device_length_request = 0x80081272;

/// Adds the closing of descriptor `first` and all above it.
static inline int ovafs_close_from(posix_spawn_file_actions_t *actions, int first) {
    return posix_spawn_file_actions_addclosefrom_np(actions, first);
}

/// preadv2(2) with RWF_NOWAIT: what the kernel has in memory; -1 and EAGAIN where that is nothing.
static inline ssize_t ovafs_read_without_waiting(int descriptor, void *buffer, size_t count, off_t offset) {
    struct iovec piece = {buffer, count};
    return preadv2(descriptor, &piece, 1, offset, 0x8);
}

/// What tells one version of a file from another.
struct ovafs_file_state {
    int64_t byte_count;
    int64_t modification_seconds;
    int64_t modification_nanoseconds;
    int64_t change_seconds;
    int64_t change_nanoseconds;
    uint32_t link_count;
};

/// statx(2) with AT_EMPTY_PATH and AT_STATX_DONT_SYNC: what the kernel knows without asking a server.
static inline int ovafs_known_file_state(int descriptor, struct ovafs_file_state *state) {
    struct statx status;
    if (statx(descriptor, "", 0x1000 | 0x4000, STATX_SIZE | STATX_MTIME | STATX_CTIME | STATX_NLINK, &status) != 0) return -1;
    state->byte_count = (int64_t)status.stx_size;
    state->modification_seconds = status.stx_mtime.tv_sec;
    state->modification_nanoseconds = status.stx_mtime.tv_nsec;
    state->change_seconds = status.stx_ctime.tv_sec;
    state->change_nanoseconds = status.stx_ctime.tv_nsec;
    state->link_count = status.stx_nlink;
    return 0;
}

/// pidfd_open(2): a descriptor that can be read from once the process has ended; -1 where there is none.
static inline int ovafs_open_process(pid_t process) {
    return (int)syscall(434, process, 0);
}

/// O_PATH of open(2).
static const int ovafs_open_path_only = 010000000;

/// The length of an open file, in bytes, without having what was written sent to a server first; -1 where it fails.
static inline int64_t ovafs_known_length(int descriptor) {
    struct statx status;
    return statx(descriptor, "", 0x1000 | 0x4000, STATX_SIZE, &status) == 0 ? (int64_t)status.stx_size : -1;
}

/// `f_type` of fstatfs(2); 0 where it fails.
static inline long ovafs_file_system_type(int descriptor) {
    struct statfs status;
    return fstatfs(descriptor, &status) == 0 ? (long)status.f_type : 0;
}

/// Locks (`type` F_RDLCK or F_WRLCK) or unlocks (F_UNLCK) bytes of a file for who has this descriptor open, without waiting;
/// the lock ends with the descriptor. 0, or -1 where someone else holds it.
static inline int ovafs_lock_range(int descriptor, short type, off_t offset, off_t length) {
    // struct flock: Swift's importer would take types of <fcntl.h> for this module's.
    struct { short type, whence; off_t start, length; pid_t process; } lock = {type, 0, offset, length, 0};
    // F_OFD_SETLK
    return fcntl(descriptor, 37, &lock);
}

/// Gives the storage of bytes of a file back; they read as zeros. The file stays as long as it is.
static inline int ovafs_punch_hole(int descriptor, off_t offset, off_t length) {
    return fallocate(descriptor, 0x3, offset, length);
}

/// struct msghdr, and the control message that passes one descriptor: <sys/socket.h> and the importer do not agree on who has it.
struct ovafs_message {
    void *name;
    uint32_t name_length;
    struct iovec *pieces;
    size_t piece_count;
    void *control;
    size_t control_length;
    int flags;
};
struct ovafs_passed_descriptor {
    size_t length;
    int level;
    int type;
    int descriptor;
    int padding;
};

/// sendmsg(2) of one packet, with a descriptor where `descriptor` is not below 0; never a signal.
static inline ssize_t ovafs_send_packet(int socket, const void *bytes, size_t count, int descriptor) {
    // SOL_SOCKET, SCM_RIGHTS
    struct ovafs_passed_descriptor passed = {sizeof(size_t) + 3 * sizeof(int), 1, 1, descriptor, 0};
    struct iovec piece = {(void *)bytes, count};
    struct ovafs_message message = {0, 0, &piece, 1, 0, 0, 0};
    if (descriptor >= 0) {
        message.control = &passed;
        message.control_length = sizeof passed;
    }
    // MSG_NOSIGNAL
    return (ssize_t)syscall(__NR_sendmsg, socket, &message, 0x4000);
}

/// recvmsg(2) of one packet; `descriptor` gets the one that came with it, close-on-exec, or -1.
static inline ssize_t ovafs_receive_packet(int socket, void *bytes, size_t count, int *descriptor) {
    struct ovafs_passed_descriptor passed = {0, 0, 0, -1, 0};
    struct iovec piece = {bytes, count};
    struct ovafs_message message = {0, 0, &piece, 1, &passed, sizeof passed, 0};
    // MSG_CMSG_CLOEXEC
    ssize_t result = (ssize_t)syscall(__NR_recvmsg, socket, &message, 0x40000000);
    *descriptor = result >= 0 && message.control_length > 0 && passed.level == 1 && passed.type == 1 ? passed.descriptor : -1;
    return result;
}

/// memfd_create(2), close-on-exec; -1 where that fails.
static inline int ovafs_memory_file(const char *name) {
    return (int)syscall(__NR_memfd_create, name, 1u);
}

/// Has the kernel send SIGIO to this process when there is something to read from a socket or its other side has ended, or not.
static inline void ovafs_signal_at_end(int descriptor, int is_wanted) {
    // F_SETOWN; F_SETFL with O_ASYNC
    fcntl(descriptor, 8, (int)syscall(__NR_getpid));
    fcntl(descriptor, 4, is_wanted ? 020000 : 0);
}
