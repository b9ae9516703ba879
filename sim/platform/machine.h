/* SPDX-License-Identifier: MIT */
/*
 * Machines: one row per Mac. Every difference between machines that matters here is a
 * field of the row; no code asks for a machine by name. Host and guest hold the same
 * table. What depends on the build of macOS is in release.h; what depends on both is
 * asked with both.
 */
#ifndef SIM_PLATFORM_MACHINE_H
#define SIM_PLATFORM_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/nearest.h"
#include "sim/formats/macho/arch.h"

#define MACHINE_CLUSTERS_MAX 3
#define MACHINE_PATH_MAX     512 /* of a path in the I/O Registry, with the NUL */

/* CPUs that start together; numbers as cpu_start() prints them. */
struct machine_cluster {
	char type; /* 'E' or 'P' as in the device tree; 0: the chip has no clusters */
	uint8_t first_cpu, n_cpus;
};

/* Who answers for what the machine starts, and where its owner sets how strictly. */
enum machine_secure_boot {
	SECURE_BOOT_NONE, /* Intel without T2: nobody verifies booter and kernel */
	SECURE_BOOT_T2,	  /* the T2 verifies boot.efi, boot.efi the collections */
	SECURE_BOOT_LOCAL_POLICY, /* Boot ROM, LLB, LocalPolicy, iBoot */
};

/* Where the System volume's root hash that the kernel compares with comes from. */
enum machine_root_hash {
	ROOT_HASH_OF_PREBOOT, /* the kernel authenticates OS.dmg.root_hash itself */
	ROOT_HASH_OF_BOOTER,  /* iBoot verified root_hash.img4 and forwards it */
};

/* How a start ends whose seal does not hold (unless the owner switched that off). */
enum machine_seal_end {
	SEAL_END_PANIC,	   /* at every start again, until the seal is mended */
	SEAL_END_RECOVERY, /* NVRAM recovery-boot-mode=ssv-seal-broken, then Recovery */
};

struct machine_model {
	const char *name;      /* what scenarios say: "m1-pro" */
	const char *model;     /* "MacBookPro18,1" */
	const char *board;     /* "j316s": part of the names of manifests by board */
	const char *chip;      /* "T6000"; NULL without a chip of Apple's */
	const char *chip_name; /* "Apple M1 Pro", "Intel Core i7" */
	const char *hostname;
	uint32_t chip_id,
		board_id; /* CHIP and BORD of manifests; 0 without such a chip */

	enum macho_cpu arch;
	bool apple_silicon, t2;
	const char *kernel; /* build of the kernel: "RELEASE_ARM64_T6000" */
	const char *kexts;  /* build of its kexts: "RELEASE_ARM64E" */
	struct machine_cluster cluster[MACHINE_CLUSTERS_MAX]; /* boot core is CPU 0 */
	unsigned n_clusters;
	bool locks_ctrr; /* first core of each cluster locks its kernel text */

	enum machine_secure_boot secure_boot;
	enum machine_root_hash root_hash;
	enum machine_seal_end seal_end;
	/* After the mount the kernel asks the root volume whether it was authenticated
	 * (FSIOC_KERNEL_ROOTAUTH), and panics when not. */
	bool asks_rootauth;
	bool csr_in_local_policy; /* SIP flags; else NVRAM csr-active-config */
	bool boots_by_iboot;	  /* else boot.efi: names in NVRAM and in the log */

	/* Disk 0 is the SSD; of these containers 0 means that there is none. */
	unsigned main_disk, isc_disk, recovery_disk; /* BSD numbers: 3 is disk3 */
	unsigned main_partition;		     /* of disk0, from 1 */
	unsigned main_minor; /* device minor of the main container; volume n has n more */
	const char *registry_path; /* of the SSD's first name space */
	const char *ssd;	   /* "APPLE SSD AP2048R" */

	/* How far the calendar clock is ahead of the truth until userspace steps it
	 * back: why a log has stamps of kernelmanagerd from before the root mount. */
	int64_t clock_ahead_us;
	unsigned first_darwin; /* major version of the first release for it */
};

/* NULL when there is none. */
const struct machine_model *machine_by_name(const char *name);
/* Names for error messages: a hint behind "unknown machine '@name'", see nearest_hint. */
const char *machine_hint(const char *name, char out[static NEAREST_HINT_MAX]);
/* The rows in the order in which they are documented; NULL from the end of the table. */
const struct machine_model *machine_at(size_t i);

unsigned machine_n_cpus(const struct machine_model *m);
/* The number that the kernel prints for a cluster type: E 1, P 2, none 0. */
unsigned machine_cluster_type_number(char type);

struct release;
/* Was @r made for @m? */
bool machine_runs(const struct machine_model *m, const struct release *r);

/* Where volume @number (from 1) named @volume of the main container is in the I/O
 * Registry: what the kernel prints behind "Got boot device = ". Cut when too long. */
void machine_volume_path(const struct machine_model *m, const char *volume,
			 unsigned number, char out[static MACHINE_PATH_MAX]);

#endif
