/* SPDX-License-Identifier: MIT */
/* The bytes of an mkext, for its writer and its reader. */
#ifndef SIM_FORMATS_MKEXT_RAW_H
#define SIM_FORMATS_MKEXT_RAW_H

#include "sim/base/bytes.h"

#define MKEXT_MAGIC	0x4d4b5854u /* "MKXT" */
#define MKEXT_SIGNATURE 0x4d4f5358u /* "MOSX" */
#define MKEXT_VERSION_2 0x02002001u
#define MKEXT_CPU_TYPE	0x01000007u /* x86_64 */
#define MKEXT_CPU_ALL	3u	    /* CPU_SUBTYPE_X86_64_ALL */

struct mkext_header_raw {
	be32 magic, signature;
	be32 length;	  /* of the file */
	be32 adler32;	  /* of everything from version on */
	be32 version;
	be32 n_kexts;
	be32 cpu_type, cpu_subtype;
	be32 plist_offset;
	be32 plist_compressed_size; /* 0: not compressed */
	be32 plist_full_size;	    /* with the NUL at its end */
};
#define MKEXT_SUMMED_FROM 16 /* offset of version */

/* In front of each executable, to which _MKEXTExecutable points. */
struct mkext_file_raw {
	be32 compressed_size; /* 0: not compressed */
	be32 full_size;
};

#define MKEXT_KEY_INFOS	    "_MKEXTInfoDictionaries"
#define MKEXT_KEY_PATH	    "_MKEXTBundlePath"
#define MKEXT_KEY_EXEC_PATH "_MKEXTExecutableRelativePath"
#define MKEXT_KEY_EXEC	    "_MKEXTExecutable"
#define MKEXT_KEY_PREDICATE "Kext Request Predicate"
#define MKEXT_KEY_ARGUMENTS "Kext Request Arguments"
#define MKEXT_KEY_ID	    "CFBundleIdentifier" /* of the arguments */
#define MKEXT_LOAD	    "Load"

#endif
