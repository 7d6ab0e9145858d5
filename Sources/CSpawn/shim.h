// What posix_spawn can do beyond POSIX, as Swift sees it: the C library shows it to GNU programs only.
// SPDX-License-Identifier: Apache-2.0
#include <spawn.h>

extern int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int first);

/// Adds the closing of descriptor `first` and all above it.
static inline int ovafs_close_from(posix_spawn_file_actions_t *actions, int first) {
    return posix_spawn_file_actions_addclosefrom_np(actions, first);
}
