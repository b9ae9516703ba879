/* SPDX-License-Identifier: MIT */
/* Policies: who may change what, and what a power cut, an old file or a forger leaves. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/fsio.h"
#include "sim/base/test.h"
#include "sim/platform/secureboot/policy_json.h"
#include "sim/platform/secureboot/test/lab.h"

#define SET(f, v)                                                                        \
	{                                                                                \
		(f),                                                                     \
		{                                                                        \
			.present = true, .number = (v)                                   \
		}                                                                        \
	}
#define CLEAR(f)                                                                         \
	{                                                                                \
		(f),                                                                     \
		{                                                                        \
			.present = false                                                 \
		}                                                                        \
	}

static void in_1tr(struct lab *l)
{
	l->sep.env = SEP_1TR;
	snprintf(l->sep.paired_group, sizeof(l->sep.paired_group), LAB_GROUP);
}

static int change(struct lab *l, const struct lp_change *c, size_t n,
		  enum sep_status *status)
{
	struct policy_edit edit = {.changes = c, .n_changes = n};
	struct err e = ERR_INIT;

	return policy_update(&l->sep, &l->policies, LAB_GROUP, &edit, status, &e);
}

static enum sb_level level_of(struct lab *l)
{
	struct sb_result r;
	enum sb_level level;

	lab_boot(l, false, &r);
	CU_ASSERT_EQUAL(r.end, SB_GOES_ON);
	level = r.level;
	sb_result_release(&r);
	return level;
}

static void a_change_rolls_the_nonce(void)
{
	static const struct lp_change c[] = {SET(LP_SMB0, 1), SET(LP_SMB1, 1),
					     SET(LP_SIP0, 0x77)};
	char before[LP_PATH_MAX], after[LP_PATH_MAX];
	struct local_policy p;
	char path[LP_PATH_MAX];
	enum sep_status status;
	struct err e = ERR_INIT;
	struct lab l;

	lab_mac(&l, "m1", SB_FULL);
	in_1tr(&l);
	CU_ASSERT_PTR_NOT_NULL(lab_policy_file(&l, LAB_GROUP, ".img4", before));
	CU_ASSERT_EQUAL(change(&l, c, 3, &status), 0);
	CU_ASSERT_EQUAL(status, SEP_OK);
	/* There is one file, of another name. */
	CU_ASSERT_PTR_NOT_NULL(lab_policy_file(&l, LAB_GROUP, ".img4", after));
	CU_ASSERT_STRING_NOT_EQUAL(before, after);
	ASSERT_OK(policy_read(&l.chip, &l.policies, LAB_GROUP, &p, path, NULL, &e), &e);
	CU_ASSERT_STRING_EQUAL(path, after);
	CU_ASSERT_EQUAL(lp_number(&p, LP_SIP0), 0x77);
	CU_ASSERT_EQUAL(lp_number(&p, LP_ECID), l.chip.id.ecid);
	CU_ASSERT_TRUE(lp_true(&p, LP_LOBO));
	CU_ASSERT_EQUAL(level_of(&l), SB_PERMISSIVE);
	lab_release(&l);
}

/* bputil's table: field, where it is let through. */
static void who_may_change_what(void)
{
	static const struct {
		struct lp_change change[3];
		size_t n;
		unsigned where;
		bool paired;
	} cases[] = {
		{{SET(LP_SMB0, 1)}, 1, SEP_IN_ANY_RECOVERY, false},
		{{SET(LP_SMB0, 1), SET(LP_SMB1, 1)}, 2, SEP_IN_1TR, true},
		{{SET(LP_SMB0, 1), SET(LP_SMB2, 1)}, 2, SEP_IN_1TR, true},
		{{SET(LP_SMB0, 1), SET(LP_SMB3, 1)}, 2, SEP_IN_1TR, true},
		{{SET(LP_SMB0, 1), SET(LP_SMB1, 1), SET(LP_SIP0, 1)},
		 3,
		 SEP_IN_1TR,
		 true},
		{{SET(LP_SMB0, 1), SET(LP_SMB1, 1), SET(LP_SIP1, 1)},
		 3,
		 SEP_IN_1TR,
		 true},
		{{SET(LP_SMB0, 1), SET(LP_SMB1, 1), SET(LP_SIP2, 1)},
		 3,
		 SEP_IN_1TR,
		 true},
		{{SET(LP_SMB0, 1), SET(LP_SMB1, 1), SET(LP_SIP3, 1)},
		 3,
		 SEP_IN_1TR,
		 true},
		{{CLEAR(LP_SMB0)}, 1, SEP_IN_ANY, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (int env = SEP_MACOS; env <= SEP_RESTOREOS; env++) {
			bool allowed = sep_env_in((enum sep_env)env, cases[i].where);
			enum sep_status status;
			struct lab l;

			lab_mac(&l, "m1", SB_FULL);
			l.sep.env = (enum sep_env)env;
			if (cases[i].paired) {
				/* Not from the recoveryOS of another system. */
				CU_ASSERT_EQUAL(
					change(&l, cases[i].change, cases[i].n, &status),
					-(int)E_PERM);
				CU_ASSERT_EQUAL(status,
						allowed ? SEP_ERR_PAIRING : SEP_ERR_MODE);
				snprintf(l.sep.paired_group, sizeof(l.sep.paired_group),
					 LAB_GROUP);
			}
			CU_ASSERT_EQUAL(change(&l, cases[i].change, cases[i].n, &status),
					allowed ? 0 : -(int)E_PERM);
			CU_ASSERT_EQUAL(status, allowed ? SEP_OK : SEP_ERR_MODE);
			CU_ASSERT_FALSE(l.chip.sep.nonce[SEP_LPN].has_proposed);
			lab_release(&l);
		}
}

/* Back to Full is allowed anywhere, and takes away what was granted. */
static void full_from_scratch(void)
{
	static const struct lp_change c[] = {SET(LP_SMB0, 1), SET(LP_SMB1, 1),
					     SET(LP_SIP1, 1), SET(LP_SMB2, 1)};
	struct policy_edit full = {.from_scratch = true, .level = SB_FULL};
	enum sep_status status;
	struct err e = ERR_INIT;
	struct sb_result r;
	struct lab l;

	lab_mac(&l, "m1", SB_FULL);
	in_1tr(&l);
	CU_ASSERT_EQUAL(change(&l, c, 4, &status), 0);
	l.sep.env = SEP_MACOS;
	ASSERT_OK(policy_update(&l.sep, &l.policies, LAB_GROUP, &full, &status, &e), &e);
	lab_boot(&l, false, &r);
	CU_ASSERT_EQUAL(r.level, SB_FULL);
	for (size_t i = 0; i < 4; i++)
		CU_ASSERT_FALSE(r.policy.v[c[i].field].present);
	sb_result_release(&r);
	lab_release(&l);
}

static void fields_need_each_other(void)
{
	static const struct lp_change cases[][2] = {
		{SET(LP_SMB1, 1), CLEAR(LP_SIP3)},
		{SET(LP_SIP1, 1), SET(LP_SMB0, 1)},
		{SET(LP_SIP0, 1), SET(LP_SMB0, 1)},
		{SET(LP_SMB2, 1), CLEAR(LP_SMB1)},
	};
	enum sep_status status;
	struct lab l;

	lab_mac(&l, "m1", SB_FULL);
	in_1tr(&l);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CU_ASSERT_EQUAL(change(&l, cases[i], 2, &status), -(int)E_INVAL);
	CU_ASSERT_EQUAL(level_of(&l), SB_FULL);
	lab_release(&l);
}

/* An older policy in the place of the one in force: LLB sees that its nonce is old. */
static void an_older_policy_is_stale(void)
{
	static const struct lp_change full[] = {CLEAR(LP_SMB1), CLEAR(LP_SMB0)};
	char path[LP_PATH_MAX];
	struct buf old = BUF_INIT, now = BUF_INIT;
	enum img4_result result;
	enum sep_status status;
	struct err e = ERR_INIT;
	struct local_policy p;
	struct lab l;

	lab_mac(&l, "m1", SB_PERMISSIVE);
	ASSERT_OK(policy_read(&l.chip, &l.policies, LAB_GROUP, &p, path, &old, &e), &e);
	CU_ASSERT_EQUAL(change(&l, full, 2, &status), 0);
	CU_ASSERT_EQUAL(level_of(&l), SB_FULL);
	ASSERT_OK(policy_read(&l.chip, &l.policies, LAB_GROUP, &p, path, &now, &e), &e);
	/* Under its own name it is nobody's. */
	{
		char own[LP_PATH_MAX];
		struct local_policy was;
		struct img4 f;

		ASSERT_OK(lp_parse(old.data, old.len, &f, &was, &e), &e);
		ASSERT_OK(lp_path(LAB_GROUP, lp_bytes(&was, LP_LPNH), LP_FILE_MACOS, own,
				  &e),
			  &e);
		ASSERT_OK(l.policies.write(l.policies.ctx, own, old.data, old.len, &e),
			  &e);
		CU_ASSERT_EQUAL(level_of(&l), SB_FULL);
	}
	ASSERT_OK(policy_replay(&l.chip, &l.policies, LAB_GROUP,
				(struct span){old.data, old.len}, &e),
		  &e);
	CU_ASSERT_EQUAL(lab_ends(&l, &result), SB_TO_RECOVERY);
	CU_ASSERT_EQUAL(result, IMG4_ESTALE);
	/* The Secure Enclave does not take it as the one before, either. */
	in_1tr(&l);
	CU_ASSERT_EQUAL(change(&l, full, 2, &status), -(int)E_NOTFOUND);
	ASSERT_OK(l.policies.write(l.policies.ctx, path, now.data, now.len, &e), &e);
	CU_ASSERT_EQUAL(level_of(&l), SB_FULL);
	/* The remote nonce counts as well. */
	l.chip.sep.nonce[SEP_RPN].blessed[0] ^= 1;
	CU_ASSERT_EQUAL(lab_ends(&l, &result), SB_TO_RECOVERY);
	CU_ASSERT_EQUAL(result, IMG4_ESTALE);
	l.chip.sep.nonce[SEP_RPN].blessed[0] ^= 1;
	CU_ASSERT_EQUAL(level_of(&l), SB_FULL);
	/* With the whole of the chip set back the file is a good one: see chip.h. */
	buf_release(&old);
	buf_release(&now);
	lab_release(&l);
}

/* Who has the signing server's key has no owner's: it cannot make a local policy. */
static void a_policy_that_the_server_signed(void)
{
	const struct sb_keys *k = lab_keys();
	struct im4m_signer by = {
		.key = k->id[SB_TSS].key,
		.cert = {{k->id[SB_BOOT_CA].cert.data, k->id[SB_BOOT_CA].cert.len},
			 {k->id[SB_TSS].cert.data, k->id[SB_TSS].cert.len}},
		.n_certs = 2};
	char path[LP_PATH_MAX];
	struct buf forged = BUF_INIT, now = BUF_INIT;
	enum img4_result result;
	struct err e = ERR_INIT;
	struct local_policy p;
	struct lab l;

	lab_mac(&l, "m1", SB_FULL);
	ASSERT_OK(policy_read(&l.chip, &l.policies, LAB_GROUP, &p, path, &now, &e), &e);
	ASSERT_OK(lp_write(&p, &by, &forged, &e), &e);
	ASSERT_OK(l.policies.write(l.policies.ctx, path, forged.data, forged.len, &e),
		  &e);
	CU_ASSERT_EQUAL(lab_ends(&l, &result), SB_TO_RECOVERY);
	CU_ASSERT_EQUAL(result, IMG4_EAUTH);
	ASSERT_OK(l.policies.write(l.policies.ctx, path, now.data, now.len, &e), &e);
	CU_ASSERT_EQUAL(level_of(&l), SB_FULL);
	buf_release(&forged);
	buf_release(&now);
	lab_release(&l);
}

/* The policy of another Mac, whose owner is another. */
static void a_policy_of_another_chip(void)
{
	char path[LP_PATH_MAX], theirs[LP_PATH_MAX];
	struct buf now = BUF_INIT, other = BUF_INIT;
	enum img4_result result;
	struct err e = ERR_INIT;
	struct local_policy p;
	struct lab l, m;

	lab_mac(&l, "m1", SB_FULL);
	lab_mac(&m, "m1-pro", SB_PERMISSIVE);
	ASSERT_OK(policy_read(&l.chip, &l.policies, LAB_GROUP, &p, path, &now, &e), &e);
	ASSERT_OK(policy_read(&m.chip, &m.policies, LAB_GROUP, &p, theirs, &other, &e),
		  &e);
	ASSERT_OK(l.policies.write(l.policies.ctx, path, other.data, other.len, &e), &e);
	CU_ASSERT_EQUAL(lab_ends(&l, &result), SB_TO_RECOVERY);
	CU_ASSERT_EQUAL(result, IMG4_EACCES);
	ASSERT_OK(l.policies.write(l.policies.ctx, path, now.data, now.len, &e), &e);
	CU_ASSERT_EQUAL(level_of(&l), SB_FULL);
	buf_release(&now);
	buf_release(&other);
	lab_release(&l);
	lab_release(&m);
}

static void every_flipped_bit_of_a_policy(void)
{
	char path[LP_PATH_MAX];
	struct fs_node *n;
	size_t taken = 0;
	struct lab l;

	lab_mac(&l, "m1", SB_FULL);
	n = lab_policy_file(&l, LAB_GROUP, ".img4", path);
	for (size_t bit = 0; bit < n->size * 8; bit += 41) {
		enum img4_result result;

		n->data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		taken += lab_ends(&l, &result) != SB_TO_RECOVERY;
		n->data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	CU_ASSERT_EQUAL(taken, 0);
	CU_ASSERT_EQUAL(level_of(&l), SB_FULL);
	lab_release(&l);
}

/*
 * The power goes: from then on no store and no write happens any more. What was written
 * so far is what the next boot finds.
 */
struct cut {
	struct lab *l;
	struct sb_policy_files real;
	int left;	    /* steps that still happen */
	const char *device; /* the chip as it is stored */
};

static bool step(struct cut *c)
{
	return c->left-- > 0;
}

static int cut_store(void *ctx, struct sb_chip *chip, struct err *e)
{
	struct cut *c = ctx;

	if (!step(c))
		return err_set(e, E_IO, "the power is cut");
	return sb_chip_store_file(chip, c->device, e);
}

static int cut_read(void *ctx, const char *path, struct buf *out, struct err *e)
{
	struct cut *c = ctx;

	return c->real.read(c->real.ctx, path, out, e);
}

static int cut_write(void *ctx, const char *path, const void *data, size_t len,
		     struct err *e)
{
	struct cut *c = ctx;

	if (!step(c))
		return err_set(e, E_IO, "the power is cut");
	return c->real.write(c->real.ctx, path, data, len, e);
}

static int cut_remove(void *ctx, const char *path, struct err *e)
{
	struct cut *c = ctx;

	if (!step(c))
		return err_set(e, E_IO, "the power is cut");
	return c->real.remove(c->real.ctx, path, e);
}

static int cut_list(void *ctx, const char *path,
		    int (*each)(void *arg, const char *name, struct err *e), void *arg,
		    struct err *e)
{
	struct cut *c = ctx;

	return c->real.list(c->real.ctx, path, each, arg, e);
}

static struct sb_policy_files cut_files(struct cut *c)
{
	return (struct sb_policy_files){c, cut_read, cut_write, cut_remove, cut_list};
}

/* Two systems, Full both; the first becomes Permissive, and the power goes at step @at.
 */
static bool cut_at(int at, enum sb_level *ret_level)
{
	static const struct lp_change c[] = {SET(LP_SMB0, 1), SET(LP_SMB1, 1)};
	struct policy_edit edit = {.changes = c, .n_changes = 2};
	char device[512], path[LP_PATH_MAX];
	struct cut cut = {.left = at, .device = device};
	struct sb_policy_files files = cut_files(&cut);
	struct sb_install_spec s;
	struct local_policy p;
	enum sep_status status;
	struct err e = ERR_INIT;
	struct lab l;
	bool done;

	snprintf(device, sizeof(device), "%s/chip.bin", test_tmpdir());
	lab_mac(&l, "m1", SB_FULL);
	s = lab_spec(&l, 0x22);
	s.group = LAB_GROUP2;
	lab_install(&l, &s);
	remove(device);
	ASSERT_OK(sb_chip_store_file(&l.chip, device, &e), &e);
	cut.l = &l;
	cut.real = l.policies;
	in_1tr(&l);
	l.sep.store = cut_store;
	l.sep.store_ctx = &cut;
	done = !policy_update(&l.sep, &files, LAB_GROUP, &edit, &status, &e);
	/* The next boot: the chip is what the device holds. */
	ASSERT_OK(sb_chip_load_file(&l.chip, device, &e), &e);
	*ret_level = level_of(&l);
	ASSERT_OK(policy_read(&l.chip, &l.policies, LAB_GROUP2, &p, path, NULL, &e), &e);
	CU_ASSERT_EQUAL(lp_level(&p), SB_FULL);
	/* macOS ends what was begun: the same policies, and nothing left over. */
	cut.left = 1000;
	l.sep.env = SEP_MACOS;
	ASSERT_OK(policy_settle(&l.sep, &files, &status, &e), &e);
	ASSERT_OK(sb_chip_load_file(&l.chip, device, &e), &e);
	CU_ASSERT_FALSE(l.chip.sep.nonce[SEP_LPN].has_proposed);
	CU_ASSERT_EQUAL(level_of(&l), *ret_level);
	/* (That there is one of each, lab_policy_file asserts itself.) */
	CU_ASSERT_PTR_NOT_NULL(lab_policy_file(&l, LAB_GROUP, ".img4", path));
	CU_ASSERT_PTR_NOT_NULL(lab_policy_file(&l, LAB_GROUP2, ".img4", path));
	/* Another change goes through, cut or not. */
	in_1tr(&l);
	ASSERT_OK(policy_update(&l.sep, &files, LAB_GROUP, &edit, &status, &e), &e);
	CU_ASSERT_EQUAL(level_of(&l), SB_PERMISSIVE);
	CU_ASSERT_PTR_NOT_NULL(lab_policy_file(&l, LAB_GROUP, ".img4", path));
	CU_ASSERT_PTR_NOT_NULL(lab_policy_file(&l, LAB_GROUP2, ".img4", path));
	lab_release(&l);
	return done;
}

static void a_power_cut_leaves_one_of_the_two(void)
{
	enum sb_level level, last = SB_FULL;
	int at = 0, changed = 0;
	bool done;

	do {
		done = cut_at(at++, &level);
		CU_ASSERT_TRUE(level == SB_FULL || level == SB_PERMISSIVE);
		/* Once the new one boots, it is never the old one again. */
		CU_ASSERT_TRUE(level >= last);
		changed += level != last;
		last = level;
	} while (!done && at < 100);
	CU_ASSERT_TRUE(done);
	CU_ASSERT_EQUAL(changed, 1);
	CU_ASSERT_EQUAL(at, 5); /* cut before: begin, two policies, end, sweeping */
	/* Removing what is stale comes after everything else. */
	for (int i = 0; i < 3; i++)
		CU_ASSERT_TRUE(cut_at(at + i, &level) && level == SB_PERMISSIVE);
}

static void an_owner_signs_extensions(void)
{
	uint8_t digest[IMG4_DIGEST_LEN];
	struct buf im4p = BUF_INIT, manifest = BUF_INIT;
	struct lp_change c[3] = {SET(LP_SMB0, 1), SET(LP_SMB2, 1)};
	struct policy_edit edit = {.changes = c, .n_changes = 2};
	enum sep_status status;
	struct err e = ERR_INIT;
	char path[384], lp[LP_PATH_MAX];
	struct fs_node *n = NULL;
	struct sb_result r;
	struct lab l;

	lab_mac(&l, "m1", SB_FULL);
	in_1tr(&l);
	ASSERT_OK(policy_update(&l.sep, &l.policies, LAB_GROUP, &edit, &status, &e), &e);
	ASSERT_OK(im4p_make(FOURCC('a', 'u', 'x', 'k'), "", "auxkc", 5, &im4p, &e), &e);
	ASSERT_OK(img4_digest((struct span){im4p.data, im4p.len}, digest, &e), &e);
	CU_ASSERT_EQUAL(sep_linked_manifest(&l.sep, FOURCC('a', 'u', 'x', 'k'), digest,
					    &manifest, &e),
			SEP_ERR_MODE);
	l.sep.env = SEP_KCOS;
	CU_ASSERT_EQUAL(sep_linked_manifest(&l.sep, FOURCC('k', 'r', 'n', 'l'), digest,
					    &manifest, &e),
			SEP_ERR_IMAGE4);
	CU_ASSERT_EQUAL(sep_linked_manifest(&l.sep, FOURCC('a', 'u', 'x', 'k'), digest,
					    &manifest, &e),
			SEP_OK);
	edit.auxk = (struct span){manifest.data, manifest.len};
	ASSERT_OK(img4_digest(edit.auxk, digest, &e), &e);
	c[0] = (struct lp_change)SET(LP_AUXP, 0);
	c[1] = (struct lp_change)SET(LP_AUXI, 0);
	memcpy(c[1].value.bytes, digest, sizeof(digest));
	ASSERT_OK(policy_update(&l.sep, &l.policies, LAB_GROUP, &edit, &status, &e), &e);
	lab_boot(&l, false, &r);
	/* The collection is not there yet: the boot goes on without extensions. */
	CU_ASSERT_EQUAL(r.end, SB_GOES_ON);
	CU_ASSERT_FALSE(r.has_auxkc);
	CU_ASSERT_EQUAL(r.step[r.n_steps - 1].result, IMG4_ENOENT);
	snprintf(path, sizeof(path),
		 "%s/System/Library/KernelCollections/"
		 "AuxiliaryKernelExtensions.im4p",
		 r.boot_objects_path);
	sb_result_release(&r);
	ASSERT_OK(fs_tree_file(&l.preboot, path, 0644, im4p.data, im4p.len, &n, &e), &e);
	lab_boot(&l, false, &r);
	CU_ASSERT_TRUE(r.has_auxkc && r.auxkc.len == 5);
	sb_result_release(&r);
	n->data[n->size - 1] ^= 1;
	lab_boot(&l, false, &r);
	CU_ASSERT_EQUAL(r.end, SB_GOES_ON);
	CU_ASSERT_FALSE(r.has_auxkc);
	CU_ASSERT_EQUAL(r.step[r.n_steps - 1].result, IMG4_ENOEXEC);
	sb_result_release(&r);
	n->data[n->size - 1] ^= 1;
	/* The manifest goes along when the policy changes once more, and goes with smb2.
	 */
	l.sep.env = SEP_MACOS;
	edit = (struct policy_edit){.from_scratch = false};
	ASSERT_OK(policy_update(&l.sep, &l.policies, LAB_GROUP, &edit, &status, &e), &e);
	CU_ASSERT_PTR_NOT_NULL(lab_policy_file(&l, LAB_GROUP, ".auxk.im4m", lp));
	lab_boot(&l, false, &r);
	CU_ASSERT_TRUE(r.has_auxkc);
	sb_result_release(&r);
	edit = (struct policy_edit){.from_scratch = true, .level = SB_FULL};
	ASSERT_OK(policy_update(&l.sep, &l.policies, LAB_GROUP, &edit, &status, &e), &e);
	lab_boot(&l, false, &r);
	CU_ASSERT_FALSE(r.has_auxkc);
	sb_result_release(&r);
	buf_release(&im4p);
	buf_release(&manifest);
	lab_release(&l);
}

/* Two collections that the owner signed: the policy names one of them. */
static void the_policy_names_the_collection(void)
{
	static const char *const content[] = {"older", "newer"};
	struct lp_change c[] = {SET(LP_SMB0, 1), SET(LP_SMB2, 1), SET(LP_AUXP, 0),
				SET(LP_AUXI, 0)};
	struct policy_edit edit = {.changes = c, .n_changes = 2};
	struct buf im4p[2] = {BUF_INIT, BUF_INIT}, manifest[2] = {BUF_INIT, BUF_INIT};
	uint8_t digest[IMG4_DIGEST_LEN];
	char path[384], linked[LP_PATH_MAX];
	enum sep_status status;
	struct err e = ERR_INIT;
	struct sb_result r;
	struct lab l;

	lab_mac(&l, "m1", SB_FULL);
	in_1tr(&l);
	ASSERT_OK(policy_update(&l.sep, &l.policies, LAB_GROUP, &edit, &status, &e), &e);
	l.sep.env = SEP_KCOS;
	for (int i = 0; i < 2; i++) {
		ASSERT_OK(im4p_make(FOURCC('a', 'u', 'x', 'k'), "", content[i], 5,
				    &im4p[i], &e),
			  &e);
		ASSERT_OK(
			img4_digest((struct span){im4p[i].data, im4p[i].len}, digest, &e),
			&e);
		CU_ASSERT_EQUAL(sep_linked_manifest(&l.sep, FOURCC('a', 'u', 'x', 'k'),
						    digest, &manifest[i], &e),
				SEP_OK);
	}
	edit.auxk = (struct span){manifest[1].data, manifest[1].len};
	ASSERT_OK(img4_digest(edit.auxk, c[3].value.bytes, &e), &e);
	edit.changes = c + 2;
	ASSERT_OK(policy_update(&l.sep, &l.policies, LAB_GROUP, &edit, &status, &e), &e);
	lab_boot(&l, false, &r);
	snprintf(path, sizeof(path),
		 "%s/System/Library/KernelCollections/"
		 "AuxiliaryKernelExtensions.im4p",
		 r.boot_objects_path);
	sb_result_release(&r);
	CU_ASSERT_PTR_NOT_NULL(lab_policy_file(&l, LAB_GROUP, ".auxk.im4m", linked));
	for (int i = 0; i < 2; i++) {
		ASSERT_OK(fs_tree_file(&l.preboot, path, 0644, im4p[i].data, im4p[i].len,
				       NULL, &e),
			  &e);
		ASSERT_OK(fs_tree_file(&l.iscpreboot, linked, 0644, manifest[i].data,
				       manifest[i].len, NULL, &e),
			  &e);
		lab_boot(&l, false, &r);
		CU_ASSERT_EQUAL(r.end, SB_GOES_ON);
		CU_ASSERT_EQUAL(r.has_auxkc, i == 1);
		CU_ASSERT_EQUAL(r.step[r.n_steps - 1].result,
				i == 1 ? IMG4_OK : IMG4_ENOEXEC);
		sb_result_release(&r);
	}
	for (int i = 0; i < 2; i++) {
		buf_release(&im4p[i]);
		buf_release(&manifest[i]);
	}
	lab_release(&l);
}

static void a_custom_kernel_boots_when_permissive(void)
{
	uint8_t digest[IMG4_DIGEST_LEN];
	struct buf im4p = BUF_INIT, manifest = BUF_INIT;
	struct lp_change c[1] = {SET(LP_COIH, 0)};
	struct policy_edit edit = {.changes = c, .n_changes = 1};
	char path[512], coih[LP_DIGEST_TEXT_MAX];
	enum sep_status status;
	struct err e = ERR_INIT;
	struct fs_node *n = NULL;
	struct sb_result r;
	struct lab l;

	lab_mac(&l, "m1", SB_PERMISSIVE);
	in_1tr(&l);
	ASSERT_OK(im4p_make(FOURCC('f', 'u', 'o', 's'), "", "my kernel", 9, &im4p, &e),
		  &e);
	ASSERT_OK(img4_digest((struct span){im4p.data, im4p.len}, digest, &e), &e);
	CU_ASSERT_EQUAL(sep_linked_manifest(&l.sep, FOURCC('f', 'u', 'o', 's'), digest,
					    &manifest, &e),
			SEP_OK);
	edit.fuos = (struct span){manifest.data, manifest.len};
	ASSERT_OK(img4_digest(edit.fuos, digest, &e), &e);
	memcpy(c[0].value.bytes, digest, sizeof(digest));
	ASSERT_OK(policy_update(&l.sep, &l.policies, LAB_GROUP, &edit, &status, &e), &e);
	lab_boot(&l, false, &r);
	CU_ASSERT_EQUAL(r.end, SB_TO_RECOVERY);
	CU_ASSERT_EQUAL(r.result, IMG4_ENOENT);
	lp_digest_text(digest, coih);
	snprintf(path, sizeof(path),
		 "%s/System/Library/Caches/com.apple.kernelcaches/"
		 "kernelcache.custom.%s",
		 r.boot_objects_path, coih);
	sb_result_release(&r);
	ASSERT_OK(fs_tree_file(&l.preboot, path, 0644, im4p.data, im4p.len, &n, &e), &e);
	lab_boot(&l, false, &r);
	CU_ASSERT_EQUAL(r.end, SB_GOES_ON);
	CU_ASSERT_TRUE(r.kernel.len == 9 && !memcmp(r.kernel.p, "my kernel", 9));
	sb_result_release(&r);
	n->data[n->size - 1] ^= 1;
	lab_boot(&l, false, &r);
	CU_ASSERT_EQUAL(r.end, SB_TO_RECOVERY);
	CU_ASSERT_EQUAL(r.result, IMG4_ENOEXEC);
	sb_result_release(&r);
	buf_release(&im4p);
	buf_release(&manifest);
	lab_release(&l);
}

static void a_policy_is_removed_in_recovery(void)
{
	struct sb_install_spec s;
	enum img4_result result;
	enum sep_status status;
	struct local_policy p;
	char path[LP_PATH_MAX];
	struct err e = ERR_INIT;
	struct lab l;

	lab_mac(&l, "m1", SB_FULL);
	s = lab_spec(&l, 0x22);
	s.group = LAB_GROUP2;
	lab_install(&l, &s);
	ASSERT_FAILS(policy_remove(&l.sep, &l.policies, LAB_GROUP, &status, &e), E_PERM);
	CU_ASSERT_EQUAL(status, SEP_ERR_MODE);
	CU_ASSERT_EQUAL(level_of(&l), SB_FULL);
	l.sep.env = SEP_RECOVERY;
	ASSERT_OK(policy_remove(&l.sep, &l.policies, LAB_GROUP, &status, &e), &e);
	CU_ASSERT_EQUAL(lab_ends(&l, &result), SB_TO_RECOVERY);
	CU_ASSERT_EQUAL(result, IMG4_ENOENT);
	ASSERT_OK(policy_read(&l.chip, &l.policies, LAB_GROUP2, &p, path, NULL, &e), &e);
	lab_release(&l);
}

static char logged[1024];

static void log_line(void *ctx, const char *line)
{
	size_t len = strlen(logged);

	(void)ctx;
	snprintf(logged + len, sizeof(logged) - len, "%s\n", line);
}

static void commands_are_logged(void)
{
	uint8_t digest[IMG4_DIGEST_LEN];
	struct policy_edit edit = {.n_changes = 0};
	enum sep_status status;
	struct err e = ERR_INIT;
	struct lab l;

	lab_mac(&l, "m1", SB_FULL);
	l.sep.log = log_line;
	CU_ASSERT_EQUAL(sep_digest(&l.sep, SEP_PROPOSED_LP, digest), SEP_ERR_STATE);
	CU_ASSERT_EQUAL(sep_digest(&l.sep, SEP_BLESSED_LP, digest), SEP_OK);
	CU_ASSERT_EQUAL(sep_digest(&l.sep, SEP_BLESSED_RO, digest), SEP_OK);
	CU_ASSERT_EQUAL(sep_pairing(&l.sep, LAB_GROUP), SEP_ERR_PAIRING);
	CU_ASSERT_EQUAL(sep_os_type(&l.sep), SEP_MACOS);
	ASSERT_OK(policy_update(&l.sep, &l.policies, LAB_GROUP, &edit, &status, &e), &e);
	CU_ASSERT_STRING_EQUAL(logged, "BootPolicy: SEP command 11 returned 1\n"
				       "BootPolicy: SEP command 14 returned 0\n"
				       "BootPolicy: SEP command 16 returned 0\n"
				       "BootPolicy: SEP command 67 returned 17\n"
				       "BootPolicy: SEP command 62 returned 0\n"
				       "BootPolicy: SEP command 2 returned 0\n"
				       "BootPolicy: SEP command 3 returned 0\n");
	CU_ASSERT_EQUAL(l.sep.last, SEP_END_UPDATE);
	lab_release(&l);
}

static void a_policy_as_json(void)
{
	struct local_policy p = {.v = {{.present = false}}};
	struct err e = ERR_INIT;
	char *text;
	json_t *j;

	lp_set_level(&p, SB_PERMISSIVE);
	lp_set_number(&p, LP_SIP0, 0x77);
	ASSERT_OK(lp_set_bytes(&p, LP_LOVE, "21.3", 4, &e), &e);
	ASSERT_OK(lp_json(&p, &j, &e), &e);
	text = json_dumps(j, JSON_COMPACT);
	CU_ASSERT_STRING_EQUAL(text, "{\"level\":\"Permissive\",\"fields\":{"
				     "\"love\":\"21.3\",\"smb0\":\"true\","
				     "\"smb1\":\"true\",\"sip0\":\"0x77\"}}");
	free(text);
	json_decref(j);
}

/* The same in a folder of the host, as where iSCPreboot is mounted. */
static void policies_in_a_folder(void)
{
	static const struct lp_change c[] = {SET(LP_SMB0, 1)};
	struct policy_edit edit = {.changes = c, .n_changes = 1};
	char dir[512], path[LP_PATH_MAX], full[1024];
	struct sb_policy_files files;
	struct buf file = BUF_INIT;
	enum sep_status status;
	struct err e = ERR_INIT;
	struct local_policy p;
	struct lab l;

	lab_mac(&l, "m1", SB_FULL);
	snprintf(dir, sizeof(dir), "%s/iscpreboot", test_tmpdir());
	ASSERT_OK(fsio_mkdirs(dir, 0755, &e), &e);
	files = sb_policy_files_in(dir);
	ASSERT_OK(policy_read(&l.chip, &l.policies, LAB_GROUP, &p, path, &file, &e), &e);
	ASSERT_OK(files.write(files.ctx, path, file.data, file.len, &e), &e);
	l.sep.env = SEP_RECOVERY;
	ASSERT_OK(policy_update(&l.sep, &files, LAB_GROUP, &edit, &status, &e), &e);
	snprintf(full, sizeof(full), "%s%s", dir, path);
	CU_ASSERT_FALSE(fsio_exists(full));
	ASSERT_OK(policy_read(&l.chip, &files, LAB_GROUP, &p, path, NULL, &e), &e);
	CU_ASSERT_EQUAL(lp_level(&p), SB_REDUCED);
	snprintf(full, sizeof(full), "%s%s", dir, path);
	CU_ASSERT_TRUE(fsio_exists(full));
	buf_release(&file);
	lab_release(&l);
}

TEST_MAIN("policy", {"a change rolls the nonce", a_change_rolls_the_nonce},
	  {"who may change what", who_may_change_what},
	  {"Full from scratch", full_from_scratch},
	  {"fields need each other", fields_need_each_other},
	  {"an older policy is stale", an_older_policy_is_stale},
	  {"a policy that the server signed", a_policy_that_the_server_signed},
	  {"a policy of another chip", a_policy_of_another_chip},
	  {"every flipped bit of a policy", every_flipped_bit_of_a_policy},
	  {"a power cut leaves one of the two", a_power_cut_leaves_one_of_the_two},
	  {"an owner signs extensions", an_owner_signs_extensions},
	  {"the policy names the collection", the_policy_names_the_collection},
	  {"a custom kernel boots when Permissive",
	   a_custom_kernel_boots_when_permissive},
	  {"a policy is removed in recovery", a_policy_is_removed_in_recovery},
	  {"commands are logged", commands_are_logged},
	  {"a policy as JSON", a_policy_as_json},
	  {"policies in a folder", policies_in_a_folder})
