// What a process gives up for good: privileges, capabilities, files and ports (Landlock), system calls (seccomp).
// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "shim.h"
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <stddef.h>

/// prctl(2); -1 and `errno` where it fails.
static inline int ovafs_process_control(int option, unsigned long argument) {
    return (int)syscall(__NR_prctl, (long)option, argument, 0ul, 0ul, 0ul);
}

/// The capabilities that this thread may use, a bit each; all of them where that cannot be known.
static inline uint64_t ovafs_capabilities(void) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{0, 0, 0}, {0, 0, 0}};
    if (syscall(__NR_capget, &header, data) != 0) return ~0ull;
    return (uint64_t)data[1].permitted << 32 | data[0].permitted;
}

/// Keeps those of `kept` that there are, of all sets, and 0; -1 and `errno` where that fails.
static inline int ovafs_keep_capabilities(uint64_t kept) {
    uint64_t wanted = ovafs_capabilities() & kept;
    // What may not be taken from the bounding set is of no use without the right to run another program.
    for (unsigned long number = 0; number < 64; number++)
        if (!(wanted >> number & 1)) ovafs_process_control(PR_CAPBSET_DROP, number);
    syscall(__NR_prctl, (long)PR_CAP_AMBIENT, (long)PR_CAP_AMBIENT_CLEAR_ALL, 0ul, 0ul, 0ul);
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {
        {(uint32_t)wanted, (uint32_t)wanted, 0}, {(uint32_t)(wanted >> 32), (uint32_t)(wanted >> 32), 0}};
    return (int)syscall(__NR_capset, &header, data);
}

/// Landlock's version in this kernel; 0 where it has none or may not use it.
static inline int ovafs_landlock_version(void) {
    // landlock_create_ruleset with LANDLOCK_CREATE_RULESET_VERSION
    long version = syscall(444, 0l, 0l, 1l);
    return version > 0 ? (int)version : 0;
}

/// landlock_create_ruleset(2) that handles these rights; fields beyond the kernel's `version` have to be 0.
static inline int ovafs_landlock_create(int version, uint64_t files, uint64_t ports, uint64_t scopes) {
    uint64_t attributes[3] = {files, ports, scopes};
    size_t length = version >= 6 ? 24 : version >= 4 ? 16 : 8;
    return (int)syscall(444, attributes, length, 0l);
}

/// Permits `rights` on the file or folder that `descriptor` is, and on all beneath it.
static inline int ovafs_landlock_permit_file(int ruleset, uint64_t rights, int descriptor) {
    struct __attribute__((packed)) { uint64_t rights; int32_t descriptor; } rule = {rights, descriptor};
    return (int)syscall(445, (long)ruleset, 1l, &rule, 0l);
}

/// Permits `rights` on a TCP port.
static inline int ovafs_landlock_permit_port(int ruleset, uint64_t rights, uint64_t port) {
    uint64_t rule[2] = {rights, port};
    return (int)syscall(445, (long)ruleset, 2l, rule, 0l);
}

/// landlock_restrict_self(2): for this thread, and for those that it starts.
static inline int ovafs_landlock_enter(int ruleset) {
    return (int)syscall(446, (long)ruleset, 0l);
}

/// A program of the filter while it is made.
struct ovafs_filter {
    struct sock_filter code[1200];
    unsigned short count;
};

static inline void ovafs_filter_add(struct ovafs_filter *filter, unsigned short code, uint8_t yes, uint8_t no, uint32_t value) {
    struct sock_filter step = {code, yes, no, value};
    filter->code[filter->count++] = step;
}

static inline void ovafs_filter_answer(struct ovafs_filter *filter, uint32_t answer) {
    ovafs_filter_add(filter, BPF_RET | BPF_K, 0, 0, answer);
}

/// Loads the lower half of an argument (both machines are little-endian), or another field of struct seccomp_data.
static inline void ovafs_filter_load(struct ovafs_filter *filter, uint32_t offset) {
    ovafs_filter_add(filter, BPF_LD | BPF_W | BPF_ABS, 0, 0, offset);
}

static inline void ovafs_filter_call(struct ovafs_filter *filter, uint32_t call, uint32_t answer) {
    ovafs_filter_add(filter, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, call);
    ovafs_filter_answer(filter, answer);
}

/// Permits `call` where the argument has one of `count` values; else EPERM.
static inline void ovafs_filter_values(
    struct ovafs_filter *filter, uint32_t call, unsigned argument, const uint32_t *values, unsigned count) {
    ovafs_filter_add(filter, BPF_JMP | BPF_JEQ | BPF_K, 0, (uint8_t)(2 + 2 * count), call);
    ovafs_filter_load(filter, (uint32_t)offsetof(struct seccomp_data, args) + 8 * argument);
    for (unsigned index = 0; index < count; index++) ovafs_filter_call(filter, values[index], SECCOMP_RET_ALLOW);
    ovafs_filter_answer(filter, SECCOMP_RET_ERRNO | 1);
}

/// Permits `call` unless all of `bits` are set in the argument.
static inline void ovafs_filter_without(struct ovafs_filter *filter, uint32_t call, unsigned argument, uint32_t bits) {
    ovafs_filter_add(filter, BPF_JMP | BPF_JEQ | BPF_K, 0, 5, call);
    ovafs_filter_load(filter, (uint32_t)offsetof(struct seccomp_data, args) + 8 * argument);
    ovafs_filter_add(filter, BPF_ALU | BPF_AND | BPF_K, 0, 0, bits);
    ovafs_filter_add(filter, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, bits);
    ovafs_filter_answer(filter, SECCOMP_RET_ERRNO | 1);
    ovafs_filter_answer(filter, SECCOMP_RET_ALLOW);
}

/// The calls that are permitted whatever their arguments; one that is frequent comes first.
#define OVAFS_PERMITTED_CALLS \
    __NR_read, __NR_write, __NR_readv, __NR_writev, __NR_pread64, __NR_preadv2, __NR_futex, __NR_fstat, __NR_lseek, __NR_splice, \
    __NR_clock_gettime, __NR_ppoll, \
    /* files */ \
    __NR_openat, __NR_openat2, __NR_close, __NR_close_range, __NR_statx, __NR_newfstatat, __NR_fstatfs, __NR_statfs, \
    __NR_faccessat, __NR_faccessat2, __NR_pwrite64, __NR_preadv, __NR_pwritev, __NR_pwritev2, __NR_dup, __NR_dup3, __NR_fcntl, \
    __NR_flock, __NR_ftruncate, __NR_fallocate, __NR_fadvise64, __NR_readahead, __NR_fsync, __NR_fdatasync, \
    __NR_sync_file_range, __NR_getdents64, __NR_getcwd, __NR_chdir, __NR_readlinkat, __NR_mkdirat, __NR_unlinkat, __NR_renameat, \
    __NR_renameat2, __NR_utimensat, __NR_umask, __NR_pipe2, __NR_memfd_create, __NR_inotify_init1, __NR_inotify_add_watch, \
    __NR_inotify_rm_watch, __NR_tee, __NR_vmsplice, __NR_sendfile, __NR_copy_file_range, \
    /* waiting */ \
    __NR_pselect6, __NR_epoll_create1, __NR_epoll_ctl, __NR_epoll_pwait, 441 /* epoll_pwait2 */, __NR_eventfd2, \
    __NR_timerfd_create, __NR_timerfd_settime, __NR_timerfd_gettime, __NR_nanosleep, __NR_clock_nanosleep, __NR_clock_getres, \
    __NR_gettimeofday, __NR_setitimer, __NR_getitimer, __NR_times, __NR_restart_syscall, \
    /* memory */ \
    __NR_munmap, __NR_mremap, __NR_madvise, __NR_msync, __NR_mincore, __NR_mlock, __NR_munlock, __NR_brk, __NR_membarrier, \
    /* threads and signals */ \
    __NR_set_robust_list, __NR_get_robust_list, __NR_rseq, __NR_set_tid_address, __NR_gettid, __NR_getpid, __NR_getppid, \
    __NR_getuid, __NR_geteuid, __NR_getgid, __NR_getegid, __NR_getresuid, __NR_getresgid, __NR_getgroups, __NR_getpgid, \
    __NR_getsid, __NR_setsid, __NR_capget, __NR_sched_yield, __NR_sched_getaffinity, __NR_sched_getparam, \
    __NR_sched_getscheduler, __NR_sched_get_priority_max, __NR_sched_get_priority_min, __NR_getpriority, __NR_getrusage, \
    __NR_getcpu, __NR_getrandom, __NR_uname, __NR_sysinfo, __NR_rt_sigaction, __NR_rt_sigprocmask, __NR_rt_sigreturn, \
    __NR_rt_sigpending, __NR_rt_sigsuspend, __NR_rt_sigtimedwait, __NR_sigaltstack, __NR_exit, __NR_exit_group, __NR_wait4, \
    __NR_waitid, __NR_getrlimit, __NR_setrlimit, 449 /* futex_waitv */, 454 /* futex_wake */, 455 /* futex_wait */, \
    456 /* futex_requeue */, \
    /* sockets that there are */ \
    __NR_socketpair, __NR_connect, __NR_bind, __NR_listen, __NR_accept, __NR_accept4, __NR_getsockname, __NR_getpeername, \
    __NR_getsockopt, __NR_setsockopt, __NR_sendto, __NR_recvfrom, __NR_sendmsg, __NR_recvmsg, __NR_sendmmsg, __NR_recvmmsg, \
    __NR_shutdown

/// Calls that only one machine has.
#if defined(__x86_64__)
#define OVAFS_PERMITTED_HERE \
    __NR_open, __NR_stat, __NR_lstat, __NR_access, __NR_poll, __NR_select, __NR_epoll_create, __NR_epoll_wait, __NR_eventfd, \
    __NR_inotify_init, __NR_pipe, __NR_dup2, __NR_mkdir, __NR_rmdir, __NR_unlink, __NR_rename, __NR_readlink, __NR_getdents, \
    __NR_getpgrp, __NR_alarm, __NR_pause, __NR_time, __NR_arch_prctl
#define OVAFS_FORBIDDEN_HERE __NR_fork, __NR_vfork, __NR_chmod, __NR_chown, __NR_lchown, __NR_mknod, __NR_symlink, __NR_link, \
    __NR_iopl, __NR_ioperm, __NR_modify_ldt, __NR_kexec_file_load
#define OVAFS_MACHINE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OVAFS_PERMITTED_HERE __NR_brk
#define OVAFS_FORBIDDEN_HERE __NR_kexec_file_load
#define OVAFS_MACHINE AUDIT_ARCH_AARCH64
#endif

/// What nothing here needs and much mischief does: EPERM, whatever the arguments.
#define OVAFS_FORBIDDEN_CALLS \
    __NR_execve, __NR_execveat, __NR_ptrace, __NR_process_vm_readv, __NR_process_vm_writev, __NR_process_madvise, \
    __NR_pidfd_open, __NR_pidfd_getfd, __NR_pidfd_send_signal, __NR_kcmp, __NR_tkill, __NR_rt_sigqueueinfo, \
    __NR_rt_tgsigqueueinfo, __NR_mount, __NR_umount2, __NR_pivot_root, __NR_chroot, __NR_open_tree, __NR_move_mount, \
    __NR_fsopen, __NR_fsconfig, __NR_fsmount, __NR_fspick, __NR_mount_setattr, __NR_unshare, __NR_setns, \
    __NR_name_to_handle_at, __NR_open_by_handle_at, __NR_bpf, __NR_perf_event_open, __NR_userfaultfd, __NR_io_uring_setup, \
    __NR_io_uring_enter, __NR_io_uring_register, __NR_io_setup, __NR_keyctl, __NR_add_key, __NR_request_key, __NR_kexec_load, \
    __NR_init_module, __NR_finit_module, __NR_delete_module, __NR_reboot, __NR_swapon, __NR_swapoff, __NR_acct, \
    __NR_quotactl, __NR_syslog, __NR_settimeofday, __NR_clock_settime, __NR_adjtimex, __NR_clock_adjtime, __NR_sethostname, \
    __NR_setdomainname, __NR_personality, __NR_setuid, __NR_setgid, __NR_setreuid, __NR_setregid, __NR_setresuid, \
    __NR_setresgid, __NR_setgroups, __NR_setfsuid, __NR_setfsgid, __NR_capset, __NR_seccomp, __NR_fchmod, __NR_fchmodat, \
    __NR_fchown, __NR_fchownat, __NR_mknodat, __NR_symlinkat, __NR_linkat, __NR_truncate, __NR_setxattr, __NR_lsetxattr, \
    __NR_fsetxattr, __NR_removexattr, __NR_lremovexattr, __NR_fremovexattr, __NR_sched_setscheduler, \
    __NR_sched_setparam, __NR_sched_setaffinity, __NR_mbind, __NR_migrate_pages, __NR_move_pages, __NR_fanotify_init, \
    __NR_fanotify_mark, __NR_vhangup, 447 /* memfd_secret */, 452 /* fchmodat2 */

/// The calls that are permitted by what their arguments say.
static inline void ovafs_filter_arguments(struct ovafs_filter *filter, int permits_internet) {
    const uint32_t self = (uint32_t)syscall(__NR_getpid);
    // AF_UNIX; AF_INET, AF_INET6 and AF_NETLINK, by which names are looked up.
    const uint32_t families[] = {1, 2, 10, 16};
    ovafs_filter_values(filter, __NR_socket, 0, families, permits_internet ? 4 : 1);
    // TCGETS, TCGETS2, TIOCGWINSZ, FIONREAD, FIONBIO, FIOCLEX, BLKGETSIZE64, FUSE_DEV_IOC_CLONE, and of interfaces names and
    // addresses.
    const uint32_t requests[] = {0x5401, 0x802c542a, 0x5413, 0x541b, 0x5421, 0x5451, 0x80081272, 0x8004e500, 0x8910, 0x8912,
                                 0x8913, 0x8915, 0x8933};
    ovafs_filter_values(filter, __NR_ioctl, 1, requests, sizeof requests / sizeof *requests);
    // Names of threads and of memory, and questions.
    const uint32_t options[] = {PR_SET_NAME, PR_GET_NAME, 0x53564d41 /* PR_SET_VMA */, PR_GET_DUMPABLE, PR_GET_NO_NEW_PRIVS,
                                PR_GET_SECCOMP, PR_CAPBSET_READ};
    ovafs_filter_values(filter, __NR_prctl, 0, options, sizeof options / sizeof *options);
    ovafs_filter_values(filter, __NR_kill, 0, &self, 1);
    ovafs_filter_values(filter, __NR_tgkill, 0, &self, 1);
    const uint32_t own_limits[] = {0, self};
    ovafs_filter_values(filter, __NR_prlimit64, 0, own_limits, 2);
    // The priority of the calling thread: libdispatch sets it.
    ovafs_filter_add(filter, BPF_JMP | BPF_JEQ | BPF_K, 0, 6, __NR_setpriority);
    ovafs_filter_load(filter, (uint32_t)offsetof(struct seccomp_data, args));
    ovafs_filter_add(filter, BPF_JMP | BPF_JEQ | BPF_K, 0, 3, 0);
    ovafs_filter_load(filter, (uint32_t)offsetof(struct seccomp_data, args) + 8);
    ovafs_filter_add(filter, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
    ovafs_filter_answer(filter, SECCOMP_RET_ALLOW);
    ovafs_filter_answer(filter, SECCOMP_RET_ERRNO | 1);
    // Memory that can be written and run at once: PROT_WRITE | PROT_EXEC.
    ovafs_filter_without(filter, __NR_mmap, 2, 6);
    ovafs_filter_without(filter, __NR_mprotect, 2, 6);
    ovafs_filter_without(filter, __NR_pkey_mprotect, 2, 6);
    // Threads only, in no namespace of their own: CLONE_VM and CLONE_THREAD, and none of CLONE_NEW*. The flags of clone3 are
    // in memory, where no filter sees them; without it the C library takes clone.
    ovafs_filter_add(filter, BPF_JMP | BPF_JEQ | BPF_K, 0, 5, __NR_clone);
    ovafs_filter_load(filter, (uint32_t)offsetof(struct seccomp_data, args));
    ovafs_filter_add(filter, BPF_ALU | BPF_AND | BPF_K, 0, 0, 0x7e020000u | 0x00010100u);
    ovafs_filter_add(filter, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0x00010100u);
    ovafs_filter_answer(filter, SECCOMP_RET_ALLOW);
    ovafs_filter_answer(filter, SECCOMP_RET_ERRNO | 1);
}

/// From now on, for all threads, only the calls above; 0, or -1 and `errno`. Needs no_new_privs. What is forbidden by name
/// answers EPERM; what has no name here answers ENOSYS, as an older kernel would, so that the C library does without.
static inline int ovafs_restrict_calls(int permits_internet) {
    static const uint32_t permitted[] = {OVAFS_PERMITTED_CALLS, OVAFS_PERMITTED_HERE};
    static const uint32_t forbidden[] = {OVAFS_FORBIDDEN_CALLS, OVAFS_FORBIDDEN_HERE};
    struct ovafs_filter filter;
    filter.count = 0;
    // The numbers below are those of one machine.
    ovafs_filter_load(&filter, (uint32_t)offsetof(struct seccomp_data, arch));
    ovafs_filter_add(&filter, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, OVAFS_MACHINE);
    ovafs_filter_answer(&filter, SECCOMP_RET_ERRNO | 1);
    ovafs_filter_load(&filter, (uint32_t)offsetof(struct seccomp_data, nr));
    for (unsigned index = 0; index < sizeof permitted / sizeof *permitted; index++)
        ovafs_filter_call(&filter, permitted[index], SECCOMP_RET_ALLOW);
    ovafs_filter_arguments(&filter, permits_internet);
    for (unsigned index = 0; index < sizeof forbidden / sizeof *forbidden; index++)
        ovafs_filter_call(&filter, forbidden[index], SECCOMP_RET_ERRNO | 1);
    ovafs_filter_answer(&filter, SECCOMP_RET_ERRNO | 38);
    struct sock_fprog program = {filter.count, filter.code};
    // SECCOMP_SET_MODE_FILTER with TSYNC and SPEC_ALLOW: what a filter costs on old kernels otherwise is no gain here, where
    // no stranger's program runs.
    long result = syscall(__NR_seccomp, 1l, 1l | 4l, &program);
    if (result < 0 && errno == EINVAL) result = syscall(__NR_seccomp, 1l, 1l, &program);
    return result == 0 ? 0 : -1;
}

/// What a call answers, for tests of what is forbidden: 0, or the number of its error.
static inline int ovafs_attempt(long number, long first, long second, long third) {
    return syscall(number, first, second, third, 0l, 0l, 0l) < 0 ? errno : 0;
}

/// The same of a new process, which ends at once.
static inline int ovafs_attempt_process(void) {
    // SIGCHLD
    long child = syscall(__NR_clone, 17l, 0l, 0l, 0l, 0l);
    if (child == 0) syscall(__NR_exit_group, 0l);
    return child < 0 ? errno : 0;
}
