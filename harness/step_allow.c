/* SPDX-License-Identifier: MIT */
/* The user who allows a kernel extension. */
#include "harness/engine_impl.h"
#include "harness/step_run.h"

int step_run_allow_kext(struct engine *en, const struct step *s, struct err *e)
{
	const struct step_allow_kext *x = s->args;
	const struct plan_bundle *b;
	int r = plan_bundle(en->plan, x->bundle, &b, e);
	const char *args[3] = {NULL};
	size_t n = 0;

	if (r)
		return r;
	if (x->no_button)
		args[n++] = "-n";
	args[n] = b->id;
	return engine_lab_program(en, x->no_button ? "allow_kext.no_button" : "allow_kext",
				  "allowclick", args, engine_timeout_ms(en, s), e);
}
