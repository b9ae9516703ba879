/* SPDX-License-Identifier: MIT */
#include "sim/platform/release.h"

#include <string.h>

#include "sim/platform/csr.h"

#define N_RELEASES (sizeof(releases) / sizeof(releases[0]))

/*
 * Lines of the messages are those of kext_tools-623.11.5, checked against the
 * log of 10.15.0; later 10.15 tags did not touch these files. The line of
 * apfs_vfsop_mount is known for 10.15.0 and assumed for the others.
 */
#define ROSP_623                                                                         \
	{                                                                                \
		.file_error = 39, .move_error = 248, .copy_error = 152,                  \
		.standalone_error = 45                                                   \
	}

/*
 * apfs.kext of 12.1 as its log shows it. No log of 11.x or 12.0.1 was found: their
 * lines are taken to be those of 12.1, but for the panic, which 11.x was seen with. The
 * line of 12's panic is inferred from that of the message above it.
 */
#define APFS_LINES                                                                       \
	.module_start = 2568, .promoter_locked = 2118, .rooting = 2188,                  \
	.log_mount = 1828, .snapshot_mount = 885, .auth_required_osx = 369,              \
	.auth_required = 478, .authenticated = 546
#define APFS_11 APFS_LINES, .no_root_snapshot = 2175
#define APFS_12 APFS_LINES, .no_root_snapshot = 2204, .names_root_snapshot = true

/* Of iOS 14's validator, the only one of version 3.0.0 that was seen. */
#define IMAGE4_11                                                                        \
	{                                                                                \
		.version = "3.0.0", .source = "106.0.5.0.1~31",                          \
		.date = "Fri Aug 28 22:36:36 PDT 2020"                                   \
	}

#define SEALED                                                                           \
	.csr_flags = CSR_VALID_FLAGS | CSR_ALLOW_UNAUTHENTICATED_ROOT,                   \
	.sealed_system = true, .snapshot_root = true, .kernel_collections = true,        \
	.pageable_kc = true, .system_read_only = true, .apfs_mount_line = 1125

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
		.csr_flags = CSR_VALID_FLAGS,
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
		.csr_flags = CSR_VALID_FLAGS,
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
		.csr_flags = CSR_VALID_FLAGS,
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
		.csr_flags = CSR_VALID_FLAGS,
		.system_read_only = true,
		.staged_kernel = true,
		.honours_shutdown_remount = true,
		.apfs_mount_line = 1125,
		.rosp = ROSP_623,
	},
	{
		.name = "11.0.1",
		.product_version = "11.0.1",
		.build = "20B29", /* a week later again as 20B50, for Intel */
		.darwin = "20.1.0",
		.xnu = "7195.50.7.100.1",
		.xnu_tag = "7195.50.7~2",
		.kext_tools = "692.40.7",
		.tree = "bigsur",
		.date = 1605200400, /* 2020-11-12 */
		.kernel = {{"RELEASE_X86_64", "Sat Oct 31 00:07:11 PDT 2020"},
			   {"RELEASE_ARM64_T8101", "Sat Oct 31 00:07:10 PDT 2020"}},
		.apfs = {.version = "1677.50.1", .date = "2020/10/31", APFS_11},
		.image4 = IMAGE4_11,
		.iboot = "6723.61.3",		 /* that of 11.1 */
		.kernelmanagement = "102.60.20", /* that of 11.1 */
		.corecrypto = "11.1",
		.kcditto_to_preboot = true,
		SEALED,
	},
	{
		.name = "11.1",
		.product_version = "11.1",
		.build = "20C69",
		.darwin = "20.2.0",
		.xnu = "7195.60.75",
		.xnu_tag = "7195.60.75~1",
		.kext_tools = "692.60.3",
		.tree = "bigsur",
		.date = 1607965200, /* 2020-12-14 */
		.kernel = {{"RELEASE_X86_64", "Wed Dec  2 20:39:59 PST 2020"},
			   {"RELEASE_ARM64_T8101", "Wed Dec  2 20:40:21 PST 2020"}},
		.apfs = {.version = "1677.60.23", .date = "2020/12/02", APFS_11},
		.image4 = IMAGE4_11,
		.iboot = "6723.61.3",
		.kernelmanagement = "102.60.20",
		.corecrypto = "11.1",
		.kcditto_to_preboot = true,
		SEALED,
	},
	{
		.name = "12.0.1",
		.product_version = "12.0.1",
		.build = "21A559",
		.darwin = "21.1.0",
		.xnu = "8019.41.5",
		.xnu_tag = "8019.41.5~1",
		.kext_tools = "716",
		.tree = "monterey",
		.date = 1635181200, /* 2021-10-25 */
		.kernel = {{"RELEASE_X86_64", "Wed Oct 13 17:33:23 PDT 2021"},
			   {"RELEASE_ARM64_T8101", "Wed Oct 13 17:33:24 PDT 2021"},
			   {"RELEASE_ARM64_T6000", "Wed Oct 13 17:33:01 PDT 2021"}},
		.apfs = {.version = "1933.41.2", .date = "2021/10/13", APFS_12},
		.image4 = {"4.1.0", "157.40.10~248", "Thu Oct 14 00:45:51 PDT 2021"},
		.iboot = "7429.41.5",
		.kernelmanagement = "262.60.4", /* that of 12.1 */
		.corecrypto = "12.0",
		.paired_recovery = true,
		SEALED,
	},
	{
		.name = "12.1",
		.product_version = "12.1",
		.build = "21C52",
		.darwin = "21.2.0",
		.xnu = "8019.61.5",
		.xnu_tag = "8019.61.5~1",
		.kext_tools = "716",
		.tree = "monterey",
		.date = 1639414800, /* 2021-12-13 */
		.kernel = {{"RELEASE_X86_64", "Sun Nov 28 20:28:54 PST 2021"},
			   {"RELEASE_ARM64_T8101", "Sun Nov 28 20:29:10 PST 2021"},
			   {"RELEASE_ARM64_T6000", "Sun Nov 28 20:28:41 PST 2021"}},
		.apfs = {.version = "1933.61.1", .date = "2021/11/30", APFS_12},
		.image4 = {.version = "4.2.0", .source = "157.60.2~361"},
		.iboot = "7429.61.2",
		.kernelmanagement = "262.60.4",
		.corecrypto = "12.0",
		.paired_recovery = true,
		SEALED,
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

const struct release *release_at(size_t i)
{
	return i < N_RELEASES ? &releases[i] : NULL;
}
