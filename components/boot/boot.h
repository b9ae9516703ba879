/* SPDX-License-Identifier: MIT */
/*
 * A start of the Mac: what its firmware, booter and kernel know, and the stages that they
 * go through. What a stage is about, is in the file that has it:
 *
 *	devices.c       NVRAM, the chip's store, the volumes of the disk
 *	worlds.c        which stages a machine with a release goes through
 *	catalina.c      boot.efi and kernel of 10.15
 *	userspace.c     what the first program finds
 */
#ifndef COMPONENTS_BOOT_BOOT_H
#define COMPONENTS_BOOT_BOOT_H

#include "components/boot/kernelcache.h"
#include "components/boot/klog.h"
#include "components/boot/service.h"
#include "components/boot/volumes.h"
#include "sim/carrier/sip/sip.h"
#include "sim/platform/machine.h"
#include "sim/platform/nvram.h"
#include "sim/platform/release.h"

/* How the power button was used (boot_protocol.h). */
enum boot_button { BUTTON_PRESS, BUTTON_HOLD, BUTTON_DOUBLE };

/* How a start ends that does not come to launchd. */
enum boot_end {
	END_REFUSED, /* firmware or booter find nothing to start */
	END_PANIC,
	END_RESTART, /* the Mac starts anew by itself; NVRAM says into what */
};

struct boot {
	/* From outside. */
	const struct machine_model *machine;
	enum boot_button button;
	double time_factor;
	char hold[32]; /* "": nowhere */

	struct klog log;
	struct sip *sip; /* owned */

	/* Firmware and booter. */
	int nvram_fd;
	struct nvram nvram;
	struct volumes volumes;
	struct boot_choice choice;
	const struct boot_volume *root; /* the volume that the Mac's / is on */
	const struct boot_volume *kernel_volume;
	char kernel_path[BOOT_PATH_BUF]; /* on that one */
	struct kernelcache kernel;

	/* Kernel. */
	const struct release *release;
	const char *hostname;
	uint32_t csr; /* effective */
	struct service service;

	enum boot_end end;	    /* when a stage failed */
	char detail[ERR_MSG_MAX]; /* of the stage that runs, for its event */
};

struct boot_stage {
	const char *name; /* in the event boot.stage */
	int (*run)(struct boot *b, struct err *e);
};

/*
 * All stages up to launchd, as the machine and what is on its disk have them. An error
 * has its ending in b->end.
 */
int boot_start_up(struct boot *b, struct err *e) MUST_CHECK;

/* Unmount what is mounted and forget what is known of the disk. Reports the first error.
 */
int boot_undo(struct boot *b, struct err *e) MUST_CHECK;

/* devices.c */
int boot_read_nvram(struct boot *b, struct err *e) MUST_CHECK;
int boot_read_volumes(struct boot *b, struct err *e) MUST_CHECK;

/* userspace.c */
/* The event boot.kernel. */
void boot_tell_kernel(const struct boot *b);
/* /dev/xnu, SIP's facts, the kernel's socket. */
int boot_prepare_userspace(struct boot *b, struct err *e) MUST_CHECK;

/* catalina.c: stages, each table ending with a row without a name. */
extern const struct boot_stage catalina_firmware[], catalina_kernel[];

#endif
