/* SPDX-License-Identifier: MIT */
/*
 * From the power button to the kernel, on Macs with release 11 or later: the chain of what
 * is verified on the way (sim/platform/secureboot/chain.h). What fails there leads into
 * Recovery, which has a chain of its own, or to the end.
 */
#include <stdio.h>
#include <string.h>

#include "components/boot/channel.h"
#include "components/boot/environment.h"
#include "components/boot/kernel.h"
#include "sim/base/json_text.h"
#include "sim/carrier/boot_protocol.h"
#include "sim/formats/apfs/raw.h"
#include "sim/platform/paths.h"

#define NVRAM_BREADCRUMBS "failboot-breadcrumbs"

/* ---- the chain ---- */

static const struct boot_volume *volume_of(struct boot *b, enum sb_volume v)
{
	const struct machine_model *m = b->machine;

	switch (v) {
	case SB_ISCPREBOOT:
		return volumes_by_role(&b->volumes, m->isc_disk, APFS_ROLE_PREBOOT, NULL);
	case SB_PREBOOT:
		return volumes_by_role(&b->volumes, m->main_disk, APFS_ROLE_PREBOOT,
				       NULL);
	default:
		return b->choice.recovery_volume;
	}
}

static int read_file(void *ctx, enum sb_volume which, const char *path, size_t max,
		     struct buf *out, struct err *e)
{
	struct boot *b = ctx;
	const struct boot_volume *v = volume_of(b, which);

	if (!v)
		return err_set(e, E_NOTFOUND, "there is no volume for %s", path);
	return volumes_read_file(&b->volumes, v, path, max, out, e);
}

/* The name of what a row is about, if it is an object. */
static const char *object_name(const struct sb_row *row, char out[static FOURCC_TEXT_MAX])
{
	return row->object ? fourcc_text(row->object, out) : row->what;
}

static void tell_step(void *ctx, const struct sb_step *s)
{
	char object[FOURCC_TEXT_MAX];

	(void)ctx;
	channel_event(
		BOOT_FD, "boot.verify",
		json_pack("{s:s,s:o,s:s,s:s,s:s,s:b,s:o,s:I,s:I,s:I}", "stage",
			  sb_stage_name(s->row->stage), "object",
			  json_text(object_name(s->row, object)), "what",
			  s->row->what, "against", sb_against_text(s->row->against),
			  "result", img4_result_name(s->result), "absent", s->absent,
			  "path", json_text(s->path), "size", (json_int_t)s->size, "ns",
			  (json_int_t)s->ns, "read_ns", (json_int_t)s->read_ns));
}

/* "LLB: lpol: ESTALE: ...": what ended the chain. */
static void failure_text(const struct sb_result *r, char *out, size_t size)
{
	const struct sb_step *s = r->n_steps ? &r->step[r->n_steps - 1] : NULL;
	char object[FOURCC_TEXT_MAX];

	if (!s)
		snprintf(out, size, "%s", img4_result_name(r->result));
	else
		snprintf(out, size, "%s: %s: %s%s%s", sb_stage_name(s->row->stage),
			 object_name(s->row, object), img4_result_name(r->result),
			 s->why[0] ? ": " : "", s->why);
}

static int walk_chain(struct boot *b, struct err *e)
{
	const struct sb_files files = {.ctx = b, .read = read_file};
	struct sb_boot x = {
		.machine = b->machine,
		.files = &files,
		.chip = &b->chip,
		.nvram = &b->nvram,
		.recovery = b->env != SEP_MACOS,
		.step = tell_step,
		.step_ctx = b,
	};

	snprintf(x.group, sizeof(x.group), "%s", b->choice.system->group);
	sb_result_release(&b->chain);
	return sb_boot_verify(&x, &b->chain, e);
}

/* What the firmware leaves in NVRAM of its way; kept when the start goes on. */
static int leave_breadcrumbs(struct boot *b, struct err *e)
{
	const char *crumbs = b->chain.breadcrumbs;

	return crumbs[0] ? nvram_set_apple(&b->nvram, NVRAM_BREADCRUMBS, crumbs,
					   strlen(crumbs), e)
			 : 0;
}

static int fall_back(struct boot *b, struct err *e)
{
	char text[512];

	failure_text(&b->chain, text, sizeof(text));
	channel_event(BOOT_FD, "boot.fallback",
		      json_pack("{s:s,s:s,s:o}", "to", "recovery", "code",
				img4_result_name(b->chain.result), "reason",
				json_text(text)));
	b->env = SEP_RECOVERY;
	snprintf(b->why, sizeof(b->why), "%s", text);
	return walk_chain(b, e);
}

/*
 * Where a chain ended that does not go on. That XNU's own verdict on the root hash is bad
 * is no matter of the chain: the kernel says so itself when it mounts the root.
 */
static int end_of_chain(struct boot *b, struct err *e)
{
	static const char *const places[] = {
		[SB_GOES_ON] = "",
		[SB_TO_DFU] = "DFU: ",
		[SB_TO_RECOVERY] = "no recoveryOS: ",
		[SB_TO_PANIC] = NULL,
	};
	const char *place = places[b->chain.end];
	char text[512];

	if (!place || !place[0])
		return 0;
	failure_text(&b->chain, text, sizeof(text));
	return err_set(e, E_CORRUPT, "%s%s", place, text);
}

static void tell_environment(const struct boot *b)
{
	channel_event(BOOT_FD, "boot.environment",
		      json_pack("{s:s,s:i,s:o}", "os",
				b->env == SEP_MACOS ? "macOS" : "recoveryOS", "sep",
				(int)b->env, "why", json_text(b->why)));
}

static int choose(struct boot *b, struct err *e)
{
	int r = environment_choose(b, e);

	/* It is obeyed once: the next start is a normal one. */
	if (!r && nvram_delete(&b->nvram, NVRAM_APPLE_GUID ":" NVRAM_RECOVERY))
		r = nvram_store(&b->nvram, b->nvram_fd, e);
	return r;
}

static int verify(struct boot *b, struct err *e)
{
	int r = walk_chain(b, e);

	if (!r && b->chain.end == SB_TO_RECOVERY && b->env == SEP_MACOS)
		r = fall_back(b, e);
	if (!r)
		r = leave_breadcrumbs(b, e);
	if (!r)
		r = end_of_chain(b, e);
	if (r)
		return r;
	b->choice.recovery = b->env != SEP_MACOS;
	tell_environment(b);
	snprintf(b->detail, sizeof(b->detail), "%zu steps, %s", b->chain.n_steps,
		 b->chain.has_policy ? sb_level_row(b->chain.level)->name : "no policy");
	return 0;
}

static int load_kernel(struct boot *b, struct err *e)
{
	const struct sb_result *c = &b->chain;
	int r;

	b->kernel_volume = volume_of(b, b->choice.recovery ? SB_RECOVERY : SB_PREBOOT);
	snprintf(b->kernel_path, sizeof(b->kernel_path), "%s", c->kernel_path);
	r = kernelcache_open_collection(&b->kernel, b->kernel_path, &c->kernel_file,
					c->kernel.p, c->kernel.len, b->machine, e);
	if (r)
		return err_ctx(e, "kernel collection %s", b->kernel_path);
	snprintf(b->detail, sizeof(b->detail), "%s", b->kernel_path);
	boot_tell_kernel(b);
	return 0;
}

const struct boot_stage firmware_stages[] = {
	{"chip", boot_read_chip},
	{"volume", choose},
	{"chain", verify},
	{"kernel", load_kernel},
	{NULL, NULL},
};
