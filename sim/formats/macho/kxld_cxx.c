/* SPDX-License-Identifier: MIT */
#include "sim/formats/macho/kxld_cxx.h"

#include <stdlib.h>
#include <string.h>

#include "sim/base/ckd.h"
#include "sim/formats/macho/kxld_names.h"

void kxld_cxx_release(struct kxld_cxx *x)
{
	free(x->sym);
	memset(x, 0, sizeof(*x));
}

/* Of several at one address the last is first. */
static int by_address(const void *a, const void *b)
{
	const struct kxld_cxx_symbol *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return x->index > y->index ? -1 : 1;
}

static bool counts(const struct macho_symbol *s, bool external)
{
	return macho_sym_is_defined(s) && (!external || macho_sym_is_external(s)) &&
	       kxn_is_cxx(s->name);
}

int kxld_cxx_index(const struct macho *m, bool external, struct kxld_cxx *x,
		   struct err *e)
{
	*x = (struct kxld_cxx){.sym = calloc(m->nsyms + 1u, sizeof(*x->sym))};
	if (!x->sym)
		return err_set(e, E_NOMEM, "out of memory");
	for (uint32_t i = 0; i < m->nsyms; i++) {
		struct macho_symbol s;
		int r = macho_symbol(m, i, &s, e);

		if (r) {
			kxld_cxx_release(x);
			return r;
		}
		if (counts(&s, external))
			x->sym[x->n++] = (struct kxld_cxx_symbol){s.value, s.name, i};
	}
	qsort(x->sym, x->n, sizeof(*x->sym), by_address);
	return 0;
}

const struct kxld_cxx_symbol *kxld_cxx_at(const struct kxld_cxx *x, uint64_t addr)
{
	size_t lo = 0, hi = x->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (x->sym[mid].addr < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < x->n && x->sym[lo].addr == addr ? &x->sym[lo] : NULL;
}

const uint8_t *kxld_bytes_at(const struct macho *m, uint64_t addr, size_t len)
{
	for (unsigned i = 0; i < m->nsegs; i++) {
		const struct macho_segment *s = &m->segs[i];

		if (addr >= s->vmaddr && range_inside(addr - s->vmaddr, len, s->filesize))
			return m->data + s->fileoff + (addr - s->vmaddr);
	}
	return NULL;
}
