// The system calls that can change a file or a name, and what of a call is written down.
// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

// Kinds that are counted, each by itself.
enum class {
    WRITE, SEND, COPY, TRUNCATE, ALLOCATE, SYNC, RENAME, LINK, UNLINK, MKDIR, CREATE, CLOSE, LOCK, ATTRIBUTE,
    MOUNT,
    // Changes that no call shows.
    UNSEEN,
    CLASS_COUNT
};

extern const char *const class_names[CLASS_COUNT];

// What a call's arguments lead to.
enum place {
    FILE_FIRST,  // a descriptor, the first argument
    FILE_THIRD,  // a descriptor, the third argument
    PATH,        // a path, the first argument
    PATH_AT,     // a folder's descriptor and a path
    TWO_PATHS,
    TWO_PATHS_AT,
    PATH_LATER,     // a path, the second argument
    PATH_LATER_AT,  // the second and third
    OPEN,           // a path and flags
    OPEN_AT,
    OPEN_STRUCTURE,
    CONTROL,  // fcntl
    MAPPING,  // mmap
    NOTHING,
};

struct call {
    long number;
    const char *name;
    enum class class;
    enum place place;
    bool may_be_torn;
};

enum { PATH_BYTES = 4096 };

// A thread, and the call that it has begun and not ended.
struct thread {
    pid_t id;
    const struct call *call;
    unsigned number;
    // As device:inode; "-" where there is none.
    char file[64], folder[64];
    char path[PATH_BYTES];
};

extern const struct call calls[];
extern const unsigned call_count;
// Whether what is sent on sockets counts.
extern bool counts_sockets;

// Whether a call that is about to begin counts; what it is about is noted in `thread`.
bool look(struct thread *thread, const struct call *call, const uint64_t *arguments);
// Reads `size` bytes of a thread's memory, or ends this program.
void read_memory(pid_t id, uint64_t address, void *room, size_t size);
// End this program with 125 and a message: for a call of the system's that failed, and for the rest.
_Noreturn void fail(const char *what);
_Noreturn void refuse(const char *what);
