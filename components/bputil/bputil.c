/* SPDX-License-Identifier: MIT */
#include "components/bputil/bputil.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "components/bputil/internal.h"
#include "components/common/mac_errors.h"

/* ---- which system ---- */

static bool is_system(const struct volume_entry *v)
{
	return !strcmp(v->role, "System") && v->group[0];
}

static bool runs(const struct volume_entry *v)
{
	for (size_t i = 0; i < v->n_snapshots; i++)
		if (!strcmp(v->snapshots[i].mount_point, "/"))
			return true;
	return !strcmp(v->mount_point, "/");
}

static const struct volume_entry *by_number(const struct volume_list *l, unsigned long n)
{
	for (size_t i = 0; i < l->n; i++)
		if (is_system(&l->v[i]) && n-- == 1)
			return &l->v[i];
	return NULL;
}

static size_t count_systems(const struct volume_list *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		n += is_system(&l->v[i]);
	return n;
}

static int pick(struct bputil_session *s, struct err *e)
{
	size_t n = count_systems(&s->list);
	char question[64], answer[16] = "", *end;
	unsigned long number;
	int r = buf_printf(s->out, e, "This computer has several macOS installations:\n");

	for (size_t i = 1; !r && i <= n; i++)
		r = buf_printf(s->out, e, "%zu: %s\n", i, by_number(&s->list, i)->group);
	snprintf(question, sizeof(question), "Pick a macOS installation (1..%zu): ", n);
	if (r || !s->env->ask(s->env->ctx, question, answer, sizeof(answer)))
		return r;
	number = strtoul(answer, &end, 10);
	if (answer[0] && !*end)
		s->system = by_number(&s->list, number);
	return 0;
}

/* The one of -v, the one that runs, the only one, or the one that the user picks. */
static int find_system(struct bputil_session *s, struct err *e)
{
	const struct volume_list *l = &s->list;
	int r = 0;

	for (size_t i = 0; !s->system && i < l->n; i++)
		if (is_system(&l->v[i]) &&
		    (s->o.group ? !strcasecmp(l->v[i].group, s->o.group)
				: runs(&l->v[i])))
			s->system = &l->v[i];
	if (!s->system && !s->o.group && count_systems(l) == 1)
		s->system = by_number(l, 1);
	if (!s->system && !s->o.group && count_systems(l) > 1)
		r = pick(s, e);
	if (!r && !s->system)
		r = tool_fail(&s->end, EXIT_FAILURE, e,
			      "bputil: no such macOS installation");
	return r;
}

/* ---- what is done ---- */

static int display(struct bputil_session *s, const struct volume_entry *system,
		   struct err *e)
{
	struct policy_view v = {.reply = NULL};
	struct err why = ERR_INIT;
	int r;

	if (policy_client_read(s->env->kernel, system->group, &v, &why))
		r = tool_fail(&s->end, EXIT_FAILURE, e,
			      "Failed to obtain values from the current local policy: %s",
			      mac_err_text(&why));
	else
		r = bputil_display(&v, system->group, s->out, e);
	policy_view_release(&v);
	return r;
}

/* One that cannot be read does not hide the others. */
static int display_all(struct bputil_session *s, struct err *e)
{
	bool first = true;
	int r = 0;

	for (size_t i = 0; !r && i < s->list.n; i++) {
		if (!is_system(&s->list.v[i]))
			continue;
		if (!first)
			r = buf_append(s->out, "\n", 1, e);
		first = false;
		if (!r)
			r = display(s, &s->list.v[i], e);
	}
	return r;
}

static int act(struct bputil_session *s, struct err *e)
{
	int r;

	if (s->o.display_all)
		return display_all(s, e);
	r = find_system(s, e);
	if (r || !s->system)
		return r;
	return s->o.display ? display(s, s->system, e) : bputil_change(s, e);
}

static int carry_out(struct bputil_session *s, int argc, char **argv, struct err *e)
{
	struct err why = ERR_INIT;
	const char *wrong;

	if (!s->env->apple_silicon)
		return tool_fail(&s->end, EXIT_FAILURE, e,
				 "bputil is not yet supported on this platform.");
	if (!bputil_options_parse(argc, argv, &s->o, &wrong)) {
		if (wrong)
			return tool_fail(&s->end, EXIT_FAILURE, e, "bputil: %s", wrong);
		s->end.status = EXIT_FAILURE;
		return bputil_usage(s->end.err_out, e);
	}
	if (!s->env->root)
		return tool_fail(&s->end, EXIT_FAILURE, e,
				 "The tool requires running as root");
	if (volume_list_read(&s->list, s->env->volumes, &why))
		return tool_fail(&s->end, EXIT_FAILURE, e, "bputil: %s", why.msg);
	return act(s, e);
}

int bputil_run(const struct bputil_env *env, int argc, char **argv, struct buf *out,
	       struct buf *err_out, int *ret_status, struct err *e)
{
	struct bputil_session s = {.env = env, .out = out, .end = {.err_out = err_out}};
	int r = carry_out(&s, argc, argv, e);

	volume_list_release(&s.list);
	*ret_status = r ? EXIT_FAILURE : s.end.status;
	return r;
}
