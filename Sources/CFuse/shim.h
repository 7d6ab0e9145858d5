// libfuse 3's low-level API, as Swift sees it: the macros that Swift cannot call are wrapped here.
// SPDX-License-Identifier: Apache-2.0
#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>

/// Shown by the C library to GNU programs only.
int pipe2(int ends[2], int flags);

/// fuse_session_loop_mt is a macro that picks a version.
static inline int ovafs_fuse_session_loop_mt(struct fuse_session *session, struct fuse_loop_config *config) {
    return fuse_session_loop_mt(session, config);
}
