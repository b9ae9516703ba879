/* SPDX-License-Identifier: MIT */
#include "images/signing.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "images/firmware.h"
#include "sim/base/fsio.h"
#include "sim/platform/csr.h"

int signer_init(struct signer *s, const char *build_dir, struct err *e)
{
	char dir[PATH_MAX];
	int r;

	*s = (struct signer){.services = {.ctx = NULL}};
	sb_chip_init(&s->chip);
	r = fsio_join(dir, sizeof(dir), build_dir, IMAGE_KEYS, e);
	if (!r)
		r = sb_keys_load(dir, &s->keys, e);
	s->services = sb_keys_services(&s->keys);
	return r;
}

void signer_release(struct signer *s)
{
	sb_chip_release(&s->chip);
	sb_keys_release(&s->keys);
}

int signer_new_chip(struct signer *s, const struct disk_spec *spec, struct err *e)
{
	const struct machine_model *m = disk_machine(spec);
	const struct img4_chip id = {
		.chip = m->chip_id ? m->chip_id : IMG4_SOFTWARE_CHIP,
		.bord = m->board_id,
		.cepo = 1,
		.sdom = 1,
		.cpro = true,
		.csec = true,
	};

	return sb_chip_make(&s->chip, &id, &s->keys, e);
}

/* Flags of csrctl beside those of SIP proper have a field of their own in a policy. */
static void set_sip(struct local_policy *p, uint32_t csr)
{
	uint32_t sip0 = csr & ~(uint32_t)CSR_ALLOW_UNAUTHENTICATED_ROOT;

	if (sip0)
		lp_set_number(p, LP_SIP0, sip0);
	if (csr & CSR_ALLOW_UNAUTHENTICATED_ROOT)
		lp_set_number(p, LP_SIP1, 1);
}

/* The volume with the recoveryOS that belongs to the system. */
static enum volume recovery_of(const struct disk_spec *spec)
{
	bool shared = disk_machine(spec)->apple_silicon && !spec->release->paired_recovery;

	return shared ? VOLUME_SFR_RECOVERY : VOLUME_RECOVERY;
}

/* Folder @path and all in it, which are small files, into another volume's tree. */
static int copy_folder(const struct fs_tree *from, const char *path, struct fs_tree *to,
		       struct err *e)
{
	size_t len = strlen(path);
	char buf[PATH_MAX];
	int r = 0;

	for (struct fs_node *n = from->root; n && !r; n = fs_tree_next(from, n)) {
		const char *at = fs_node_path(n, buf, sizeof(buf));

		if (S_ISREG(n->mode) && !strncmp(at, path, len) && at[len] == '/')
			r = fs_tree_file(to, at, n->mode, n->data, n->size, NULL, e);
	}
	return r;
}

/*
 * The system's own recoveryOS, which is started when the paired one cannot be, has the
 * same objects.
 */
static int share_recovery(struct disk_trees *v, const char *group, struct err *e)
{
	char path[UUID_TEXT_MAX + sizeof("//boot")];

	snprintf(path, sizeof(path), "/%s/boot", group);
	return copy_folder(&v->tree[VOLUME_RECOVERY], path, &v->tree[VOLUME_SFR_RECOVERY],
			   e);
}

int signer_install(struct signer *s, const struct disk_spec *spec, struct disk_trees *v,
		   const uint8_t root_hash[static ISYS_HASH_LEN], struct err *e)
{
	const struct machine_model *m = disk_machine(spec);
	enum volume recovery = recovery_of(spec);
	char group[UUID_TEXT_MAX], love[RELEASE_BANNER_MAX];
	struct local_policy policy = {0};
	struct sb_install_spec is = {
		.machine = m,
		.services = &s->services,
		.group = group,
		.os_version = love,
		.level = spec->security,
		.policy = &policy,
		.recovery = &v->tree[recovery],
	};
	struct firmware f;
	int r;

	uuid_text(v->uuid[VOLUME_DATA], group);
	release_love(spec->release, love);
	memcpy(is.root_hash, root_hash, sizeof(is.root_hash));
	set_sip(&policy, spec->csr);
	r = firmware_make(spec, &v->tree[VOLUME_SYSTEM], &v->tree[recovery],
			  &v->made.kernels.boot_collection, &f, e);
	is.objects = f.object;
	is.n_objects = f.n;
	if (!r)
		r = sb_install(&is, &v->tree[VOLUME_PREBOOT],
			       m->apple_silicon ? &v->tree[VOLUME_ISC_PREBOOT] : NULL,
			       &s->chip, e);
	if (!r && m->apple_silicon && recovery == VOLUME_RECOVERY)
		r = share_recovery(v, group, e);
	firmware_release(&f);
	return r ? err_ctx(e, "signing the system") : 0;
}
