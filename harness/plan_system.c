/* SPDX-License-Identifier: MIT */
/* The kernel and Apple's kexts of a plan: stand-ins, or those of a folder. */
#include "harness/plan_impl.h"
#include "images/own_system.h"

/* --system is from the current folder, as every path on a command line. */
static int find_folder(struct plan *p, const struct plan_options *o, struct err *e)
{
	if (o->system)
		p->system = o->system;
	else if (p->s.system && p->s.system[0])
		return plan_host_path(p, o, p->s.system, &p->system, e);
	return 0;
}

/* What is brought is one release: there is none that could follow it. */
static int check_steps(const struct plan *p, struct err *e)
{
	for (size_t i = 0; i < p->n_steps; i++)
		if (p->steps[i].type->run == step_run_upgrade)
			return ynode_error(p->steps[i].at, e,
					   "upgrade: with a system of its own this Mac "
					   "cannot be updated; leave out --system or "
					   "`system`");
	return 0;
}

static int describe(struct plan *p, const struct own_system *own, struct err *e)
{
	struct buf text = BUF_INIT;
	int r = own_system_text(own, p->s.release, &text, e);

	p->darwin = p->s.release->darwin;
	p->xnu = p->s.release->xnu;
	if (!r)
		p->kernel = arena_strdup(&p->arena, buf_str(&text), e);
	if (!r && own) {
		p->darwin = arena_strdup(&p->arena, own->banner.darwin, e);
		p->xnu = arena_strdup(&p->arena, own->banner.xnu, e);
	}
	buf_release(&text);
	return r || (p->kernel && p->darwin && p->xnu) ? r : -(int)e->code;
}

static int look_into(struct plan *p, struct err *e)
{
	struct own_system own;
	int r = own_system_open(p->system, &own, e);

	if (!r)
		r = own_system_fits(&own, p->s.release, e);
	if (!r)
		r = describe(p, &own, e);
	own_system_release(&own);
	return r;
}

int plan_system(struct plan *p, const struct plan_options *o, struct err *e)
{
	int r = find_folder(p, o, e);

	if (!r && p->system)
		r = check_steps(p, e);
	if (r)
		return r;
	return p->system && !o->no_bundles ? look_into(p, e) : describe(p, NULL, e);
}
