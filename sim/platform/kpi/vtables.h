/* SPDX-License-Identifier: MIT */
/*
 * vtables.tsv: the vtables of the kernel's classes, or of those of Apple's driver
 * families. A row has only what its class adds to, or puts in place of, what its parent
 * has; metaclasses derive from OSMetaClass.
 */
#ifndef SIM_PLATFORM_KPI_VTABLES_H
#define SIM_PLATFORM_KPI_VTABLES_H

#include <stddef.h>
#include <stdint.h>

#include "sim/base/err.h"
#include "sim/formats/macho/symdict.h"

enum kpi_vtable_kind {
	KPI_VTABLE_OBJECT,
	KPI_VTABLE_META,  /* of the class' metaclass */
	KPI_VTABLE_PLAIN, /* of a class that libkern does not know */
};

struct kpi_vtable {
	const char *class_name;		 /* "IOService" */
	const char *symbol;		 /* "__ZTV9IOService" */
	const struct kpi_vtable *parent; /* NULL for a root */
	enum kpi_vtable_kind kind;
	const char **
		slot; /* owned: names; without the two words before and the NULL behind */
	uint32_t n_slots;
	const char *bundle; /* NULL: the kernel */
};

/* Zero-initialise. */
struct kpi_vtables {
	char *text; /* what rows point to */
	struct kpi_vtable *row;
	size_t n;
	struct symdict classes; /* name -> index of its row of KPI_VTABLE_OBJECT */
	const struct kpi_vtables *base; /* where parents may be too; borrowed */
};
void kpi_vtables_release(struct kpi_vtables *t);

/*
 * Read the @len bytes of a table; @base, that of the kernel for a table of families, has
 * to outlive @t. E_CORRUPT: a row of another form, a parent that did not come before.
 */
int kpi_vtables_read(const char *text, size_t len, const struct kpi_vtables *base,
		     struct kpi_vtables *t, struct err *e) MUST_CHECK;

/* The class' own vtable, here or in the base; NULL. */
const struct kpi_vtable *kpi_vtable_of(const struct kpi_vtables *t,
				       const char *class_name);
/* "9IOService" of "__ZTV9IOService", from which its other names are made. */
const char *kpi_vtable_mangled(const struct kpi_vtable *v);

#endif
