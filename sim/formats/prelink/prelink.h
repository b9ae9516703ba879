/* SPDX-License-Identifier: MIT */
/*
 * Reading and judging a prelinked kernel.
 *
 * prelink_open takes what it needs and no more; prelink_verify makes all the checks
 * that booter and kernel between them rely on, in their order, and names the first
 * that fails.
 */
#ifndef SIM_FORMATS_PRELINK_PRELINK_H
#define SIM_FORMATS_PRELINK_PRELINK_H

#include <plist/plist.h>

#include "sim/base/buf.h"
#include "sim/formats/kext/entry.h"
#include "sim/formats/macho/macho.h"
#include "sim/formats/prelink/build.h"
#include "sim/formats/prelink/pack.h"

#define PRELINK_KEXTS_MAX 8192

struct prelink {
	struct buf macho; /* uncompressed */
	struct macho m;	  /* its reader */
	enum prelink_compression compression;
	plist_t info; /* owned; top dictionary of __PRELINK_INFO */
	uint8_t kcid[PRELINK_KCID_LEN];
	struct kext_entry *kext;
	size_t n_kexts;
};

/*
 * Open the file @data, of which a copy is kept. @p needs no initialisation and holds
 * nothing after an error. E_CORRUPT, E_UNSUPPORTED, E_OVERFLOW, E_NOMEM.
 */
int prelink_open(const void *data, size_t len, struct prelink *p,
		 struct err *e) MUST_CHECK;
void prelink_release(struct prelink *p);
/* NULL when there is none. */
const struct kext_entry *prelink_find(const struct prelink *p, const char *id);

/* The checks, in order. */
enum prelink_check {
	PRELINK_OK = 0,
	PRELINK_BAD_FAT,       /* fat header, x86_64 slice, its bounds */
	PRELINK_BAD_SIGNATURE, /* "comp" */
	PRELINK_BAD_TYPE,      /* lzss or lzvn */
	PRELINK_BAD_SIZE,      /* decompresses to another size */
	PRELINK_BAD_CHECKSUM,  /* adler32 */
	PRELINK_BAD_MACHO,     /* MH_MAGIC_64, MH_EXECUTE, load commands */
	PRELINK_NO_TEXT,       /* __PRELINK_TEXT missing or empty */
	PRELINK_NO_INFO,       /* __PRELINK_INFO missing or empty */
	PRELINK_BAD_RANGE,     /* one of them outside the file */
	PRELINK_BAD_XML,       /* property list does not parse */
	PRELINK_NO_KEXTS,      /* _PrelinkInfoDictionary */
	PRELINK_BAD_KCID,      /* _PrelinkKCID: length, or does not fit the content */
	PRELINK_BAD_ENTRY,  /* a kext without identifier, or with half of its numbers */
	PRELINK_BAD_SOURCE, /* source range outside __PRELINK_TEXT */
	PRELINK_BAD_LOAD,   /* load address does not follow from the source address */
	PRELINK_OVERLAP,    /* two kexts share pages */
	PRELINK_BAD_KEXT,   /* no MH_KEXT_BUNDLE with that address */
	PRELINK_BAD_KMOD,   /* kmod_info outside the kext */
	PRELINK_BAD_KMOD_ADDRESS, /* kmod_info is that of another kext; the name in it may
				     differ from the bundle's, as it does in life */
	PRELINK_EXTERNAL_RELOCS,  /* not completely linked */
	PRELINK_MISSING_DEP,	  /* a library of a kext is not in the list */
	PRELINK_CHECK_MAX
};

struct prelink_report {
	enum prelink_check failed; /* PRELINK_OK when all is well */
	char kext[64];		   /* whose fault it is; "" for the file itself */
	unsigned n_kexts;
	uint8_t kcid[PRELINK_KCID_LEN];
};

/* Stable name: "bad-checksum" for PRELINK_BAD_CHECKSUM. */
const char *prelink_check_name(enum prelink_check c);

/*
 * 0 when the kernel would boot with all its kexts; else negative, @rep->failed says
 * which check failed and @e why. Memory errors come back with @rep->failed PRELINK_OK.
 */
int prelink_verify(const void *data, size_t len, struct prelink_report *rep,
		   struct err *e) MUST_CHECK;

#define PRELINK_VERSION_MAX 256

/*
 * The version string ("Darwin Kernel Version 19.0.0: ...") that stands in the text of the
 * kernel @macho; cut to fit, "" when there is none.
 */
void prelink_kernel_version(const void *macho, size_t size,
			    char out[static PRELINK_VERSION_MAX]);

#endif
