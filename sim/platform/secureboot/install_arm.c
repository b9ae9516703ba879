/* SPDX-License-Identifier: MIT */
/* Apple silicon: LLB in NOR, one manifest on Preboot, a LocalPolicy. */
#include <stdio.h>
#include <string.h>

#include "sim/platform/secureboot/install_impl.h"
#include "sim/platform/secureboot/tree_files.h"

/*
 * Nonces of an installation: each follows from the one before, so that the same disk
 * comes out whenever it is made.
 */
static bool next_nonce(void *ctx, uint8_t out[static SB_NONCE_LEN])
{
	const struct sb_chip *chip = ctx;
	uint8_t digest[IMG4_DIGEST_LEN];
	struct span last = {chip->sep.nonce[SEP_LPN].blessed, SB_NONCE_LEN};

	if (img4_digest(last, digest, NULL))
		return false;
	memcpy(out, digest, SB_NONCE_LEN);
	return true;
}

/* A restored system gets a nonce that no manifest had before. */
static int roll_generator(struct sb_chip *chip, struct err *e)
{
	uint8_t digest[IMG4_DIGEST_LEN];
	int r;

	if (!sb_chip_nor(chip, SB_ILLB))
		return 0; /* a new chip: the first one is still unused */
	r = img4_digest((struct span){chip->generator, sizeof(chip->generator)}, digest,
			e);
	memcpy(chip->generator, digest, sizeof(chip->generator));
	return r;
}

/* Rows of the first stage are in NOR; all of them have one manifest, made for this chip.
 */
static int install_nor(const struct sb_install_spec *s, struct sb_chip *chip,
		       struct err *e)
{
	struct bundle b = {.n = 0};
	struct bundle_target t = {
		.chip = &chip->id, .personal = true, .generator = chip->generator};
	size_t n;
	const struct sb_row *row = sb_rows(s->machine->secure_boot, false, &n);
	int r = 0;

	for (size_t i = 0; !r && i < n; i++) {
		const struct sb_object *o = install_object(s, row[i].object);

		if (row[i].path || !o || row[i].stage > SB_LLB)
			continue;
		r = bundle_add(&b, &row[i], o->description, o->data, e);
	}
	if (!r && (!b.n || b.object[0].row->object != SB_ILLB))
		r = install_missing(SB_ILLB, e);
	if (!r)
		r = bundle_sign(&b, &t, s->services, e);
	for (size_t i = 0; !r && i < b.n; i++) {
		const struct buf *im4p = &b.object[i].bytes;
		struct buf file = BUF_INIT;

		r = img4_write((struct span){im4p->data, im4p->len},
			       (struct span){b.manifest.data, b.manifest.len},
			       chip->generator, &file, e);
		if (!r)
			r = sb_chip_set_nor(chip, b.object[i].row->object, file.data,
					    file.len, e);
		buf_release(&file);
	}
	bundle_release(&b);
	return r;
}

static bool is_boot_file(const struct sb_row *row)
{
	return row->path &&
	       (row->against == SB_BY_NSIH || row->against == SB_BY_SIGNATURE ||
		row->against == SB_BY_MANIFEST);
}

static int collect(const struct sb_install_spec *s, bool recovery, struct bundle *b,
		   struct err *e)
{
	uint8_t root_hash[ISYS_SIZE];
	size_t n;
	const struct sb_row *row = sb_rows(s->machine->secure_boot, recovery, &n);
	int r = 0;

	for (size_t i = 0; !r && i < n; i++) {
		struct install_content c;

		if (!is_boot_file(&row[i]))
			continue;
		r = install_content(s, &row[i], SB_ISYS, root_hash, &c, e);
		if (!r && c.data.p)
			r = bundle_add(b, &row[i], c.description, c.data, e);
	}
	return r;
}

/* The boot folder is named by the digest of the manifest; "active" says which it is. */
static int place(const struct bundle *b, struct fs_tree *t, const char *group,
		 const uint8_t *generator, const uint8_t nsih[static IMG4_DIGEST_LEN],
		 struct err *e)
{
	char digest[LP_DIGEST_TEXT_MAX], path[320];
	int r = 0;

	lp_digest_text(nsih, digest);
	snprintf(path, sizeof(path), "/%s/boot", group);
	if (fs_tree_find(t, path))
		r = fs_tree_remove(t, path, e);
	for (size_t i = 0; !r && i < b->n; i++) {
		const struct buf *im4p = &b->object[i].bytes;
		struct buf file = BUF_INIT;

		snprintf(path, sizeof(path), "/%s/boot/%s/%s", group, digest,
			 b->object[i].row->path);
		r = img4_write((struct span){im4p->data, im4p->len},
			       (struct span){b->manifest.data, b->manifest.len},
			       b->object[i].row->object == SB_IBOT ? generator : NULL,
			       &file, e);
		if (!r)
			r = install_file(t, path, &file, e);
		buf_release(&file);
	}
	snprintf(path, sizeof(path), "/%s/" SB_ACTIVE, group);
	return r ? r : fs_tree_file(t, path, 0644, digest, strlen(digest), NULL, e);
}

static int install_objects(const struct sb_install_spec *s, bool recovery,
			   struct fs_tree *t, const struct sb_chip *chip,
			   uint8_t nsih[static IMG4_DIGEST_LEN], struct err *e)
{
	struct bundle b = {.n = 0};
	bool personal = recovery || !s->global;
	const uint8_t *generator = personal ? chip->generator : NULL;
	struct bundle_target target = {
		.chip = &chip->id, .personal = personal, .generator = generator};
	int r = collect(s, recovery, &b, e);

	if (!r)
		r = bundle_sign(&b, &target, s->services, e);
	if (!r)
		r = img4_digest((struct span){b.manifest.data, b.manifest.len}, nsih, e);
	if (!r)
		r = place(&b, t, s->group, generator, nsih, e);
	bundle_release(&b);
	return r;
}

/* Key encryption keys of the group: their UUID follows from that of the group. */
static int set_kuid(struct local_policy *p, const char *group, struct err *e)
{
	uint8_t digest[IMG4_DIGEST_LEN];
	struct span name = {(const uint8_t *)group, strlen(group)};
	int r = img4_digest(name, digest, e);

	digest[6] = (uint8_t)((digest[6] & 0x0f) | 0x40); /* as a random UUID looks */
	digest[8] = (uint8_t)((digest[8] & 0x3f) | 0x80);
	return r ? r : lp_set_bytes(p, LP_KUID, digest, UUID_LEN, e);
}

static int set_vuid(struct local_policy *p, const char *group, struct err *e)
{
	char digits[2 * UUID_LEN + 1];
	uint8_t uuid[UUID_LEN];
	size_t n = 0;

	for (const char *c = group; *c && n < sizeof(digits) - 1; c++)
		if (*c != '-')
			digits[n++] = *c;
	if (n != 2 * UUID_LEN || sb_hex_parse(digits, uuid, sizeof(uuid), e))
		return err_set(e, E_INVAL, "'%s' is not the UUID of a volume group",
			       group);
	return lp_set_bytes(p, LP_VUID, uuid, sizeof(uuid), e);
}

/* What comes from the installer and not from the owner. */
static int set_system(const struct sb_install_spec *s, struct local_policy *p,
		      const uint8_t nsih[static IMG4_DIGEST_LEN], struct err *e)
{
	int r = set_vuid(p, s->group, e);

	if (!r)
		r = set_kuid(p, s->group, e);
	if (!r)
		r = lp_set_bytes(p, LP_LOVE, s->os_version, strlen(s->os_version), e);
	return r ? r : lp_set_bytes(p, LP_NSIH, nsih, IMG4_DIGEST_LEN, e);
}

static int make_policy(const struct sb_install_spec *s, struct local_policy *p,
		       struct err *e)
{
	*p = (struct local_policy){.v = {{.present = false}}};
	lp_set_level(p, s->level);
	for (size_t i = 0; s->policy && i < LP_N_FIELDS; i++)
		if (s->policy->v[i].present && !lp_row((enum lp_field)i)->by_sep)
			p->v[i] = s->policy->v[i];
	return lp_consistent(p, e);
}

static int install_policy(const struct sb_install_spec *s, struct fs_tree *iscpreboot,
			  struct sb_chip *chip,
			  const uint8_t nsih[static IMG4_DIGEST_LEN], struct err *e)
{
	struct sb_policy_files files = sb_tree_policy_files(iscpreboot);
	struct sep sep = {.chip = chip,
			  .store = sep_store_later,
			  .draw = next_nonce,
			  .draw_ctx = chip,
			  .env = SEP_1TR};
	struct local_policy p;
	char path[LP_PATH_MAX];
	int r = 0;

	snprintf(sep.paired_group, sizeof(sep.paired_group), "%s", s->group);
	if (policy_read(chip, &files, s->group, &p, path, NULL, NULL))
		r = make_policy(s, &p, e);
	if (!r)
		r = set_system(s, &p, nsih, e);
	return r ? r : policy_create(&sep, &files, s->group, &p, NULL, e);
}

int install_apple_silicon(const struct sb_install_spec *s, struct fs_tree *preboot,
			  struct fs_tree *iscpreboot, struct sb_chip *chip, struct err *e)
{
	uint8_t nsih[IMG4_DIGEST_LEN], recovery_nsih[IMG4_DIGEST_LEN];
	int r = roll_generator(chip, e);

	if (!r)
		r = install_nor(s, chip, e);
	if (!r)
		r = install_objects(s, false, preboot, chip, nsih, e);
	if (!r && s->recovery)
		r = install_objects(s, true, s->recovery, chip, recovery_nsih, e);
	return r ? r : install_policy(s, iscpreboot, chip, nsih, e);
}
