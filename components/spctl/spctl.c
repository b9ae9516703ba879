/* SPDX-License-Identifier: MIT */
#include "components/spctl/spctl.h"

#include <stdlib.h>
#include <string.h>

#include "components/common/csr_setting.h"
#include "components/syspolicyd/consent.h"
#include "sim/platform/csr.h"

#define RESTART "Please restart for changes to take effect.\n"

struct session {
	const struct spctl_paths *paths;
	struct buf *out, *err_out;
	int status;
};

static int fail(struct session *s, const char *why, struct err *e)
{
	s->status = EXIT_FAILURE;
	return buf_printf(s->err_out, e, "spctl: %s\n", why);
}

/* In Recovery everything is allowed at the moment; what counts is the setting. */
static int read_config(struct session *s, uint32_t *ret, bool *ret_recovery, struct err *e)
{
	int r = csr_read(s->paths->csr_config, ret, e);

	*ret_recovery = !r && csr_allows(*ret, CSR_ALLOW_DEVICE_CONFIGURATION);
	return *ret_recovery ? csr_setting_read(s->paths->nvram_dir, ret, e) : r;
}

static int say_state(struct session *s, bool enabled, struct err *e)
{
	return buf_printf(s->out, e, "Kernel Extension User Consent: %s\n",
			  enabled ? "ENABLED" : "DISABLED");
}

static int run_status(struct session *s, const char *team, struct err *e)
{
	uint32_t config = 0;
	bool recovery;
	int r = read_config(s, &config, &recovery, e);

	(void)team;
	return r ? r : say_state(s, consent_required(config), e);
}

static int run_list(struct session *s, const char *team, struct err *e)
{
	struct consent_teams t;
	int r = consent_teams_read(&t, s->paths->nvram_dir, e);

	(void)team;
	if (!r)
		r = buf_printf(s->out, e, "Allowed Team Identifiers:\n");
	for (size_t i = 0; !r && i < t.n; i++)
		r = buf_printf(s->out, e, "%s\n", t.team[i]);
	return r;
}

/* Is this Recovery? If not, say what Apple's says. */
static int want_recovery(struct session *s, bool *ret, struct err *e)
{
	uint32_t config = 0;
	int r = read_config(s, &config, ret, e);

	return r || *ret ? r : fail(s, "failed to store new configuration.", e);
}

static int set_consent(struct session *s, bool enabled, struct err *e)
{
	bool recovery;
	int r = want_recovery(s, &recovery, e);

	if (r || !recovery)
		return r;
	r = csr_setting_change(s->paths->nvram_dir, CSR_ALLOW_UNAPPROVED_KEXTS,
			       enabled ? 0 : CSR_ALLOW_UNAPPROVED_KEXTS, e);
	if (!r)
		r = say_state(s, enabled, e);
	return r ? r : buf_printf(s->out, e, RESTART);
}

static int run_enable(struct session *s, const char *team, struct err *e)
{
	(void)team;
	return set_consent(s, true, e);
}

static int run_disable(struct session *s, const char *team, struct err *e)
{
	(void)team;
	return set_consent(s, false, e);
}

static int change_teams(struct session *s, const char *team,
			int (*change)(struct consent_teams *, const char *, struct err *),
			struct err *e)
{
	struct consent_teams t;
	bool recovery;
	int r = want_recovery(s, &recovery, e);

	if (r || !recovery)
		return r;
	r = consent_teams_read(&t, s->paths->nvram_dir, e);
	if (!r)
		r = change(&t, team, e);
	return r ? r : consent_teams_write(&t, s->paths->nvram_dir, e);
}

static int run_add(struct session *s, const char *team, struct err *e)
{
	return change_teams(s, team, consent_teams_add, e);
}

static int run_remove(struct session *s, const char *team, struct err *e)
{
	return change_teams(s, team, consent_teams_remove, e);
}

static const struct {
	const char *name;
	bool team;
	int (*run)(struct session *s, const char *team, struct err *e);
	const char *help;
} actions[] = {
	{"status", false, run_status,
	 "Print whether kernel extension user consent is enabled or disabled."},
	{"enable", false, run_enable, "Enable requiring user consent for kernel extensions."},
	{"disable", false, run_disable,
	 "Disable requiring user consent for kernel extensions."},
	{"add", true, run_add,
	 "Insert a new Team Identifier into the list allowed to load kernel extensions "
	 "without user consent."},
	{"list", false, run_list,
	 "Print the list of Team Identifiers allowed to load without user consent."},
	{"remove", true, run_remove,
	 "Remove a Team Identifier from the list allowed to load kernel extensions without "
	 "user consent."},
};

#define N_ACTIONS (sizeof(actions) / sizeof(actions[0]))

static int usage(struct session *s, struct err *e)
{
	int r = buf_printf(s->err_out, e,
			   "Kernel Extension User Consent Usage:\n"
			   "    spctl kext-consent <action>         ** Modifications only "
			   "available in Recovery OS **\n");

	for (size_t i = 0; !r && i < N_ACTIONS; i++)
		r = buf_printf(s->err_out, e, "        %s%s\n            %s\n",
			       actions[i].name, actions[i].team ? " <team-id>" : "",
			       actions[i].help);
	s->status = EXIT_FAILURE;
	return r;
}

static int dispatch(struct session *s, int argc, char **argv, struct err *e)
{
	if (argc < 2 || strcmp(argv[0], "kext-consent"))
		return usage(s, e);
	for (size_t i = 0; i < N_ACTIONS; i++)
		if (!strcmp(actions[i].name, argv[1]) && argc == 2 + actions[i].team)
			return actions[i].run(s, actions[i].team ? argv[2] : NULL, e);
	return usage(s, e);
}

int spctl_run(const struct spctl_paths *p, int argc, char **argv, struct buf *out,
	      struct buf *err_out, int *ret_status, struct err *e)
{
	struct session s = {.paths = p, .out = out, .err_out = err_out};
	struct err why = ERR_INIT;
	int r = dispatch(&s, argc, argv, &why);

	if (r == -E_PERM)
		r = fail(&s, "failed to store new configuration.", e);
	else if (r)
		r = fail(&s, why.msg, e);
	*ret_status = s.status;
	return r;
}
