/* SPDX-License-Identifier: MIT */
/*
 * Operations at random, from fixed seeds, next to a model of what they must come to. After
 * every transaction apfsck and 7-Zip judge the container, and our reader finds in each
 * state what the model has in it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/test.h"
#include "sim/formats/apfs/seal.h"
#include "sim/formats/apfs/test/edit_case.h"

#define TRANSACTIONS  30
#define SNAPSHOTS_MAX 6
#define CONTENTS      12u

static struct err e;

enum seal {
	UNSEALED,
	INTACT,
	BROKEN,  /* and nothing changed since */
	CHANGED, /* broken, with other content */
};

struct state {
	char name[32];
	int content;
	enum seal seal;
};

struct volume {
	struct state live;
	struct state snaps[SNAPSHOTS_MAX]; /* oldest first */
	size_t n;
	int root; /* snapshot to root from, -1: live */
};

struct model {
	struct volume v[EDIT_VOLUMES];
	unsigned names; /* given so far */
};

/* xorshift64: the same numbers everywhere. */
static uint64_t rng;

static unsigned below(unsigned n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (unsigned)(rng >> 11) % n;
}

/* ---- Operations, on the transaction and on the model ---- */

static void create(struct apfs_edit *ed, struct model *m, unsigned slot)
{
	struct volume *v = &m->v[slot];
	struct state *s = &v->snaps[v->n];

	if (v->n == SNAPSHOTS_MAX)
		return;
	*s = v->live;
	snprintf(s->name, sizeof(s->name), "%s%u", m->names % 3 ? "com.apple.bless." : "b-",
		 m->names);
	m->names++;
	ASSERT_OK(apfs_edit_snapshot_create(ed, slot, s->name, &e), &e);
	v->n++;
}

static void delete(struct apfs_edit *ed, struct model *m, unsigned slot)
{
	struct volume *v = &m->v[slot];
	size_t i = v->n ? below((unsigned)v->n) : 0;

	if (v->n == 0) {
		ASSERT_FAILS(apfs_edit_snapshot_delete(ed, slot, "none", &e), E_NOTFOUND);
		return;
	}
	if (v->root == (int)i) {
		ASSERT_FAILS(apfs_edit_snapshot_delete(ed, slot, v->snaps[i].name, &e),
			     E_PERM);
		return;
	}
	ASSERT_OK(apfs_edit_snapshot_delete(ed, slot, v->snaps[i].name, &e), &e);
	v->n--;
	memmove(&v->snaps[i], &v->snaps[i + 1], (v->n - i) * sizeof(v->snaps[0]));
	v->root -= v->root > (int)i;
}

static void set_root(struct apfs_edit *ed, struct model *m, unsigned slot)
{
	struct volume *v = &m->v[slot];
	unsigned i = below((unsigned)v->n + 1);

	v->root = i == v->n ? -1 : (int)i;
	ASSERT_OK(apfs_edit_set_root(ed, slot, i == v->n ? NULL : v->snaps[i].name, &e), &e);
}

static void break_seal(struct apfs_edit *ed, struct model *m, unsigned slot)
{
	struct state *s = &m->v[slot].live;

	if (s->seal == UNSEALED) {
		ASSERT_FAILS(apfs_edit_break_seal(ed, slot, &e), E_INVAL);
		return;
	}
	ASSERT_OK(apfs_edit_break_seal(ed, slot, &e), &e);
	if (s->seal == INTACT)
		s->seal = BROKEN;
}

static void mend_seal(struct apfs_edit *ed, struct model *m, unsigned slot)
{
	struct state *s = &m->v[slot].live;
	int want[] = {[UNSEALED] = E_INVAL, [INTACT] = 0, [BROKEN] = 0, [CHANGED] = E_PERM};
	int got = apfs_edit_unbreak(ed, slot, &e);

	CU_ASSERT_EQUAL(got, -want[s->seal]);
	if (got == 0)
		s->seal = INTACT;
}

static void revert(struct apfs_edit *ed, struct model *m, unsigned slot)
{
	struct volume *v = &m->v[slot];
	size_t i;

	if (v->n == 0)
		return;
	i = v->n - 1 - below(v->n < 3 ? (unsigned)v->n : 3);
	if (v->root > (int)i) {
		ASSERT_FAILS(apfs_edit_revert(ed, slot, v->snaps[i].name, &e), E_PERM);
		return;
	}
	ASSERT_OK(apfs_edit_revert(ed, slot, v->snaps[i].name, &e), &e);
	v->live = v->snaps[i];
	v->n = i + 1;
}

static void replace(struct apfs_edit *ed, struct model *m, unsigned slot)
{
	static const enum seal after[] = {[APFS_EDIT_SEALED] = INTACT,
					  [APFS_EDIT_BROKEN] = CHANGED,
					  [APFS_EDIT_UNSEALED] = UNSEALED};
	enum apfs_edit_seal mode = slot == EDIT_DATA ? APFS_EDIT_UNSEALED : below(3);
	struct fs_tree t;

	m->v[slot].live.content = (int)below(CONTENTS);
	m->v[slot].live.seal = after[mode];
	ASSERT_OK(fs_tree_init(&t, EDIT_TIME, &e), &e);
	edit_content(&t, (unsigned)m->v[slot].live.content);
	ASSERT_OK(apfs_edit_replace_tree(ed, slot, &t, mode, NULL, &e), &e);
	fs_tree_release(&t);
}

static void operate(struct apfs_edit *ed, struct model *m)
{
	static void (*const ops[])(struct apfs_edit *ed, struct model *m, unsigned slot) = {
		create, create,	   create,   delete,  delete, set_root,
		revert, break_seal, mend_seal, replace, replace};
	unsigned slot = below(3) ? EDIT_SYSTEM : EDIT_DATA;

	ops[below(sizeof(ops) / sizeof(ops[0]))](ed, m, slot);
}

/* ---- Comparing ---- */

static bool plain(const struct model *m)
{
	for (unsigned slot = 0; slot < EDIT_VOLUMES; slot++) {
		const struct volume *v = &m->v[slot];

		if (v->root >= 0 || v->live.seal >= BROKEN)
			return false;
		for (size_t i = 0; i < v->n; i++)
			if (v->snaps[i].seal >= BROKEN)
				return false;
	}
	return true;
}

static bool same_seal(struct apfs_volume *v, enum seal want)
{
	struct apfs_seal_info info;

	ASSERT_OK(apfs_seal_info_get(v, &info, &e), &e);
	return info.sealed == (want != UNSEALED) && info.broken == (want >= BROKEN);
}

static bool same_states(const char *path, unsigned slot, const struct volume *want)
{
	struct apfs_snapshot *list;
	struct apfs_volume *v;
	struct apfs *c;
	bool same;
	size_t n;

	ASSERT_OK(apfs_open_path(path, &c, &e), &e);
	ASSERT_OK(apfs_volume_open(c, slot, NULL, &v, &e), &e);
	ASSERT_OK(apfs_snapshots(v, &list, &n, &e), &e);
	same = n == want->n && same_seal(v, want->live.seal);
	apfs_volume_close(v);
	for (size_t i = 0; i < n && same; i++) {
		ASSERT_OK(apfs_volume_open(c, slot, want->snaps[i].name, &v, &e), &e);
		same = strcmp(list[i].name, want->snaps[i].name) == 0 &&
		       same_seal(v, want->snaps[i].seal);
		apfs_volume_close(v);
	}
	free(list);
	apfs_close(c);
	return same;
}

static void compare(const struct image *im, const struct model *m)
{
	CU_ASSERT_TRUE(edit_accepted(im->path, plain(m) ? EDIT_PLAIN : EDIT_UNKNOWN));
	for (unsigned slot = 0; slot < EDIT_VOLUMES; slot++) {
		const struct volume *v = &m->v[slot];

		CU_ASSERT_TRUE(same_states(im->path, slot, v));
		CU_ASSERT_EQUAL(edit_content_of(im->path, slot, NULL), v->live.content);
		for (size_t i = 0; i < v->n; i++)
			CU_ASSERT_EQUAL(
				edit_content_of(im->path, slot, v->snaps[i].name),
				v->snaps[i].content);
	}
}

static void run(uint64_t seed, bool sealed)
{
	struct model m = {
		.v[EDIT_SYSTEM] = {.live = {.seal = sealed ? INTACT : UNSEALED},
				   .snaps = {{.name = "first",
					      .seal = sealed ? INTACT : UNSEALED}},
				   .n = 1,
				   .root = -1},
		.v[EDIT_DATA] = {.live = {.content = 1}, .root = -1},
	};
	struct image im;

	rng = seed;
	edit_case_init(&im, "sequence.apfs", sealed);
	for (int i = 0; i < TRANSACTIONS; i++) {
		struct apfs_edit *ed = edit_begin(im.path);
		const struct model before = m;
		unsigned failures = CU_get_number_of_failures();

		for (unsigned n = 1 + below(4); n > 0; n--)
			operate(ed, &m);
		if (below(8) == 0) {
			apfs_edit_abort(ed);
			m = before;
		} else {
			edit_commit(ed);
		}
		compare(&im, &m);
		if (CU_get_number_of_failures() != failures) {
			printf("      seed %llu, transaction %d\n", (unsigned long long)seed,
			       i);
			break;
		}
	}
	image_release(&im);
}

static void from_a_sealed_volume(void)
{
	run(0x5ea1, true);
}

static void from_an_unsealed_volume(void)
{
	run(0x0be5, false);
}

static void another_seed(void)
{
	const char *seed = getenv("KEXTLAB_TEST_SEED");

	run(seed ? strtoull(seed, NULL, 0) : 20211220, true);
}

TEST_MAIN("apfs edit sequences", {"from a sealed volume", from_a_sealed_volume},
	  {"from an unsealed volume", from_an_unsealed_volume},
	  {"another seed, or $KEXTLAB_TEST_SEED", another_seed})
