/* SPDX-License-Identifier: MIT */
/*
 * Does the user have to consent to kernel extensions? The setting is one of SIP's flags,
 * and the teams that need no consent are a list in NVRAM, both changed from Recovery by
 * spctl(8).
 */
#ifndef COMPONENTS_SYSPOLICYD_CONSENT_H
#define COMPONENTS_SYSPOLICYD_CONSENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/err.h"

#define CONSENT_TEAM_LEN  10  /* characters of a team identifier */
#define CONSENT_TEAMS_MAX 64

/*
 * NVRAM_CSR_DATA: XML "<dict><key>kext-allowed-teams</key><array>...</array></dict>", NUL.
 */
struct consent_teams {
	char team[CONSENT_TEAMS_MAX][CONSENT_TEAM_LEN + 1];
	size_t n;
};

/* By the flags that the kernel has: SIP off for kexts means no consent, too. */
bool consent_required(uint32_t csr);

/* Ten upper-case letters and digits. */
bool consent_is_team(const char *text);

/* The list in @nvram_dir; none when there is no variable. E_CORRUPT. */
int consent_teams_read(struct consent_teams *t, const char *nvram_dir, struct err *e)
	MUST_CHECK;
/* Write it; without teams the variable goes. E_PERM outside of Recovery. */
int consent_teams_write(const struct consent_teams *t, const char *nvram_dir, struct err *e)
	MUST_CHECK;
bool consent_teams_has(const struct consent_teams *t, const char *team);
/* E_EXISTS, E_OVERFLOW, E_INVAL: no team identifier; E_NOTFOUND. */
int consent_teams_add(struct consent_teams *t, const char *team, struct err *e) MUST_CHECK;
int consent_teams_remove(struct consent_teams *t, const char *team,
			 struct err *e) MUST_CHECK;

#endif
