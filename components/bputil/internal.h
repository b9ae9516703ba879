/* SPDX-License-Identifier: MIT */
/* Parts of bputil: a command line while it is carried out. */
#ifndef COMPONENTS_BPUTIL_INTERNAL_H
#define COMPONENTS_BPUTIL_INTERNAL_H

#include "components/bputil/bputil.h"
#include "components/bputil/options.h"
#include "components/common/policy_client.h"
#include "components/common/tool_end.h"
#include "components/common/volume_list.h"

struct bputil_session {
	const struct bputil_env *env;
	struct bputil_options o;
	struct buf *out;
	struct tool_end end;
	struct volume_list list;
	const struct volume_entry *system; /* that is meant; borrowed from list */
};

/* The policy @v of volume group @group. */
int bputil_display(const struct policy_view *v, const char *group, struct buf *out,
		   struct err *e) MUST_CHECK;

/* Change the policy of s->system as s->o says. */
int bputil_change(struct bputil_session *s, struct err *e) MUST_CHECK;

#endif
