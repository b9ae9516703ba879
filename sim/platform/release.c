/* SPDX-License-Identifier: MIT */
#include "sim/platform/release.h"

#include <string.h>

#define N_RELEASES (sizeof(releases) / sizeof(releases[0]))

/*
 * Lines of the messages are those of kext_tools-623.11.5, checked against the
 * log of 10.15.0; later 10.15 tags did not touch these files. The line of
 * apfs_vfsop_mount is known for 10.15.0 and assumed for the others.
 */
#define ROSP_623 {.file_error = 39, .move_error = 248, .copy_error = 152, .standalone_error = 45}

static const struct release releases[] = {
	{
		.name = "10.15-b5",
		.product_version = "10.15",
		.build = "19A526h",
		.darwin = "19.0.0",
		.xnu = "6153.11.26",
		.kext_tools = "623.11.5",
		.tree = "catalina",
		.date = 1564596000, /* 2019-07-31 */
		.system_read_only = true,
		.staged_kernel = true,
		.honours_shutdown_remount = true,
		.apfs_mount_line = 1125,
		.rosp = ROSP_623,
	},
	{
		.name = "10.15-b6",
		.product_version = "10.15",
		.build = "19A536g",
		.darwin = "19.0.0",
		.xnu = "6153.11.26",
		.kext_tools = "623.11.5",
		.tree = "catalina",
		.date = 1566237600, /* 2019-08-19 */
		.system_read_only = true,
		.staged_kernel = true,
		.honours_shutdown_remount = false,
		.apfs_mount_line = 1125,
		.rosp = ROSP_623,
	},
	{
		.name = "10.15.0",
		.product_version = "10.15",
		.build = "19A583",
		.darwin = "19.0.0",
		.xnu = "6153.11.26",
		.kext_tools = "623.11.5",
		.tree = "catalina",
		.date = 1570442400, /* 2019-10-07 */
		.system_read_only = true,
		.staged_kernel = true,
		.honours_shutdown_remount = false,
		.apfs_mount_line = 1125,
		.rosp = ROSP_623,
	},
	{
		.name = "10.15.1",
		.product_version = "10.15.1",
		.build = "19B88",
		.darwin = "19.0.0",
		.xnu = "6153.41.3",
		.kext_tools = "623.40.5",
		.tree = "catalina",
		.date = 1572364800, /* 2019-10-29 */
		.system_read_only = true,
		.staged_kernel = true,
		.honours_shutdown_remount = true,
		.apfs_mount_line = 1125,
		.rosp = ROSP_623,
	},
};

const struct release *release_by_name(const char *name)
{
	for (size_t i = 0; i < N_RELEASES; i++)
		if (!strcmp(releases[i].name, name))
			return &releases[i];
	return NULL;
}

const struct release *release_by_build(const char *build)
{
	for (size_t i = 0; i < N_RELEASES; i++)
		if (!strcmp(releases[i].build, build))
			return &releases[i];
	return NULL;
}

const char *release_hint(const char *name, char out[static NEAREST_HINT_MAX])
{
	const char *names[N_RELEASES];

	for (size_t i = 0; i < N_RELEASES; i++)
		names[i] = releases[i].name;
	return nearest_hint(name, names, N_RELEASES, out);
}
