/* SPDX-License-Identifier: MIT */
/* Steps on the seal of the System volume, from outside, with the power off. */
#include <stdio.h>

#include "harness/engine_impl.h"
#include "harness/step_run.h"
#include "images/seal_break.h"

/* A bad disk, or somebody who writes past everything. */
int step_run_seal_break(struct engine *en, const struct step *s, struct err *e)
{
	const struct step_seal_break *x = s->args;
	struct seal_break_spec spec = {.kind = (enum seal_break_kind)x->kind,
				       .snapshot = x->live ? "" : NULL,
				       .offset = x->offset};
	char said[MACHINE_SAID_MAX];
	int r = engine_text(en, x->path, &spec.path, e);

	engine_drop_files(en);
	if (!r)
		r = en->machine->ops->seal_break(en->machine->m, &spec, said, e);
	return r ? r
		 : engine_check(en, "seal_break", true, seal_break_rows[x->kind].name, e,
				"%s", said);
}

/* What `kextlab seal fix` does: no more than the rules of the file system allow. */
int step_run_seal_fix(struct engine *en, const struct step *s, struct err *e)
{
	const struct step_seal_fix *x = s->args;
	char said[MACHINE_SAID_MAX];
	bool holds;
	int r;

	engine_drop_files(en);
	r = en->machine->ops->seal_fix(en->machine->m, x->revert, said, &holds, e);
	return r ? r
		 : engine_check(en, "seal_fix", holds, "the seal holds", e, "%s", said);
}
