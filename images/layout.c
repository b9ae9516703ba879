/* SPDX-License-Identifier: MIT */
#include "images/layout.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "sim/formats/apfs/raw.h"
#include "sim/formats/gpt/gpt.h"

#define MIB 1048576ull
#define GIB (1ull << 30)

const struct volume_kind volume_kinds[VOLUME_MAX] = {
	[VOLUME_SYSTEM] = {"system.mtree", "system volume", NULL, APFS_ROLE_SYSTEM, true},
	[VOLUME_DATA] = {"data.mtree", "data volume", "Data", APFS_ROLE_DATA, true},
	[VOLUME_PREBOOT] = {"preboot.mtree", "preboot volume", "Preboot", APFS_ROLE_PREBOOT,
			    false},
	[VOLUME_RECOVERY] = {"recovery.mtree", "recovery volume", "Recovery",
			     APFS_ROLE_RECOVERY, false},
	[VOLUME_VM] = {"vm.mtree", "VM volume", "VM", APFS_ROLE_VM, false},
	[VOLUME_UPDATE] = {"update.mtree", "update volume", "Update", APFS_ROLE_UPDATE,
			   false},
	[VOLUME_ISC_PREBOOT] = {"isc-preboot.mtree", "iSCPreboot volume", "iSCPreboot",
				APFS_ROLE_PREBOOT, false},
	[VOLUME_ISC_XART] = {"isc-xart.mtree", "xART volume", "xART", APFS_ROLE_XART, false},
	[VOLUME_ISC_HARDWARE] = {"isc-hardware.mtree", "hardware volume", "Hardware",
				 APFS_ROLE_HARDWARE, false},
	[VOLUME_ISC_RECOVERY] = {"isc-recovery.mtree", "recovery volume of iSC", "Recovery",
				 APFS_ROLE_RECOVERY, false},
	[VOLUME_SFR_RECOVERY] = {"sfr-recovery.mtree", "system recoveryOS volume",
				 "Recovery", APFS_ROLE_RECOVERY, false},
	[VOLUME_SFR_UPDATE] = {"sfr-update.mtree", "update volume of recoveryOS", "Update",
			       APFS_ROLE_UPDATE, false},
};

/* ---- partition tables ---- */

/* GUIDs of a disk: fixed, so that a disk's bytes depend on its spec alone. */
#define GUID(last) "4B455854-4C41-4200-8000-0000000000" last

#define ESP_OFFSET      MIB /* sector 40 on Macs */
#define ESP_SIZE        (200 * MIB)
#define INTEL_MAIN_SIZE (3 * GIB)

static const struct gpt_scheme intel_scheme = {
	.name = "intel-1",
	.guid = GUID("00"),
	.slots = {{"EFI System Partition", GPT_TYPE_ESP, GUID("01"), ESP_OFFSET, ESP_SIZE},
		  {"Container", GPT_TYPE_APFS, GUID("02"), ESP_OFFSET + ESP_SIZE,
		   INTEL_MAIN_SIZE}},
	.n_slots = 2,
};

/* 500 MiB, the rest of the SSD and 5 GiB on a Mac of 256 GB. */
#define ISC_OFFSET MIB
#define ISC_SIZE   (2 * GIB)
#define AS_OFFSET  (ISC_OFFSET + ISC_SIZE)
#define AS_SIZE    (4 * GIB)
#define SFR_OFFSET (AS_OFFSET + AS_SIZE)
#define SFR_SIZE   GIB

static const struct gpt_scheme apple_silicon_scheme = {
	.name = "apple-silicon-1",
	.guid = GUID("10"),
	.slots = {{"iBootSystemContainer", GPT_TYPE_APFS_ISC, GUID("11"), ISC_OFFSET,
		   ISC_SIZE},
		  {"Container", GPT_TYPE_APFS, GUID("12"), AS_OFFSET, AS_SIZE},
		  {"RecoveryOSContainer", GPT_TYPE_APFS_RECOVERY, GUID("13"), SFR_OFFSET,
		   SFR_SIZE}},
	.n_slots = 3,
};

/* ---- disks ---- */

#define INTEL_DISK(n, ...)                                                               \
	{                                                                                \
		.gpt = &intel_scheme,                                                    \
		.containers = {{2, VOLUME_DATA, {__VA_ARGS__}, n}},                      \
		.n_containers = 1, .data_suffix = " - Data",                             \
	}

/* The orders that were seen on Macs with 10.15. */
static const struct disk_layout intel_upgraded =
	INTEL_DISK(5, VOLUME_DATA, VOLUME_PREBOOT, VOLUME_RECOVERY, VOLUME_VM, VOLUME_SYSTEM);
static const struct disk_layout intel_clean =
	INTEL_DISK(5, VOLUME_SYSTEM, VOLUME_DATA, VOLUME_PREBOOT, VOLUME_RECOVERY, VOLUME_VM);

/* An update to 11 adds a volume to those; a new installation of 11 has an order of its own. */
static const struct disk_layout intel_sealed_upgraded =
	INTEL_DISK(6, VOLUME_DATA, VOLUME_PREBOOT, VOLUME_RECOVERY, VOLUME_VM, VOLUME_SYSTEM,
		   VOLUME_UPDATE);
static const struct disk_layout intel_sealed_clean =
	INTEL_DISK(6, VOLUME_DATA, VOLUME_PREBOOT, VOLUME_RECOVERY, VOLUME_SYSTEM,
		   VOLUME_UPDATE, VOLUME_VM);

static const struct disk_layout apple_silicon = {
	.gpt = &apple_silicon_scheme,
	.containers = {{2,
			VOLUME_DATA,
			{VOLUME_SYSTEM, VOLUME_PREBOOT, VOLUME_RECOVERY, VOLUME_UPDATE,
			 VOLUME_DATA, VOLUME_VM},
			6},
		       {1,
			VOLUME_ISC_PREBOOT,
			{VOLUME_ISC_PREBOOT, VOLUME_ISC_XART, VOLUME_ISC_HARDWARE,
			 VOLUME_ISC_RECOVERY},
			4},
		       {3, VOLUME_SFR_RECOVERY, {VOLUME_SFR_RECOVERY, VOLUME_SFR_UPDATE}, 2}},
	.n_containers = 3,
};

static const struct {
	bool apple_silicon, sealed;
	const struct disk_layout *by_order[2];
} layouts[] = {
	{false,
	 false,
	 {[VOLUME_ORDER_UPGRADED] = &intel_upgraded, [VOLUME_ORDER_CLEAN] = &intel_clean}},
	{false,
	 true,
	 {[VOLUME_ORDER_UPGRADED] = &intel_sealed_upgraded,
	  [VOLUME_ORDER_CLEAN] = &intel_sealed_clean}},
	{true,
	 true,
	 {[VOLUME_ORDER_UPGRADED] = &apple_silicon, [VOLUME_ORDER_CLEAN] = &apple_silicon}},
};

const struct machine_model *disk_machine(const struct disk_spec *spec)
{
	return spec->machine ? spec->machine : machine_by_name("intel");
}

int disk_layout(const struct disk_spec *spec, const struct disk_layout **ret, struct err *e)
{
	const struct machine_model *m = disk_machine(spec);

	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++)
		if (machine_runs(m, spec->release) &&
		    layouts[i].apple_silicon == m->apple_silicon &&
		    layouts[i].sealed == spec->release->sealed_system) {
			*ret = layouts[i].by_order[spec->order];
			return 0;
		}
	return err_set(e, E_UNSUPPORTED, "macOS %s was not made for the machine '%s'",
		       spec->release->name, m->name);
}

bool layout_has(const struct disk_layout *l, enum volume v)
{
	for (size_t i = 0; i < l->n_containers; i++)
		for (size_t j = 0; j < l->containers[i].n_volumes; j++)
			if (l->containers[i].volumes[j] == v)
				return true;
	return false;
}

const struct gpt_slot *layout_partition(const struct disk_layout *l,
					const struct disk_container *c)
{
	return &l->gpt->slots[c->partition - 1];
}

uint64_t gpt_scheme_disk_size(const struct gpt_scheme *s)
{
	const struct gpt_slot *last = &s->slots[s->n_slots - 1];

	return last->offset + last->size + MIB;
}

int volume_name(const struct disk_layout *l, enum volume v, const char *system_name,
		char out[static VOLUME_NAME_MAX], struct err *e)
{
	const char *system = system_name ? system_name : "Macintosh HD";
	const struct volume_kind *k = &volume_kinds[v];
	int n;

	if (v == VOLUME_DATA && l->data_suffix)
		n = snprintf(out, VOLUME_NAME_MAX, "%s%s", system, l->data_suffix);
	else
		n = snprintf(out, VOLUME_NAME_MAX, "%s", k->name ? k->name : system);
	if (n >= VOLUME_NAME_MAX)
		return err_set(e, E_INVAL, "volume name too long: %s", system);
	return 0;
}

int volume_uuid(enum volume v, uint8_t out[static UUID_LEN], struct err *e)
{
	const char *label = volume_kinds[v].label;
	uint8_t digest[EVP_MAX_MD_SIZE];

	if (!EVP_Digest(label, strlen(label), digest, NULL, EVP_sha256(), NULL))
		return err_set(e, E_IO, "SHA-256 failed");
	memcpy(out, digest, UUID_LEN);
	out[6] = (uint8_t)((out[6] & 0x0f) | 0x50); /* version 5: by name */
	out[8] = (uint8_t)((out[8] & 0x3f) | 0x80);
	return 0;
}
