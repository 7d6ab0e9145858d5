// Runs a command and kills it, with all its threads and children, at a chosen system call that changes files.
// SPDX-License-Identifier: Apache-2.0
//
// kill-at [--at CLASS:N] [--when before|torn|after] [--sockets] --trace FILE -- COMMAND [ARGUMENT]...
//
// The calls that can change a file or a name are counted for each class, by all threads and children together, in the
// order in which they enter the kernel; CLASS is a name of the table below. The N-th of CLASS is where everything is
// killed: before the call has done anything, when it has written half of its bytes (torn), or after it. Only descriptors
// of regular files count; with --sockets what is sent on sockets does, too. FILE gets a line for each call when it begins
// and when it ends, fields separated by tabs:
//
//     begin|end  thread  class  N  name of the call  result  file  folder  path
//
// (file and folder as device:inode), and a last one: "killed", or "ended" with the exit status as of a shell. Exit status:
// that of the command, 137 where it was killed here, 125 where this program could not do its work, or could not see
// all of the command's: a file changed through shared memory, io_uring or calls of another machine's is not seen.
//
// Why not `strace --inject=signal=KILL:when=N`: it counts for each thread by itself, counts calls on any descriptor,
// and tears no write. A filter of seccomp(2) stops the calls that may count and no others; at its stop the call has not
// begun, and a thread that is killed there never begins it.

#define _GNU_SOURCE
#include "calls.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__x86_64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_X86_64
#define THIRD_ARGUMENT rdx
#elif defined(__aarch64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_AARCH64
#define THIRD_ARGUMENT regs[2]
#else
#error "the registers of this machine are not known here"
#endif

enum { MOST_THREADS = 4096, MOST_CALLS = 64 };
enum when { BEFORE, TORN, AFTER };

static struct thread threads[MOST_THREADS];
static unsigned thread_count;
static unsigned counts[CLASS_COUNT];
static enum class kill_class = CLASS_COUNT;
static unsigned kill_number;
static enum when kill_when = BEFORE;
static bool is_killed;
static FILE *trace;

static struct thread *thread_of(pid_t id) {
    for (unsigned index = 0; index < thread_count; index++)
        if (threads[index].id == id) return &threads[index];
    if (thread_count == MOST_THREADS) refuse("too many threads");
    threads[thread_count] = (struct thread){.id = id};
    return &threads[thread_count++];
}

static void forget(pid_t id) {
    for (unsigned index = 0; index < thread_count; index++)
        if (threads[index].id == id) {
            threads[index] = threads[--thread_count];
            return;
        }
}

// --- Stopping the calls that may count

static void filter_calls(void) {
    struct sock_filter program[5 + 2 * MOST_CALLS];
    size_t length = 0;
    const unsigned architecture = offsetof(struct seccomp_data, arch);
    const unsigned number = offsetof(struct seccomp_data, nr);
    program[length++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, architecture);
    program[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OWN_ARCHITECTURE, 1, 0);
    program[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    program[length++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, number);
    if (call_count > MOST_CALLS) refuse("the filter is too short");
    for (unsigned index = 0; index < call_count; index++) {
        program[length++] =
            (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)calls[index].number, 0, 1);
        program[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE | index);
    }
    program[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog filter = {(unsigned short)length, program};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail("PR_SET_NO_NEW_PRIVS");
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) fail("PR_SET_SECCOMP");
}

static pid_t start(char **command) {
    int gate[2];
    if (pipe2(gate, O_CLOEXEC) != 0) fail("pipe");
    pid_t child = fork();
    if (child < 0) fail("fork");
    if (child == 0) {
        char byte;
        close(gate[1]);
        if (setpgid(0, 0) != 0) fail("setpgid");
        if (read(gate[0], &byte, 1) != 1) _exit(125);
        filter_calls();
        execvp(command[0], command);
        fail(command[0]);
    }
    close(gate[0]);
    long options = PTRACE_O_EXITKILL | PTRACE_O_TRACESECCOMP | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
                   PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD;
    if (ptrace(PTRACE_SEIZE, child, 0, options) != 0) fail("PTRACE_SEIZE");
    if (write(gate[1], "", 1) != 1) fail("write");
    close(gate[1]);
    return child;
}

// --- Killing

static void kill_all(void) {
    is_killed = true;
    for (unsigned index = 0; index < thread_count; index++) kill(threads[index].id, SIGKILL);
}

// Has the call write half of its bytes.
static void tear(struct thread *thread, const struct __ptrace_syscall_info *information) {
    if (!thread->call->may_be_torn) refuse("no call of this kind can be torn");
    uint64_t length = information->seccomp.args[2];
    if (strstr(thread->call->name, "writev")) {
        struct iovec piece;
        read_memory(thread->id, information->seccomp.args[1], &piece, sizeof piece);
        piece.iov_len /= 2;
        struct iovec own = {&piece, sizeof piece};
        struct iovec other = {(void *)(uintptr_t)information->seccomp.args[1], sizeof piece};
        ssize_t written = process_vm_writev(thread->id, &own, 1, &other, 1, 0);
        if (written != (ssize_t)sizeof piece) fail("tearing a call");
        length = 1;
    } else {
        length /= 2;
    }
    struct user_regs_struct registers;
    struct iovec room = {&registers, sizeof registers};
    if (ptrace(PTRACE_GETREGSET, thread->id, (void *)NT_PRSTATUS, &room) != 0) fail("PTRACE_GETREGSET");
    registers.THIRD_ARGUMENT = length;
    if (ptrace(PTRACE_SETREGSET, thread->id, (void *)NT_PRSTATUS, &room) != 0) fail("PTRACE_SETREGSET");
}

static void print(const char *what, const struct thread *thread, int64_t result) {
    const struct call *call = thread->call;
    fprintf(trace, "%s\t%d\t%s\t%u\t%s\t%lld\t%s\t%s\t", what, thread->id, class_names[call->class],
            thread->number, call->name, (long long)result, thread->file, thread->folder);
    for (const char *byte = thread->path; *byte; byte++)
        fputc((unsigned char)*byte < 32 ? '?' : *byte, trace);
    fputc('\n', trace);
}

static bool is_the_one(const struct thread *thread) {
    return thread->call->class == kill_class && thread->number == kill_number;
}

// A call that may count is about to begin; returns how the thread goes on.
static int begin(pid_t id) {
    struct __ptrace_syscall_info information;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, id, sizeof information, &information) <= 0) return PTRACE_CONT;
    if (information.op != PTRACE_SYSCALL_INFO_SECCOMP) refuse("the kernel does not say what was stopped");
    struct thread *thread = thread_of(id);
    const struct call *call = &calls[information.seccomp.ret_data];
    if (!look(thread, call, (const uint64_t *)information.seccomp.args)) return PTRACE_CONT;
    if (call->class == UNSEEN) refuse("the command changes files in a way that no system call shows");
    thread->call = call;
    thread->number = ++counts[call->class];
    print("begin", thread, 0);
    if (is_the_one(thread)) {
        if (kill_when == BEFORE) kill_all();
        if (kill_when == TORN) tear(thread, &information);
    }
    // The stop behind the call comes next.
    return PTRACE_SYSCALL;
}

static void end(pid_t id) {
    struct thread *thread = thread_of(id);
    struct __ptrace_syscall_info information;
    if (!thread->call || ptrace(PTRACE_GET_SYSCALL_INFO, id, sizeof information, &information) <= 0) return;
    print("end", thread, information.exit.rval);
    if (is_the_one(thread) && kill_when != BEFORE) kill_all();
    thread->call = NULL;
}

// Answers one stop of a thread.
static void answer(pid_t id, int status) {
    int event = status >> 16, signal = WSTOPSIG(status), request = PTRACE_CONT;
    bool is_new = true;
    for (unsigned index = 0; index < thread_count; index++) is_new = is_new && threads[index].id != id;
    thread_of(id);
    // What was born while everything was killed.
    if (is_killed && is_new) kill(id, SIGKILL);
    if (event == PTRACE_EVENT_SECCOMP) {
        request = is_killed ? PTRACE_CONT : begin(id);
        signal = 0;
    } else if (event == PTRACE_EVENT_STOP) {
        bool is_stopped = signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
        if (is_stopped) request = PTRACE_LISTEN;
        signal = 0;
    } else if (event != 0) {
        signal = 0;
    } else if (signal == (SIGTRAP | 0x80)) {
        if (!is_killed) end(id);
        signal = 0;
    }
    // A thread that is killed meanwhile is gone.
    if (ptrace(request, id, 0, signal) != 0 && errno != ESRCH) fail("ptrace");
}

static int follow(pid_t child) {
    int result = 125, status;
    thread_of(child);
    for (;;) {
        pid_t id = waitpid(-1, &status, __WALL);
        if (id < 0 && errno == EINTR) continue;
        if (id < 0) break;
        if (WIFSTOPPED(status)) {
            answer(id, status);
            continue;
        }
        forget(id);
        if (id == child) result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    return is_killed ? 128 + SIGKILL : result;
}

static void parse_place(const char *text) {
    const char *colon = strchr(text, ':');
    size_t length = colon ? (size_t)(colon - text) : 0;
    for (enum class class = 0; class < UNSEEN; class++)
        if (strlen(class_names[class]) == length && memcmp(class_names[class], text, length) == 0)
            kill_class = class;
    kill_number = colon ? (unsigned)strtoul(colon + 1, NULL, 10) : 0;
    if (kill_class == CLASS_COUNT || kill_number == 0) refuse("--at is CLASS:N");
}

int main(int argc, char **argv) {
    int index = 1;
    for (; index < argc && strcmp(argv[index], "--") != 0; index++) {
        const char *value = index + 1 < argc ? argv[index + 1] : "";
        if (strcmp(argv[index], "--sockets") == 0) {
            counts_sockets = true;
            continue;
        }
        if (strcmp(argv[index], "--at") == 0)
            parse_place(value);
        else if (strcmp(argv[index], "--when") == 0 && strcmp(value, "before") == 0)
            kill_when = BEFORE;
        else if (strcmp(argv[index], "--when") == 0 && strcmp(value, "torn") == 0)
            kill_when = TORN;
        else if (strcmp(argv[index], "--when") == 0 && strcmp(value, "after") == 0)
            kill_when = AFTER;
        else if (strcmp(argv[index], "--trace") == 0)
            trace = fopen(value, "we");
        else
            refuse("usage: kill-at [--at CLASS:N] [--when WHEN] [--sockets] --trace FILE -- COMMAND...");
        index++;
    }
    if (!trace) refuse("--trace FILE cannot be written, or is missing");
    if (index + 1 >= argc) refuse("there is no command");
    int result = follow(start(argv + index + 1));
    fprintf(trace, "%s\t%d\n", is_killed ? "killed" : "ended", result);
    if (fclose(trace) != 0) fail("the trace");
    return result;
}
