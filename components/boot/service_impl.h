/* SPDX-License-Identifier: MIT */
/* Between the files that make up the kernel's socket. */
#ifndef COMPONENTS_BOOT_SERVICE_IMPL_H
#define COMPONENTS_BOOT_SERVICE_IMPL_H

#include <jansson.h>

#include "components/boot/boot.h"

struct request {
	const json_t *json;
	size_t client; /* index in struct service */
	uid_t uid;
	pid_t pid; /* as the carrier numbers it */
	int file;      /* that came along; -1: none */
	json_t *reply; /* members may be added */
};

/* Members of a request; "" when there is none, or of another type. */
const char *request_text(const struct request *q, const char *key);
bool request_has_option(const struct request *q, const char *name);
/* E_NOTFOUND: no volume is called as "device" has it. */
int request_volume(struct boot *b, const struct request *q,
		   struct boot_volume **ret, struct err *e) MUST_CHECK;

/* An error with the number @error of <errno.h>. */
int refuse(struct err *e, int error, const char *form, ...) PRINTF_LIKE(3, 4);

enum service_who { ANYBODY, ROOT, LAUNCHD };

struct service_op {
	const char *name;
	int (*run)(struct boot *b, const struct request *q, struct err *e);
	enum service_who who;
};

/* One table for each file, each ending with a row without a name. */
extern const struct service_op service_volume_ops[], service_snapshot_ops[],
	service_kext_ops[], service_kext_request_ops[], service_policy_ops[], service_session_ops[];

/* service_kexts.c: OSKext::willShutdown() and its reverse. */
void service_kexts_disable(struct boot *b);
void service_kexts_enable(struct boot *b);

#endif
