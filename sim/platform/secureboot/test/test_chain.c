/* SPDX-License-Identifier: MIT */
/*
 * The boot chain: it holds, and each link breaks in its own way. Every case first boots,
 * then takes something away, sees the failure, puts it back and boots again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/test.h"
#include "sim/platform/csr.h"
#include "sim/platform/paths.h"
#include "sim/platform/secureboot/layout.h"
#include "sim/platform/secureboot/test/lab.h"

#define F(a, b, c, d) FOURCC(a, b, c, d)

static void boots(struct lab *l)
{
	struct sb_result r;

	lab_boot(l, false, &r);
	if (r.end != SB_GOES_ON)
		printf("      %s: %s\n", img4_result_name(r.result),
		       r.step[r.n_steps - 1].why);
	CU_ASSERT_EQUAL(r.end, SB_GOES_ON);
	sb_result_release(&r);
}

static void fails(struct lab *l, enum sb_end want, enum img4_result result,
		  uint32_t object)
{
	struct sb_result r;
	const struct sb_step *last;

	lab_boot(l, false, &r);
	last = &r.step[r.n_steps - 1];
	if (r.end != want || r.result != result || last->row->object != object)
		printf("      %s at '%s': %s\n", img4_result_name(r.result),
		       last->row->what, last->why);
	CU_ASSERT_EQUAL(r.end, want);
	CU_ASSERT_EQUAL(r.result, result);
	CU_ASSERT_EQUAL(last->row->object, object);
	CU_ASSERT_EQUAL(last->result, result);
	CU_ASSERT_TRUE(last->why[0] != '\0');
	CU_ASSERT_PTR_NOT_NULL(strstr(r.breadcrumbs, "30011 30007 <COMMIT>"));
	sb_result_release(&r);
}

static const char *const apple_silicon[] = {"m1", "m1-pro", "m1-max"};

static void each_mac_boots_at_each_level(void)
{
	for (size_t m = 0; m < sizeof(apple_silicon) / sizeof(apple_silicon[0]); m++)
		for (int level = 0; level < SB_N_LEVELS; level++) {
			struct sb_result r;
			struct lab l;

			lab_mac(&l, apple_silicon[m], (enum sb_level)level);
			lab_boot(&l, false, &r);
			CU_ASSERT_EQUAL(r.end, SB_GOES_ON);
			CU_ASSERT_EQUAL(r.level, (enum sb_level)level);
			CU_ASSERT_TRUE(r.has_policy && !r.proposed);
			CU_ASSERT_TRUE(r.kernel.len == 6 &&
				       !memcmp(r.kernel.p, "kernel", 6));
			CU_ASSERT_TRUE(r.has_root_hash && r.root_hash[16] == 0xa4);
			CU_ASSERT_EQUAL(sb_result_csr(&r), 0);
			sb_result_release(&r);
			lab_release(&l);
		}
}

static void the_result_is_what_xnu_needs(void)
{
	char path[512];
	struct sb_result r;
	struct lab l;
	size_t n;

	lab_mac(&l, "m1-pro", SB_FULL);
	lab_boot(&l, false, &r);
	snprintf(path, sizeof(path), "/" LAB_GROUP "/boot/%s", r.boot_manifest_hash);
	CU_ASSERT_STRING_EQUAL(r.boot_objects_path, path);
	CU_ASSERT_EQUAL(strlen(r.boot_manifest_hash), 96);
	snprintf(path, sizeof(path),
		 "%s/System/Library/Caches/com.apple.kernelcaches/"
		 "kernelcache",
		 r.boot_objects_path);
	CU_ASSERT_STRING_EQUAL(r.kernel_path, path);
	CU_ASSERT_STRING_EQUAL(r.root_snapshot,
			       "com.apple.os.update-A4A4A4A4A4A4A4A4A4A4A4A4A4A4A4A4"
			       "A4A4A4A4A4A4A4A4A4A4A4A4A4A4A4A4");
	CU_ASSERT_STRING_EQUAL((const char *)lp_bytes(&r.policy, LP_LOVE),
			       "21.3.52.0.0,0");
	sb_rows(SECURE_BOOT_LOCAL_POLICY, false, &n);
	CU_ASSERT_EQUAL(r.n_steps, n - 3); /* not fuos, auxk, and the seal */
	for (size_t i = 0; i < r.n_steps; i++)
		CU_ASSERT_TRUE(r.step[i].ns > 0 && !r.step[i].result);
	/* iBoot's order, in the codes of the breadcrumbs. */
	CU_ASSERT_PTR_NOT_NULL(strstr(r.breadcrumbs,
				      "3000f(64747265) 3000c(64747265) 3000d 30010 "
				      "3000f(69626474) 3000c(69626474) 3000d 30010 "
				      "3000f(69737973)"));
	CU_ASSERT_PTR_NOT_NULL(strstr(r.breadcrumbs, "<COMMIT> <BOOT>"));
	sb_result_release(&r);
	lab_release(&l);
}

/* Change the last byte of a file's payload, wherever it stands. */
static uint8_t *last_byte(struct fs_node *n, const char *payload)
{
	CU_ASSERT_PTR_NOT_NULL_FATAL(n);
	for (size_t i = 0; i + strlen(payload) <= n->size; i++)
		if (!memcmp(n->data + i, payload, strlen(payload)))
			return n->data + i + strlen(payload) - 1;
	CU_FAIL_FATAL("the payload is not in the file");
	return NULL;
}

static void a_changed_byte_is_found(void)
{
	static const struct {
		uint32_t object;
		const char *payload;
	} cases[] = {
		{F('i', 'b', 'o', 't'), "iBoot"},
		{F('d', 't', 'r', 'e'), "device tree"},
		{F('i', 'b', 'd', 't'), "data"},
		{F('i', 's', 'y', 's'), "\xa4\xa4\xa4"},
		{F('b', 's', 't', 'c'), "base trust"},
		{F('t', 'r', 's', 't'), "trust"},
		{F('k', 'r', 'n', 'l'), "kernel"},
	};
	struct lab l;

	lab_mac(&l, "m1", SB_PERMISSIVE); /* no level lets it pass */
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t *p = last_byte(lab_object(&l, cases[i].object), cases[i].payload);

		boots(&l);
		*p ^= 1;
		fails(&l, SB_TO_RECOVERY, IMG4_ENOEXEC, cases[i].object);
		*p ^= 1;
		boots(&l);
	}
	lab_release(&l);
}

static void firmware_in_nor_is_found(void)
{
	static const struct {
		uint32_t object;
		const char *payload;
	} cases[] = {{F('i', 'l', 'l', 'b'), "LLB"}, {F('s', 'e', 'p', 'i'), "SEP"}};
	struct buf kept;
	struct lab l;

	lab_mac(&l, "m1", SB_FULL);
	for (size_t i = 0; i < 2; i++) {
		struct buf *nor = sb_chip_nor(&l.chip, cases[i].object);
		struct fs_node n = {.data = nor->data, .size = nor->len};
		uint8_t *p = last_byte(&n, cases[i].payload);

		*p ^= 1;
		fails(&l, SB_TO_DFU, IMG4_ENOEXEC, cases[i].object);
		*p ^= 1;
		boots(&l);
	}
	/* NOR was erased. */
	kept = *sb_chip_nor(&l.chip, F('i', 'l', 'l', 'b'));
	*sb_chip_nor(&l.chip, F('i', 'l', 'l', 'b')) = (struct buf)BUF_INIT;
	fails(&l, SB_TO_DFU, IMG4_EILSEQ, F('i', 'l', 'l', 'b'));
	*sb_chip_nor(&l.chip, F('i', 'l', 'l', 'b')) = kept;
	/* LLB of before: its nonce is not the chip's any more. */
	l.chip.generator[0] ^= 1;
	fails(&l, SB_TO_DFU, IMG4_ESTALE, F('i', 'l', 'l', 'b'));
	l.chip.generator[0] ^= 1;
	/* Another root than the fused one. */
	l.chip.root_hash[0] ^= 1;
	fails(&l, SB_TO_DFU, IMG4_EAUTH, 0);
	l.chip.root_hash[0] ^= 1;
	boots(&l);
	lab_release(&l);
}

static void missing_files_and_objects(void)
{
	static const uint32_t objects[] = {F('i', 'b', 'o', 't'), F('d', 't', 'r', 'e'),
					   F('i', 's', 'y', 's'), F('t', 'r', 's', 't'),
					   F('k', 'r', 'n', 'l'),
					   /* optional, but the manifest has it */
					   F('b', 's', 't', 'c')};
	struct lab l;

	lab_mac(&l, "m1", SB_FULL);
	for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) {
		struct fs_node *n = lab_object(&l, objects[i]);
		uint32_t mode = n->mode;

		n->mode = 0; /* there is no file of that name */
		fails(&l, SB_TO_RECOVERY, IMG4_ENOENT, objects[i]);
		n->mode = mode;
		boots(&l);
	}
	lab_release(&l);
}

/* The manifest of a system without a trust cache, and a kernel in the latter's place. */
static void a_name_that_the_manifest_lacks(void)
{
	struct sb_install_spec s;
	struct sb_object objects[8];
	struct fs_node *k, *t;
	struct lab l;
	size_t n = 0;

	lab_init(&l, "m1");
	s = lab_spec(&l, 0xa4);
	for (size_t i = 0; i < s.n_objects; i++)
		if (s.objects[i].name != F('b', 's', 't', 'c'))
			objects[n++] = s.objects[i];
	s.objects = objects;
	s.n_objects = n;
	lab_install(&l, &s);
	boots(&l); /* optional: it is simply not there */
	k = lab_object(&l, F('k', 'r', 'n', 'l'));
	t = lab_object(&l, F('t', 'r', 's', 't'));
	k->link = t;
	fails(&l, SB_TO_RECOVERY, IMG4_EFTYPE, F('k', 'r', 'n', 'l'));
	k->link = NULL;
	boots(&l);
	lab_release(&l);
}

static void not_image4(void)
{
	struct fs_node *n;
	struct lab l;

	lab_mac(&l, "m1", SB_FULL);
	n = lab_object(&l, F('k', 'r', 'n', 'l'));
	n->data[0] ^= 1;
	fails(&l, SB_TO_RECOVERY, IMG4_EILSEQ, F('k', 'r', 'n', 'l'));
	n->data[0] ^= 1;
	n->size--;
	fails(&l, SB_TO_RECOVERY, IMG4_EILSEQ, F('k', 'r', 'n', 'l'));
	n->size++;
	boots(&l);
	lab_release(&l);
}

/* A payload without its manifest. */
static void no_manifest(void)
{
	struct buf bare = BUF_INIT;
	struct err e = ERR_INIT;
	struct fs_node *n;
	struct img4 f;
	struct lab l;
	uint8_t *data;
	uint64_t size;

	lab_mac(&l, "m1", SB_FULL);
	n = lab_object(&l, F('i', 'b', 'o', 't'));
	data = n->data;
	size = n->size;
	ASSERT_OK(img4_parse(data, size, &f, &e), &e);
	ASSERT_OK(img4_write(f.payload.whole, (struct span){NULL, 0}, NULL, &bare, &e),
		  &e);
	n->data = bare.data;
	n->size = bare.len;
	fails(&l, SB_TO_RECOVERY, IMG4_EFTYPE, F('i', 'b', 'o', 't'));
	n->data = data;
	n->size = size;
	boots(&l);
	buf_release(&bare);
	lab_release(&l);
}

/*
 * A bit of the signature; the certificates' are tried with the format. Of what iBoot loads
 * the manifest is that of iBoot, and a copy that is not genuine is not an older one.
 */
static void a_wrong_signature(void)
{
	static const uint32_t objects[] = {
		F('i', 'b', 'o', 't'),
		F('i', 's', 'y', 's'),
		F('k', 'r', 'n', 'l'),
	};
	struct lab l;

	lab_mac(&l, "m1", SB_FULL);
	for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) {
		struct fs_node *n = lab_object(&l, objects[i]);
		struct err e = ERR_INIT;
		struct img4 f;
		size_t at;

		ASSERT_OK(img4_parse(n->data, n->size, &f, &e), &e);
		at = (size_t)(f.manifest.signature.p - n->data);
		n->data[at] ^= 1;
		fails(&l, SB_TO_RECOVERY, IMG4_EAUTH, objects[i]);
		n->data[at] ^= 1;
		boots(&l);
	}
	lab_release(&l);
}

/* The system of another Mac of the same model: genuine, and not for this chip. */
static void a_manifest_of_another_chip(void)
{
	struct lab l, other;

	lab_mac(&l, "m1", SB_REDUCED);
	lab_init(&other, "m1");
	{
		struct img4_chip id = other.chip.id;
		struct sb_install_spec s = lab_spec(&other, 0xa4);
		struct err e = ERR_INIT;

		id.ecid = 42;
		ASSERT_OK(sb_chip_make(&other.chip, &id, lab_keys(), &e), &e);
		lab_install(&other, &s);
	}
	boots(&other);
	/* Its boot folder under the name that our policy has. */
	{
		struct fs_node *theirs = lab_object(&other, F('i', 'b', 'o', 't'));
		struct fs_node *ours = lab_object(&l, F('i', 'b', 'o', 't'));

		ours->link = theirs;
		fails(&l, SB_TO_RECOVERY, IMG4_EACCES, F('i', 'b', 'o', 't'));
		ours->link = NULL;
	}
	boots(&l);
	lab_release(&l);
	lab_release(&other);
}

/* The system before this one: genuine, for this chip, and not the one of the policy. */
static void an_older_system_under_the_new_name(void)
{
	struct fs_node *ours, *theirs;
	struct sb_install_spec s;
	struct lab l, old;

	lab_mac(&l, "m1", SB_FULL);
	lab_init(&old, "m1");
	s = lab_spec(&old, 0x16);
	lab_install(&old, &s);
	boots(&old);
	ours = lab_object(&l, F('i', 'b', 'o', 't'));
	theirs = lab_object(&old, F('i', 'b', 'o', 't'));
	ours->link = theirs;
	fails(&l, SB_TO_RECOVERY, IMG4_ESTALE, F('i', 'b', 'o', 't'));
	ours->link = NULL;
	/* Only its root hash, which is signed as well. */
	ours = lab_object(&l, F('i', 's', 'y', 's'));
	theirs = lab_object(&old, F('i', 's', 'y', 's'));
	ours->link = theirs;
	fails(&l, SB_TO_RECOVERY, IMG4_ESTALE, F('i', 's', 'y', 's'));
	ours->link = NULL;
	boots(&l);
	lab_release(&l);
	lab_release(&old);
}

/* Full security wants a manifest made for this Mac; Reduced takes what is for all. */
static void global_manifests_want_reduced_security(void)
{
	for (int level = 0; level < SB_N_LEVELS; level++) {
		struct sb_install_spec s;
		struct lab l;

		lab_init(&l, "m1");
		s = lab_spec(&l, 0xa4);
		s.level = (enum sb_level)level;
		s.global = true;
		lab_install(&l, &s);
		if (level == SB_FULL)
			fails(&l, SB_TO_RECOVERY, IMG4_EACCES, F('i', 'b', 'o', 't'));
		else
			boots(&l);
		lab_release(&l);
	}
}

static void a_policy_that_is_missing(void)
{
	char path[LP_PATH_MAX];
	struct fs_node *n;
	uint32_t mode;
	struct lab l;

	lab_mac(&l, "m1", SB_FULL);
	n = lab_policy_file(&l, LAB_GROUP, ".img4", path);
	CU_ASSERT_PTR_NOT_NULL_FATAL(n);
	mode = n->mode;
	n->mode = 0;
	fails(&l, SB_TO_RECOVERY, IMG4_ENOENT, F('l', 'p', 'o', 'l'));
	n->mode = mode;
	boots(&l);
	lab_release(&l);
}

static void which_system_nvram_says(void)
{
	static const uint8_t type[UUID_LEN] = {0x7c, 0x34, 0x57, 0xef},
			     part[UUID_LEN] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
	char text[SB_BOOT_VOLUME_MAX];
	struct sb_result r;
	struct err e = ERR_INIT;
	struct nvram nv;
	struct lab l;
	struct sb_boot b = {.nvram = &nv};

	lab_mac(&l, "m1", SB_FULL);
	b.machine = l.machine;
	b.files = &l.files;
	b.chip = &l.chip;
	nvram_init(&nv);
	ASSERT_OK(sb_boot_verify(&b, &r, &e), &e);
	CU_ASSERT_EQUAL(r.end, SB_TO_RECOVERY);
	CU_ASSERT_EQUAL(r.result, IMG4_ENOENT);
	sb_result_release(&r);
	ASSERT_OK(sb_boot_volume_write(type, part, LAB_GROUP, text, &e), &e);
	CU_ASSERT_STRING_EQUAL(text, "7C3457EF-0000-0000-0000-000000000000:"
				     "04030201-0605-0807-0900-000000000000:" LAB_GROUP);
	ASSERT_OK(nvram_set_apple(&nv, NVRAM_BOOT_VOLUME, text, strlen(text), &e), &e);
	ASSERT_OK(sb_boot_verify(&b, &r, &e), &e);
	CU_ASSERT_EQUAL(r.end, SB_GOES_ON);
	CU_ASSERT_STRING_EQUAL(r.group, LAB_GROUP);
	sb_result_release(&r);
	ASSERT_OK(nvram_set_apple(&nv, NVRAM_BOOT_VOLUME, text, strlen(text) - 1, &e),
		  &e);
	ASSERT_OK(sb_boot_verify(&b, &r, &e), &e);
	CU_ASSERT_EQUAL(r.result, IMG4_EILSEQ);
	sb_result_release(&r);
	text[37] = 'g';
	ASSERT_FAILS(sb_boot_volume_parse(text, strlen(text), r.group, &e), E_INVAL);
	nvram_release(&nv);
	lab_release(&l);
}

/* recoveryOS has files and a manifest of its own, and no policy that could be damaged. */
static void recovery_boots_without_a_policy(void)
{
	char path[LP_PATH_MAX];
	struct sb_result r;
	struct lab l;

	lab_mac(&l, "m1", SB_PERMISSIVE);
	lab_policy_file(&l, LAB_GROUP, ".img4", path)->mode = 0;
	lab_object(&l, F('k', 'r', 'n', 'l'))->mode = 0;
	lab_boot(&l, true, &r);
	CU_ASSERT_EQUAL(r.end, SB_GOES_ON);
	CU_ASSERT_TRUE(r.kernel.len == 6);
	CU_ASSERT_FALSE(r.has_policy);
	CU_ASSERT_EQUAL(r.level, SB_FULL);
	sb_result_release(&r);
	/* It is verified as well. */
	last_byte(fs_tree_find(&l.recovery, r.kernel_path), "kernel")[0] ^= 1;
	lab_boot(&l, true, &r);
	CU_ASSERT_EQUAL(r.end, SB_TO_DFU);
	CU_ASSERT_EQUAL(r.result, IMG4_ENOEXEC);
	sb_result_release(&r);
	lab_release(&l);
}

static void t2_verifies_by_board(void)
{
	static const struct {
		const char *path;
		uint32_t object;
	} beside[] = {
		{"/System/Library/CoreServices/boot.efi", F('b', 'e', 'f', 'i')},
		{"/boot/System/Library/KernelCollections/BootKernelExtensions.kc",
		 F('k', 'r', 'n', 'l')},
	};
	char path[LP_PATH_MAX];
	struct lab l;

	lab_mac(&l, "t2", SB_FULL);
	boots(&l);
	for (size_t i = 0; i < 2; i++) {
		struct fs_node *n;
		uint32_t mode;

		snprintf(path, sizeof(path), "/" LAB_GROUP "%s", beside[i].path);
		n = fs_tree_find(&l.preboot, path);
		CU_ASSERT_PTR_NOT_NULL_FATAL(n);
		n->data[0] ^= 1;
		fails(&l, SB_TO_RECOVERY, IMG4_ENOEXEC, beside[i].object);
		n->data[0] ^= 1;
		snprintf(path, sizeof(path), "/" LAB_GROUP "%s.%sap.im4m", beside[i].path,
			 l.machine->board);
		n = fs_tree_find(&l.preboot, path);
		CU_ASSERT_PTR_NOT_NULL_FATAL(n);
		mode = n->mode;
		n->mode = 0;
		fails(&l, SB_TO_RECOVERY, IMG4_ENOENT, beside[i].object);
		n->mode = mode;
		boots(&l);
	}
	/* A system for another Mac. */
	l.chip.id.ecid ^= 1;
	fails(&l, SB_TO_RECOVERY, IMG4_EACCES, F('b', 'e', 'f', 'i'));
	l.chip.id.ecid ^= 1;
	boots(&l);
	lab_release(&l);
}

/* On x86 it is XNU that judges the signed root hash: the boot goes on, and it knows. */
static void x86_root_hash_is_xnus(const char *machine, const char *suffix)
{
	char path[LP_PATH_MAX];
	struct sb_result r;
	struct fs_node *m;
	struct lab l;
	uint8_t *p;

	lab_mac(&l, machine, SB_FULL);
	lab_boot(&l, false, &r);
	CU_ASSERT_EQUAL(r.end, SB_GOES_ON);
	CU_ASSERT_TRUE(r.has_root_hash && r.root_hash_result == IMG4_OK);
	CU_ASSERT_EQUAL(r.root_hash[16], 0xa4);
	sb_result_release(&r);
	p = last_byte(lab_object(&l, F('x', 's', 'y', 's')), "\xa4\xa4");
	*p ^= 1;
	lab_boot(&l, false, &r);
	CU_ASSERT_EQUAL(r.end, SB_GOES_ON);
	CU_ASSERT_EQUAL(r.root_hash_result, IMG4_ENOEXEC);
	/* What it names is looked for before it is judged. */
	CU_ASSERT_TRUE(r.has_root_hash);
	sb_result_release(&r);
	*p ^= 1;
	snprintf(path, sizeof(path), "/" LAB_GROUP "/usr/standalone/OS.dmg.root_hash%s",
		 suffix);
	m = fs_tree_find(&l.preboot, path);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	m->mode = 0;
	lab_boot(&l, false, &r);
	CU_ASSERT_EQUAL(r.root_hash_result, IMG4_ENOENT);
	sb_result_release(&r);
	lab_release(&l);
}

static void t2_root_hash(void)
{
	x86_root_hash_is_xnus("t2", ".j680ap.im4m");
}

static void intel_root_hash(void)
{
	x86_root_hash_is_xnus("intel", ".im4m");
}

static void intel_verifies_nothing_before_xnu(void)
{
	struct sb_result r;
	struct lab l;

	lab_mac(&l, "intel", SB_FULL);
	lab_object(&l, F('k', 'r', 'n', 'l'))->data[0] ^= 1;
	lab_boot(&l, false, &r);
	CU_ASSERT_EQUAL(r.end, SB_GOES_ON);
	CU_ASSERT_EQUAL(r.step[0].row->against, SB_BY_NOTHING);
	CU_ASSERT_TRUE(r.kernel.len == strlen("kernel collection"));
	sb_result_release(&r);
	lab_object(&l, F('k', 'r', 'n', 'l'))->mode = 0;
	lab_boot(&l, false, &r);
	CU_ASSERT_EQUAL(r.end, SB_STOPS);
	sb_result_release(&r);
	lab_release(&l);
}

/* What the owner set comes to XNU as flags, and only with Permissive. */
static void sip_flags_come_from_the_policy(void)
{
	struct local_policy p = {.v = {{.present = false}}};
	struct sb_install_spec s;
	struct sb_result r;
	struct err e = ERR_INIT;
	struct lab l;

	lp_set_number(&p, LP_SIP0, 0x77);
	lp_set_number(&p, LP_SIP1, 1);
	lab_init(&l, "m1");
	s = lab_spec(&l, 0xa4);
	s.policy = &p;
	s.level = SB_PERMISSIVE;
	lab_install(&l, &s);
	lab_boot(&l, false, &r);
	CU_ASSERT_EQUAL(sb_result_csr(&r), 0x77 | CSR_ALLOW_UNAUTHENTICATED_ROOT);
	sb_result_release(&r);
	lab_release(&l);
	lab_init(&l, "m1");
	s.level = SB_REDUCED;
	ASSERT_FAILS(sb_install(&s, &l.preboot, &l.iscpreboot, &l.chip, &e), E_INVAL);
	lab_release(&l);
}

static bool same_tree(const struct fs_tree *a, const struct fs_tree *b)
{
	const struct fs_node *x = a->root, *y = b->root;

	for (; x && y; x = fs_tree_next(a, x), y = fs_tree_next(b, y))
		if (strcmp(x->name, y->name) != 0 || x->size != y->size ||
		    (x->size && memcmp(x->data, y->data, x->size) != 0))
			return false;
	return !x && !y;
}

static void the_same_input_gives_the_same_disk(void)
{
	char path[2][512];
	struct err e = ERR_INIT;
	struct buf b[2] = {BUF_INIT, BUF_INIT};
	struct lab l[2];

	for (int i = 0; i < 2; i++) {
		struct sb_install_spec s;

		lab_mac(&l[i], "m1", SB_PERMISSIVE);
		s = lab_spec(&l[i], 0x11);
		s.group = LAB_GROUP2;
		lab_install(&l[i], &s);
		s = lab_spec(&l[i], 0x22); /* and the first one again */
		lab_install(&l[i], &s);
		snprintf(path[i], sizeof(path[i]), "%s/chip%d", test_tmpdir(), i);
		ASSERT_OK(sb_chip_store_file(&l[i].chip, path[i], &e), &e);
	}
	CU_ASSERT_TRUE(same_tree(&l[0].preboot, &l[1].preboot));
	CU_ASSERT_TRUE(same_tree(&l[0].iscpreboot, &l[1].iscpreboot));
	CU_ASSERT_TRUE(same_tree(&l[0].recovery, &l[1].recovery));
	CU_ASSERT_EQUAL(test_shell("cmp %s %s", path[0], path[1]), 0);
	boots(&l[0]);
	for (int i = 0; i < 2; i++) {
		buf_release(&b[i]);
		lab_release(&l[i]);
	}
}

/* A new root hash is a new manifest; what the owner set stays. */
static void a_reinstallation_keeps_the_policy(void)
{
	struct sb_install_spec s;
	struct sb_result r;
	struct lab l;

	lab_mac(&l, "m1", SB_PERMISSIVE);
	s = lab_spec(&l, 0xbb);
	lab_install(&l, &s);
	lab_boot(&l, false, &r);
	CU_ASSERT_EQUAL(r.end, SB_GOES_ON);
	CU_ASSERT_EQUAL(r.level, SB_PERMISSIVE);
	CU_ASSERT_EQUAL(r.root_hash[16], 0xbb);
	sb_result_release(&r);
	lab_release(&l);
}

static void objects_have_to_have_a_place(void)
{
	struct sb_object objects[9];
	struct sb_install_spec s;
	struct err e = ERR_INIT;
	struct lab l;

	lab_init(&l, "m1");
	s = lab_spec(&l, 0xa4);
	memcpy(objects, s.objects, s.n_objects * sizeof(objects[0]));
	objects[8] = (struct sb_object){F('x', 'y', 'z', 'w'), "", {NULL, 0}};
	s.objects = objects;
	s.n_objects = 9;
	ASSERT_FAILS(sb_install(&s, &l.preboot, &l.iscpreboot, &l.chip, &e), E_INVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "'xyzw' has no place"));
	s.n_objects = 4;
	ASSERT_FAILS(sb_install(&s, &l.preboot, &l.iscpreboot, &l.chip, &e), E_INVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "is missing"));
	lab_release(&l);
}

TEST_MAIN("chain", {"each Mac boots at each level", each_mac_boots_at_each_level},
	  {"the result is what XNU needs", the_result_is_what_xnu_needs},
	  {"a changed byte is found", a_changed_byte_is_found},
	  {"firmware in NOR is found", firmware_in_nor_is_found},
	  {"missing files and objects", missing_files_and_objects},
	  {"another object in its place", a_name_that_the_manifest_lacks},
	  {"not Image4", not_image4}, {"no manifest", no_manifest},
	  {"a wrong signature", a_wrong_signature},
	  {"a manifest of another chip", a_manifest_of_another_chip},
	  {"an older system under the new name", an_older_system_under_the_new_name},
	  {"global manifests want Reduced security",
	   global_manifests_want_reduced_security},
	  {"a policy that is missing", a_policy_that_is_missing},
	  {"which system: NVRAM says it", which_system_nvram_says},
	  {"recoveryOS boots without a policy", recovery_boots_without_a_policy},
	  {"a T2 verifies by board", t2_verifies_by_board},
	  {"on a T2 the root hash is XNU's", t2_root_hash},
	  {"on Intel the root hash is XNU's", intel_root_hash},
	  {"Intel verifies nothing before XNU", intel_verifies_nothing_before_xnu},
	  {"SIP's flags come from the policy", sip_flags_come_from_the_policy},
	  {"the same input gives the same disk", the_same_input_gives_the_same_disk},
	  {"a reinstallation keeps the policy", a_reinstallation_keeps_the_policy},
	  {"objects have to have a place", objects_have_to_have_a_place})
