// libxml2's pull parser, as Swift sees it.
// SPDX-License-Identifier: Apache-2.0
#include <libxml/parser.h>
#include <libxml/xmlreader.h>
#include <libxml/xmlerror.h>
