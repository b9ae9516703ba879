/* SPDX-License-Identifier: MIT */
/*
 * The chain of a boot: what is verified against what, in which order, and where a
 * failure ends. The chain itself is a table (chain_rows.c); this walks it.
 *
 *	Apple silicon  Boot ROM: LLB -> LLB: LocalPolicy, iBoot -> iBoot: device tree,
 *	               root hash, trust caches, kernel -> XNU: root hash (ssv.h)
 *	T2             T2: boot.efi -> boot.efi: Boot kernel collection, both by manifests
 *	               of the board -> XNU: OS.dmg.root_hash
 *	Intel          nothing before XNU -> XNU: OS.dmg.root_hash
 */
#ifndef SIM_PLATFORM_SECUREBOOT_CHAIN_H
#define SIM_PLATFORM_SECUREBOOT_CHAIN_H

#include "sim/formats/image4/isys.h"
#include "sim/platform/machine.h"
#include "sim/platform/nvram.h"
#include "sim/platform/secureboot/chip.h"
#include "sim/platform/secureboot/localpolicy.h"

enum sb_volume { SB_ISCPREBOOT, SB_PREBOOT, SB_RECOVERY, SB_N_VOLUMES };

/* Files of the volumes that are needed before there is a kernel. */
struct sb_files {
	void *ctx;
	/* Append the file to @out. E_NOTFOUND; E_OVERFLOW for more than @max bytes. */
	int (*read)(void *ctx, enum sb_volume v, const char *path, size_t max,
		    struct buf *out, struct err *e);
};

enum sb_stage { SB_BOOT_ROM, SB_LLB, SB_IBOOT, SB_T2, SB_BOOT_EFI, SB_XNU };
const char *sb_stage_name(enum sb_stage s);

/* Against what an object is verified. */
enum sb_against {
	SB_BY_FUSE,	 /* digest of the root's public key in the fuses */
	SB_BY_SIGNATURE, /* its own manifest: chain to the root, this chip */
	SB_BY_SYNTAX,	 /* can be read at all */
	SB_BY_SEP,	 /* owner key and nonces of the Secure Enclave */
	SB_BY_NSIH,	/* its manifest is the one the LocalPolicy names, and authentic */
	SB_BY_MANIFEST, /* digest in the manifest of the stage before */
	SB_BY_OWNER,	/* a linked manifest that the owner key signed */
	SB_BY_NOTHING,
	SB_BY_SEAL, /* root hash of the volume; not walked here but by ssv.h */
	SB_N_AGAINST
};
const char *sb_against_text(enum sb_against a);

/* Where a failure leads. */
enum sb_end {
	SB_GOES_ON, /* boots; of a failed step: without this object */
	SB_TO_DFU,
	SB_TO_RECOVERY,
	SB_STOPS,    /* x86: the booter shows the prohibitory sign */
	SB_TO_PANIC, /* XNU's to do; of rows alone */
};

/* x86: files are what they are, and their manifest lies beside them. */
enum sb_beside {
	SB_INSIDE,    /* an IMG4 */
	SB_IM4M,      /* X.im4m */
	SB_BOARD_IM4M /* X.<board>.im4m */
};

struct sb_row {
	enum sb_stage stage;
	uint32_t object;  /* 'illb', 'lpol', ...; 0: not an object */
	const char *what; /* "static trust cache" */
	enum sb_against against;
	/* Below the boot folder (x86: that of the volume group); NULL: not a file */
	const char *path;
	enum sb_beside im4m;
	bool optional; /* may be absent from the manifest */
	enum sb_end on_failure;
};
/* The rows of machines of this kind, in order; of its recoveryOS. */
const struct sb_row *sb_rows(enum machine_secure_boot s, bool recovery, size_t *ret_n);

#define SB_STEPS_MAX 24u

struct sb_step {
	const struct sb_row *row;
	enum img4_result result;
	bool absent; /* optional and not there */
	int64_t ns;  /* reading not counted: verifying alone */
	int64_t read_ns;
	uint64_t size;	/* bytes of the file */
	char path[256]; /* of what was verified */
	char why[256];	/* when it failed */
};

struct sb_boot {
	const struct machine_model *machine;
	const struct sb_files *files;
	struct sb_chip *chip;
	const struct nvram *nvram; /* boot-volume; may be NULL when @group is given */
	/* Volume group (Intel: folder of Preboot) to start, upper-case text; "": NVRAM's.
	 */
	char group[UUID_TEXT_MAX];
	bool recovery; /* start its recoveryOS, from volume SB_RECOVERY */
	/* May be NULL: called after each step, while it happens. */
	void (*step)(void *ctx, const struct sb_step *s);
	void *step_ctx;
};

struct sb_result {
	enum sb_end end;	 /* SB_GOES_ON: the kernel may be started */
	enum img4_result result; /* of the step that ended it */
	struct sb_step step[SB_STEPS_MAX];
	size_t n_steps;
	char group[UUID_TEXT_MAX];

	bool has_policy; /* Apple silicon */
	struct local_policy policy;
	char policy_path[LP_PATH_MAX];
	enum sb_level level;
	bool proposed; /* the policy is the proposed one: an update was cut off */

	uint8_t nsih[IMG4_DIGEST_LEN];
	char boot_manifest_hash[LP_DIGEST_TEXT_MAX]; /* /chosen boot-manifest-hash */
	char boot_objects_path[192];		     /* /chosen: "/<GROUP>/boot/<nsih>" */

	struct buf kernel_file; /* what was read and verified; owned */
	struct span kernel;	/* its payload: a Mach-O */
	char kernel_path[256];
	bool has_auxkc;
	struct buf auxkc_file;
	struct span auxkc;

	bool has_root_hash;
	uint8_t root_hash[ISYS_SIZE];	   /* /chosen system-volume-auth-blob */
	enum img4_result root_hash_result; /* x86: XNU's own verdict; else IMG4_OK */
	char root_snapshot[96];		   /* /chosen root-snapshot-name */

	char breadcrumbs[2048]; /* NVRAM failboot-breadcrumbs */
};

/* SIP's flags by the LocalPolicy (Apple silicon), as CSR_ALLOW_* of csr.h. */
uint32_t sb_result_csr(const struct sb_result *r);

/*
 * Walk the chain. Returns an error only when it could not be walked (memory, the callback
 * failed otherwise than with E_NOTFOUND, E_CORRUPT, E_BADHASH or E_OVERFLOW); a chain
 * that does not hold is a result. Release with sb_result_release in any case.
 */
int sb_boot_verify(const struct sb_boot *b, struct sb_result *ret,
		   struct err *e) MUST_CHECK;
void sb_result_release(struct sb_result *r);

/*
 * NVRAM boot-volume, "<GPT type>:<GPT partition>:<volume group>": in the partition's UUID
 * the first three components are byte-swapped. E_INVAL for another form.
 */
#define SB_BOOT_VOLUME_MAX 112u
int sb_boot_volume_write(const uint8_t type[static UUID_LEN],
			 const uint8_t part[static UUID_LEN], const char *group,
			 char out[static SB_BOOT_VOLUME_MAX], struct err *e) MUST_CHECK;
int sb_boot_volume_parse(const char *text, size_t len, char group[static UUID_TEXT_MAX],
			 struct err *e) MUST_CHECK;

#endif
