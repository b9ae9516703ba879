/* SPDX-License-Identifier: MIT */
/*
 * The setting in the LocalPolicy of the system: sip0 has the flags, sip1 says that the
 * root need not be authenticated. Taking protection away takes Permissive security, and a
 * user of the Mac who says so.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "components/common/policy_client.h"
#include "components/common/volume_list.h"
#include "components/csrutil/internal.h"
#include "sim/platform/csr.h"

#define RESTART "Restart the machine for the changes to take effect.\n"
#define ANSWER_MAX 128

/* The system that is meant: the only one, or the first. */
struct target {
	struct volume_list list;
	const struct volume_entry *system; /* borrowed from list */
};

static int find_target(struct session *s, struct target *t, struct err *e)
{
	int r = volume_list_read(&t->list, s->paths->volumes, e);

	for (size_t i = 0; !r && !t->system && i < t->list.n; i++)
		if (!strcmp(t->list.v[i].role, "System"))
			t->system = &t->list.v[i];
	if (!r && !t->system)
		r = err_set(e, E_NOTFOUND, "no macOS installation was found");
	return r;
}

static uint32_t flags_of(const struct policy_view *v)
{
	const char *sip0 = policy_view_text(v, "sip0");
	uint32_t flags = !strcmp(sip0, "absent") ? 0 : (uint32_t)strtoul(sip0, NULL, 16);

	return flags | (policy_view_true(v, "sip1") ? CSR_ALLOW_UNAUTHENTICATED_ROOT : 0u);
}

static int read_policy(struct session *s, uint32_t *ret, struct err *e)
{
	struct target t = {.system = NULL};
	struct policy_view v = {.reply = NULL};
	int r = find_target(s, &t, e);

	if (!r)
		r = policy_client_read(s->paths->kernel, t.system->group, &v, e);
	if (!r)
		*ret = flags_of(&v);
	policy_view_release(&v);
	volume_list_release(&t.list);
	return r;
}

/* ---- the dialogue ---- */

struct owner {
	char user[ANSWER_MAX], password[ANSWER_MAX];
};

/* *@ret_yes: the user agreed and said who it is. */
static int ask_owner(struct session *s, const struct volume_entry *system,
		     struct owner *o, bool *ret_yes, struct err *e)
{
	const struct csrutil_paths *p = s->paths;
	char question[512], answer[ANSWER_MAX] = "";
	int r = buf_printf(s->out, e,
			   "Turning off System Integrity Protection requires modifying "
			   "system security.\n");

	*ret_yes = false;
	snprintf(question, sizeof(question),
		 "Allow booting unsigned operating systems and any kernel extensions for "
		 "OS \"%s\"? [y/n]: ",
		 system->name);
	if (r || !p->ask(p->ctx, question, answer, sizeof(answer)) ||
	    (strcmp(answer, "y") && strcmp(answer, "Y")))
		return r;
	if (!p->ask(p->ctx, "Enter a username of an authorized user: ", o->user,
		    sizeof(o->user)))
		return r;
	snprintf(question, sizeof(question), "Enter password for user %s: ", o->user);
	*ret_yes = p->ask(p->ctx, question, o->password, sizeof(o->password));
	return r;
}

/* ---- changing ---- */

static int refused(struct session *s, int sep, const struct err *why, struct err *e)
{
	s->status = EXIT_FAILURE;
	if (sep == 11)
		return not_recovery(s, e);
	if (sep == 17)
		return buf_printf(s->err_out, e,
				  "csrutil: Failed to create local policy: "
				  "com.apple.bootpolicy Code=17 \"pairing (17)\"\n");
	if (why->sys_errno == EACCES)
		return buf_printf(s->err_out, e,
				  "csrutil: Failed to authenticate the user\n");
	return buf_printf(s->err_out, e, "csrutil: %s\n", why->msg);
}

/* Zero is no field at all: as a policy that nobody changed. */
static int make_set(json_t *set, uint32_t flags)
{
	uint32_t sip0 = flags & ~(uint32_t)CSR_ALLOW_UNAUTHENTICATED_ROOT;
	bool sip1 = flags & CSR_ALLOW_UNAUTHENTICATED_ROOT;

	return json_object_set_new(set, "sip0", sip0 ? json_integer(sip0) : json_null()) ||
	       json_object_set_new(set, "sip1", sip1 ? json_true() : json_null());
}

static int write_policy(struct session *s, const struct volume_entry *system,
			const struct policy_view *v, const struct csr_change *c,
			const struct owner *o, struct err *e)
{
	uint32_t old = flags_of(v), flags = c->clear ? 0 : (old & ~c->mask) | c->value;
	bool looser = flags & ~old;
	struct policy_request q = {
		.group = system->group,
		/* From scratch, unless it is Permissive already. */
		.level = looser && policy_view_level(v) != SB_PERMISSIVE ? "Permissive"
									 : NULL,
		.set = json_object(),
		.user = o->user[0] ? o->user : NULL,
		.password = o->user[0] ? o->password : NULL,
	};
	struct err why = ERR_INIT;
	int sep = 0, r = 0;

	if (!q.set || make_set(q.set, flags))
		r = err_set(e, E_NOMEM, "out of memory");
	else if (policy_client_change(s->paths->kernel, &q, &sep, &why))
		r = refused(s, sep, &why, e);
	else
		r = buf_printf(s->out, e, "%s is %s.\n" RESTART, c->what,
			       looser ? "off" : "on");
	json_decref(q.set);
	return r;
}

static int change_target(struct session *s, const struct volume_entry *system,
			 const struct csr_change *c, struct err *e)
{
	struct policy_view v = {.reply = NULL};
	struct owner o = {.user = ""};
	bool yes = true;
	int r = policy_client_read(s->paths->kernel, system->group, &v, e);

	if (!r && v.environment == SEP_MACOS)
		r = not_recovery(s, e);
	else if (!r && (c->value & CSR_ALLOW_UNAUTHENTICATED_ROOT) && system->filevault) {
		s->status = EXIT_FAILURE;
		yes = false;
		r = buf_printf(s->err_out, e,
			       "csrutil: authenticated root cannot be disabled while "
			       "FileVault is enabled\n");
	}
	if (!r && !s->status && c->value)
		r = ask_owner(s, system, &o, &yes, e);
	if (!r && !s->status && yes)
		r = write_policy(s, system, &v, c, &o, e);
	else if (!r && !s->status)
		s->status = EXIT_FAILURE;
	policy_view_release(&v);
	memset(&o, 0, sizeof(o));
	return r;
}

static int change(struct session *s, const struct csr_change *c, struct err *e)
{
	struct target t = {.system = NULL};
	int r = find_target(s, &t, e);

	if (!r)
		r = change_target(s, t.system, c, e);
	volume_list_release(&t.list);
	return r;
}

const struct csr_store csr_in_policy = {read_policy, change};
