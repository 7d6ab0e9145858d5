// The C library zlib, as Swift sees it: the macros that Swift cannot call are wrapped here.
// SPDX-License-Identifier: Apache-2.0
#include <zlib.h>

/// inflateInit2 is a macro that passes the version on.
static inline int ovafs_inflateInit2(z_streamp stream, int windowBits) {
    return inflateInit2(stream, windowBits);
}
