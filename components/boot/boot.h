/* SPDX-License-Identifier: MIT */
/*
 * A start of the Mac: what its firmware, booter and kernel know, and the stages that they
 * go through. What a stage is about, is in the file that has it:
 *
 *	devices.c       NVRAM, the chip's store, the volumes of the disk
 *	worlds.c        which stages a machine with a release goes through
 *	catalina.c      boot.efi and kernel of 10.15
 *	firmware.c      11 and later: environment, chain of verification, kernel
 *	kernel.c        11 and later: XNU's start, kernel_kexts.c, root.c, mounts.c
 *	session.c       what userspace finds, and what is kept up to date for it
 */
#ifndef COMPONENTS_BOOT_BOOT_H
#define COMPONENTS_BOOT_BOOT_H

#include "components/boot/kernelcache.h"
#include "components/boot/klog.h"
#include "components/boot/live.h"
#include "components/boot/root_mount.h"
#include "components/boot/service.h"
#include "components/boot/volumes.h"
#include "sim/carrier/sip/sip.h"
#include "sim/platform/machine.h"
#include "sim/platform/nvram.h"
#include "sim/platform/release.h"
#include "sim/platform/secureboot/chain.h"
#include "sim/platform/secureboot/sep.h"

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

	/* Devices. */
	int nvram_fd, chip_fd; /* -1: not opened */
	struct nvram nvram;
	struct sb_chip chip;
	struct sep sep; /* on it */
	struct volumes volumes;

	/* Firmware and booter. */
	struct boot_choice choice;
	enum sep_env env;       /* what is started, as the Secure Enclave has it */
	char why[512];          /* Recovery, and not macOS; "" */
	struct sb_result chain; /* 11 and later */
	const struct boot_volume *kernel_volume;
	char kernel_path[BOOT_PATH_BUF]; /* on that one */
	struct kernelcache kernel;

	/* Kernel. */
	const struct release *release; /* of the system; at last of what / has */
	const char *hostname;
	char session[UUID_TEXT_MAX];
	uint32_t csr; /* effective */
	char boot_uuid[UUID_TEXT_MAX];  /* of the volume that is to be the root */
	const struct boot_volume *root; /* the volume that the Mac's / is on */
	char root_device[24];           /* "disk3s1s1" */
	struct rooted rooted;           /* 11 and later */
	struct live live;
	bool data_missing; /* firmlinks lead to folders in memory: Data was locked */
	struct service service;

	enum boot_end end;        /* when a stage failed */
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

/* Unmount what is mounted. Goes on after an error and reports the first. */
int boot_undo(struct boot *b, struct err *e) MUST_CHECK;
/* Forget all that is known of the disk and the devices, for another start or the end. */
void boot_forget(struct boot *b);

/*
 * At a point where a scenario may cut the power (b->hold): the host is told, and nothing
 * happens any more.
 */
void boot_hold_point(struct boot *b, const char *point);

/* devices.c */
int boot_read_nvram(struct boot *b, struct err *e) MUST_CHECK;
int boot_read_chip(struct boot *b, struct err *e) MUST_CHECK;
int boot_read_volumes(struct boot *b, struct err *e) MUST_CHECK;

/* session.c */
/* The event boot.kernel. */
void boot_tell_kernel(const struct boot *b);
/* /dev/xnu, SIP's facts, the kernel's socket; the clock is set right. */
int boot_prepare_userspace(struct boot *b, struct err *e) MUST_CHECK;

/* catalina.c: stages, each table ending with a row without a name. */
extern const struct boot_stage catalina_firmware[], catalina_kernel[];

#endif
