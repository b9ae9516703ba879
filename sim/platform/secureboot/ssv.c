/* SPDX-License-Identifier: MIT */
#include "sim/platform/secureboot/ssv.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "sim/base/clock.h"
#include "sim/platform/csr.h"

#define DARWIN_EAUTH	  80
#define DARWIN_EINVAL	  22
#define NVRAM_BROKEN_UUID "recovery-broken-seal-uuid"
#define NVRAM_BOOT_MODE	  "recovery-boot-mode"
#define MODE_SEAL_BROKEN  "ssv-seal-broken"

bool ssv_need_auth(const struct ssv_need *n)
{
	if (n->apple_silicon)
		return !n->lp_sip1 && !n->image_boot;
	return !(n->csr & CSR_ALLOW_UNAUTHENTICATED_ROOT);
}

/* What was found out, one bit each. */
enum {
	NEED = 1,  /* authentication is required */
	FOUND = 2, /* there is a tagged snapshot */
	SEALED = 4,
	INTACT = 8,    /* the seal is not marked as broken */
	HAS_HASH = 16, /* there is a payload to compare with */
	SIGNED = 32,   /* and it is genuine */
	EQUAL = 64,
};

/* What an edge has to say. */
enum text {
	NOTHING,
	NO_SNAPSHOT,
	NOT_SEALED,
	BROKEN,
	NO_HASH,
	NOT_SIGNED,
	DIFFERS,
	VALIDATED,
};

/*
 * The state machine: the first edge fits whose bits of @mask are as @value has them.
 */
static const struct edge {
	unsigned mask, value;
	enum ssv_outcome outcome;
	enum text text;
} edges[] = {
	{NEED | FOUND, NEED, SSV_PANICS, NO_SNAPSHOT},
	{NEED | FOUND, 0, SSV_BOOTS_LIVE, NOTHING},
	{NEED, 0, SSV_UNCHECKED, NOTHING},
	{SEALED, 0, SSV_REFUSED, NOT_SEALED},
	{INTACT, 0, SSV_REFUSED, BROKEN},
	{HAS_HASH, 0, SSV_PANICS, NO_HASH},
	{SIGNED, 0, SSV_PANICS, NOT_SIGNED},
	{EQUAL, 0, SSV_REFUSED, DIFFERS},
	{0, 0, SSV_BOOTS, VALIDATED},
};

static void __attribute__((format(printf, 3, 4)))
say(const struct ssv_in *in, struct ssv_out *out, const char *fmt, ...)
{
	char *line = out->line[out->n_lines];
	va_list ap;

	if (out->n_lines == SSV_LINES_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(line, SSV_LINE_MAX, fmt, ap);
	va_end(ap);
	out->n_lines++;
	if (in->line)
		in->line(in->line_ctx, line);
}

/* The slot for our block size against the hash on disk, in constant time. */
static bool root_hash_equal(const struct ssv_in *in)
{
	const uint8_t *want;
	struct isys isys;

	return in->root_hash && !isys_parse(in->payload, in->payload_len, &isys, NULL) &&
	       !isys_hash(&isys, in->block_size, &want, NULL) &&
	       !CRYPTO_memcmp(want, in->root_hash, ISYS_HASH_LEN);
}

static unsigned find_out(const struct ssv_in *in)
{
	unsigned bits = 0;

	bits |= ssv_need_auth(&in->need) ? NEED : 0;
	bits |= in->found ? FOUND : 0;
	bits |= in->sealed ? SEALED : 0;
	bits |= in->broken ? 0 : INTACT;
	bits |= in->payload ? HAS_HASH : 0;
	bits |= in->payload_result == IMG4_OK ? SIGNED : 0;
	/* Looked at only when it will be asked for. */
	if (bits == (NEED | FOUND | SEALED | INTACT | HAS_HASH | SIGNED))
		bits |= root_hash_equal(in) ? EQUAL : 0;
	return bits;
}

static const struct edge *first_edge(unsigned bits)
{
	const struct edge *e = edges;

	while ((bits & e->mask) != e->value)
		e++;
	return e;
}

static void no_snapshot(const struct ssv_in *in, struct ssv_out *out)
{
	char which[128] = "";

	if (in->apfs->names_root_snapshot)
		snprintf(which, sizeof(which), ": %s (%d)", in->snapshot, 2 /* ENOENT */);
	snprintf(out->panic, sizeof(out->panic),
		 "Failed to find the root snapshot%s. Rooting from the live fs of a "
		 "sealed volume is not allowed on a RELEASE build @apfs_vfsops.c:%u",
		 which, in->apfs->no_root_snapshot);
}

static void not_authentic(const struct ssv_in *in, struct ssv_out *out)
{
	snprintf(out->panic, sizeof(out->panic),
		 "could not authenticate personalized root hash! (%p, %zu)",
		 (const void *)in->payload, in->payload_len);
}

static void tell(const struct ssv_in *in, struct ssv_out *out, enum text text)
{
	unsigned line = in->apfs->authenticated;

	switch (text) {
	case NOTHING:
		break;
	case NO_SNAPSHOT:
		no_snapshot(in, out);
		break;
	case NOT_SEALED:
		say(in, out,
		    "authenticate_root_hash:%u: %s authenticated mount requested but "
		    "volume is not sealed",
		    line, in->device);
		break;
	case BROKEN:
		say(in, out, "authenticate_root_hash:%u: %s the seal is broken", line,
		    in->device);
		break;
	case NO_HASH:
		say(in, out,
		    "authenticate_root_hash:%u: apfs_extract_root_hash_and_manifest "
		    "failed with error: Invalid argument (%d)",
		    line, DARWIN_EINVAL);
		not_authentic(in, out);
		break;
	case NOT_SIGNED:
		not_authentic(in, out);
		break;
	case DIFFERS:
		say(in, out,
		    "authenticate_root_hash:%u: %s on-disk root hash does not match",
		    line, in->device);
		break;
	case VALIDATED:
		say(in, out,
		    "authenticate_root_hash:%u: %s successfully validated on-disk root "
		    "hash",
		    line, in->device);
		break;
	}
}

static void add_nvram(struct ssv_out *out, const char *name, const char *value)
{
	struct ssv_nvram *v = &out->nvram[out->n_nvram++];

	v->name = name;
	snprintf(v->value, sizeof(v->value), "%s", value);
}

/* How a refusal goes on: the root cannot be mounted. */
static void refuse(const struct ssv_in *in, struct ssv_out *out)
{
	out->error = DARWIN_EAUTH;
	if (in->ending == SEAL_END_RECOVERY) {
		add_nvram(out, NVRAM_BROKEN_UUID, in->volume_uuid);
		add_nvram(out, NVRAM_BOOT_MODE, MODE_SEAL_BROKEN);
	} else {
		snprintf(out->panic, sizeof(out->panic), "cannot mount root, errno = %d",
			 out->error);
	}
}

/* What is logged before anything is compared. */
static void announce(const struct ssv_in *in, struct ssv_out *out, bool need)
{
	if (!in->found)
		return;
	say(in, out,
	    "is_root_hash_authentication_required_osx:%u: %s Release kext with internal "
	    "build: 0, ARV disabled: %d, booting xid: 0",
	    in->apfs->auth_required_osx, in->device, !need);
	if (need)
		say(in, out,
		    "is_root_hash_authentication_required:%u: %s root volume, root hash "
		    "authentication is required",
		    in->apfs->auth_required, in->device);
}

void ssv_decide(const struct ssv_in *in, struct ssv_out *out)
{
	const struct edge *edge;
	int64_t start;

	*out = (struct ssv_out){.n_lines = 0};
	announce(in, out, ssv_need_auth(&in->need));
	start = clock_ns();
	edge = first_edge(find_out(in));
	out->compare_ns = clock_ns() - start;
	out->outcome = edge->outcome;
	tell(in, out, edge->text);
	if (edge->outcome == SSV_REFUSED)
		refuse(in, out);
}

const char *ssv_rootauth(const struct machine_model *m, const struct ssv_need *n,
			 const struct ssv_out *out)
{
	if (!m->asks_rootauth || !ssv_need_auth(n) || out->outcome == SSV_BOOTS)
		return NULL;
	return "rootvp not authenticated after mounting";
}
