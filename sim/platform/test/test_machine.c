/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "sim/base/test.h"
#include "sim/platform/machine.h"
#include "sim/platform/release.h"

static void is_found_by_name(void)
{
	for (size_t i = 0; machine_at(i); i++)
		CU_ASSERT_PTR_EQUAL(machine_by_name(machine_at(i)->name), machine_at(i));
	CU_ASSERT_PTR_NULL(machine_by_name("m1-ultra"));
	CU_ASSERT_PTR_NULL(machine_by_name(""));
}

static void hints_at_a_near_name(void)
{
	char hint[NEAREST_HINT_MAX];

	CU_ASSERT_STRING_EQUAL(machine_hint("m1pro", hint), " (did you mean 'm1-pro'?)");
	CU_ASSERT_STRING_EQUAL(machine_hint("toaster", hint),
			       " (known: m1, m1-pro, m1-max, intel, t2)");
}

/* Numbers run from 0 without a gap, and the boot core is in the first cluster. */
static void cpus_are_numbered_through(void)
{
	for (size_t i = 0; machine_at(i); i++) {
		const struct machine_model *m = machine_at(i);
		unsigned next = 0;

		CU_ASSERT(m->n_clusters >= 1 && m->n_clusters <= MACHINE_CLUSTERS_MAX);
		for (unsigned c = 0; c < m->n_clusters; c++) {
			CU_ASSERT_EQUAL(m->cluster[c].first_cpu, next);
			next += m->cluster[c].n_cpus;
		}
		CU_ASSERT_EQUAL(machine_n_cpus(m), next);
	}
	CU_ASSERT_EQUAL(machine_n_cpus(machine_by_name("m1")), 8);
	CU_ASSERT_EQUAL(machine_n_cpus(machine_by_name("m1-max")), 10);
}

static void names_the_boot_device_as_the_log_does(void)
{
	char path[MACHINE_PATH_MAX];

	machine_volume_path(machine_by_name("m1-pro"), "Macintosh HD", 1, path);
	CU_ASSERT_STRING_EQUAL(
		path,
		"IOService:/AppleARMPE/arm-io/AppleT600xIO/ans@8F400000/AppleASCWrapV4/"
		"iop-ans-nub/RTBuddyV2/RTBuddyService/AppleANS3NVMeController/NS_01@1/"
		"IOBlockStorageDriver/APPLE SSD AP2048R Media/IOGUIDPartitionScheme/"
		"Container@2/AppleAPFSContainerScheme/AppleAPFSMedia/"
		"AppleAPFSContainer/Macintosh HD@1");
}

static void a_long_name_is_cut(void)
{
	char name[2 * MACHINE_PATH_MAX], path[MACHINE_PATH_MAX];

	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	machine_volume_path(machine_by_name("m1"), name, 1, path);
	CU_ASSERT_EQUAL(strlen(path), MACHINE_PATH_MAX - 1);
}

static void catalina_is_for_intel_alone(void)
{
	const struct release *r = release_by_name("10.15.1");

	for (size_t i = 0; machine_at(i); i++)
		CU_ASSERT_EQUAL(machine_runs(machine_at(i), r),
				!machine_at(i)->apple_silicon);
}

/* What the kernel asks of a volume it can only ask when somebody verified it. */
static void rows_are_consistent(void)
{
	for (size_t i = 0; machine_at(i); i++) {
		const struct machine_model *m = machine_at(i);
		bool as = m->arch == MACHO_ARM64E;

		CU_ASSERT_EQUAL(m->apple_silicon, as);
		CU_ASSERT_EQUAL(m->csr_in_local_policy, as);
		CU_ASSERT_EQUAL(m->isc_disk != 0, as);
		CU_ASSERT_EQUAL(m->secure_boot == SECURE_BOOT_LOCAL_POLICY, as);
		CU_ASSERT_EQUAL(m->secure_boot == SECURE_BOOT_T2, m->t2);
		CU_ASSERT_EQUAL(m->chip_id != 0, m->chip != NULL);
		CU_ASSERT(m->main_disk > 0 && m->main_partition > 0);
	}
}

TEST_MAIN("machine", {"is found by its name", is_found_by_name},
	  {"hints at a near name", hints_at_a_near_name},
	  {"CPUs are numbered through", cpus_are_numbered_through},
	  {"names the boot device as the log does",
	   names_the_boot_device_as_the_log_does},
	  {"a long volume name is cut", a_long_name_is_cut},
	  {"Catalina is for Intel alone", catalina_is_for_intel_alone},
	  {"rows are consistent", rows_are_consistent})
