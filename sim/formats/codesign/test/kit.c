/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "sim/formats/codesign/test/kit.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/base/fsio.h"
#include "sim/base/test.h"
#include "sim/formats/macho/raw.h"

#define PAGES	  3u
#define CONTENTS  1024u /* where the section begins */
#define LINKEDIT  (2u * 4096)
#define FILE_SIZE (PAGES * 4096 - 100)

struct signing_authority *kit_authority(void)
{
	static struct signing_authority a;
	struct err e = ERR_INIT;

	if (!a.store.n)
		ASSERT_OK(signing_authority_load(test_tmpdir(), &a, &e), &e);
	return &a;
}

struct span kit_root(void)
{
	struct span root;
	struct err e = ERR_INIT;

	ASSERT_OK(signing_cert(kit_authority(), SIGNING_ROOT, &root, &e), &e);
	return root;
}

const char *kit_path(const char *bundle, const char *rel)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", bundle, rel);
	return path;
}

void kit_write(const char *bundle, const char *rel, const char *text)
{
	struct err e = ERR_INIT;

	ASSERT_OK(fsio_write_atomic(kit_path(bundle, rel), text, strlen(text), 0644, &e),
		  &e);
}

static void read_all(const char *path, struct buf *out)
{
	struct err e = ERR_INIT;

	ASSERT_OK(fsio_read(path, 1u << 24, out, &e), &e);
}

void kit_flip(const char *bundle, const char *rel, size_t off)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	read_all(kit_path(bundle, rel), &b);
	CU_ASSERT_FATAL(off < b.len);
	b.data[off] ^= 1;
	ASSERT_OK(fsio_write_atomic(kit_path(bundle, rel), b.data, b.len, 0644, &e), &e);
	buf_release(&b);
}

size_t kit_size(const char *bundle, const char *rel)
{
	struct buf b = BUF_INIT;
	size_t n;

	read_all(kit_path(bundle, rel), &b);
	n = b.len;
	buf_release(&b);
	return n;
}

/* ---- Mach-O files ---- */

struct seg {
	const char *name;
	uint64_t addr, off, size;
};

static void put(struct buf *out, const void *p, size_t n)
{
	struct err e = ERR_INIT;

	ASSERT_OK(buf_append(out, p, n, &e), &e);
}

static void put32(struct buf *out, uint32_t v)
{
	le32 raw = to_le32(v);

	put(out, &raw, sizeof(raw));
}

static void put_word(struct buf *out, bool is64, uint64_t v)
{
	le64 raw = to_le64(v);

	put(out, &raw, is64 ? 8 : 4);
}

static void put_segment(struct buf *out, bool is64, const struct seg *s)
{
	char name[16] = {0};

	memcpy(name, s->name, strlen(s->name));
	put32(out, is64 ? LC_SEGMENT_64 : 1);
	put32(out, is64 ? 72 : 56);
	put(out, name, sizeof(name));
	put_word(out, is64, s->addr);
	put_word(out, is64, (s->size + 4095) & ~4095ull);
	put_word(out, is64, s->off);
	put_word(out, is64, s->size);
	for (int i = 0; i < 4; i++)
		put32(out, 0);
}

void kit_macho(struct buf *out, bool is64, uint32_t min)
{
	static const struct seg text = {"__TEXT", 0, 0, LINKEDIT};
	static const struct seg edit = {"__LINKEDIT", LINKEDIT, LINKEDIT,
					FILE_SIZE - LINKEDIT};
	size_t start = out->len;
	struct err e = ERR_INIT;

	put32(out, is64 ? MACHO_MAGIC_64 : MACHO_MAGIC_32);
	put32(out, is64 ? CPU_TYPE_X86_64 : CPU_TYPE_I386);
	put32(out, 3);
	put32(out, MH_KEXT_BUNDLE);
	put32(out, min ? 3 : 2);
	put32(out, 2 * (is64 ? 72 : 56) + (min ? 16 : 0));
	put32(out, 0);
	if (is64)
		put32(out, 0);
	put_segment(out, is64, &text);
	put_segment(out, is64, &edit);
	if (min) {
		put32(out, LC_VERSION_MIN_MACOSX);
		put32(out, 16);
		put32(out, min);
		put32(out, min);
	}
	ASSERT_OK(buf_append_zeros(out, start + CONTENTS - out->len, &e), &e);
	while (out->len < start + FILE_SIZE)
		put(out, "code", 4);
	out->len = start + FILE_SIZE;
}

void kit_fat(struct buf *out)
{
	struct buf slice[2] = {BUF_INIT, BUF_INIT};
	struct cs_images all = {.n = 2, .fat = true};
	struct err e = ERR_INIT;

	for (size_t i = 0; i < 2; i++) {
		kit_macho(&slice[i], i == 0, 0);
		all.item[i].cputype = i ? CPU_TYPE_I386 : CPU_TYPE_X86_64;
		all.item[i].cpusubtype = 3;
		all.item[i].align = 12;
	}
	ASSERT_OK(cs_images_join(&all, slice, out, &e), &e);
	buf_release(&slice[0]);
	buf_release(&slice[1]);
}

/* ---- bundles ---- */

static void make_executable(const char *path, enum kit_slices slices)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	if (slices == KIT_FAT)
		kit_fat(&b);
	else
		kit_macho(&b, true, 0);
	ASSERT_OK(fsio_write_atomic(path, b.data, b.len, 0755, &e), &e);
	buf_release(&b);
}

const char *kit_bundle(const char *name, enum kit_slices slices)
{
	static unsigned n;
	char *path = NULL, info[1024];
	struct err e = ERR_INIT;

	CU_ASSERT_FATAL(asprintf(&path, "%s/%u/%s.kext", test_tmpdir(), n++, name) > 0);
	ASSERT_OK(fsio_mkdirs(kit_path(path, "Contents/Resources/en.lproj"), 0755, &e),
		  &e);
	ASSERT_OK(fsio_mkdirs(kit_path(path, "Contents/MacOS"), 0755, &e), &e);
	snprintf(info, sizeof(info),
		 "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\">"
		 "<dict><key>CFBundleIdentifier</key><string>com.example.%s</string>"
		 "%s%s%s<key>CFBundlePackageType</key><string>KEXT</string></dict>"
		 "</plist>\n",
		 name, slices ? "<key>CFBundleExecutable</key><string>" : "",
		 slices ? name : "", slices ? "</string>" : "");
	kit_write(path, "Contents/Info.plist", info);
	kit_write(path, "Contents/Resources/a.txt", "a resource\n");
	kit_write(path, "Contents/Resources/en.lproj/b.txt", "hello\n");
	CU_ASSERT_EQUAL_FATAL(symlink("a.txt", kit_path(path, "Contents/Resources/l")), 0);
	if (slices) {
		char rel[256];

		snprintf(rel, sizeof(rel), "Contents/MacOS/%s", name);
		make_executable(kit_path(path, rel), slices);
	}
	return path; /* belongs to the test program */
}

void kit_sign(const char *bundle, const char *identity)
{
	const struct signing_how how = {.time = SIGNING_BUILD_TIME};
	struct err e = ERR_INIT;

	ASSERT_OK(signing_sign(kit_authority(), signing_identity_by_name(identity),
			       bundle, &how, &e),
		  &e);
}

int kit_verify(const char *bundle, const char *requirement, struct codesign_result *ret)
{
	struct codesign_result own = {.status = CS_OK}, *res = ret ? ret : &own;
	struct cs_anchors anchors = {.n = 0};
	struct codesign_check how = {.anchors = &anchors, .now = SIGNING_BUILD_TIME};
	struct buf req = BUF_INIT;
	struct err e = ERR_INIT;
	int status;

	ASSERT_OK(signing_anchors(kit_authority(), &anchors, &e), &e);
	if (requirement)
		ASSERT_OK(cs_req_parse(requirement, &req, &e), &e);
	how.requirement = buf_span(&req);
	ASSERT_OK(codesign_verify(bundle, &how, res, &e), &e);
	status = res->status;
	codesign_result_release(&own);
	cs_anchors_release(&anchors);
	buf_release(&req);
	return status;
}
