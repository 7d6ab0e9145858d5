// libxml2's pull parser, as Swift sees it.
// SPDX-License-Identifier: Apache-2.0
#include <libxml/xmlversion.h>
// Debian's libxml2 brings ICU's types along, which Foundation has too, in another version: a module that sees
// both does not compile. Nothing here uses them.
#undef LIBXML_ICU_ENABLED
#include <libxml/parser.h>
#include <libxml/xmlreader.h>
#include <libxml/xmlerror.h>
