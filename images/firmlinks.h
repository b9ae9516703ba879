/* SPDX-License-Identifier: MIT */
#ifndef IMAGES_FIRMLINKS_H
#define IMAGES_FIRMLINKS_H

#include "sim/base/buf.h"
#include "sim/formats/fstree/fstree.h"

/* Append what /usr/share/firmlinks says of the firmlinks of @t: "/Users<TAB>Users". */
int firmlinks_text(const struct fs_tree *t, struct buf *out, struct err *e) MUST_CHECK;

#endif
