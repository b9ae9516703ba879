/* SPDX-License-Identifier: MIT */
#include "images/seal_signature.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sim/formats/image4/isys.h"
#include "sim/platform/secureboot/layout.h"

#define NSIH_DIGITS (2 * IMG4_DIGEST_LEN)

struct finder {
	struct apfs_volume *v; /* Preboot */
	const char *group;
	struct seal_signature *ret;
};

void seal_signature_release(struct seal_signature *s)
{
	buf_release(&s->file);
	buf_release(&s->manifest_file);
	*s = (struct seal_signature){.found = false};
}

static void wrong(struct seal_signature *s, const struct err *why)
{
	snprintf(s->why, sizeof(s->why), "%.250s", why->msg);
}

/* ---- the files ---- */

/* Read @path of Preboot; *ret: is there such a file? */
static int take_file(struct finder *f, const char *path, struct buf *out, bool *ret,
		     struct err *e)
{
	int r = apfs_read_path(f->v, path, SEAL_SIGNATURE_MAX, out, e);

	*ret = !r;
	if (r != -E_NOTFOUND)
		return r;
	err_clear(e);
	return 0;
}

static int firmware_file(struct finder *f, const char *nsih, struct err *e)
{
	struct seal_signature *s = f->ret;

	snprintf(s->path, sizeof(s->path),
		 "/%s/boot/%.*s/usr/standalone/firmware/root_hash.img4", f->group,
		 (int)NSIH_DIGITS, nsih);
	snprintf(s->manifest_path, sizeof(s->manifest_path), "%s", s->path);
	return take_file(f, s->path, &s->file, &s->found, e);
}

/* Call it with the names of a folder until something is found. Absent: none. */
static int each_name(struct finder *f, const char *dir,
		     int (*fn)(struct finder *f, const char *name, struct err *e),
		     const bool *found, struct err *e)
{
	const struct apfs_dirent *ent;
	struct apfs_inode ino;
	struct apfs_dir *d;
	int r = apfs_lookup(f->v, dir, APFS_FOLLOW, &ino, e);

	if (r == -E_NOTFOUND) {
		err_clear(e);
		return 0;
	}
	if (!r)
		r = apfs_dir_open(f->v, ino.ino, &d, e);
	if (r)
		return r;
	while (!(r = apfs_dir_next(d, &ent, e)) && ent && !*found) {
		r = fn(f, ent->name, e);
		if (r)
			break;
	}
	apfs_dir_close(d);
	return r;
}

static int try_boot_folder(struct finder *f, const char *name, struct err *e)
{
	return strlen(name) == NSIH_DIGITS ? firmware_file(f, name, e) : 0;
}

/* Apple silicon: of the boot folder that is active, or else of any. */
static int find_firmware(struct finder *f, struct err *e)
{
	struct buf active = BUF_INIT;
	char path[256];
	bool there;
	int r;

	snprintf(path, sizeof(path), "/%s/boot/active", f->group);
	r = take_file(f, path, &active, &there, e);
	if (!r && active.len >= NSIH_DIGITS)
		r = firmware_file(f, buf_str(&active), e);
	buf_release(&active);
	snprintf(path, sizeof(path), "/%s/boot", f->group);
	if (!r && !f->ret->found)
		r = each_name(f, path, try_boot_folder, &f->ret->found, e);
	return r;
}

static int try_manifest(struct finder *f, const char *name, struct err *e)
{
	static const char start[] = "OS.dmg.root_hash", end[] = ".im4m";
	struct seal_signature *s = f->ret;
	size_t n = strlen(name);
	bool there;

	if (strncmp(name, start, strlen(start)) || n < strlen(end) ||
	    strcmp(name + n - strlen(end), end))
		return 0;
	snprintf(s->manifest_path, sizeof(s->manifest_path), "/%s/usr/standalone/%s",
		 f->group, name);
	return take_file(f, s->manifest_path, &s->manifest_file, &there, e);
}

static int find_standalone(struct finder *f, struct err *e)
{
	struct seal_signature *s = f->ret;
	char dir[128];
	bool enough = false;
	int r;

	snprintf(dir, sizeof(dir), "/%s/usr/standalone", f->group);
	snprintf(s->path, sizeof(s->path), "%s/OS.dmg.root_hash", dir);
	snprintf(s->manifest_path, sizeof(s->manifest_path), "%s", s->path);
	r = take_file(f, s->path, &s->file, &s->found, e);
	if (!r && s->found)
		r = each_name(f, dir, try_manifest, &enough, e);
	return r;
}

/* ---- what is in them ---- */

static int take_payload(struct seal_signature *s, const struct im4p *p, struct err *e)
{
	struct isys isys;
	const uint8_t *hash;
	int r = 0;

	if (p->type != SB_ISYS && p->type != SB_XSYS)
		r = err_set(e, E_CORRUPT, "the payload is no root hash");
	if (!r)
		r = isys_parse(p->data.p, p->data.len, &isys, e);
	if (!r)
		r = isys_hash(&isys, APFS_BLOCK_SIZE, &hash, e);
	if (r)
		return r;
	s->readable = true;
	memcpy(s->hash, hash, sizeof(s->hash));
	return 0;
}

static void judge(struct seal_signature *s, const struct im4m *m, const struct im4p *p,
		  struct span anchor)
{
	uint8_t digest[IMG4_DIGEST_LEN];
	struct err why = ERR_INIT;

	s->checked = true;
	s->result = img4_authentic(m, anchor, &why);
	if (s->result == IMG4_OK)
		s->result = img4_digest(p->whole, digest, &why)
				    ? IMG4_ENOMEM
				    : img4_digest_is(m, p->type, digest, &why);
	if (s->result != IMG4_OK)
		wrong(s, &why);
}

static void parse(struct seal_signature *s, struct span anchor)
{
	struct err why = ERR_INIT;
	struct img4 img;
	struct im4m apart;
	const struct im4m *m = &apart;
	int r = img4_parse(s->file.data, s->file.len, &img, &why);

	/* A payload without IMG4 around it. */
	if (r) {
		err_clear(&why);
		img.has_manifest = false;
		r = im4p_parse(s->file.data, s->file.len, &img.payload, &why);
	}
	if (!r)
		r = take_payload(s, &img.payload, &why);
	if (!r && img.has_manifest)
		m = &img.manifest;
	else if (!r && s->manifest_file.len)
		r = im4m_parse(s->manifest_file.data, s->manifest_file.len, &apart, &why);
	else if (!r)
		return;
	if (r) {
		wrong(s, &why);
		return;
	}
	s->has_manifest = true;
	if (anchor.len)
		judge(s, m, &img.payload, anchor);
}

/* The slot of the Preboot volume of @c, or -E_NOTFOUND. */
static int find_preboot(struct apfs *c, struct apfs_volume **ret, struct err *e)
{
	unsigned slot;
	int r = apfs_volume_find_role(c, APFS_ROLE_PREBOOT, &slot, e);

	return r ? r : apfs_volume_open(c, slot, NULL, ret, e);
}

int seal_signature_find(struct seal_place *p, struct span anchor,
			struct seal_signature *ret, struct err *e)
{
	struct finder f = {.ret = ret};
	int r;

	*ret = (struct seal_signature){.found = false};
	f.group = p->volume.group[0] ? p->volume.group : p->volume.uuid;
	r = find_preboot(p->apfs, &f.v, e);
	if (r == -E_NOTFOUND) {
		err_clear(e);
		return 0;
	}
	if (r)
		return r;
	r = find_firmware(&f, e);
	if (!r && !ret->found)
		r = find_standalone(&f, e);
	apfs_volume_close(f.v);
	if (r)
		return err_ctx(e, "Preboot");
	if (ret->found)
		parse(ret, anchor);
	return 0;
}
