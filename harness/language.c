/* SPDX-License-Identifier: MIT */
/* The tables of the scenario language as Markdown: the reference cannot go stale. */
#include <string.h>

#include "harness/cmd.h"

static int add_table(struct buf *out, const struct schema_key *keys, struct err *e)
{
	char type[256];
	int r = buf_printf(out, e, "| key | value | meaning |\n|---|---|---|\n");

	for (; keys->name && !r; keys++) {
		schema_type_text(keys, type, sizeof(type));
		r = buf_printf(out, e, "| `%s`%s | %s | %s |\n", keys->name,
			       keys->required ? " *" : "", type, keys->doc);
	}
	return r ? r : buf_printf(out, e, "\n");
}

static const struct {
	const char *title, *text;
	const struct schema_key *keys;
} sections[] = {
	{"The file", "", scenario_keys},
	{"Settings",
	 "They stand in the file beside the keys above, in a variant and in the"
	 " `set` of a control.\n\n",
	 settings_keys},
	{"volumes", "", volumes_keys},
	{"filevault", "", filevault_keys},
	{"kexts", "Each entry:\n\n", scn_kext_keys},
	{"variants", "Each entry, besides settings:\n\n", variant_keys},
	{"controls", "Each entry:\n\n", control_keys},
};

static const struct {
	const char *title;
	const struct schema_key *keys;
} expectations[] = {
	{"expect", expect_keys},
	{"system_kernel, staged_kernel, booted_kernel", kernel_expect_keys},
	{"files", file_expect_keys},
	{"console", console_expect_keys},
	{"events", event_expect_keys},
	{"seal", seal_expect_keys},
	{"judges", judge_keys},
	{"Text matches", text_match_keys},
};

static int add_steps(struct buf *out, struct err *e)
{
	static const char *const power[] = {"off", "on", "either"};
	int r = buf_printf(out, e, "### Keys of every step\n\n");

	if (!r)
		r = add_table(out, step_common_keys, e);
	for (const struct step_type *t = step_types; t->name && !r; t++) {
		r = buf_printf(out, e, "### %s\n\n%s. Power: %s. Time-out: %u s.",
			       t->name, t->summary, power[t->needs], t->timeout_s);
		if (!r && t->shorthand)
			r = buf_printf(out, e, " `- %s: x` stands for `- %s: {%s: x}`.",
				       t->name, t->name, t->shorthand);
		if (!r)
			r = buf_printf(out, e, "\n\n");
		if (!r && t->keys->name && t->keys != expect_keys)
			r = add_table(out, t->keys, e);
	}
	return r;
}

int language_reference(struct buf *out, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]) && !r; i++) {
		r = buf_printf(out, e, "## %s\n\n%s", sections[i].title,
			       sections[i].text);
		if (!r)
			r = add_table(out, sections[i].keys, e);
	}
	if (!r)
		r = buf_printf(out, e, "## Steps\n\n");
	if (!r)
		r = add_steps(out, e);
	if (!r)
		r = buf_printf(out, e, "## Expectations\n\n");
	for (size_t i = 0; i < sizeof(expectations) / sizeof(expectations[0]) && !r;
	     i++) {
		r = buf_printf(out, e, "### %s\n\n", expectations[i].title);
		if (!r)
			r = add_table(out, expectations[i].keys, e);
	}
	return r;
}
