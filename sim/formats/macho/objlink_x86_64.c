/* SPDX-License-Identifier: MIT */
/* Relocations of x86_64 objects. */
#include "sim/formats/macho/internal.h"
#include "sim/formats/macho/objlink_internal.h"

/*
 * A load from the global offset table of something that we have needs no table: the
 * address itself is near enough. "mov" (8b) becomes "lea" (8d).
 */
static bool relax_got_load(struct ol_fixup *f)
{
	if (f->before < 2 || f->at[-2] != 0x8b)
		return false;
	f->at[-2] = 0x8d;
	return true;
}

static int fix_pcrel(struct ol_fixup *f, struct err *e)
{
	bool got = f->r.type == X86_64_RELOC_GOT || f->r.type == X86_64_RELOC_GOT_LOAD;
	int64_t disp = (int32_t)get_le32(f->at);
	struct ol_target t;
	int r = ol_find_target(f, &f->r, &t, e);

	if (r)
		return r;
	if (t.undefined)
		return ol_keep_external(f, &f->r, &t, e);
	if (got && (f->r.type == X86_64_RELOC_GOT || !relax_got_load(f))) {
		if (t.global == NOT_PLACED)
			return err_set(e, E_UNSUPPORTED,
				       "%s: GOT reference to a local symbol", f->o->name);
		return ol_keep_external(f, &f->r, &t, e);
	}
	if (f->r.is_extern)
		disp += (int64_t)(t.addr - (f->addr + 4));
	else
		disp += (int64_t)(t.delta - (f->addr - f->old_addr));
	if (disp != (int32_t)disp)
		return ol_too_far(f, e);
	put_le32(f->at, (uint32_t)disp);
	return ol_note(f, &t, SPLIT_DELTA_32, e);
}

int ol_fix_x86_64(struct ol_fixup *f, uint32_t i, uint32_t *used, struct err *e)
{
	if (macho_reloc_is_pcrel(f->r.type) && f->r.pcrel && f->r.length == 2)
		return fix_pcrel(f, e);
	if (f->r.type == X86_64_RELOC_UNSIGNED && !f->r.pcrel && f->r.length == 3)
		return ol_fix_pointer(f, e);
	if (f->r.type == X86_64_RELOC_SUBTRACTOR && i + 1 < f->in->nreloc) {
		struct macho_reloc second = macho_reloc(&f->o->m, f->in->reloff, i + 1);

		*used = 2;
		return ol_fix_difference(f, &second, e);
	}
	return ol_unknown(f, e);
}
