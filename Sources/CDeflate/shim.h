// The C library deflate, as Swift sees it.
// SPDX-License-Identifier: Apache-2.0
#include <libdeflate.h>
