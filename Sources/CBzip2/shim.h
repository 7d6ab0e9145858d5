// The C library bz2, as Swift sees it, without its calls that take files of the C library.
// SPDX-License-Identifier: Apache-2.0
#define BZ_NO_STDIO
#include <bzlib.h>
