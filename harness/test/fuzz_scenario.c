/* SPDX-License-Identifier: MIT */
/* Any bytes as a scenario file: parsed, planned in each variant, or refused. */
#include <stddef.h>
#include <stdint.h>

#include "harness/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void plan_all(const struct scenario *s)
{
	struct plan_options o = {.no_bundles = true};

	for (size_t i = 0; i < (s->n_variants ? s->n_variants : 1); i++) {
		struct plan *p = NULL;
		struct err e = ERR_INIT;

		o.variant = s->n_variants ? &s->variants[i] : NULL;
		if (!plan_make(s, &o, &p, &e))
			json_decref(plan_json(p));
		plan_free(p);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct scenario *s = NULL;
	struct err e = ERR_INIT;

	if (!scenario_parse("fuzz.yaml", data, size, &s, &e))
		plan_all(s);
	scenario_free(s);
	return 0;
}
