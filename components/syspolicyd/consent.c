/* SPDX-License-Identifier: MIT */
#include "components/syspolicyd/consent.h"

#include <limits.h>
#include <string.h>

#include "components/nvram/nvram_tool.h"
#include "sim/base/fsio.h"
#include "sim/formats/plist/pl.h"
#include "sim/platform/csr.h"
#include "sim/platform/nvram.h"
#include "sim/platform/paths.h"

#define KEY_TEAMS "kext-allowed-teams"

bool consent_required(uint32_t csr)
{
	return !csr_allows(csr, CSR_ALLOW_UNTRUSTED_KEXTS) &&
	       !csr_allows(csr, CSR_ALLOW_UNAPPROVED_KEXTS);
}

bool consent_is_team(const char *text)
{
	return strlen(text) == CONSENT_TEAM_LEN &&
	       strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == CONSENT_TEAM_LEN;
}

static int take_team(struct consent_teams *t, const char *team, struct err *e)
{
	if (!consent_is_team(team))
		return err_set(e, E_INVAL, "'%s' is no team identifier", team);
	if (t->n == CONSENT_TEAMS_MAX)
		return err_set(e, E_OVERFLOW, "more than %d team identifiers",
			       CONSENT_TEAMS_MAX);
	strcpy(t->team[t->n++], team);
	return 0;
}

static int take_list(struct consent_teams *t, plist_t dict, struct err *e)
{
	plist_t teams = NULL;
	int r = pl_opt_array(dict, KEY_TEAMS, &teams, e);

	for (uint32_t i = 0; !r && teams && i < plist_array_get_size(teams); i++) {
		const char *team;

		r = pl_array_string(teams, i, &team, e);
		if (!r)
			r = take_team(t, team, e);
	}
	return r;
}

/* The variable holds a list's root alone. */
static int parse(struct consent_teams *t, const struct buf *value, struct err *e)
{
	struct buf xml = BUF_INIT;
	plist_t dict = NULL;
	size_t len = value->len;
	int r;

	while (len && !value->data[len - 1])
		len--;
	r = buf_printf(&xml, e, "<plist version=\"1.0\">");
	if (!r)
		r = buf_append(&xml, value->data, len, e);
	if (!r)
		r = buf_printf(&xml, e, "</plist>");
	if (!r)
		r = pl_parse(xml.data, xml.len, NVRAM_CSR_DATA, &dict, e);
	if (!r && plist_get_node_type(dict) != PLIST_DICT)
		r = err_set(e, E_CORRUPT, NVRAM_CSR_DATA ": expected a dictionary");
	if (!r)
		r = take_list(t, dict, e);
	plist_free(dict);
	buf_release(&xml);
	return r;
}

int consent_teams_read(struct consent_teams *t, const char *nvram_dir, struct err *e)
{
	struct buf value = BUF_INIT;
	char path[PATH_MAX];
	int r = nvram_path(path, sizeof(path), nvram_dir, NVRAM_CSR_DATA, e);

	t->n = 0;
	if (!r)
		r = fsio_read(path, NVRAM_SIZE, &value, e);
	if (r == -E_NOTFOUND) {
		err_clear(e);
		r = 0;
	} else if (!r) {
		r = parse(t, &value, e);
	}
	buf_release(&value);
	return r;
}

int consent_teams_write(const struct consent_teams *t, const char *nvram_dir, struct err *e)
{
	struct buf text = BUF_INIT;
	int r;

	if (!t->n) {
		r = nvram_tool_delete(nvram_dir, NVRAM_CSR_DATA, e);
		return r == -E_NOTFOUND ? (err_clear(e), 0) : r;
	}
	r = buf_printf(&text, e, "<dict><key>" KEY_TEAMS "</key><array>");
	for (size_t i = 0; i < t->n && !r; i++)
		r = buf_printf(&text, e, "<string>%s</string>", t->team[i]);
	if (!r)
		r = buf_append(&text, "</array></dict>", sizeof("</array></dict>"), e);
	if (!r)
		r = nvram_tool_write(nvram_dir, NVRAM_CSR_DATA, text.data, text.len, e);
	buf_release(&text);
	return r;
}

static size_t find(const struct consent_teams *t, const char *team)
{
	size_t i = 0;

	while (i < t->n && strcmp(t->team[i], team))
		i++;
	return i;
}

bool consent_teams_has(const struct consent_teams *t, const char *team)
{
	return find(t, team) < t->n;
}

int consent_teams_add(struct consent_teams *t, const char *team, struct err *e)
{
	return consent_teams_has(t, team)
		       ? err_set(e, E_EXISTS, "%s is in the list", team)
		       : take_team(t, team, e);
}

int consent_teams_remove(struct consent_teams *t, const char *team, struct err *e)
{
	size_t i = find(t, team);

	if (i == t->n)
		return err_set(e, E_NOTFOUND, "%s is not in the list", team);
	t->n--;
	memmove(t->team[i], t->team[i + 1], (t->n - i) * sizeof(t->team[0]));
	return 0;
}
