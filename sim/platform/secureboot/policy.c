/* SPDX-License-Identifier: MIT */
/* The transaction in which policies change. */
#include "sim/platform/secureboot/policy_impl.h"

#include <stdio.h>
#include <string.h>

/* One run of it: every system is signed anew, one of them perhaps with another policy. */
struct run {
	struct sep *s;
	const struct sb_policy_files *files;
	struct policy_groups groups;
	uint8_t old_lpnh[IMG4_DIGEST_LEN], new_lpnh[IMG4_DIGEST_LEN];
	const char *target;		/* NULL: nobody's policy changes */
	struct local_policy *policy;	/* of the target; NULL: it is taken away */
	const struct policy_edit *edit; /* may be NULL */
	enum sep_status status;
};

/* What the Secure Enclave said, as an error. The text is in @e already. */
static int refused(struct run *run, enum sep_status status, struct err *e)
{
	run->status = status;
	if (e)
		e->code = status == SEP_ERR_STORAGE ? E_IO : E_PERM;
	err_ctx(e, "SEP error %d (%s)", status, sep_status_text(status));
	return status == SEP_ERR_STORAGE ? -(int)E_IO : -(int)E_PERM;
}

static int sign_and_write(struct run *run, const struct policy_name *n,
			  struct local_policy *p, struct span old, struct err *e)
{
	struct buf out = BUF_INIT;
	char path[LP_PATH_MAX];
	enum sep_status status = sep_sign_policy(run->s, p, old, &out, e);
	int r = status ? refused(run, status, e) : 0;

	if (!r)
		r = lp_path(n->group, run->new_lpnh, n->which, path, e);
	if (!r)
		r = run->files->write(run->files->ctx, path, out.data, out.len, e);
	buf_release(&out);
	return r;
}

static bool is_target(const struct run *run, const struct policy_name *n)
{
	return run->target && !strcmp(n->group, run->target) && n->which == LP_FILE_MACOS;
}

/* The policy @n of the old nonce under the new one; absent ones stay absent. */
static int renew(struct run *run, const struct policy_name *n, struct err *e)
{
	struct policy_name done = *n;
	struct policy_file f = {.bytes = BUF_INIT};
	struct local_policy *p = &f.policy;
	struct err ignore = ERR_INIT;
	int r;

	memcpy(done.lpnh, run->new_lpnh, sizeof(done.lpnh));
	if (!policy_file(run->s->chip, run->files, &done, &f, &ignore)) {
		policy_file_release(&f); /* of an update that was cut off */
		return 0;
	}
	r = policy_file(run->s->chip, run->files, n, &f, &ignore);
	if (is_target(run, n))
		p = run->policy;
	else if (r)
		return 0;
	r = sign_and_write(run, n, p, (struct span){f.bytes.data, f.bytes.len}, e);
	policy_file_release(&f);
	return r;
}

/* Manifests that belong to a policy go with it under its new name. */
static int copy_linked(struct run *run, const char *group, enum lp_file which,
		       struct span replaced, struct err *e)
{
	char from[LP_PATH_MAX], to[LP_PATH_MAX];
	struct buf b = BUF_INIT;
	int r = lp_path(group, run->old_lpnh, which, from, e);

	if (!r)
		r = lp_path(group, run->new_lpnh, which, to, e);
	if (r)
		return r;
	if (replaced.p)
		return run->files->write(run->files->ctx, to, replaced.p, replaced.len,
					 e);
	if (!run->files->read(run->files->ctx, from, &b, NULL))
		r = run->files->write(run->files->ctx, to, b.data, b.len, e);
	buf_release(&b);
	return r;
}

/*
 * All files of one system. The policy comes last: what it names is there before it is, so
 * that a power cut in between leaves nothing half.
 */
static int renew_group(struct run *run, const char *group, struct err *e)
{
	struct policy_name n = {.group = group, .which = LP_FILE_RECOVERY};
	bool edited = run->edit && run->target && !strcmp(group, run->target);
	struct span none = {NULL, 0};
	int r;

	memcpy(n.lpnh, run->old_lpnh, sizeof(n.lpnh));
	r = copy_linked(run, group, LP_FILE_AUXK, edited ? run->edit->auxk : none, e);
	if (!r)
		r = copy_linked(run, group, LP_FILE_FUOS, edited ? run->edit->fuos : none,
				e);
	if (!r)
		r = renew(run, &n, e);
	n.which = LP_FILE_MACOS;
	return r ? r : renew(run, &n, e);
}

static bool is_removed(const struct run *run, const char *group)
{
	return run->target && !run->policy && !strcmp(group, run->target);
}

static int renew_all(struct run *run, struct err *e)
{
	bool seen = !run->target || !run->policy;
	int r = 0;

	for (size_t i = 0; !r && i < run->groups.n; i++) {
		const char *group = run->groups.name[i];

		if (is_removed(run, group))
			continue;
		seen = seen || !strcmp(group, run->target);
		r = renew_group(run, group, e);
	}
	/* A new system has no folder yet. */
	if (!r && !seen)
		r = renew_group(run, run->target, e);
	return r;
}

/* Files of other nonces than the one in force. */
struct sweep {
	const struct sb_policy_files *files;
	const char *group;
	char keep[LP_DIGEST_TEXT_MAX];
};

static int sweep_one(void *arg, const char *name, struct err *e)
{
	struct sweep *s = arg;
	char path[LP_PATH_MAX + 256];

	if (!strncmp(name, s->keep, strlen(s->keep)))
		return 0;
	snprintf(path, sizeof(path), "/%s/" LP_FOLDER "/%s", s->group, name);
	return s->files->remove(s->files->ctx, path, e);
}

/* What is stale is worthless already: that it cannot be removed is not an error. */
static void sweep(const struct run *run)
{
	struct sweep s = {.files = run->files};
	char path[LP_PATH_MAX];

	lp_digest_text(run->new_lpnh, s.keep);
	for (size_t i = 0; i < run->groups.n; i++) {
		s.group = run->groups.name[i];
		snprintf(path, sizeof(path), "/%s%s", s.group,
			 is_removed(run, s.group) ? "" : "/" LP_FOLDER);
		if (is_removed(run, s.group))
			(void)!run->files->remove(run->files->ctx, path, NULL);
		else
			(void)!run->files->list(run->files->ctx, path, sweep_one, &s,
						NULL);
	}
}

/* From the proposed nonce on: write what is missing, bless, sweep. */
static int finish(struct run *run, struct err *e)
{
	enum sep_status status;
	int r = sep_nonce_digest(run->s->chip, SEP_LPN, false, run->old_lpnh, e);

	if (!r)
		r = sep_nonce_digest(run->s->chip, SEP_LPN, true, run->new_lpnh, e);
	if (!r)
		r = policy_groups(run->files, &run->groups, e);
	if (!r)
		r = renew_all(run, e);
	if (!r) {
		status = sep_end_update(run->s, e);
		r = status ? refused(run, status, e) : 0;
	}
	if (!r)
		sweep(run);
	policy_groups_release(&run->groups);
	return r;
}

static int transact(struct run *run, struct err *e)
{
	enum sep_status status = sep_begin_update(run->s, e);

	return status ? refused(run, status, e) : finish(run, e);
}

/* The power may have gone after the new nonce was blessed, before the sweep. */
static int sweep_again(struct run *run, struct err *e)
{
	int r = sep_nonce_digest(run->s->chip, SEP_LPN, false, run->new_lpnh, e);

	if (!r)
		r = policy_groups(run->files, &run->groups, e);
	if (!r)
		sweep(run);
	policy_groups_release(&run->groups);
	return r;
}

int policy_settle(struct sep *s, const struct sb_policy_files *files,
		  enum sep_status *ret_status, struct err *e)
{
	struct run run = {.s = s, .files = files};
	int r = s->chip->sep.nonce[SEP_LPN].has_proposed ? finish(&run, e)
							 : sweep_again(&run, e);

	if (ret_status)
		*ret_status = run.status;
	return r;
}

static int apply(struct local_policy *p, const struct policy_edit *edit, struct err *e)
{
	if (edit->from_scratch)
		lp_set_level(p, edit->level);
	for (size_t i = 0; i < edit->n_changes; i++)
		p->v[edit->changes[i].field] = edit->changes[i].value;
	return lp_consistent(p, e);
}

/* The whole of a change, on a chip where nothing is pending. */
static int change(struct run *run, struct span old, struct err *e)
{
	enum sep_status status;

	if (run->policy) {
		status = sep_check_policy(run->s, run->policy, old, e);
		if (status)
			return refused(run, status, e);
	}
	return transact(run, e);
}

int policy_update(struct sep *s, const struct sb_policy_files *files, const char *group,
		  const struct policy_edit *edit, enum sep_status *ret_status,
		  struct err *e)
{
	struct local_policy p;
	struct run run = {
		.s = s, .files = files, .target = group, .policy = &p, .edit = edit};
	char path[LP_PATH_MAX];
	struct buf old = BUF_INIT;
	int r = policy_settle(s, files, &run.status, e);

	if (!r)
		r = policy_read(s->chip, files, group, &p, path, &old, e);
	if (!r)
		r = apply(&p, edit, e);
	if (!r)
		r = change(&run, (struct span){old.data, old.len}, e);
	buf_release(&old);
	if (ret_status)
		*ret_status = run.status;
	return r;
}

int policy_create(struct sep *s, const struct sb_policy_files *files, const char *group,
		  const struct local_policy *policy, enum sep_status *ret_status,
		  struct err *e)
{
	struct local_policy p = *policy, was;
	struct run run = {.s = s, .files = files, .target = group, .policy = &p};
	char path[LP_PATH_MAX];
	struct buf old = BUF_INIT;
	int r = policy_settle(s, files, &run.status, e);

	if (!r)
		r = lp_consistent(&p, e);
	if (!r && policy_read(s->chip, files, group, &was, path, &old, NULL))
		buf_clear(&old);
	if (!r)
		r = change(&run, (struct span){old.data, old.len}, e);
	buf_release(&old);
	if (ret_status)
		*ret_status = run.status;
	return r;
}

int policy_remove(struct sep *s, const struct sb_policy_files *files, const char *group,
		  enum sep_status *ret_status, struct err *e)
{
	struct run run = {.s = s, .files = files, .target = group};
	int r = policy_settle(s, files, &run.status, e);

	if (!r && !sep_env_in(s->env, SEP_IN_ANY_RECOVERY)) {
		err_set(e, E_PERM, "a policy is removed in a recoveryOS");
		r = refused(&run, SEP_ERR_MODE, e);
	}
	if (!r)
		r = transact(&run, e);
	if (ret_status)
		*ret_status = run.status;
	return r;
}
