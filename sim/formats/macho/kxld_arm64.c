/* SPDX-License-Identifier: MIT */
/* Relocations of a kext: instructions of arm64. */
#include "sim/formats/macho/arm64.h"
#include "sim/formats/macho/kxld_internal.h"

static bool set_field(uint8_t *at, uint8_t type, uint64_t from, uint64_t to)
{
	switch (type) {
	case ARM64_RELOC_BRANCH26:
		return arm64_set_branch26(at, (int64_t)(to - from));
	case ARM64_RELOC_PAGE21:
	case ARM64_RELOC_GOT_LOAD_PAGE21:
		return arm64_set_page21(at, arm64_page_distance(from, to));
	case ARM64_RELOC_PAGEOFF12:
	case ARM64_RELOC_GOT_LOAD_PAGEOFF12:
		return arm64_set_pageoff12(at, to);
	default:
		return false;
	}
}

int kx_fix_arm64(struct kx *k, uint64_t addr, uint8_t *at, const struct macho_reloc *r,
		 const struct macho_reloc *addend, struct err *e)
{
	struct kx_symbol *s;
	uint64_t to;
	int rc;

	if (!r->is_extern || r->length != 2 || r->type < ARM64_RELOC_BRANCH26 ||
	    r->type > ARM64_RELOC_GOT_LOAD_PAGEOFF12)
		return err_set(e, E_CORRUPT, "relocation of type %u at 0x%x", r->type,
			       r->address);
	rc = kx_symbol_of(k, r, &s, e);
	if (rc)
		return rc;
	to = kx_is_got(k, r) ? k->got_addr + 8ull * (s->got - 1) : s->value;
	if (addend) /* 24 bits, signed, in place of a symbol */
		to += (uint64_t)((int64_t)((uint64_t)addend->symbolnum << 40) >> 40);
	if (set_field(at, r->type, addr + kx_slide_at(k, addr), to))
		return 0;
	/* a call that only runs if the symbol is there may point anywhere */
	return s->state == KX_WEAK && !kx_is_got(k, r) ? 0 : kx_overflow(e);
}
