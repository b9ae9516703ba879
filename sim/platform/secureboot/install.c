/* SPDX-License-Identifier: MIT */
/* What both kinds of machines need to be installed: manifests and a chip. */
#include "sim/platform/secureboot/install_impl.h"

#include <stdio.h>
#include <string.h>

int bundle_add(struct bundle *b, const struct sb_row *row, const char *description,
	       struct span data, struct err *e)
{
	struct buf *bytes = &b->object[b->n].bytes;
	bool x86 = row->im4m != SB_INSIDE || row->against == SB_BY_NOTHING;
	bool raw = x86 && row->object != SB_XSYS;
	int r;

	if (b->n == SB_BUNDLE_MAX)
		return err_set(e, E_OVERFLOW, "more than %u objects", SB_BUNDLE_MAX);
	*bytes = (struct buf)BUF_INIT;
	b->object[b->n].row = row;
	r = raw ? buf_append(bytes, data.p, data.len, e)
		: im4p_make(row->object, description, data.p, data.len, bytes, e);
	b->n++;
	return r;
}

void bundle_release(struct bundle *b)
{
	for (size_t i = 0; i < b->n; i++)
		buf_release(&b->object[i].bytes);
	buf_release(&b->manifest);
	b->n = 0;
}

/* What the manifest says of the machine. */
static int make_manp(const struct bundle_target *t, struct img4_prop *out, size_t *ret_n,
		     uint8_t bnch[static IMG4_DIGEST_LEN], struct err *e)
{
	const struct img4_chip *c = t->chip;
	size_t n = 0;

	out[n++] = img4_number(lp_row(LP_CHIP)->name,
			       t->software ? IMG4_SOFTWARE_CHIP : c->chip);
	out[n++] = img4_number(lp_row(LP_SDOM)->name, c->sdom);
	if (!t->software) {
		out[n++] = img4_number(lp_row(LP_BORD)->name, c->bord);
		out[n++] = img4_number(lp_row(LP_CEPO)->name, c->cepo);
		out[n++] = img4_boolean(lp_row(LP_CPRO)->name, c->cpro);
		out[n++] = img4_boolean(lp_row(LP_CSEC)->name, c->csec);
	}
	if (t->personal)
		out[n++] = img4_number(lp_row(LP_ECID)->name, c->ecid);
	*ret_n = n;
	if (!t->generator)
		return 0;
	out[(*ret_n)++] = img4_octets(FOURCC('B', 'N', 'C', 'H'), bnch, IMG4_DIGEST_LEN);
	return img4_digest((struct span){t->generator, IMG4_GENERATOR_LEN}, bnch, e);
}

int bundle_sign(struct bundle *b, const struct bundle_target *t,
		const struct sb_services *sv, struct err *e)
{
	uint8_t digest[SB_BUNDLE_MAX][IMG4_DIGEST_LEN], bnch[IMG4_DIGEST_LEN];
	struct im4m_object object[SB_BUNDLE_MAX];
	struct img4_prop manp[8], dgst[SB_BUNDLE_MAX];
	struct im4m_spec spec = {.manp = manp, .objects = object, .n_objects = b->n};
	int r = make_manp(t, manp, &spec.n_manp, bnch, e);

	for (size_t i = 0; !r && i < b->n; i++) {
		const struct buf *bytes = &b->object[i].bytes;

		r = img4_digest((struct span){bytes->data, bytes->len}, digest[i], e);
		dgst[i] = img4_octets(FOURCC('D', 'G', 'S', 'T'), digest[i],
				      IMG4_DIGEST_LEN);
		object[i] = (struct im4m_object){b->object[i].row->object, &dgst[i], 1};
	}
	buf_clear(&b->manifest);
	return r ? r : sv->sign(sv->ctx, &spec, &b->manifest, e);
}

const struct sb_object *install_object(const struct sb_install_spec *s, uint32_t name)
{
	for (size_t i = 0; i < s->n_objects; i++)
		if (s->objects[i].name == name)
			return &s->objects[i];
	return NULL;
}

int install_missing(uint32_t name, struct err *e)
{
	char text[FOURCC_TEXT_MAX];

	return err_set(e, E_INVAL, "object '%s' is missing", fourcc_text(name, text));
}

int install_content(const struct sb_install_spec *s, const struct sb_row *row,
		    uint32_t root_name, uint8_t root_hash[static ISYS_SIZE],
		    struct install_content *ret, struct err *e)
{
	const struct sb_object *o = install_object(s, row->object);

	*ret = (struct install_content){.description = ""};
	if (row->object == root_name) {
		install_root_hash(s, root_hash);
		ret->data = (struct span){root_hash, ISYS_SIZE};
		return 0;
	}
	if (!o)
		return row->optional ? 0 : install_missing(row->object, e);
	*ret = (struct install_content){o->description, o->data};
	return 0;
}

int install_file(struct fs_tree *t, const char *path, const struct buf *data,
		 struct err *e)
{
	if (fs_tree_file(t, path, 0644, data->data, data->len, NULL, e))
		return err_ctx(e, "%s", path);
	return 0;
}

void install_root_hash(const struct sb_install_spec *s, uint8_t out[static ISYS_SIZE])
{
	struct isys isys = {.version = ISYS_VERSION, .hash_type = ISYS_HASH_TYPE};

	memcpy(isys.hash[0], s->root_hash, ISYS_HASH_LEN);
	isys_write(&isys, out);
}

/* Every object of the spec has a place in the chain. */
static int check_objects(const struct sb_install_spec *s, struct err *e)
{
	char text[FOURCC_TEXT_MAX];
	size_t n, j;
	const struct sb_row *row = sb_rows(s->machine->secure_boot, false, &n);

	for (size_t i = 0; i < s->n_objects; i++) {
		for (j = 0; j < n && row[j].object != s->objects[i].name; j++)
			;
		if (j == n)
			return err_set(e, E_INVAL, "object '%s' has no place in a %s",
				       fourcc_text(s->objects[i].name, text),
				       s->machine->name);
	}
	return 0;
}

int sb_install(const struct sb_install_spec *s, struct fs_tree *preboot,
	       struct fs_tree *iscpreboot, struct sb_chip *chip, struct err *e)
{
	int r = check_objects(s, e);

	if (r)
		return r;
	if (s->machine->secure_boot == SECURE_BOOT_LOCAL_POLICY)
		return install_apple_silicon(s, preboot, iscpreboot, chip, e);
	return install_x86(s, preboot, chip, e);
}

#define ECID_BITS 53 /* as those that were seen on Macs */

static int derive_ecid(struct sb_chip *c, const struct sb_keys *k, struct err *e)
{
	char label[64];
	uint8_t b[8];
	int r;

	snprintf(label, sizeof(label), "ECID of %x-%x", c->id.chip, c->id.bord);
	r = sb_keys_derive(k, label, b, sizeof(b), e);
	c->id.ecid = 0;
	for (size_t i = 0; i < sizeof(b); i++)
		c->id.ecid = c->id.ecid << 8 | b[i];
	c->id.ecid >>= 64 - ECID_BITS;
	return r;
}

static int own(struct sb_chip *c, const struct sb_keys *k, struct err *e)
{
	struct sb_services sv = sb_keys_services(k);
	struct sep sep = {.chip = c, .store = sep_store_later, .env = SEP_RESTOREOS};
	uint8_t seed[SEP_OWNER_SEED_LEN];
	char label[64];
	int r;

	snprintf(label, sizeof(label), "owner of %016llx",
		 (unsigned long long)c->id.ecid);
	r = sb_keys_derive(k, label, seed, sizeof(seed), e);
	if (!r)
		r = sep_take_ownership(&sep, seed, &sv, e);
	snprintf(label, sizeof(label), "nonce of %016llx",
		 (unsigned long long)c->id.ecid);
	return r ? r : sb_keys_derive(k, label, c->generator, sizeof(c->generator), e);
}

int sb_chip_make(struct sb_chip *c, const struct img4_chip *id, const struct sb_keys *k,
		 struct err *e)
{
	const struct buf *root = &k->id[SB_ROOT].cert;
	int r;

	sb_chip_release(c);
	c->id = *id;
	memcpy(c->root_hash, k->root_hash, sizeof(c->root_hash));
	r = buf_append(&c->root, root->data, root->len, e);
	if (!r && !id->ecid)
		r = derive_ecid(c, k, e);
	if (!r)
		r = own(c, k, e);
	if (r)
		sb_chip_release(c);
	return r;
}
