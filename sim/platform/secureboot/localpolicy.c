/* SPDX-License-Identifier: MIT */
/* The fields of a policy and the levels, as tables. */
#include "sim/platform/secureboot/localpolicy.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "sim/base/idtext.h"

#define F(a, b, c, d) FOURCC(a, b, c, d)

/*
 * Who may change what: bputil's manual has the modes; where an installer or kcgend sets a
 * field is inferred. What a field needs: smb1 and smb2 are for Reduced and below, sip0 to
 * sip3 and a custom kernel for Permissive, an AuxKC for Macs that allow extensions.
 */
#define IN_UPDATE  SEP_IN_ANY /* an update of the system does it */
#define IN_INSTALL SEP_IN_ANY_RECOVERY
#define IN_KCOS	   SEP_IN(SEP_KCOS) /* kcgend, after the AuxKC was built */
#define NOWHERE	   0
#define NONE	   LP_N_FIELDS

/* kind, in MANP, by the SEP, settable, clearable, needs pairing, needs */
#define CHIP(kind)		       kind, true, true, NOWHERE, NOWHERE, false, NONE
#define SEP(kind)		       kind, false, true, NOWHERE, NOWHERE, false, NONE
#define SYSTEM(kind, where)	       kind, false, false, where, NOWHERE, false, NONE
#define STATE(kind, set, clear, needs) kind, false, false, set, clear, false, needs
#define OWNER(kind, needs)	       kind, false, false, SEP_IN_1TR, SEP_IN_ANY, true, needs

/* clang-format off */
static const struct lp_row rows[LP_N_FIELDS] = {
	[LP_ECID] = {F('E', 'C', 'I', 'D'), CHIP(LP_NUMBER)},
	[LP_BORD] = {F('B', 'O', 'R', 'D'), CHIP(LP_NUMBER)},
	[LP_CHIP] = {F('C', 'H', 'I', 'P'), CHIP(LP_NUMBER)},
	[LP_CEPO] = {F('C', 'E', 'P', 'O'), CHIP(LP_NUMBER)},
	[LP_SDOM] = {F('S', 'D', 'O', 'M'), CHIP(LP_NUMBER)},
	[LP_CPRO] = {F('C', 'P', 'R', 'O'), CHIP(LP_BOOL)},
	[LP_CSEC] = {F('C', 'S', 'E', 'C'), CHIP(LP_BOOL)},
	[LP_LOBO] = {F('l', 'o', 'b', 'o'), SEP(LP_BOOL)},
	[LP_LOVE] = {F('l', 'o', 'v', 'e'), SYSTEM(LP_STRING, IN_UPDATE)},
	[LP_VUID] = {F('v', 'u', 'i', 'd'), SYSTEM(LP_UUID, IN_INSTALL)},
	[LP_KUID] = {F('k', 'u', 'i', 'd'), SYSTEM(LP_UUID, IN_INSTALL)},
	[LP_LPNH] = {F('l', 'p', 'n', 'h'), SEP(LP_DIGEST)},
	[LP_RPNH] = {F('r', 'p', 'n', 'h'), SEP(LP_DIGEST)},
	[LP_RONH] = {F('r', 'o', 'n', 'h'), SEP(LP_DIGEST)},
	[LP_NSIH] = {F('n', 's', 'i', 'h'), SYSTEM(LP_DIGEST, IN_UPDATE)},
	[LP_SPIH] = {F('s', 'p', 'i', 'h'), STATE(LP_DIGEST, IN_UPDATE, IN_UPDATE, NONE)},
	[LP_STNG] = {F('s', 't', 'n', 'g'), STATE(LP_NUMBER, IN_UPDATE, IN_UPDATE, LP_SPIH)},
	[LP_AUXP] = {F('a', 'u', 'x', 'p'), STATE(LP_DIGEST, IN_KCOS, SEP_IN_ANY, LP_SMB2)},
	[LP_AUXI] = {F('a', 'u', 'x', 'i'), STATE(LP_DIGEST, IN_KCOS, SEP_IN_ANY, LP_AUXP)},
	[LP_AUXR] = {F('a', 'u', 'x', 'r'), STATE(LP_DIGEST, IN_KCOS, SEP_IN_ANY, LP_AUXP)},
	[LP_COIH] = {F('c', 'o', 'i', 'h'), OWNER(LP_DIGEST, LP_SMB1)},
	[LP_PROT] = {F('p', 'r', 'o', 't'), STATE(LP_DIGEST, IN_INSTALL, IN_INSTALL, NONE)},
	[LP_HRLP] = {F('h', 'r', 'l', 'p'), STATE(LP_BOOL, IN_INSTALL, IN_INSTALL, NONE)},
	[LP_ROLP] = {F('r', 'o', 'l', 'p'), STATE(LP_BOOL, IN_INSTALL, IN_INSTALL, NONE)},
	[LP_SMB0] = {F('s', 'm', 'b', '0'), STATE(LP_BOOL, SEP_IN_ANY_RECOVERY, SEP_IN_ANY, NONE)},
	[LP_SMB1] = {F('s', 'm', 'b', '1'), OWNER(LP_BOOL, LP_SMB0)},
	[LP_SMB2] = {F('s', 'm', 'b', '2'), OWNER(LP_BOOL, LP_SMB0)},
	[LP_SMB3] = {F('s', 'm', 'b', '3'), OWNER(LP_BOOL, LP_SMB0)},
	[LP_SMB4] = {F('s', 'm', 'b', '4'), STATE(LP_BOOL, IN_INSTALL, SEP_IN_ANY, NONE)},
	[LP_SIP0] = {F('s', 'i', 'p', '0'), OWNER(LP_NUMBER, LP_SMB1)},
	[LP_SIP1] = {F('s', 'i', 'p', '1'), OWNER(LP_BOOL, LP_SMB1)},
	[LP_SIP2] = {F('s', 'i', 'p', '2'), OWNER(LP_BOOL, LP_SMB1)},
	[LP_SIP3] = {F('s', 'i', 'p', '3'), OWNER(LP_BOOL, LP_SMB1)},
};
/* clang-format on */

const struct lp_row *lp_row(enum lp_field f)
{
	return &rows[f];
}

enum lp_field lp_field_by_name(uint32_t name)
{
	size_t i = 0;

	while (i < LP_N_FIELDS && rows[i].name != name)
		i++;
	return (enum lp_field)i;
}

bool lp_true(const struct local_policy *p, enum lp_field f)
{
	return p->v[f].present && p->v[f].number;
}

uint64_t lp_number(const struct local_policy *p, enum lp_field f)
{
	return p->v[f].present ? p->v[f].number : 0;
}

const uint8_t *lp_bytes(const struct local_policy *p, enum lp_field f)
{
	return p->v[f].present ? p->v[f].bytes : NULL;
}

void lp_set_number(struct local_policy *p, enum lp_field f, uint64_t v)
{
	p->v[f] = (struct lp_value){.present = true, .number = v};
}

static bool len_fits(enum lp_kind kind, size_t len)
{
	switch (kind) {
	case LP_UUID:
		return len == UUID_LEN;
	case LP_DIGEST:
		return len == IMG4_DIGEST_LEN;
	case LP_STRING:
		return len < LP_BYTES_MAX;
	case LP_NUMBER:
	case LP_BOOL:
		break;
	}
	return false;
}

int lp_set_bytes(struct local_policy *p, enum lp_field f, const void *b, size_t len,
		 struct err *e)
{
	char name[FOURCC_TEXT_MAX];

	if (!len_fits(rows[f].kind, len))
		return err_set(e, E_INVAL, "'%s' of %zu bytes",
			       fourcc_text(rows[f].name, name), len);
	p->v[f] = (struct lp_value){.present = true};
	memcpy(p->v[f].bytes, b, len);
	return 0;
}

void lp_clear(struct local_policy *p, enum lp_field f)
{
	p->v[f] = (struct lp_value){.present = false};
}

void lp_digest_text(const uint8_t d[static IMG4_DIGEST_LEN],
		    char out[static LP_DIGEST_TEXT_MAX])
{
	hex_text(d, IMG4_DIGEST_LEN, out);
	for (char *c = out; *c; c++)
		*c = (char)toupper((unsigned char)*c);
}

void lp_value_text(const struct local_policy *p, enum lp_field f, char *out, size_t size)
{
	const struct lp_value *v = &p->v[f];
	char text[LP_DIGEST_TEXT_MAX];

	if (!v->present) {
		snprintf(out, size, "absent");
		return;
	}
	switch (rows[f].kind) {
	case LP_NUMBER:
		snprintf(out, size, "0x%llX", (unsigned long long)v->number);
		return;
	case LP_BOOL:
		snprintf(out, size, "%s", v->number ? "true" : "false");
		return;
	case LP_UUID:
		uuid_text(v->bytes, text);
		break;
	case LP_DIGEST:
		lp_digest_text(v->bytes, text);
		break;
	case LP_STRING:
		snprintf(out, size, "%s", (const char *)v->bytes);
		return;
	}
	snprintf(out, size, "%s", text);
}

/* Set, and not to a value that says no. */
static bool counts(const struct local_policy *p, enum lp_field f)
{
	bool valued = rows[f].kind == LP_NUMBER || rows[f].kind == LP_BOOL;

	return p->v[f].present && (!valued || p->v[f].number);
}

int lp_consistent(const struct local_policy *p, struct err *e)
{
	char a[FOURCC_TEXT_MAX], b[FOURCC_TEXT_MAX];

	for (size_t i = 0; i < LP_N_FIELDS; i++)
		if (rows[i].needs != LP_N_FIELDS && counts(p, (enum lp_field)i) &&
		    !counts(p, rows[i].needs))
			return err_set(e, E_INVAL, "'%s' needs '%s'",
				       fourcc_text(rows[i].name, a),
				       fourcc_text(rows[rows[i].needs].name, b));
	return 0;
}

static const struct sb_level_row levels[SB_N_LEVELS] = {
	[SB_FULL] = {"Full", false, false, IMG4_CHIP_AP_SHA2_384},
	[SB_REDUCED] = {"Reduced", true, false, IMG4_CHIP_AP_REDUCED},
	[SB_PERMISSIVE] = {"Permissive", true, true, IMG4_CHIP_AP_PERMISSIVE},
};

const struct sb_level_row *sb_level_row(enum sb_level l)
{
	return &levels[l];
}

enum sb_level lp_level(const struct local_policy *p)
{
	if (!lp_true(p, LP_SMB0))
		return SB_FULL;
	return lp_true(p, LP_SMB1) ? SB_PERMISSIVE : SB_REDUCED;
}

/* What an owner grants, and so loses when a policy is made from scratch. */
static const enum lp_field granted[] = {LP_SMB0, LP_SMB1, LP_SMB2, LP_SMB3,
					LP_SIP0, LP_SIP1, LP_SIP2, LP_SIP3,
					LP_COIH, LP_AUXP, LP_AUXI, LP_AUXR};

void lp_set_level(struct local_policy *p, enum sb_level l)
{
	for (size_t i = 0; i < sizeof(granted) / sizeof(granted[0]); i++)
		lp_clear(p, granted[i]);
	if (levels[l].smb0)
		lp_set_number(p, LP_SMB0, 1);
	if (levels[l].smb1)
		lp_set_number(p, LP_SMB1, 1);
}

static const char *const suffixes[] = {
	[LP_FILE_MACOS] = ".img4",
	[LP_FILE_RECOVERY] = ".recovery.img4",
	[LP_FILE_AUXK] = ".auxk.im4m",
	[LP_FILE_FUOS] = ".fuos.im4m",
};

int lp_path(const char *group, const uint8_t lpnh[static IMG4_DIGEST_LEN],
	    enum lp_file which, char out[static LP_PATH_MAX], struct err *e)
{
	char digest[LP_DIGEST_TEXT_MAX];

	lp_digest_text(lpnh, digest);
	if (snprintf(out, LP_PATH_MAX, "/%s/" LP_FOLDER "/%s%s", group, digest,
		     suffixes[which]) >= (int)LP_PATH_MAX)
		return err_set(e, E_OVERFLOW, "a volume group called '%s'", group);
	return 0;
}
