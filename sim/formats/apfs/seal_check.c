/* SPDX-License-Identifier: MIT */
/* The whole of a sealed volume against its seal. */
#include "sim/formats/apfs/seal_impl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* What the seal says of itself. */
static int check_flag(struct seal_check *s, struct err *e)
{
	const struct apfs_seal_info *i = &s->report->info;
	const uint8_t *want = s->opts->root_hash;
	struct apfs_seal_finding f = {.fault = APFS_SEAL_FAULT_FLAG, .block = i->block};
	int r = 0;

	if (i->broken)
		r = seal_find(s, &f, e,
			      "block %" PRIu64
			      ": the seal is marked as broken in transaction "
			      "%" PRIu64,
			      i->block, i->broken_xid);
	if (r || !want || !memcmp(want, i->root_hash, APFS_SEAL_HASH_LEN))
		return r;
	f.fault = APFS_SEAL_FAULT_ROOT;
	return seal_find(s, &f, e,
			 "block %" PRIu64
			 ": the stored root hash is not the one asked for",
			 i->block);
}

static int run(struct seal_check *s, struct err *e)
{
	const uint8_t *want = s->opts->root_hash;
	int r = check_flag(s, e);

	if (!r)
		r = seal_walk(s, want ? want : s->report->info.root_hash, e);
	if (r)
		return r;
	seal_findings_sort(s->report);
	return seal_find_paths(s, e);
}

/* What the check works with. The volume is read as if there were no seal. */
static int prepare(struct seal_check *s, struct apfs_volume *v, struct err *e)
{
	s->plain = *v;
	s->plain.verify = s->plain.fs.verify = NULL;
	apfs_stream_init(&s->stream, &s->plain, UINT64_MAX, 0);
	s->max_findings =
		s->opts->max_findings ? s->opts->max_findings : SEAL_FINDINGS_DEFAULT;
	s->todo = calloc(SEAL_TODO_MAX, sizeof(*s->todo));
	if (!s->todo)
		return err_set(e, E_NOMEM, "seal: out of memory");
	return seal_pool_init(&s->pool, s->opts->threads, e);
}

int apfs_seal_check(struct apfs_volume *v, const struct apfs_seal_opts *opts,
		    struct apfs_seal_report *ret, struct err *e)
{
	static const struct apfs_seal_opts none;
	struct seal_check s = {.opts = opts ? opts : &none, .report = ret};
	struct err own = ERR_INIT;
	int r;

	e = e ? e : &own;
	*ret = (struct apfs_seal_report){0};
	r = apfs_seal_info_get(v, &ret->info, e);
	if (!r && !ret->info.sealed)
		r = err_set(e, E_INVAL, "the volume is not sealed");
	if (!r)
		r = prepare(&s, v, e);
	if (!r) {
		r = run(&s, e);
		seal_pool_release(&s.pool);
	}
	free(s.todo);
	return r ? err_ctx(e, "volume '%s'", v->info.name) : 0;
}
