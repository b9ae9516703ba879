/* SPDX-License-Identifier: MIT */
/* Changing a policy, and what the Secure Enclave may say to it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "components/bputil/internal.h"
#include "components/common/mac_errors.h"
#include "sim/platform/secureboot/sep.h"

#define ANSWER_MAX 128

struct owner {
	char user[ANSWER_MAX], password[ANSWER_MAX];
};

/* From the command line, or asked for. False: there is no answer. */
static bool learn_owner(const struct bputil_session *s, struct owner *o)
{
	const struct bputil_env *env = s->env;
	char question[ANSWER_MAX + 64];

	if (s->o.user)
		snprintf(o->user, sizeof(o->user), "%s", s->o.user);
	else if (!env->ask(env->ctx, "Enter a username of an authorized user: ", o->user,
			   sizeof(o->user)))
		return false;
	snprintf(question, sizeof(question),
		 "Please enter password for user %s: ", o->user);
	if (s->o.password)
		snprintf(o->password, sizeof(o->password), "%s", s->o.password);
	else if (!env->ask(env->ctx, question, o->password, sizeof(o->password)))
		return false;
	return true;
}

/*
 * What is granted, with all that it needs: third-party kexts need Reduced Security, an
 * unauthenticated system volume needs Permissive. What the policy allows already stays,
 * unless it is made anew.
 */
static int make_set(const struct bputil_options *o, json_t *set, struct err *e)
{
	char name[FOURCC_TEXT_MAX];

	for (enum lp_field granted = 0; granted < LP_N_FIELDS; granted++)
		for (enum lp_field f = o->granted[granted] ? granted : LP_N_FIELDS;
		     f != LP_N_FIELDS; f = lp_row(f)->needs)
			if (json_object_set_new(set, fourcc_text(lp_row(f)->name, name),
						json_true()))
				return err_set(e, E_NOMEM, "out of memory");
	return 0;
}

/* How the Mac's owner knows the system. */
static const char *where(const struct volume_entry *system)
{
	for (size_t i = 0; i < system->n_snapshots; i++)
		if (system->snapshots[i].mount_point[0])
			return system->snapshots[i].mount_point;
	return system->mount_point[0] ? system->mount_point : system->group;
}

static int refused(struct bputil_session *s, int sep, const struct err *why,
		   struct err *e)
{
	const char *text = sep_status_text((enum sep_status)sep);

	if (sep)
		return tool_fail(
			&s->end, EXIT_FAILURE, e,
			"Boot objects update failed for %s: Error Domain=BYErrorDomain "
			"Code=401 \"Failed to create local policy\" "
			"UserInfo={NSLocalizedDescription=Failed to create local policy, "
			"NSUnderlyingError=%p {Error Domain=com.apple.bootpolicy Code=%d "
			"\"%s (%d)\" UserInfo={NSLocalizedDescription=%s (%d)}}}",
			where(s->system), (const void *)why, sep, text, sep, text, sep);
	if (why->sys_errno == EACCES)
		return tool_fail(
			&s->end, EXIT_FAILURE, e,
			"bputil: failed to set credential: Error "
			"Domain=com.apple.LocalAuthentication Code=-1 \"Password "
			"rejected "
			"(3)\" UserInfo={NSDebugDescription=Password rejected (3), "
			"NSLocalizedDescription=Authentication failure.}");
	return tool_fail(&s->end, EXIT_FAILURE, e, "bputil: %s", mac_err_text(why));
}

static int ask_kernel(struct bputil_session *s, const struct owner *o, json_t *set,
		      struct err *e)
{
	const struct policy_request q = {
		.group = s->system->group,
		.level =
			s->o.level == SB_N_LEVELS ? NULL : sb_level_row(s->o.level)->name,
		.set = set,
		.user = o->user,
		.password = o->password,
	};
	struct err why = ERR_INIT;
	int sep = 0;

	if (policy_client_change(s->env->kernel, &q, &sep, &why))
		return refused(s, sep, &why, e);
	return 0;
}

int bputil_change(struct bputil_session *s, struct err *e)
{
	struct owner o = {.user = ""};
	json_t *set = NULL;
	int r;

	if (s->o.granted[LP_SIP1] && s->system->filevault)
		return tool_fail(&s->end, EXIT_FAILURE, e,
				 "SSV cannot be disabled while FileVault is enabled");
	if (!learn_owner(s, &o))
		return tool_fail(&s->end, EXIT_FAILURE, e, "bputil: no credentials");
	r = buf_printf(s->out, e, "Local policy update is in progress, please wait...\n");
	if (!r && !(set = json_object()))
		r = err_set(e, E_NOMEM, "out of memory");
	if (!r)
		r = make_set(&s->o, set, e);
	if (!r)
		r = ask_kernel(s, &o, set, e);
	json_decref(set);
	explicit_bzero(&o, sizeof(o));
	return r;
}
