/* SPDX-License-Identifier: MIT */
/* Relocations of arm64 objects. */
#include "sim/formats/macho/arm64.h"
#include "sim/formats/macho/objlink_internal.h"

/* What ARM64_RELOC_ADDEND in front of @r says; 24 bits, signed, in place of a symbol. */
static int64_t addend_of(const struct macho_reloc *r)
{
	return (int64_t)((uint64_t)r->symbolnum << 40) >> 40;
}

static int keep(struct ol_fixup *f, const struct macho_reloc *addend,
		const struct ol_target *t, struct err *e)
{
	struct macho_reloc copy;
	int r = 0;

	if (addend) {
		copy = *addend;
		r = ol_keep_external(f, &copy,
				     &(struct ol_target){.global = addend->symbolnum}, e);
	}
	return r ? r : ol_keep_external(f, &f->r, t, e);
}

/* Put the address into the instruction; the table of the kext tells of it. */
static int settle(struct ol_fixup *f, const struct ol_target *t, uint64_t to,
		  struct err *e)
{
	bool ok = false;
	enum split_kind kind = SPLIT_ARM64_OFF12;

	switch (f->r.type) {
	case ARM64_RELOC_BRANCH26:
		kind = SPLIT_ARM64_BR26;
		ok = arm64_set_branch26(f->at, (int64_t)(to - f->addr));
		break;
	case ARM64_RELOC_PAGE21:
	case ARM64_RELOC_GOT_LOAD_PAGE21:
		kind = SPLIT_ARM64_ADRP;
		ok = arm64_set_page21(f->at, arm64_page_distance(f->addr, to));
		break;
	case ARM64_RELOC_GOT_LOAD_PAGEOFF12:
		ok = arm64_relax_got_load(f->at) && arm64_set_pageoff12(f->at, to);
		break;
	case ARM64_RELOC_PAGEOFF12:
		ok = arm64_set_pageoff12(f->at, to);
		break;
	}
	return ok ? ol_note(f, t, kind, e) : ol_too_far(f, e);
}

static int fix_instruction(struct ol_fixup *f, const struct macho_reloc *addend,
			   struct err *e)
{
	struct ol_target t;
	int r = ol_find_target(f, &f->r, &t, e);

	if (r)
		return r;
	if (t.undefined)
		return keep(f, addend, &t, e);
	return settle(f, &t, t.addr + (uint64_t)(addend ? addend_of(addend) : 0), e);
}

static bool is_instruction(const struct macho_reloc *r)
{
	switch (r->type) {
	case ARM64_RELOC_BRANCH26:
	case ARM64_RELOC_PAGE21:
	case ARM64_RELOC_PAGEOFF12:
	case ARM64_RELOC_GOT_LOAD_PAGE21:
	case ARM64_RELOC_GOT_LOAD_PAGEOFF12:
		return r->is_extern && r->length == 2;
	default:
		return false;
	}
}

int ol_fix_arm64(struct ol_fixup *f, uint32_t i, uint32_t *used, struct err *e)
{
	struct macho_reloc second = {.type = ARM64_RELOC_ADDEND};

	if (i + 1 < f->in->nreloc)
		second = macho_reloc(&f->o->m, f->in->reloff, i + 1);
	if (is_instruction(&f->r))
		return fix_instruction(f, NULL, e);
	if (f->r.type == ARM64_RELOC_UNSIGNED && !f->r.pcrel && f->r.length == 3)
		return ol_fix_pointer(f, e);
	*used = 2;
	if (f->r.type == ARM64_RELOC_SUBTRACTOR && second.type != ARM64_RELOC_ADDEND)
		return ol_fix_difference(f, &second, e);
	if (f->r.type == ARM64_RELOC_ADDEND && is_instruction(&second) &&
	    second.address == f->r.address) {
		struct macho_reloc addend = f->r;

		f->r = second;
		return fix_instruction(f, &addend, e);
	}
	return ol_unknown(f, e);
}
