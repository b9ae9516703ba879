/* SPDX-License-Identifier: MIT */
/* Judging the seal of the System volume. */
#include <stdio.h>
#include <string.h>

#include "harness/expect_judge.h"
#include "harness/match.h"

static int check_word(struct engine *en, const char *name, const char *want,
		      const char *got, struct err *e)
{
	int r = engine_text(en, want, &want, e);

	return r || !want ? r
			  : engine_check(en, name, match_like(want, got), want, e, "%s",
					 got);
}

static int check_flag(struct engine *en, const char *name, int want, bool got,
		      const char *const words[2], struct err *e)
{
	if (want < 0)
		return 0;
	return engine_check(en, name, got == (want != 0), words[want], e, "%s",
			    words[got]);
}

static int check_count(struct engine *en, int64_t want, size_t got, struct err *e)
{
	char text[24];

	if (want < 0)
		return 0;
	snprintf(text, sizeof(text), "%lld", (long long)want);
	return engine_check(en, "seal.snapshots", (uint64_t)want == got, text, e, "%zu",
			    got);
}

int expect_seal(struct engine *en, const struct seal_expect *x, struct err *e)
{
	static const char *const tag_words[] = {"not tagged", "tagged"};
	static const char *const hash_words[] = {"another root hash",
						 "the root hash before the first boot"};
	struct seal_state s;
	int r = en->machine->ops->seal(en->machine->m, x->verify != NULL, &s, e);

	if (!r)
		r = check_word(en, "seal.live", x->live, s.live, e);
	if (!r)
		r = check_word(en, "seal.snapshot", x->snapshot, s.snapshot, e);
	if (!r)
		r = check_word(en, "seal.root", x->root, s.root, e);
	if (!r)
		r = check_flag(en, "seal.tagged", x->tagged, s.tagged, tag_words, e);
	if (!r)
		r = check_flag(en, "seal.unchanged", x->unchanged,
			       s.root_hash[0] &&
				       !strcmp(s.root_hash, en->seal_before.root_hash),
			       hash_words, e);
	if (!r)
		r = check_word(en, "seal.verify", x->verify, s.verify, e);
	return r ? r : check_count(en, x->snapshots, s.n_snapshots, e);
}
