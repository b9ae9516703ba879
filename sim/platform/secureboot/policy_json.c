/* SPDX-License-Identifier: MIT */
#include "sim/platform/secureboot/policy_json.h"

#define VALUE_MAX 128

static bool add_fields(json_t *fields, const struct local_policy *p)
{
	char name[FOURCC_TEXT_MAX], value[VALUE_MAX];
	bool ok = true;

	for (size_t i = 0; ok && i < LP_N_FIELDS; i++) {
		if (!p->v[i].present)
			continue;
		lp_value_text(p, (enum lp_field)i, value, sizeof(value));
		ok = !json_object_set_new(
			fields, fourcc_text(lp_row((enum lp_field)i)->name, name),
			json_string(value));
	}
	return ok;
}

int lp_json(const struct local_policy *p, json_t **ret, struct err *e)
{
	json_t *fields = json_object();
	bool ok = fields && add_fields(fields, p);

	*ret = NULL;
	if (ok)
		*ret = json_pack("{s:s, s:O}", "level", sb_level_row(lp_level(p))->name,
				 "fields", fields);
	json_decref(fields);
	return *ret ? 0 : err_set(e, E_NOMEM, "out of memory");
}
