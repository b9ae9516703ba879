/* SPDX-License-Identifier: MIT */
/*
 * What apfs.kext decides when it mounts the root: is the snapshot the one whose root
 * hash Apple signed? 32 bytes are compared; the volume is never walked, so the cost does
 * not depend on its size. A pure function of what the caller found. What is logged before
 * ("Rooting from snapshot ...", "mounting volume ...") is the caller's, who mounts.
 */
#ifndef SIM_PLATFORM_SECUREBOOT_SSV_H
#define SIM_PLATFORM_SECUREBOOT_SSV_H

#include "sim/formats/image4/img4_verify.h"
#include "sim/formats/image4/isys.h"
#include "sim/platform/machine.h"
#include "sim/platform/release.h"

#define SSV_LINE_MAX  160u
#define SSV_LINES_MAX 8u
#define SSV_NVRAM_MAX 4u

/* Does a machine ask for an authenticated root? */
struct ssv_need {
	bool apple_silicon;
	bool lp_sip1;	 /* LocalPolicy: authenticated-root disabled */
	bool image_boot; /* BaseSystem from a disk image */
	uint32_t csr;	 /* Intel: csr-active-config */
};
bool ssv_need_auth(const struct ssv_need *n);

struct ssv_in {
	struct ssv_need need;
	enum machine_seal_end ending;	 /* how a refused root hash goes on */
	const struct release_apfs *apfs; /* source lines in its messages */
	const char *device;		 /* "disk3s1" */
	const char *volume_uuid;	 /* text, upper case: recovery-broken-seal-uuid */
	const char *snapshot; /* name that was looked for; "" when none is known */
	bool found;	      /* a tagged root snapshot is there */
	uint64_t snapshot_xid;
	bool sealed, broken; /* seal of the snapshot */
	const uint8_t
		*root_hash; /* 32 bytes of its integrity metadata; NULL: not sealed */
	uint32_t block_size;
	/* isys: ISYS_SIZE bytes, and what verifying its Image4 gave. */
	const uint8_t *payload;
	size_t payload_len;
	enum img4_result payload_result;
	/* May be NULL: called for each line of the log when it happens. */
	void (*line)(void *ctx, const char *text);
	void *line_ctx;
};

enum ssv_outcome {
	SSV_BOOTS,	/* authenticated */
	SSV_UNCHECKED,	/* boots, nobody asked */
	SSV_BOOTS_LIVE, /* boots from the live file system, nobody asked */
	SSV_REFUSED,	/* EAUTH */
	SSV_PANICS,
};

struct ssv_nvram {
	const char *name; /* of Apple's GUID */
	char value[64];
};

struct ssv_out {
	enum ssv_outcome outcome;
	int error;				/* Darwin errno: 0 or 80 (EAUTH) */
	char line[SSV_LINES_MAX][SSV_LINE_MAX]; /* what apfs logged, in order */
	size_t n_lines;
	char panic[256]; /* text of the panic, "" when there is none */
	struct ssv_nvram nvram[SSV_NVRAM_MAX]; /* to be written before the restart */
	size_t n_nvram;
	int64_t compare_ns; /* measured: authenticating the root hash alone */
};

/*
 * Decide. SSV_REFUSED goes on as @in->ending says: with a panic (out->panic), or in
 * recoveryOS, for which the variables of out->nvram are the message.
 */
void ssv_decide(const struct ssv_in *in, struct ssv_out *out);

/*
 * After the mount XNU asks the root volume whether it was authenticated
 * (FSIOC_KERNEL_ROOTAUTH), on machines that do so and unless that was switched off. NULL,
 * or the text of the panic.
 */
const char *ssv_rootauth(const struct machine_model *m, const struct ssv_need *n,
			 const struct ssv_out *out);

#endif
