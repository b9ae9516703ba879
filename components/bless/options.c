/* SPDX-License-Identifier: MIT */
#include "components/bless/options.h"

#include <stddef.h>
#include <string.h>

enum kind { FLAG, TEXT, OPTIONAL };

static const struct row {
	const char *name;
	enum kind kind;
	size_t flag; /* of a bool; FLAG, OPTIONAL */
	size_t text; /* of a const char *; TEXT, OPTIONAL */
} rows[] = {
	{"folder", TEXT, 0, offsetof(struct bless_options, folder)},
	{"mount", TEXT, 0, offsetof(struct bless_options, mount)},
	{"bootefi", OPTIONAL, offsetof(struct bless_options, bootefi),
	 offsetof(struct bless_options, bootefi_file)},
	{"create-snapshot", FLAG, offsetof(struct bless_options, create_snapshot), 0},
	{"last-sealed-snapshot", FLAG, offsetof(struct bless_options, last_sealed), 0},
	{"snapshot", TEXT, 0, offsetof(struct bless_options, snapshot)},
	{"snapshotname", TEXT, 0, offsetof(struct bless_options, snapshot_name)},
	{"setBoot", FLAG, offsetof(struct bless_options, set_boot), 0},
	{"verbose", FLAG, offsetof(struct bless_options, verbose), 0},
};

static const struct row *find(const char *word, size_t len)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strlen(rows[i].name) == len && !strncmp(rows[i].name, word, len))
			return &rows[i];
	return NULL;
}

static void set_flag(struct bless_options *o, const struct row *row)
{
	*(bool *)(void *)((char *)o + row->flag) = true;
}

static void set_text(struct bless_options *o, const struct row *row, const char *text)
{
	*(const char **)(void *)((char *)o + row->text) = text;
}

/* One option at @argv[*at]; moves behind it. */
static bool take(int argc, char **argv, int *at, struct bless_options *o)
{
	const char *word = argv[(*at)++];
	const char *name = word + 1 + (word[0] == '-' && word[1] == '-');
	const char *eq = strchr(word, '=');
	const struct row *row =
		word[0] == '-' ? find(name, eq ? (size_t)(eq - name) : strlen(name)) : NULL;

	if (!row || (eq && row->kind == FLAG))
		return false;
	if (row->kind != TEXT)
		set_flag(o, row);
	if (eq)
		set_text(o, row, eq + 1);
	else if (row->kind == TEXT && *at < argc)
		set_text(o, row, argv[(*at)++]);
	else
		return row->kind != TEXT;
	return true;
}

bool bless_options_parse(int argc, char **argv, struct bless_options *ret,
			 const char **ret_bad)
{
	int at = 0;

	*ret = (struct bless_options){.folder = NULL};
	while (at < argc) {
		*ret_bad = argv[at];
		if (!take(argc, argv, &at, ret))
			return false;
	}
	*ret_bad = NULL;
	return ret->folder || ret->mount;
}
