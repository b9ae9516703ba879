/* SPDX-License-Identifier: MIT */
#include "images/approvals.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "components/syspolicyd/database.h"
#include "sim/base/fsio.h"
#include "sim/formats/kext/set.h"

#define DATABASE_MAX (1u << 20)

static int compare(const void *a, const void *b)
{
	const struct approval *x = a, *y = b;
	int r = strcmp(x->signer.team, y->signer.team);

	return r ? r : strcmp(x->id, y->id);
}

/* A kext without an identifier is for a scenario to fail with, not for a user to approve. */
static int take(struct approvals *a, const struct kext_set *from, int64_t now,
		struct err *e)
{
	int r = 0;

	a->row = calloc(from->n + 1, sizeof(*a->row));
	if (!a->row)
		return err_set(e, E_NOMEM, "out of memory");
	for (size_t i = 0; i < from->n && !r; i++) {
		const struct kext *k = from->item[i];
		struct approval *row = &a->row[a->n];

		if (!k->id[0] || strlen(k->id) >= sizeof(row->id))
			continue;
		strcpy(row->id, k->id);
		r = kext_signer(k, NULL, now, &row->signer, e);
		a->n++;
	}
	return r;
}

static void sort_once(struct approvals *a)
{
	size_t n = 0;

	qsort(a->row, a->n, sizeof(*a->row), compare);
	for (size_t i = 0; i < a->n; i++)
		if (!n || compare(&a->row[n - 1], &a->row[i]))
			a->row[n++] = a->row[i];
	a->n = n;
}

static int scan(const struct disk_spec *spec, struct kext_set *all, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < spec->n_approved && !r; i++)
		r = kext_set_scan(all, spec->approved[i], NULL, e);
	for (size_t i = 0; !spec->approved && i < spec->n_kexts && !r; i++)
		r = kext_set_scan(all, spec->kexts[i].bundle, NULL, e);
	return r;
}

int approvals_read(const struct disk_spec *spec, struct approvals *ret, struct err *e)
{
	struct kext_set all = {.owns = true};
	int r = scan(spec, &all, e);

	*ret = (struct approvals){.n = 0};
	if (!r)
		r = take(ret, &all, spec->release->date, e);
	if (!r)
		sort_once(ret);
	kext_set_release(&all);
	if (r)
		approvals_release(ret);
	return r;
}

void approvals_release(struct approvals *a)
{
	free(a->row);
	*a = (struct approvals){.n = 0};
}

static int write_rows(const struct approvals *a, const char *path, struct err *e)
{
	struct policy_db db;
	int r = policy_db_open(&db, path, e);

	for (size_t i = 0; i < a->n && !r; i++) {
		const struct policy_kext k = {
			.team = a->row[i].signer.team,
			.bundle_id = a->row[i].id,
			.developer = a->row[i].signer.developer,
		};

		r = policy_db_allow(&db, &k, e);
	}
	policy_db_close(&db);
	return r;
}

int approvals_database(const struct approvals *a, const char *scratch, struct buf *out,
		       struct err *e)
{
	char path[PATH_MAX];
	int r = fsio_join(path, sizeof(path), scratch, "KextPolicy", e);

	if (r)
		return r;
	r = write_rows(a, path, e);
	if (!r)
		r = fsio_read(path, DATABASE_MAX, out, e);
	unlink(path);
	return r;
}
