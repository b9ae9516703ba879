/* SPDX-License-Identifier: MIT */
/* Breaking and fixing the seals of disks, with apfsck and 7-Zip as judges of each damage.
 */
#include "sim/platform/secureboot/test/lab.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "images/seal_break.h"
#include "images/seal_edit.h"
#include "images/seal_fix.h"
#include "images/seal_place.h"
#include "images/seal_signature.h"
#include "sim/base/test.h"
#include "sim/formats/apfs/test/image.h"
#include "sim/formats/apfs/writer.h"

#define TIME 1637520000000000000 /* 2021-11-21T18:40:00Z */

static const uint8_t group[16] = {0x8e, 0x3b, 0x9a, 0x4c, 0x00, 0x00, 0x40, 0x00,
				  0x80, 0x00, 0x00, 0x00, 0x00, 0x00, 0xc0, 0xde};

/* A disk with a sealed system, and its signed root hash on Preboot. */
static struct disk {
	char path[4096], copy[4096];
	struct lab lab;
	struct fs_tree system, data;
	struct apfs_sealed sealed;
} d;

static void fill_system(struct fs_tree *t)
{
	static char text[40000];
	struct err e = ERR_INIT;
	char path[64];

	memset(text, 'x', sizeof(text));
	for (int i = 0; i < 120; i++) {
		snprintf(path, sizeof(path), "/usr/lib/file %d", i);
		ASSERT_OK(fs_tree_file(t, path, 0644, path, strlen(path), NULL, &e), &e);
	}
	ASSERT_OK(fs_tree_file(t, "/bin/big", 0755, text, sizeof(text), NULL, &e), &e);
	ASSERT_OK(fs_tree_file(t, "/empty", 0644, NULL, 0, NULL, &e), &e);
}

/* As an installer does: the root hash is known, now it is signed. */
static int sign(void *ctx, size_t index, const struct apfs_sealed *s, struct err *e)
{
	struct sb_install_spec spec = lab_spec(&d.lab, 0);

	(void)ctx;
	(void)index;
	d.sealed = *s;
	memcpy(spec.root_hash, s->root_hash, sizeof(spec.root_hash));
	return sb_install(&spec, &d.lab.preboot, &d.lab.iscpreboot, &d.lab.chip, e);
}

static void make_disk(const char *machine)
{
	struct apfs_volume_spec volumes[] = {
		{.name = "Macintosh HD",
		 .role = APFS_ROLE_SYSTEM,
		 .uuid = {1},
		 .in_group = true,
		 .tree = &d.system,
		 .sealed = true,
		 .snapshot = APFS_SNAPSHOT_OF_ROOT_HASH},
		{.name = "Preboot",
		 .role = APFS_ROLE_PREBOOT,
		 .uuid = {2},
		 .tree = &d.lab.preboot},
		{.name = "Data",
		 .role = APFS_ROLE_DATA,
		 .uuid = {4},
		 .in_group = true,
		 .tree = &d.data},
	};
	struct apfs_container_spec spec = {
		.size = 1536ull << 20,
		.uuid = {3},
		.time_ns = TIME,
		.volumes = volumes,
		.n_volumes = 3,
		.sealed = sign,
	};
	struct err e = ERR_INIT;
	int fd;

	memcpy(spec.group_uuid, group, sizeof(group));
	snprintf(d.path, sizeof(d.path), "%s/disk", test_tmpdir());
	snprintf(d.copy, sizeof(d.copy), "%s/copy", test_tmpdir());
	lab_init(&d.lab, machine);
	ASSERT_OK(fs_tree_init(&d.system, TIME, &e), &e);
	ASSERT_OK(fs_tree_init(&d.data, TIME, &e), &e);
	fill_system(&d.system);
	fd = open(d.path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	CU_ASSERT_FATAL(fd >= 0);
	ASSERT_OK(apfs_write(fd, 0, &spec, &e), &e);
	close(fd);
}

static void drop_disk(void)
{
	fs_tree_release(&d.system);
	fs_tree_release(&d.data);
	lab_release(&d.lab);
	unlink(d.path);
}

static void copy_disk(void)
{
	CU_ASSERT_EQUAL_FATAL(test_shell("cp '%s' '%s'", d.path, d.copy), 0);
}

/* ---- what a check says ---- */

/* The report on a state of the copy, and what a Mac would root from. */
static void check(const char *snapshot, struct apfs_seal_report *report)
{
	struct seal_place p;
	struct apfs_volume *v;
	struct err e = ERR_INIT;
	uint64_t xid;

	ASSERT_OK(seal_place_open(&p, d.copy, NULL, &e), &e);
	ASSERT_OK(seal_place_state(&p, snapshot, &v, &xid, &e), &e);
	ASSERT_OK(apfs_seal_check(v, NULL, report, &e), &e);
	apfs_volume_close(v);
	seal_place_close(&p);
}

static uint64_t faults(const char *snapshot)
{
	struct apfs_seal_report report;
	uint64_t n;

	check(snapshot, &report);
	n = report.faults;
	apfs_seal_report_release(&report);
	return n;
}

static struct apfs_seal_info info(const char *snapshot)
{
	struct apfs_seal_report report;
	struct apfs_seal_info i;

	check(snapshot, &report);
	i = report.info;
	apfs_seal_report_release(&report);
	return i;
}

/* ---- places ---- */

static void places(void)
{
	struct seal_place p;
	struct apfs_volume *v;
	struct err e = ERR_INIT;
	char xid[24];
	uint64_t got;

	copy_disk();
	ASSERT_OK(seal_place_open(&p, d.copy, NULL, &e), &e);
	CU_ASSERT_STRING_EQUAL(p.volume.name, "Macintosh HD");
	CU_ASSERT_EQUAL(p.root, SEAL_ROOT_NAMED);
	CU_ASSERT_EQUAL(p.root_xid, d.sealed.snapshot_xid);
	snprintf(xid, sizeof(xid), "%llu", (unsigned long long)d.sealed.snapshot_xid);
	ASSERT_OK(seal_place_state(&p, xid, &v, &got, &e), &e);
	CU_ASSERT_EQUAL(got, d.sealed.snapshot_xid);
	apfs_volume_close(v);
	ASSERT_OK(seal_place_state(&p, d.sealed.snapshot, &v, &got, &e), &e);
	apfs_volume_close(v);
	ASSERT_OK(seal_place_state(&p, "", &v, &got, &e), &e);
	CU_ASSERT_EQUAL(got, 0);
	apfs_volume_close(v);
	ASSERT_FAILS(seal_place_state(&p, "monday", &v, &got, &e), E_NOTFOUND);
	ASSERT_FAILS(seal_place_state(&p, "99", &v, &got, &e), E_NOTFOUND);
	seal_place_close(&p);
	ASSERT_OK(seal_place_open(&p, d.copy, "Preboot", &e), &e);
	CU_ASSERT_EQUAL(p.root, SEAL_ROOT_LIVE);
	seal_place_close(&p);
	ASSERT_FAILS(seal_place_open(&p, d.copy, "Nothing", &e), E_NOTFOUND);
	seal_place_close(&p);
	CU_ASSERT_FALSE(seal_place_sealed_name("com.apple.os.update-MSUPrepareUpdate"));
	CU_ASSERT_FALSE(seal_place_sealed_name("com.apple.bless.1"));
}

/* ---- damage ---- */

struct damage {
	const char *kind, *path;
	uint64_t offset;
	enum apfs_seal_fault fault;
	bool apfsck, sevenzip; /* who else notices */
};

static const struct damage damages[] = {
	{"data", "/bin/big", 20000, APFS_SEAL_FAULT_DATA, true, true},
	{"data", "/usr/lib/file 7", 0, APFS_SEAL_FAULT_DATA, true, true},
	{"slack", "/bin/big", 0, APFS_SEAL_FAULT_DATA, true, false},
	{"node", "/usr/lib/file 9", 0, APFS_SEAL_FAULT_NODE, true, true},
	{"node", NULL, 0, APFS_SEAL_FAULT_ROOT, true, true},
	{"root-hash", NULL, 0, APFS_SEAL_FAULT_ROOT, true, true},
};

static void try_damage(const struct damage *x)
{
	struct seal_break_spec spec = {.kind = seal_break_by_name(x->kind),
				       .path = x->path,
				       .offset = x->offset};
	struct seal_break_result done;
	struct apfs_seal_report report;
	struct err e = ERR_INIT;

	copy_disk();
	ASSERT_OK(seal_break(d.copy, &spec, TIME, &done, &e), &e);
	CU_ASSERT_TRUE(done.in_place && (done.bit.before ^ done.bit.after) == 1);
	/* One bit, or with it the checksum. */
	CU_ASSERT_EQUAL(test_shell("test $(cmp -l -n 99000000 '%s' '%s' | wc -l) -le 9",
				   d.path, d.copy),
			0);
	check(NULL, &report);
	CU_ASSERT_EQUAL(report.faults, 1);
	CU_ASSERT_EQUAL(report.findings[0].fault, x->fault);
	CU_ASSERT_TRUE(report.findings[0].block == done.bit.block ||
		       (x->fault == APFS_SEAL_FAULT_DATA &&
			report.findings[0].block <= done.bit.block) ||
		       !strcmp(x->kind, "root-hash"));
	if (x->fault == APFS_SEAL_FAULT_DATA)
		CU_ASSERT_STRING_EQUAL(report.findings[0].paths[0], x->path);
	apfs_seal_report_release(&report);
	/* The snapshot and the live state are the same blocks. */
	CU_ASSERT_EQUAL(faults(""), 1);
	if (have("apfsck"))
		CU_ASSERT_EQUAL(!test_shell("apfsck -cw '%s' >/dev/null 2>&1", d.copy),
				!x->apfsck);
	if (have("7zz"))
		CU_ASSERT_EQUAL(!test_shell("7zz t '%s' >/dev/null 2>&1", d.copy),
				!x->sevenzip);
}

static void every_damage(void)
{
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++)
		try_damage(&damages[i]);
}

static void damage_that_makes_no_sense(void)
{
	static const struct {
		const char *kind, *path;
		uint64_t offset;
		enum err_code code;
	} rows[] = {
		{"data", NULL, 0, E_INVAL},
		{"data", "/nothing", 0, E_NOTFOUND},
		{"data", "/bin", 0, E_INVAL},
		{"data", "/bin/big", 40000, E_INVAL},
		{"data", "/bin/big", UINT64_MAX, E_INVAL},
		{"data", "/empty", 0, E_INVAL},
		{"slack", "/empty", 0, E_INVAL},
		{"slack", "/bin/big", 5, E_INVAL},
		{"node", "/nothing", 0, E_NOTFOUND},
		{"root-hash", "/bin", 0, E_INVAL},
		{"flag", "/bin", 0, E_INVAL},
		{"bogus", NULL, 0, E_INVAL},
	};
	struct seal_break_result done;
	struct err e = ERR_INIT;

	copy_disk();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct seal_break_spec spec = {.kind = seal_break_by_name(rows[i].kind),
					       .path = rows[i].path,
					       .offset = rows[i].offset};

		ASSERT_FAILS(seal_break(d.copy, &spec, TIME, &done, &e), rows[i].code);
	}
	CU_ASSERT_EQUAL(test_shell("cmp -n 99000000 '%s' '%s'", d.path, d.copy), 0);
}

/* ---- the signature ---- */

static void signature_is(enum img4_result want, bool equal)
{
	const struct sb_keys *keys = lab_keys();
	struct span anchor = {keys->id[SB_ROOT].cert.data, keys->id[SB_ROOT].cert.len};
	struct seal_signature s;
	struct seal_place p;
	struct err e = ERR_INIT;

	ASSERT_OK(seal_place_open(&p, d.copy, NULL, &e), &e);
	ASSERT_OK(seal_signature_find(&p, anchor, &s, &e), &e);
	CU_ASSERT_TRUE(s.found && s.readable && s.has_manifest && s.checked);
	CU_ASSERT_EQUAL(s.result, want);
	CU_ASSERT_EQUAL(!memcmp(s.hash, d.sealed.root_hash, sizeof(s.hash)), equal);
	seal_signature_release(&s);
	seal_place_close(&p);
}

static void break_signature(void)
{
	const struct seal_break_spec spec = {.kind = SEAL_BREAK_SIGNATURE};
	struct seal_break_result done;
	struct err e = ERR_INIT;

	copy_disk();
	signature_is(IMG4_OK, true);
	ASSERT_OK(seal_break(d.copy, &spec, TIME, &done, &e), &e);
	signature_is(IMG4_EAUTH, true);
	CU_ASSERT_EQUAL(faults(NULL), 0);
	CU_ASSERT_EQUAL(test_shell("test $(cmp -l -n 99000000 '%s' '%s' | wc -l) = 1",
				   d.path, d.copy),
			0);
}

static void signature_of_intel(void)
{
	drop_disk();
	make_disk("intel");
	break_signature();
}

/* ---- the mark, and fixing ---- */

static struct seal_fixed fix(bool revert, bool dry_run)
{
	const struct seal_fix how = {
		.revert = revert, .dry_run = dry_run, .time_ns = TIME};
	struct seal_fixed ret;
	struct err e = ERR_INIT;

	ASSERT_OK(seal_fix(d.copy, &how, &ret, &e), &e);
	return ret;
}

static void break_flag(void)
{
	const struct seal_break_spec spec = {.kind = SEAL_BREAK_FLAG};
	struct seal_break_result done;
	struct err e = ERR_INIT;

	ASSERT_OK(seal_break(d.copy, &spec, TIME, &done, &e), &e);
	CU_ASSERT_FALSE(done.in_place);
}

static void the_mark_is_taken_away(void)
{
	struct apfs_seal_info i;
	struct seal_fixed f;

	copy_disk();
	break_flag();
	i = info("");
	CU_ASSERT_TRUE(i.broken && i.broken_xid);
	CU_ASSERT_EQUAL(faults(""), 1);
	CU_ASSERT_EQUAL(faults(NULL), 0);
	f = fix(false, true);
	CU_ASSERT_TRUE(f.changed && f.holds);
	CU_ASSERT_EQUAL(faults(""), 1);
	f = fix(false, false);
	CU_ASSERT_TRUE(f.changed && f.holds);
	CU_ASSERT_EQUAL(faults(""), 0);
	i = info("");
	CU_ASSERT_TRUE(!i.broken && !i.broken_xid);
	CU_ASSERT_EQUAL(memcmp(i.root_hash, d.sealed.root_hash, 32), 0);
	CU_ASSERT_TRUE(judges_accept(d.copy));
	f = fix(false, false);
	CU_ASSERT_TRUE(!f.changed && f.holds);
}

/* What is broken gets a snapshot of its own, and a Mac would root from it. */
static void root_from_broken(void)
{
	struct seal_edit x;
	struct err e = ERR_INIT;
	int r;

	break_flag();
	ASSERT_OK(seal_edit_begin(&x, d.copy, NULL, TIME, &e), &e);
	r = apfs_edit_snapshot_create(x.ed, x.slot, "com.apple.bless.1", &e);
	if (!r)
		r = apfs_edit_set_root(x.ed, x.slot, "com.apple.bless.1", &e);
	ASSERT_OK(seal_edit_end(&x, r, &e), &e);
}

static void roots_from_the_last_sealed_snapshot(void)
{
	struct seal_place p;
	struct err e = ERR_INIT;
	struct seal_fixed f;

	copy_disk();
	root_from_broken();
	CU_ASSERT_EQUAL(faults(NULL), 1);
	f = fix(false, false);
	CU_ASSERT_TRUE(f.changed && f.holds);
	CU_ASSERT_EQUAL(faults(NULL), 0);
	ASSERT_OK(seal_place_open(&p, d.copy, NULL, &e), &e);
	CU_ASSERT_EQUAL(p.root, SEAL_ROOT_NAMED);
	CU_ASSERT_EQUAL(p.root_xid, d.sealed.snapshot_xid);
	CU_ASSERT_EQUAL(p.n_snaps, 2);
	seal_place_close(&p);
}

/* The live state has other content; only when asked it is taken back. */
static void the_live_state_is_taken_back(void)
{
	struct fs_tree other;
	struct seal_edit x;
	struct err e = ERR_INIT;
	struct seal_fixed f;
	int r;

	copy_disk();
	ASSERT_OK(fs_tree_init(&other, TIME, &e), &e);
	ASSERT_OK(fs_tree_file(&other, "/changed", 0644, "x", 1, NULL, &e), &e);
	ASSERT_OK(seal_edit_begin(&x, d.copy, NULL, TIME, &e), &e);
	r = apfs_edit_replace_tree(x.ed, x.slot, &other, APFS_EDIT_BROKEN, NULL, &e);
	ASSERT_OK(seal_edit_end(&x, r, &e), &e);
	fs_tree_release(&other);
	CU_ASSERT_TRUE(faults("") >= 1);
	f = fix(false, false);
	CU_ASSERT_TRUE(f.holds);
	f = fix(true, false);
	CU_ASSERT_TRUE(f.changed && f.holds);
	CU_ASSERT_EQUAL(faults(""), 0);
	CU_ASSERT_EQUAL(memcmp(info("").root_hash, d.sealed.root_hash, 32), 0);
	CU_ASSERT_TRUE(judges_accept(d.copy));
}

static void what_cannot_be_fixed(void)
{
	struct seal_break_spec spec = {.kind = SEAL_BREAK_NODE, .path = "/bin/big"};
	struct seal_break_result done;
	struct seal_fixed f;
	struct err e = ERR_INIT;

	copy_disk();
	ASSERT_OK(seal_break(d.copy, &spec, TIME, &done, &e), &e);
	CU_ASSERT_EQUAL(test_shell("cp '%s' '%s.before'", d.copy, d.copy), 0);
	f = fix(true, false);
	CU_ASSERT_TRUE(!f.changed && !f.holds);
	CU_ASSERT_EQUAL(test_shell("cmp -n 99000000 '%s' '%s.before'", d.copy, d.copy),
			0);
}

static void make(void)
{
	make_disk("m1");
}

TEST_MAIN("seal", {"makes a disk", make}, {"finds volume and state", places},
	  {"every kind of damage is noticed, also by others", every_damage},
	  {"refuses damage that makes no sense", damage_that_makes_no_sense},
	  {"breaks the signature", break_signature},
	  {"takes the mark of a broken seal away", the_mark_is_taken_away},
	  {"roots from the last sealed snapshot again",
	   roots_from_the_last_sealed_snapshot},
	  {"takes the live state back", the_live_state_is_taken_back},
	  {"says what cannot be fixed", what_cannot_be_fixed},
	  {"breaks the signature of an Intel Mac", signature_of_intel},
	  {"ends", drop_disk})
