/* SPDX-License-Identifier: MIT */
#include "sim/platform/kpi/standin_cpu.h"

#include "sim/formats/macho/raw.h"

static int put_thread_x86_64(struct buf *out, uint64_t entry, struct err *e)
{
	struct macho_thread_raw raw = {
		.cmd = to_le32(LC_UNIXTHREAD),
		.cmdsize = to_le32(sizeof(raw)),
		.flavor = to_le32(X86_THREAD_STATE64),
		.count = to_le32(X86_THREAD_STATE64_COUNT),
	};

	raw.reg[X86_THREAD_STATE64_RIP] = to_le64(entry);
	return buf_append(out, &raw, sizeof(raw), e);
}

static int put_thread_arm64e(struct buf *out, uint64_t entry, struct err *e)
{
	struct macho_thread_arm64_raw raw = {
		.cmd = to_le32(LC_UNIXTHREAD),
		.cmdsize = to_le32(sizeof(raw)),
		.flavor = to_le32(ARM_THREAD_STATE64),
		.count = to_le32(ARM_THREAD_STATE64_COUNT),
	};

	raw.reg[ARM_THREAD_STATE64_PC] = to_le64(entry);
	return buf_append(out, &raw, sizeof(raw), e);
}

/* xor %eax,%eax; ret; int3 ... */
static const uint8_t function_x86_64[STANDIN_SLOT] = {0x31, 0xc0, 0xc3, 0xcc, 0xcc, 0xcc,
						      0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc,
						      0xcc, 0xcc, 0xcc, 0xcc};
/* mov x0, #0; ret; brk #1; brk #1 */
static const uint8_t function_arm64e[STANDIN_SLOT] = {0x00, 0x00, 0x80, 0xd2, 0xc0, 0x03,
						      0x5f, 0xd6, 0x20, 0x00, 0x20, 0xd4,
						      0x20, 0x00, 0x20, 0xd4};

const struct standin_cpu *standin_cpu(enum macho_cpu cpu)
{
	static const struct standin_cpu cpus[] = {
		[MACHO_X86_64] = {.cpu = MACHO_X86_64,
				  .text_addr = 0xffffff8000200000,
				  .function = function_x86_64,
				  .put_thread = put_thread_x86_64},
		[MACHO_ARM64E] = {.cpu = MACHO_ARM64E,
				  .text_addr = 0xfffffe0007004000,
				  .function = function_arm64e,
				  .put_thread = put_thread_arm64e},
	};

	return &cpus[cpu];
}
