/* SPDX-License-Identifier: MIT */
/* C++ symbols by address, and the bytes that an image has at an address. */
#ifndef SIM_FORMATS_MACHO_KXLD_CXX_H
#define SIM_FORMATS_MACHO_KXLD_CXX_H

#include "sim/formats/macho/macho.h"

struct kxld_cxx_symbol {
	uint64_t addr;
	const char *name; /* borrowed from the file */
	uint32_t index;	  /* in the symbol table */
};

/* Zero-initialise. */
struct kxld_cxx {
	struct kxld_cxx_symbol *sym; /* owned; ascending by address */
	size_t n;
};
void kxld_cxx_release(struct kxld_cxx *x);

/* What @m defines, with the addresses of the file; @external: only what others see. */
int kxld_cxx_index(const struct macho *m, bool external, struct kxld_cxx *x,
		   struct err *e) MUST_CHECK;
/* The last one of the symbol table at @addr; NULL for none. */
const struct kxld_cxx_symbol *kxld_cxx_at(const struct kxld_cxx *x, uint64_t addr);

/* @len bytes of a segment of @m at @addr, as they are in the file; NULL when outside. */
const uint8_t *kxld_bytes_at(const struct macho *m, uint64_t addr, size_t len);

#endif
