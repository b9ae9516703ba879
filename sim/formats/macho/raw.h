/* SPDX-License-Identifier: MIT */
/*
 * Mach-O on disk, as far as kernels, kernel extensions and collections use it
 * (xnu EXTERNAL_HEADERS/mach-o/{loader,nlist,reloc,fat}.h, osfmk/mach/kmod.h).
 */
#ifndef SIM_FORMATS_MACHO_RAW_H
#define SIM_FORMATS_MACHO_RAW_H

#include <assert.h>

#include "sim/base/bytes.h"

#define FAT_MAGIC_RAW  0xcafebabeu /* big-endian */
#define MACHO_MAGIC_32 0xfeedfaceu
#define MACHO_MAGIC_64 0xfeedfacfu

#define CPU_TYPE_I386	       0x00000007u
#define CPU_TYPE_X86_64	       0x01000007u
#define CPU_SUBTYPE_X86_64_ALL 3u
#define CPU_TYPE_ARM64	       0x0100000cu
/* arm64e with a versioned pointer authentication ABI (bit 31): the kernel's (bit 30), 0
 */
#define CPU_SUBTYPE_ARM64E_KERNEL 0xc0000002u

enum macho_filetype {
	MH_OBJECT = 0x1,
	MH_EXECUTE = 0x2,
	MH_KEXT_BUNDLE = 0xb,
	MH_FILESET = 0xc,
};

#define MH_NOUNDEFS 0x1u
#define MH_PIE	    0x200000u

enum macho_lc {
	LC_SYMTAB = 0x2,
	LC_UNIXTHREAD = 0x5,
	LC_DYSYMTAB = 0xb,
	LC_SEGMENT_64 = 0x19,
	LC_UUID = 0x1b,
	LC_CODE_SIGNATURE = 0x1d,
	LC_SEGMENT_SPLIT_INFO = 0x1e,
	LC_DYLD_INFO = 0x22,
	LC_VERSION_MIN_MACOSX = 0x24,
	LC_VERSION_MIN_IPHONEOS = 0x25,
	LC_FUNCTION_STARTS = 0x26,
	LC_DATA_IN_CODE = 0x29,
	LC_SOURCE_VERSION = 0x2a,
	LC_DYLIB_CODE_SIGN_DRS = 0x2b,
	LC_VERSION_MIN_TVOS = 0x2f,
	LC_VERSION_MIN_WATCHOS = 0x30,
	LC_NOTE = 0x31,
	LC_BUILD_VERSION = 0x32,
};
#define LC_REQ_DYLD	       0x80000000u
#define LC_DYLD_INFO_ONLY      (LC_DYLD_INFO | LC_REQ_DYLD)
#define LC_MAIN		       (0x28u | LC_REQ_DYLD)
#define LC_DYLD_CHAINED_FIXUPS (0x34u | LC_REQ_DYLD)
#define LC_FILESET_ENTRY       (0x35u | LC_REQ_DYLD)

struct fat_header_raw {
	be32 magic, nfat_arch;
};
struct fat_arch_raw {
	be32 cputype, cpusubtype, offset, size, align;
};

struct macho_header_raw {
	le32 magic, cputype, cpusubtype, filetype, ncmds, sizeofcmds, flags, reserved;
};

struct macho_lc_raw {
	le32 cmd, cmdsize;
};

struct macho_segment_raw {
	le32 cmd, cmdsize;
	char segname[16];
	le64 vmaddr, vmsize, fileoff, filesize;
	le32 maxprot, initprot, nsects, flags;
};

struct macho_section_raw {
	char sectname[16], segname[16];
	le64 addr, size;
	le32 offset, align, reloff, nreloc, flags, reserved1, reserved2, reserved3;
};

struct macho_symtab_raw {
	le32 cmd, cmdsize, symoff, nsyms, stroff, strsize;
};

struct macho_dysymtab_raw {
	le32 cmd, cmdsize;
	le32 ilocalsym, nlocalsym, iextdefsym, nextdefsym, iundefsym, nundefsym;
	le32 tocoff, ntoc, modtaboff, nmodtab, extrefsymoff, nextrefsyms;
	le32 indirectsymoff, nindirectsyms, extreloff, nextrel, locreloff, nlocrel;
};

struct macho_uuid_raw {
	le32 cmd, cmdsize;
	uint8_t uuid[16];
};

/* LC_UNIXTHREAD with x86_THREAD_STATE64: 21 registers, rip is number 16. */
#define X86_THREAD_STATE64	 4u
#define X86_THREAD_STATE64_COUNT 42u
#define X86_THREAD_STATE64_RIP	 16
struct macho_thread_raw {
	le32 cmd, cmdsize, flavor, count;
	le64 reg[21];
};

/* LC_UNIXTHREAD with ARM_THREAD_STATE64: x0-x28, fp, lr, sp, pc; cpsr and padding. */
#define ARM_THREAD_STATE64	 6u
#define ARM_THREAD_STATE64_COUNT 68u
#define ARM_THREAD_STATE64_PC	 32
struct macho_thread_arm64_raw {
	le32 cmd, cmdsize, flavor, count;
	le64 reg[33];
	le32 cpsr, pad;
};

/* LC_SEGMENT_SPLIT_INFO, LC_DYLD_CHAINED_FIXUPS: a part of __LINKEDIT. */
struct macho_linkedit_data_raw {
	le32 cmd, cmdsize, dataoff, datasize;
};

/* LC_FILESET_ENTRY; the name, with its NUL, is at @entry_id from the command's start. */
struct macho_fileset_entry_raw {
	le32 cmd, cmdsize;
	le64 vmaddr, fileoff;
	le32 entry_id, reserved;
};

struct macho_build_version_raw {
	le32 cmd, cmdsize, platform, minos, sdk, ntools;
};
#define PLATFORM_MACOS 1u

struct macho_nlist_raw {
	le32 strx;
	uint8_t type, sect;
	le16 desc;
	le64 value;
};

/* r_symbolnum:24, r_pcrel:1, r_length:2, r_extern:1, r_type:4, from bit 0 up. */
struct macho_reloc_raw {
	le32 address, bits;
};

/* nlist: n_type */
#define N_STAB 0xe0u
#define N_PEXT 0x10u
#define N_TYPE 0x0eu
#define N_EXT  0x01u
#define N_UNDF 0x0u
#define N_ABS  0x2u
#define N_INDR 0xau
#define N_SECT 0xeu
/* nlist: n_desc */
#define N_DESC_DISCARDED 0x0020u /* on a definition for linking: obsolete */
#define N_WEAK_REF	 0x0040u
#define N_WEAK_DEF	 0x0080u

/* section: flags */
#define SECTION_TYPE		   0x000000ffu
#define S_REGULAR		   0x0u
#define S_ZEROFILL		   0x1u
#define S_CSTRING_LITERALS	   0x2u
#define S_NON_LAZY_SYMBOL_POINTERS 0x6u
#define S_GB_ZEROFILL		   0xcu
#define S_ATTR_PURE_INSTRUCTIONS   0x80000000u
#define S_ATTR_SOME_INSTRUCTIONS   0x00000400u
#define S_ATTR_DEBUG		   0x02000000u

#define INDIRECT_SYMBOL_LOCAL 0x80000000u
#define INDIRECT_SYMBOL_ABS   0x40000000u

#define VM_PROT_READ	1u
#define VM_PROT_WRITE	2u
#define VM_PROT_EXECUTE 4u

enum x86_64_reloc {
	X86_64_RELOC_UNSIGNED = 0,
	X86_64_RELOC_SIGNED = 1,
	X86_64_RELOC_BRANCH = 2,
	X86_64_RELOC_GOT_LOAD = 3,
	X86_64_RELOC_GOT = 4,
	X86_64_RELOC_SUBTRACTOR = 5,
	X86_64_RELOC_SIGNED_1 = 6,
	X86_64_RELOC_SIGNED_2 = 7,
	X86_64_RELOC_SIGNED_4 = 8,
	X86_64_RELOC_TLV = 9,
};

enum arm64_reloc {
	ARM64_RELOC_UNSIGNED = 0,
	ARM64_RELOC_SUBTRACTOR = 1,
	ARM64_RELOC_BRANCH26 = 2,
	ARM64_RELOC_PAGE21 = 3,
	ARM64_RELOC_PAGEOFF12 = 4,
	ARM64_RELOC_GOT_LOAD_PAGE21 = 5,
	ARM64_RELOC_GOT_LOAD_PAGEOFF12 = 6,
	ARM64_RELOC_POINTER_TO_GOT = 7,
	ARM64_RELOC_ADDEND = 10,
};

/* kmod_info_64_v1, packed to 4: offsets of its members. */
#define KMOD_INFO_SIZE	     196
#define KMOD_OFF_VERSION     8
#define KMOD_OFF_NAME	     16
#define KMOD_OFF_KEXTVERSION 80
#define KMOD_OFF_ADDRESS     156
#define KMOD_OFF_SIZE	     164
#define KMOD_OFF_HDR_SIZE    172
#define KMOD_OFF_START	     180
#define KMOD_OFF_STOP	     188
#define KMOD_NAME_LEN	     64

#define MACHO_PAGE	 4096u /* x86_64 */
#define MACHO_PAGE_ARM64 16384u

static_assert(sizeof(struct fat_header_raw) == 8, "fat_header");
static_assert(sizeof(struct fat_arch_raw) == 20, "fat_arch");
static_assert(sizeof(struct macho_header_raw) == 32, "mach_header_64");
static_assert(sizeof(struct macho_segment_raw) == 72, "segment_command_64");
static_assert(sizeof(struct macho_section_raw) == 80, "section_64");
static_assert(sizeof(struct macho_symtab_raw) == 24, "symtab_command");
static_assert(sizeof(struct macho_dysymtab_raw) == 80, "dysymtab_command");
static_assert(sizeof(struct macho_uuid_raw) == 24, "uuid_command");
static_assert(sizeof(struct macho_thread_raw) == 184, "thread_command");
static_assert(sizeof(struct macho_thread_arm64_raw) == 288, "thread_command, arm64");
static_assert(sizeof(struct macho_linkedit_data_raw) == 16, "linkedit_data_command");
static_assert(sizeof(struct macho_fileset_entry_raw) == 32, "fileset_entry_command");
static_assert(sizeof(struct macho_build_version_raw) == 24, "build_version_command");
static_assert(sizeof(struct macho_nlist_raw) == 16, "nlist_64");
static_assert(sizeof(struct macho_reloc_raw) == 8, "relocation_info");

#endif
