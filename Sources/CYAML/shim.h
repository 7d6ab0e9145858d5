// The C library libyaml, as Swift sees it.
// SPDX-License-Identifier: Apache-2.0
#include <yaml.h>
