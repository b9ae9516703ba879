/* SPDX-License-Identifier: MIT */
/* A policy as `bputil -d` of macOS 12 prints it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "components/bputil/internal.h"
#include "sim/platform/csr.h"

#define VALUE_MAX (2 * LP_BYTES_MAX + 2)

/* Identity of the chip and digests, in the order of the print. */
static const struct field_row {
	enum lp_field field;
	const char *label;
	bool if_set; /* no line says "absent" */
} field_rows[] = {
	{LP_ECID, "Unique Chip ID", false},
	{LP_BORD, "Board ID", false},
	{LP_CHIP, "Chip ID", false},
	{LP_CEPO, "Certificate Epoch", false},
	{LP_SDOM, "Security Domain", false},
	{LP_CPRO, "Production Status", false},
	{LP_CSEC, "Security Mode", false},
	{LP_LOBO, "Local Boot", true},
	{LP_LOVE, "OS Version", false},
	{LP_VUID, "Volume Group UUID", false},
	{LP_KUID, "KEK Group UUID", false},
	{LP_LPNH, "Local Policy Nonce Hash", false},
	{LP_RPNH, "Remote Policy Nonce Hash", false},
	{LP_NSIH, "Next Stage Image4 Hash", false},
	{LP_SPIH, "Cryptex1 Image4 Hash", true},
	{LP_STNG, "Cryptex1 Generation", true},
	{LP_AUXP, "User Authorized Kext List Hash", false},
	{LP_AUXI, "Auxiliary Kernel Cache Image4 Hash", false},
	{LP_AUXR, "Kext Receipt Hash", false},
	{LP_COIH, "CustomKC or fuOS Image4 Hash", false},
};

static const char *allowed(const struct policy_view *v, const char *field)
{
	return policy_view_true(v, field) ? "Enabled" : "Disabled";
}

static const char *enforced(const struct policy_view *v, const char *field)
{
	return policy_view_true(v, field) ? "Disabled" : "Enabled";
}

static const char *level(const struct policy_view *v, const char *field)
{
	(void)field;
	return sb_level_row(policy_view_level(v))->name;
}

/* The word for flags that are neither none nor all is assumed. */
static const char *sip(const struct policy_view *v, const char *field)
{
	unsigned long flags = strtoul(policy_view_text(v, field), NULL, 16);

	if (!strcmp(policy_view_text(v, field), "absent") || !flags)
		return "Enabled";
	return (flags & CSR_DISABLE_BIG_SUR) == CSR_DISABLE_BIG_SUR ? "Disabled" : "Custom";
}

/* What the owner decides, with the state in words. */
static const struct status_row {
	enum lp_field field;
	const char *label;
	const char *(*word)(const struct policy_view *v, const char *field);
} status_rows[] = {
	{LP_SMB0, "Security Mode", level},
	{LP_SMB2, "3rd Party Kexts Status", allowed},
	{LP_SMB3, "User-allowed MDM Control", allowed},
	{LP_SMB4, "DEP-allowed MDM Control", allowed},
	{LP_SIP0, "SIP Status", sip},
	{LP_SIP1, "Signed System Volume Status", enforced},
	{LP_SIP2, "Kernel CTRR Status", enforced},
	{LP_SIP3, "Boot Args Filtering Status", enforced},
};

/* The kernel has words for booleans; the generation is a count. */
static const char *value_text(const struct policy_view *v, enum lp_field f,
			      char out[static VALUE_MAX])
{
	char name[FOURCC_TEXT_MAX];
	const char *text = policy_view_text(v, fourcc_text(lp_row(f)->name, name));

	if (!strcmp(text, "absent"))
		return text;
	if (lp_row(f)->kind == LP_BOOL)
		return strcmp(text, "true") ? "0" : "1";
	if (f != LP_STNG)
		return text;
	snprintf(out, VALUE_MAX, "%llu", strtoull(text, NULL, 16));
	return out;
}

static const char *environment_name(int env)
{
	switch (env) {
	case SEP_MACOS: return "macOS";
	case SEP_1TR: return "one true recoveryOS";
	case SEP_RECOVERY: return "recoveryOS";
	case SEP_KCOS: return "kcOS";
	case SEP_RESTOREOS: return "restoreOS";
	default: return "unknown";
	}
}

static int display_digest(struct buf *out, enum lp_field f, const char *label,
			  const char *digest, struct err *e)
{
	char name[FOURCC_TEXT_MAX];

	return buf_printf(out, e, "%-40s(%s): %s\n", label,
			  fourcc_text(lp_row(f)->name, name), digest[0] ? digest : "absent");
}

/* The digests here are of the Secure Enclave's nonces, not what a policy says. */
static int display_environment(const struct policy_view *v, struct buf *out,
			       struct err *e)
{
	int r = buf_printf(out, e,
			   "OS environment:\n"
			   "%-46s: %s\n"
			   "%-46s: %s\n",
			   "OS Type", environment_name(v->environment),
			   "OS Pairing Status", v->paired ? "Paired" : "Not Paired");

	if (!r)
		r = display_digest(out, LP_LPNH, "Local Policy Nonce Hash", v->lpnh, e);
	if (!r)
		r = display_digest(out, LP_RPNH, "Remote Policy Nonce Hash", v->rpnh, e);
	if (!r)
		r = display_digest(out, LP_RONH, "Recovery OS Policy Nonce Hash", v->ronh,
				   e);
	return r ? r : buf_append(out, "\n", 1, e);
}

static int display_fields(const struct policy_view *v, struct buf *out, struct err *e)
{
	char name[FOURCC_TEXT_MAX], value[VALUE_MAX];
	int r = 0;

	for (size_t i = 0; !r && i < sizeof(field_rows) / sizeof(field_rows[0]); i++) {
		const struct field_row *row = &field_rows[i];
		const char *text = value_text(v, row->field, value);

		if (row->if_set && !strcmp(text, "absent"))
			continue;
		r = buf_printf(out, e, "%-40s(%s): %s\n", row->label,
			       fourcc_text(lp_row(row->field)->name, name), text);
	}
	return r;
}

/* Permissive is two fields. */
static const char *shown_name(const struct policy_view *v, enum lp_field f,
			      char name[static FOURCC_TEXT_MAX])
{
	if (f == LP_SMB0 && policy_view_level(v) == SB_PERMISSIVE)
		return "smb0 && smb1";
	return fourcc_text(lp_row(f)->name, name);
}

static int display_statuses(const struct policy_view *v, struct buf *out, struct err *e)
{
	char name[FOURCC_TEXT_MAX], label[64], value[VALUE_MAX];
	int r = 0;

	for (size_t i = 0; !r && i < sizeof(status_rows) / sizeof(status_rows[0]); i++) {
		const struct status_row *row = &status_rows[i];
		const char *word =
			row->word(v, fourcc_text(lp_row(row->field)->name, name));

		snprintf(label, sizeof(label), "%s:", row->label);
		r = buf_printf(out, e, "%-29s%-10s (%s): %s\n", label, word,
			       shown_name(v, row->field, name),
			       value_text(v, row->field, value));
	}
	return r;
}

int bputil_display(const struct policy_view *v, const char *group, struct buf *out,
		   struct err *e)
{
	int r = buf_printf(out, e, "Local policy for volume group %s:\n", group);

	if (!r)
		r = display_environment(v, out, e);
	/* The kernel hands out no policy but one whose signature and owner it verified. */
	if (!r)
		r = buf_printf(out, e,
			       "Local policy:\n"
			       "%-46s: Valid\n"
			       "%-46s: BAA\n",
			       "Pairing Integrity", "Signature Type");
	if (!r)
		r = display_fields(v, out, e);
	return r ? r : display_statuses(v, out, e);
}
