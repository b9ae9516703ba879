/* SPDX-License-Identifier: MIT */
#include "components/common/policy_client.h"

#include <string.h>

#include "components/common/kernel_call.h"

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

int policy_client_read(const char *socket, const char *group, struct policy_view *ret,
		       struct err *e)
{
	json_t *reply;
	int r = kernel_call(socket,
			    json_pack("{s:s,s:s}", "op", "policy", "group", group),
			    &reply, e);

	*ret = (struct policy_view){.reply = NULL};
	if (r) {
		json_decref(reply);
		return r;
	}
	*ret = (struct policy_view){
		.reply = reply,
		.environment =
			(int)json_integer_value(json_object_get(reply, "environment")),
		.paired = json_is_true(json_object_get(reply, "paired")),
		.lpnh = text_of(reply, "lpnh"),
		.rpnh = text_of(reply, "rpnh"),
		.ronh = text_of(reply, "ronh"),
		.fields = json_object_get(reply, "policy"),
	};
	return 0;
}

void policy_view_release(struct policy_view *v)
{
	json_decref(v->reply);
	*v = (struct policy_view){.reply = NULL};
}

const char *policy_view_text(const struct policy_view *v, const char *field)
{
	const char *s = json_string_value(json_object_get(v->fields, field));

	return s ? s : "absent";
}

bool policy_view_true(const struct policy_view *v, const char *field)
{
	return !strcmp(policy_view_text(v, field), "true");
}

enum sb_level policy_view_level(const struct policy_view *v)
{
	if (policy_view_true(v, "smb1"))
		return SB_PERMISSIVE;
	return policy_view_true(v, "smb0") ? SB_REDUCED : SB_FULL;
}

int policy_client_change(const char *socket, const struct policy_request *q, int *ret_sep,
			 struct err *e)
{
	json_t *set = q->set ? json_incref(q->set) : json_object();
	json_t *refusal = NULL;
	int r = kernel_call(socket,
			    json_pack("{s:s,s:s,s:s*,s:o,s:s*,s:s*}", "op",
				      "policy_update", "group", q->group, "level",
				      q->level, "set", set, "user", q->user, "password",
				      q->password),
			    &refusal, e);

	if (ret_sep)
		*ret_sep = (int)json_integer_value(json_object_get(refusal, "sep"));
	json_decref(refusal);
	return r;
}
