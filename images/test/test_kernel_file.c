/* SPDX-License-Identifier: MIT */
/* Kernels in every wrapping, and their parts as files of their own. */
#include "images/kernel_file.h"

#include <stdio.h>
#include <string.h>

#include "components/kextcache/build.h"
#include "images/collections.h"
#include "sim/base/fsio.h"
#include "sim/base/test.h"
#include "sim/formats/image4/fourcc.h"
#include "sim/formats/image4/img4.h"
#include "sim/platform/kpi/kpi.h"
#include "sim/platform/paths.h"

#define FIXTURES "build/fixtures/"

static bool parts_missing(void)
{
	if (fsio_exists(test_source("build/system/12.1/kexts")) &&
	    fsio_exists(test_source(FIXTURES "ExampleFilter-1.0.kext")))
		return false;
	test_skip("kexts are not built");
	return true;
}

static const char *system_kext(const struct release *r)
{
	struct err e = ERR_INIT;
	char name[64];
	const char *path;

	snprintf(name, sizeof(name), "%s.kext", r->name);
	path = test_path(name);
	if (!fsio_exists(path))
		ASSERT_OK(kpi_system_kext_write(r, path, &e), &e);
	return path;
}

/* ---- prelinked kernels ---- */

static void prelink(const void *kernel, size_t len, enum prelink_compression how,
		    struct buf *out)
{
	char folder[4096];
	const struct kc_bundle bundle[] = {
		{folder, PATH_SYSTEM_EXTENSIONS "/System.kext", false},
		{test_source(FIXTURES "ExampleFilter-1.0.kext"),
		 PATH_LIBRARY_EXTENSIONS "/ExampleFilter.kext", false},
	};
	const struct kc_request rq = {.kernel = kernel,
				      .kernel_len = len,
				      .bundle = bundle,
				      .n_bundles = 2,
				      .compression = how};
	struct kc_built built;
	struct err e = ERR_INIT;

	snprintf(folder, sizeof(folder), "%s", system_kext(release_by_name("10.15.0")));
	ASSERT_OK(kc_build_for_tree(&rq, out, &built, &e), &e);
}

/* The kernel that comes out is the one that went in, to the last byte. */
static void opened_and_taken_apart(const struct buf *file, const struct buf *kernel,
				   bool fat, const char *type)
{
	const struct kext_entry *p;
	struct kernel_file k;
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;
	struct macho m;

	ASSERT_OK(kernel_file_open(file->data, file->len, &k, &e), &e);
	CU_ASSERT_EQUAL(k.kind, KERNEL_PRELINKED);
	CU_ASSERT_EQUAL(k.fat, fat);
	CU_ASSERT_EQUAL(k.comp != NULL, type != NULL);
	if (k.comp && type)
		CU_ASSERT_EQUAL(memcmp(k.comp->type, type, 4), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(k.version, "Darwin Kernel Version 19.0.0"));
	ASSERT_OK(kernel_file_kernel(&k, &out, &e), &e);
	CU_ASSERT_EQUAL_FATAL(out.len, kernel->len);
	CU_ASSERT_EQUAL(memcmp(out.data, kernel->data, out.len), 0);
	buf_release(&out);
	p = kernel_file_find(&k, "com.example.filter");
	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	CU_ASSERT_TRUE(p->has_code && p->has_uuid && p->load_addr);
	ASSERT_OK(kernel_file_part(&k, p, &out, &e), &e);
	ASSERT_OK(macho_open(out.data, out.len, &m, &e), &e);
	CU_ASSERT_EQUAL(m.filetype, MH_KEXT_BUNDLE);
	CU_ASSERT_EQUAL(memcmp(m.uuid, p->uuid, UUID_LEN), 0);
	CU_ASSERT_EQUAL(m.segs[0].vmaddr, p->load_addr);
	macho_release(&m);
	buf_release(&out);
	p = kernel_file_find(&k, "com.apple.kpi.bsd");
	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	CU_ASSERT_TRUE(p->is_interface);
	/* its symbols, as System.kext has them */
	ASSERT_OK(kernel_file_part(&k, p, &out, &e), &e);
	ASSERT_OK(macho_open(out.data, out.len, &m, &e), &e);
	CU_ASSERT_EQUAL(out.len, p->size);
	CU_ASSERT_EQUAL(memcmp(m.uuid, p->uuid, UUID_LEN), 0);
	macho_release(&m);
	buf_release(&out);
	p = kernel_file_find(&k, "com.apple.kernel");
	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	ASSERT_FAILS(kernel_file_part(&k, p, &out, &e), E_NOTFOUND);
	kernel_file_release(&k);
}

static void prelinked_in_every_wrapping(void)
{
	static const struct {
		enum prelink_compression how;
		const char *type;
	} rows[] = {
		{PRELINK_LZVN, "lzvn"}, {PRELINK_LZSS, "lzss"}, {PRELINK_PLAIN, NULL}};
	struct buf kernel = BUF_INIT;
	struct err e = ERR_INIT;

	if (parts_missing())
		return;
	ASSERT_OK(kernel_standin_build(release_by_name("10.15.0"), &kernel, &e), &e);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf file = BUF_INIT, thin;

		prelink(kernel.data, kernel.len, rows[i].how, &file);
		opened_and_taken_apart(&file, &kernel, true, rows[i].type);
		/* the same without the fat header */
		thin = (struct buf){.data = file.data + PRELINK_SLICE_OFFSET,
				    .len = file.len - PRELINK_SLICE_OFFSET};
		opened_and_taken_apart(&thin, &kernel, false, rows[i].type);
		buf_release(&file);
	}
	buf_release(&kernel);
}

/* ---- a kernel alone ---- */

static void kernels_alone(void)
{
	static const char *const pairs[][2] = {{"10.15.0", "intel"}, {"12.1", "m1"}};

	for (size_t i = 0; i < 2; i++) {
		struct buf kernel = BUF_INIT, out = BUF_INIT;
		struct kernel_file k;
		struct err e = ERR_INIT;

		ASSERT_OK(kernel_standin_build_for(release_by_name(pairs[i][0]),
						   machine_by_name(pairs[i][1]), &kernel,
						   &e),
			  &e);
		ASSERT_OK(kernel_file_open(kernel.data, kernel.len, &k, &e), &e);
		CU_ASSERT_EQUAL(k.kind, KERNEL_ALONE);
		CU_ASSERT_EQUAL(k.n_kexts, 0);
		CU_ASSERT_FALSE(k.has_kcid);
		CU_ASSERT_TRUE(kernel_is_standin(k.kernel->uuid));
		ASSERT_OK(kernel_file_kernel(&k, &out, &e), &e);
		CU_ASSERT_EQUAL(out.len, kernel.len);
		kernel_file_release(&k);
		buf_release(&out);
		buf_release(&kernel);
	}
	CU_ASSERT_FALSE(kernel_is_standin((const uint8_t[16]){1, 2, 3}));
}

/* ---- collections ---- */

static void build_boot(const char *release, const char *machine, struct buf *out)
{
	const struct release *r = release_by_name(release);
	struct collection_env env = {test_source("build"), system_kext(r)};
	struct err e = ERR_INIT;

	ASSERT_OK(kc_build_boot(&env, r, machine_by_name(machine), NULL, 0, out, &e), &e);
}

/* LLVM reads it as it reads any file, and finds the segment where we say it is. */
static void judge(const struct buf *file, const char *segment, uint64_t vmaddr)
{
	const char *path = test_path("part");
	struct err e = ERR_INIT;

	ASSERT_OK(fsio_write_atomic(path, file->data, file->len, 0644, &e), &e);
	CU_ASSERT_EQUAL(
		test_shell(
			"! command -v llvm-readobj >/dev/null || "
			"llvm-readobj --macho-segment --symbols '%s' >'%s.out' 2>&1 && "
			"grep -A3 'Name: %s$' '%s.out' | grep -q 'vmaddr: 0x%llX$'",
			path, path, segment, path, (unsigned long long)vmaddr),
		0);
}

/* Names, addresses and content are those that the entry has in the collection. */
static void compare_with_entry(const struct kernel_file *k, const struct macho *in,
			       const struct buf *file)
{
	struct macho_symbol a, b;
	struct err e = ERR_INIT;
	struct macho m;

	ASSERT_OK(macho_open_for(file->data, file->len, k->m->arch, &m, &e), &e);
	CU_ASSERT_EQUAL_FATAL(m.nsegs, in->nsegs);
	CU_ASSERT_EQUAL_FATAL(m.nsyms, in->nsyms);
	for (unsigned i = 0; i < m.nsegs; i++) {
		CU_ASSERT_EQUAL(m.segs[i].vmaddr, in->segs[i].vmaddr);
		if (m.segs[i].filesize && strcmp(m.segs[i].name, "__LINKEDIT") != 0 && i)
			CU_ASSERT_EQUAL(memcmp(m.data + m.segs[i].fileoff,
					       in->data + in->segs[i].fileoff,
					       m.segs[i].filesize),
					0);
	}
	for (uint32_t i = 0; i < m.nsyms; i++) {
		ASSERT_OK(macho_symbol(&m, i, &a, &e), &e);
		ASSERT_OK(macho_symbol(in, i, &b, &e), &e);
		CU_ASSERT_STRING_EQUAL(a.name, b.name);
		CU_ASSERT_EQUAL(a.value, b.value);
	}
	judge(file, m.segs[0].name, m.segs[0].vmaddr);
	macho_release(&m);
}

static void take_apart(const struct buf *kc)
{
	struct kernel_file k;
	struct err e = ERR_INIT;
	size_t with_code = 0;

	ASSERT_OK(kernel_file_open(kc->data, kc->len, &k, &e), &e);
	CU_ASSERT_EQUAL(k.kind, KERNEL_COLLECTION);
	for (size_t i = 0; i <= k.n_kexts; i++) {
		const bool kernel = i == k.n_kexts;
		struct buf out = BUF_INIT;
		struct macho in;

		if (!kernel && !k.kext[i].has_code)
			continue;
		if (kernel) {
			ASSERT_OK(kernel_file_kernel(&k, &out, &e), &e);
			compare_with_entry(&k, k.kernel, &out);
		} else {
			ASSERT_OK(kernel_file_part(&k, &k.kext[i], &out, &e), &e);
			ASSERT_OK(fileset_kext_macho(&k.fileset, &k.fileset.kext[i], &in,
						     &e),
				  &e);
			compare_with_entry(&k, &in, &out);
			macho_release(&in);
			with_code++;
		}
		buf_release(&out);
	}
	CU_ASSERT_TRUE(with_code > 10);
	kernel_file_release(&k);
}

static void collections_are_taken_apart(void)
{
	struct buf kc = BUF_INIT;

	if (parts_missing())
		return;
	build_boot("11.0.1", "intel", &kc);
	take_apart(&kc);
	buf_release(&kc);
	build_boot("12.1", "m1", &kc);
	take_apart(&kc);
	buf_release(&kc);
}

/* As Preboot of a Mac with an M1 has it. */
static void image4_is_unwrapped(void)
{
	struct buf kc = BUF_INIT, im4p = BUF_INIT, img4 = BUF_INIT;
	struct kernel_file k;
	struct err e = ERR_INIT;

	if (parts_missing())
		return;
	build_boot("12.1", "m1", &kc);
	ASSERT_OK(im4p_make(FOURCC('k', 'r', 'n', 'l'), "KernelCollection", kc.data,
			    kc.len, &im4p, &e),
		  &e);
	ASSERT_OK(img4_write((struct span){im4p.data, im4p.len}, (struct span){NULL, 0},
			     NULL, &img4, &e),
		  &e);
	CU_ASSERT_TRUE(kernel_file_is_collection(img4.data, img4.len));
	ASSERT_OK(kernel_file_open(img4.data, img4.len, &k, &e), &e);
	CU_ASSERT_TRUE(k.image4);
	CU_ASSERT_STRING_EQUAL(kernel_file_kind_text(&k), "boot kernel collection");
	kernel_file_release(&k);
	buf_release(&kc);
	buf_release(&im4p);
	buf_release(&img4);
}

/* ---- bad files ---- */

static void what_is_no_kernel(void)
{
	struct buf kernel = BUF_INIT, file = BUF_INIT;
	struct kernel_file k;
	struct err e = ERR_INIT;

	if (parts_missing())
		return;
	ASSERT_FAILS(kernel_file_open("", 0, &k, &e), E_CORRUPT);
	ASSERT_FAILS(kernel_file_open("not a kernel, but long enough", 29, &k, &e),
		     E_CORRUPT);
	ASSERT_OK(kernel_standin_build(release_by_name("10.15.0"), &kernel, &e), &e);
	prelink(kernel.data, kernel.len, PRELINK_LZVN, &file);
	for (size_t len = 0; len < file.len; len += 1 + file.len / 97)
		CU_ASSERT_NOT_EQUAL(kernel_file_open(file.data, len, &k, &e), 0);
	file.data[PRELINK_SLICE_OFFSET + 8] ^= 1;
	ASSERT_FAILS(kernel_file_open(file.data, file.len, &k, &e), E_CORRUPT);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "Checksum error"));
	put_le32(kernel.data + 12, MH_KEXT_BUNDLE);
	ASSERT_FAILS(kernel_file_open(kernel.data, kernel.len, &k, &e), E_UNSUPPORTED);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "filetype 0xb"));
	buf_release(&kernel);
	buf_release(&file);
}

TEST_MAIN("kernel-file",
	  {"prelinked kernels in every wrapping", prelinked_in_every_wrapping},
	  {"kernels alone", kernels_alone},
	  {"collections are taken apart", collections_are_taken_apart},
	  {"Image4 is unwrapped", image4_is_unwrapped},
	  {"what is no kernel", what_is_no_kernel})
