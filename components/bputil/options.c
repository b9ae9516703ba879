/* SPDX-License-Identifier: MIT */
#include "components/bputil/options.h"

#include <getopt.h>
#include <stddef.h>

enum kind { TEXT, FLAG, LEVEL, GRANT, IGNORED };

/* -j (JSON), -r and -z (removing policies) are not among them. */
static const struct row {
	char letter;
	const char *name;
	enum kind kind;
	size_t at; /* TEXT, FLAG: offset in the options; LEVEL: enum sb_level; GRANT:
		      enum lp_field */
	const char *help;
} rows[] = {
	{'u', "username", TEXT, offsetof(struct bputil_options, user),
	 "a user who owns this Mac"},
	{'p', "password", TEXT, offsetof(struct bputil_options, password),
	 "the user's password"},
	{'v', "vuid", TEXT, offsetof(struct bputil_options, group),
	 "Volume Group UUID of the system; default: the one that runs"},
	{'l', "debug-logging", IGNORED, 0, "log more"},
	{'d', "display-policy", FLAG, offsetof(struct bputil_options, display),
	 "display the policy of the system"},
	{'e', "display-all-policies", FLAG, offsetof(struct bputil_options, display_all),
	 "display the policies of all systems"},
	{'f', "full-security", LEVEL, SB_FULL, "Full Security"},
	{'g', "reduced-security", LEVEL, SB_REDUCED,
	 "Reduced Security; the policy is made anew"},
	{'n', "permissive-security", LEVEL, SB_PERMISSIVE,
	 "Permissive Security; the policy is made anew"},
	{'m', "enable-mdm", GRANT, LP_SMB3, "allow MDM to manage kexts and updates"},
	{'k', "enable-kexts", GRANT, LP_SMB2, "allow third-party kexts"},
	{'c', "disable-kernel-ctrr", GRANT, LP_SIP2, "do not lock the kernel's text"},
	{'a', "disable-boot-args-restriction", GRANT, LP_SIP3, "allow all boot-args"},
	{'s', "disable-ssv", GRANT, LP_SIP1,
	 "do not authenticate the system volume; not while FileVault is enabled"},
};

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

static const struct row *find_row(int letter)
{
	for (size_t i = 0; i < N_ROWS; i++)
		if (rows[i].letter == letter)
			return &rows[i];
	return NULL;
}

static bool take(struct bputil_options *o, const struct row *row, const char *arg)
{
	void *member = (char *)o + row->at;

	switch (row->kind) {
	case TEXT: *(const char **)member = arg; return true;
	case FLAG: *(bool *)member = true; return true;
	case GRANT: o->granted[row->at] = o->grants = true; return true;
	case LEVEL:
		if (o->level != SB_N_LEVELS && o->level != (enum sb_level)row->at)
			return false;
		o->level = (enum sb_level)row->at;
		return true;
	case IGNORED: return true;
	}
	return false;
}

static bool parse(int argc, char **argv, struct bputil_options *o)
{
	struct option longs[N_ROWS + 1] = {{.name = NULL}};
	char shorts[2 * N_ROWS + 1], *s = shorts;
	int c;

	for (size_t i = 0; i < N_ROWS; i++) {
		bool has_arg = rows[i].kind == TEXT;

		longs[i] = (struct option){rows[i].name, has_arg, NULL, rows[i].letter};
		*s++ = rows[i].letter;
		if (has_arg)
			*s++ = ':';
	}
	*s = '\0';
	optind = 0; /* glibc: from the start */
	opterr = 0;
	while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		const struct row *row = find_row(c);

		if (!row || !take(o, row, optarg))
			return false;
	}
	return optind == argc;
}

bool bputil_options_parse(int argc, char **argv, struct bputil_options *ret,
			  const char **ret_why)
{
	bool shows, changes;

	*ret = (struct bputil_options){.level = SB_N_LEVELS};
	*ret_why = NULL;
	if (!parse(argc, argv, ret))
		return false;
	shows = ret->display || ret->display_all;
	changes = ret->level != SB_N_LEVELS || ret->grants;
	if (shows == changes)
		return false;
	if (ret->level == SB_FULL && ret->grants)
		*ret_why = "Full Security cannot be combined with options that lower it";
	else if (ret->password && !ret->user)
		*ret_why = "A password was given without a username";
	return !*ret_why;
}

int bputil_usage(struct buf *out, struct err *e)
{
	int r = buf_printf(out, e, "usage: bputil <optional arguments> ...\n");

	for (size_t i = 0; !r && i < N_ROWS; i++)
		r = buf_printf(out, e, "    -%c, --%s%s\n        %s\n", rows[i].letter,
			       rows[i].name, rows[i].kind == TEXT ? " <text>" : "",
			       rows[i].help);
	return r;
}
