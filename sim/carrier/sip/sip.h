/* SPDX-License-Identifier: MIT */
/*
 * System Integrity Protection as BPF LSM programs: loading them and filling their maps.
 * For boot alone; the programs are in the *.bpf.c files of this folder.
 */
#ifndef SIM_CARRIER_SIP_SIP_H
#define SIM_CARRIER_SIP_SIP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "sim/base/err.h"
#include "sim/carrier/sip/maps.h"

struct sip;

/*
 * Load and attach the programs; the policy speaks of nobody until sip_arm. It lives as
 * long as *ret, and ends with the process. E_INFRA with the kernel's reason.
 */
int sip_open(struct sip **ret, struct err *e) MUST_CHECK;
void sip_close(struct sip *s);

/* Put @c in place; its armed, shutting_down and console fields are kept from the last. */
int sip_configure(struct sip *s, const struct sip_config *c, struct err *e) MUST_CHECK;

/*
 * From now on the policy applies to every task in a PID namespace below the first that
 * executed a program of another volume than carrier_dev.
 * @console_dev, @console_ino: st_dev and st_ino of the console pipe.
 */
int sip_arm(struct sip *s, dev_t console_dev, ino_t console_ino,
	    struct err *e) MUST_CHECK;
int sip_begin_shutdown(struct sip *s, struct err *e) MUST_CHECK;
bool sip_shutting_down(const struct sip *s);

/* Add to the marks of the file that @st is of; a later kind of mark replaces an earlier.
 */
int sip_mark(struct sip *s, const struct stat *st, __u32 kind, __u64 classes,
	     struct err *e) MUST_CHECK;
/* False when it has none. */
bool sip_get_mark(const struct sip *s, const struct stat *st, struct sip_mark *ret);

int sip_entitle(struct sip *s, const struct stat *st, const struct sip_entitlements *ent,
		struct err *e) MUST_CHECK;
int sip_name_rule(struct sip *s, const char *name, const struct sip_name_rule *rule,
		  struct err *e) MUST_CHECK;

/* The ring buffer of struct sip_event: a map descriptor, owned by @s. */
int sip_events_fd(const struct sip *s);

/* st_dev in the kernel's encoding. */
__u32 sip_dev(dev_t dev);

#endif
