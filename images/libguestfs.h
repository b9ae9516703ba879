/* SPDX-License-Identifier: MIT */
/*
 * libguestfs, loaded by who needs it and when he does. It brings some fifty libraries,
 * whose start would cost each kextlab command more than most of them take.
 */
#ifndef IMAGES_LIBGUESTFS_H
#define IMAGES_LIBGUESTFS_H

#include <guestfs.h>

#include "sim/base/err.h"

/* The functions that are called, without guestfs_. */
#define LIBGUESTFS_CALLS(X)                                                              \
	X(add_drive_opts)                                                                \
	X(close)                                                                         \
	X(create_flags)                                                                  \
	X(get_cachedir)                                                                  \
	X(last_error)                                                                    \
	X(launch)                                                                        \
	X(mkdir_p)                                                                       \
	X(mkfs_opts)                                                                     \
	X(mount)                                                                         \
	X(part_add)                                                                      \
	X(part_init)                                                                     \
	X(part_set_disk_guid)                                                            \
	X(part_set_gpt_guid)                                                             \
	X(part_set_gpt_type)                                                             \
	X(part_set_name)                                                                 \
	X(set_backend)                                                                   \
	X(set_backend_setting)                                                           \
	X(set_error_handler)                                                             \
	X(shutdown)                                                                      \
	X(umount_all)

struct libguestfs {
#define LIBGUESTFS_MEMBER(name) __typeof__(&guestfs_##name) name;
	LIBGUESTFS_CALLS(LIBGUESTFS_MEMBER)
#undef LIBGUESTFS_MEMBER
};

/* Load it; it stays as long as the process. E_INFRA: it is not installed. */
int libguestfs_load(struct libguestfs *ret, struct err *e) MUST_CHECK;

#endif
