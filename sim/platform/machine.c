/* SPDX-License-Identifier: MIT */
#include "sim/platform/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/platform/release.h"

#define N_MACHINES (sizeof(machines) / sizeof(machines[0]))

/*
 * Chip and cluster numbers, types and the path of the M1 Pro are those of its log under
 * 12.1; the M1's path, disk and board numbers were seen in public listings. Boards of
 * the other models and the registry paths of the Intel machines are from memory.
 *
 * Minors are counted as IOMediaBSDClient gives them out: disk0 and its partitions, then
 * each container and its volumes (four in the iSC, two in Recovery). That makes 13 of
 * disk3s1, as in the log.
 */

/* kernelmanagerd's first stamp, 13.642280, stands for a moment behind 14.901018. */
#define AS_CLOCK_AHEAD_US 1400000

#define APPLE_SILICON                                                                    \
	.arch = MACHO_ARM64E, .apple_silicon = true, .kexts = "RELEASE_ARM64E",        \
	.locks_ctrr = true, .secure_boot = SECURE_BOOT_LOCAL_POLICY,                     \
	.root_hash = ROOT_HASH_OF_BOOTER, .seal_end = SEAL_END_RECOVERY,                 \
	.asks_rootauth = true, .csr_in_local_policy = true, .boots_by_iboot = true,      \
	.main_disk = 3, .isc_disk = 1, .recovery_disk = 2, .main_partition = 2,          \
	.main_minor = 12, .clock_ahead_us = AS_CLOCK_AHEAD_US

#define INTEL                                                                            \
	.arch = MACHO_X86_64, .kernel = "RELEASE_X86_64", .kexts = "RELEASE_X86_64",   \
	.root_hash = ROOT_HASH_OF_PREBOOT, .seal_end = SEAL_END_PANIC, .main_disk = 1,   \
	.main_partition = 2, .main_minor = 3

#define AS_PATH(io)                                                                      \
	"IOService:/AppleARMPE/arm-io/" io "/AppleASCWrapV4/iop-ans-nub/RTBuddyV2/"      \
	"RTBuddyService/AppleANS3NVMeController/NS_01@1"
#define INTEL_PATH(port)                                                                 \
	"IOService:/AppleACPIPlatformExpert/PCI0@0/AppleACPIPCI/" port "/NS_01@1"

/* Two clusters of four: type E has CPUs 0 to 3. Pro and Max: 2 E, then twice 4 P. */
#define M1_CLUSTERS  .n_clusters = 2, .cluster = {{'E', 0, 4}, {'P', 4, 4}}
#define PRO_CLUSTERS .n_clusters = 3, .cluster = {{'E', 0, 2}, {'P', 2, 4}, {'P', 6, 4}}

static const struct machine_model machines[] = {
	{
		.name = "m1",
		.model = "MacBookPro17,1",
		.board = "j293",
		.chip = "T8103",
		.chip_name = "Apple M1",
		.hostname = "M1-Mac",
		.chip_id = 0x8103,
		.board_id = 0x24,
		.kernel = "RELEASE_ARM64_T8101", /* one kernel for A14 and M1 */
		M1_CLUSTERS,
		.registry_path = AS_PATH("AppleT810xIO/ans@77400000"),
		.ssd = "APPLE SSD AP0512Q",
		.first_darwin = 20,
		APPLE_SILICON,
	},
	{
		.name = "m1-pro",
		.model = "MacBookPro18,1",
		.board = "j316s",
		.chip = "T6000",
		.chip_name = "Apple M1 Pro",
		.hostname = "M1-Pro-Mac",
		.chip_id = 0x6000,
		.board_id = 0x0a,
		.kernel = "RELEASE_ARM64_T6000",
		PRO_CLUSTERS,
		.registry_path = AS_PATH("AppleT600xIO/ans@8F400000"),
		.ssd = "APPLE SSD AP2048R",
		.first_darwin = 21,
		APPLE_SILICON,
	},
	{
		.name = "m1-max",
		.model = "MacBookPro18,2",
		.board = "j316c",
		.chip = "T6001",
		.chip_name = "Apple M1 Max",
		.hostname = "M1-Max-Mac",
		.chip_id = 0x6001,
		.board_id = 0x0a,
		.kernel = "RELEASE_ARM64_T6000", /* one kernel for Pro and Max */
		PRO_CLUSTERS,
		.registry_path = AS_PATH("AppleT600xIO/ans@8F400000"),
		.ssd = "APPLE SSD AP2048R",
		.first_darwin = 21,
		APPLE_SILICON,
	},
	{
		.name = "intel",
		.model = "MacBookPro14,3",
		.board = "Mac-551B86E5744E2388",
		.chip_name = "Intel Core i7",
		.hostname = "Intel-Mac",
		.n_clusters = 1,
		.cluster = {{0, 0, 4}},
		.secure_boot = SECURE_BOOT_NONE,
		.registry_path = INTEL_PATH("RP01@1C/IOPP/SSD0@0/IONVMeController"),
		.ssd = "APPLE SSD SM0512L",
		.first_darwin = 19,
		INTEL,
	},
	{
		.name = "t2",
		.model = "MacBookPro15,1",
		.board = "j680",
		.chip = "T8012",
		.chip_name = "Intel Core i7",
		.hostname = "T2-Mac",
		.chip_id = 0x8012,
		.board_id = 0x0b,
		.t2 = true,
		.n_clusters = 1,
		.cluster = {{0, 0, 6}},
		.secure_boot = SECURE_BOOT_T2,
		.registry_path = INTEL_PATH("RP17@1B/IOPP/ANS2@0/AppleANS2Controller"),
		.ssd = "APPLE SSD AP0512M",
		.first_darwin = 19,
		INTEL,
	},
};

const struct machine_model *machine_by_name(const char *name)
{
	for (size_t i = 0; i < N_MACHINES; i++)
		if (!strcmp(machines[i].name, name))
			return &machines[i];
	return NULL;
}

const char *machine_hint(const char *name, char out[static NEAREST_HINT_MAX])
{
	const char *names[N_MACHINES];

	for (size_t i = 0; i < N_MACHINES; i++)
		names[i] = machines[i].name;
	return nearest_hint(name, names, N_MACHINES, out);
}

const struct machine_model *machine_at(size_t i)
{
	return i < N_MACHINES ? &machines[i] : NULL;
}

unsigned machine_n_cpus(const struct machine_model *m)
{
	unsigned n = 0;

	for (unsigned i = 0; i < m->n_clusters; i++)
		n += m->cluster[i].n_cpus;
	return n;
}

/* enum cluster_type of xnu (osfmk/arm/cpu_topology.h). */
unsigned machine_cluster_type_number(char type)
{
	return type == 'E' ? 1 : type == 'P' ? 2 : 0;
}

bool machine_runs(const struct machine_model *m, const struct release *r)
{
	return strtoul(r->darwin, NULL, 10) >= m->first_darwin;
}

void machine_volume_path(const struct machine_model *m, const char *volume,
			 unsigned number, char out[static MACHINE_PATH_MAX])
{
	snprintf(out, MACHINE_PATH_MAX,
		 "%s/IOBlockStorageDriver/%s Media/IOGUIDPartitionScheme/Container@%u/"
		 "AppleAPFSContainerScheme/AppleAPFSMedia/AppleAPFSContainer/%s@%u",
		 m->registry_path, m->ssd, m->main_partition, volume, number);
}
