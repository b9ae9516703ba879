/* SPDX-License-Identifier: MIT */
/* Whole runs of kextcache on a volume made in a folder, with the fixture kexts. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "components/kextcache/build.h"
#include "components/kextcache/deferred.h"
#include "components/kextcache/kextcache.h"
#include "components/kextcache/mount_point.h"
#include "components/kextcache/test/kextcache_fixture.h"
#include "sim/base/fsio.h"
#include "sim/base/test.h"
#include "sim/formats/prelink/prelink.h"
#include "sim/platform/kpi/kpi.h"
#include "sim/platform/paths.h"

#define FIXTURES "build/fixtures"

static void builds_and_writes_the_script(void)
{
	struct kc_world w;
	struct prelink p;
	struct buf script = BUF_INIT;
	struct err e = ERR_INIT;
	struct stat st;

	if (!volume())
		return;
	w = world();
	CU_ASSERT_EQUAL_FATAL(build(&w, "-v"), EX_OK);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "Created prelinked kernel \""));
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "Creating deferred update script..."));
	CU_ASSERT_EQUAL(strncmp(printed, "KernelCache ID: ", 16), 0);
	CU_ASSERT_EQUAL(strlen(printed), 16 + 32 + 1);
	CU_ASSERT_EQUAL(mtime(PATH_STAGED_PLK), EXT_TIME + 1);
	CU_ASSERT_TRUE_FATAL(open_plk(PATH_STAGED_PLK, &p));
	CU_ASSERT_EQUAL(p.compression, PRELINK_LZVN);
	CU_ASSERT_PTR_NOT_NULL_FATAL(prelink_find(&p, "com.example.filter"));
	CU_ASSERT_STRING_EQUAL(prelink_find(&p, "com.example.filter")->version, "1.0");
	CU_ASSERT_STRING_EQUAL(prelink_find(&p, "com.example.filter")->bundle_path,
			       "/Library/Extensions/ExampleFilter.kext");
	prelink_release(&p);
	ASSERT_OK(fsio_read(at(PATH_SHOVE_KERNELS), 100, &script, &e), &e);
	CU_ASSERT_EQUAL(script.len, KC_SCRIPT_SIZE);
	CU_ASSERT_EQUAL(memcmp(script.data, "#!/bin/sh\n/usr/sbin/kcditto\nexit 0\0", 35),
			0);
	CU_ASSERT_EQUAL(stat(at(PATH_SHOVE_KERNELS), &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 07777, 0700);
	CU_ASSERT_FALSE(fsio_exists(at(PATH_SYSTEM_PLK)));
	buf_release(&script);
}

static void two_replaces_one(void)
{
	struct kc_world w;

	if (!volume())
		return;
	w = world();
	CU_ASSERT_EQUAL_FATAL(build(&w, "-l"), EX_OK);
	CU_ASSERT_STRING_EQUAL(version_in(PATH_STAGED_PLK, "com.example.filter"), "1.0");
	install("ExampleFilter-2.0", "ExampleFilter");
	/* The older one in another folder does not win. */
	CU_ASSERT_EQUAL(test_shell("cp -Rp '%s' '%s'",
				   test_source(FIXTURES "/ExampleFilter-1.0.kext"),
				   at(PATH_SYSTEM_EXTENSIONS "/Old.kext")),
			0);
	CU_ASSERT_EQUAL(test_shell("chown -R 0:0 '%s'; chmod -R go-w '%s'",
				   at(PATH_SYSTEM_EXTENSIONS "/Old.kext"),
				   at(PATH_SYSTEM_EXTENSIONS "/Old.kext")),
			0);
	set_mtime(PATH_SYSTEM_EXTENSIONS, 3000);
	CU_ASSERT_EQUAL_FATAL(build(&w, "-l"), EX_OK);
	CU_ASSERT_STRING_EQUAL(version_in(PATH_STAGED_PLK, "com.example.filter"), "2.0");
	CU_ASSERT_EQUAL(mtime(PATH_STAGED_PLK), 3001);
}

static void copies_at_once_elsewhere(void)
{
	struct kc_world w;

	if (!volume())
		return;
	w = world();
	w.data_mount = "/System/Volumes/Data";
	CU_ASSERT_EQUAL_FATAL(build(&w, "-l"), EX_OK);
	CU_ASSERT_FALSE(fsio_exists(at(PATH_SHOVE_KERNELS)));
	CU_ASSERT_EQUAL(
		test_shell("cmp '%s' '%s'", at(PATH_STAGED_PLK), at(PATH_SYSTEM_PLK)), 0);
}

static void kernel_newer_than_the_folders(void)
{
	struct kc_world w;

	if (!volume())
		return;
	w = world();
	set_mtime(PATH_KERNEL, 5000);
	CU_ASSERT_EQUAL_FATAL(build(&w, "-l"), EX_OK);
	CU_ASSERT_EQUAL(mtime(PATH_STAGED_PLK), 5001);
}

static void failure_removes_the_placeholder(void)
{
	struct kc_world w;

	if (!volume())
		return;
	w = world();
	put(PATH_KERNEL, "no kernel", 9);
	CU_ASSERT_EQUAL(build(&w, "-l"), EX_OSERR);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "Failed to read kernel file."));
	CU_ASSERT_FALSE(fsio_exists(at(PATH_STAGED_PLK)));
	CU_ASSERT_EQUAL(test_shell("test -z \"$(ls -A '%s')\"", at(PATH_STAGED_PLK_DIR)),
			0);
	/* An empty file is what a crash leaves; it is taken for ours. */
	write_kernel();
	put(PATH_STAGED_PLK, "", 0);
	CU_ASSERT_EQUAL(build(&w, "-l"), EX_OK);
	CU_ASSERT_STRING_EQUAL(version_in(PATH_STAGED_PLK, "com.example.filter"), "1.0");
}

/* The ID is printed after linking and before the times are compared. */
static void touch_kernel(void *arg, enum clog_level level, const char *text)
{
	take(arg, level, text);
	set_mtime(PATH_KERNEL, KERNEL_TIME + 1);
}

static void kernel_that_changes_is_stale(void)
{
	struct kc_world w;

	if (!volume())
		return;
	w = world();
	w.out->line = touch_kernel;
	CU_ASSERT_EQUAL(build(&w, "-l"), KC_EXIT_STALE);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(said, "Source item has changed since starting; not saving "
			     "cache file <getFileDescriptorModTimePlusOne 2287>"));
	CU_ASSERT_FALSE(fsio_exists(at(PATH_STAGED_PLK)));
}

/* Somebody puts another file where the old one was. */
static void swap_plk(void *arg, enum clog_level level, const char *text)
{
	take(arg, level, text);
	put(PATH_STAGED_PLK, "intruder", 8);
}

static void target_that_changes_is_not_replaced(void)
{
	struct kc_world w;
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	if (!volume())
		return;
	w = world();
	CU_ASSERT_EQUAL_FATAL(build(&w, "-l"), EX_OK);
	w.out->line = swap_plk;
	CU_ASSERT_EQUAL(build(&w, "-l"), EX_SOFTWARE);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "prelinkedkernel' changed, cannot be used"));
	ASSERT_OK(fsio_read(at(PATH_STAGED_PLK), 100, &b, &e), &e);
	CU_ASSERT_EQUAL(b.len, 8);
	buf_release(&b);
	CU_ASSERT_EQUAL(
		test_shell("ls '%s' | grep -q 'kernel\\.'", at(PATH_STAGED_PLK_DIR)), 1);
}

static void refuses_to_replace_another_file(void)
{
	struct kc_world w;
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	if (!volume())
		return;
	w = world();
	put(PATH_STAGED_PLK, "somebody's thesis", 17);
	CU_ASSERT_EQUAL(build(&w, "-l"), EX_NOPERM);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "Bad prelinkedkernel path '"));
	ASSERT_OK(fsio_read(at(PATH_STAGED_PLK), 100, &b, &e), &e);
	CU_ASSERT_EQUAL(b.len, 17);
	buf_release(&b);
	ASSERT_OK(fsio_remove_tree(at(PATH_STAGED_PLK_DIR), &e), &e);
	CU_ASSERT_EQUAL(build(&w, "-l"), EX_NOPERM);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "/PrelinkedKernels/' cannot be used"));
}

static void bad_permissions_are_left_out(void)
{
	struct kc_world w;

	if (!volume())
		return;
	w = world();
	install("ExampleLib-1.0", "ExampleLib");
	CU_ASSERT_EQUAL(
		chmod(at("/Library/Extensions/ExampleFilter.kext/Contents/Info.plist"),
		      0666),
		0);
	CU_ASSERT_EQUAL_FATAL(build(&w, "-l"), EX_OK);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "Kext rejected due to improper filesystem "
					    "permissions: <OSKext "));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(said, "ExampleFilter.kext does not authenticate; omitting."));
	CU_ASSERT_STRING_EQUAL(version_in(PATH_STAGED_PLK, "com.example.filter"), "");
	CU_ASSERT_EQUAL(build(&w, "-z"), EX_OK);
	CU_ASSERT_STRING_EQUAL(version_in(PATH_STAGED_PLK, "com.example.filter"), "1.0");
}

static void missing_dependency_is_left_out(void)
{
	struct kc_world w;

	if (!volume())
		return;
	w = world();
	install("ExampleHelper-1.0", "ExampleHelper");
	CU_ASSERT_EQUAL_FATAL(build(&w, "-l"), EX_OK);
	CU_ASSERT_PTR_NOT_NULL(strstr(said,
				      "ExampleHelper.kext - dependency 'com.example.lib' "
				      "not found."));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(said, "is missing dependencies (including anyway; "));
	CU_ASSERT_STRING_EQUAL(version_in(PATH_STAGED_PLK, "com.example.helper"), "");
	install("ExampleLib-1.0", "ExampleLib");
	CU_ASSERT_EQUAL_FATAL(build(&w, "-l"), EX_OK);
	CU_ASSERT_STRING_EQUAL(version_in(PATH_STAGED_PLK, "com.example.helper"), "1.0");
	CU_ASSERT_STRING_EQUAL(version_in(PATH_STAGED_PLK, "com.example.lib"), "1.0");
}

static void unfit_executables_are_left_out(void)
{
	struct kc_world w;

	if (!volume())
		return;
	w = world();
	install("ExampleI386-1.0", "ExampleI386");
	install("ExampleTruncated-1.0", "ExampleTruncated");
	install("ExampleUnresolved-1.0", "ExampleUnresolved");
	CU_ASSERT_EQUAL_FATAL(build(&w, "-l"), EX_OK);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(said, "ExampleTruncated.kext is not valid; omitting."));
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "omitting from prelinked kernel"));
	CU_ASSERT_STRING_EQUAL(version_in(PATH_STAGED_PLK, "com.example.i386"), "");
	CU_ASSERT_STRING_EQUAL(version_in(PATH_STAGED_PLK, "com.example.unresolved"), "");
	CU_ASSERT_STRING_EQUAL(version_in(PATH_STAGED_PLK, "com.example.filter"), "1.0");
}

static void on_demand_only_when_loaded(void)
{
	static const char list[] =
		"<plist version=\"1.0\"><array><dict><key>CFBundleIdentifier</key>"
		"<string>com.example.ondemand</string></dict></array></plist>";
	struct kc_world w;
	struct err e = ERR_INIT;

	if (!volume())
		return;
	w = world();
	install("ExampleOnDemand-1.0", "ExampleOnDemand");
	CU_ASSERT_EQUAL_FATAL(build(&w, "-l"), EX_OK);
	CU_ASSERT_STRING_EQUAL(version_in(PATH_STAGED_PLK, "com.example.ondemand"), "");
	CU_ASSERT_EQUAL(build(&w, "-all-loaded"), EX_SOFTWARE); /* no list to read */
	ASSERT_OK(fsio_write_atomic(loaded, list, sizeof(list) - 1, 0644, &e), &e);
	CU_ASSERT_EQUAL_FATAL(build(&w, "-all-loaded"), EX_OK);
	CU_ASSERT_STRING_EQUAL(version_in(PATH_STAGED_PLK, "com.example.ondemand"),
			       "1.0");
	CU_ASSERT_EQUAL(unlink(loaded), 0);
}

static void sip_guards_the_target(void)
{
	struct kc_world w;
	char kernel[1024];

	if (!volume())
		return;
	w = world();
	set_sip(0);
	CU_ASSERT_EQUAL(build(&w, "-z"), EX_NOPERM);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(said, "Cannot create a prelinked kernel in a SIP protected "
			     "location without authentication!"));
	CU_ASSERT_EQUAL(build(&w, "-l"), EX_OK);
	/* A kernel from elsewhere. */
	snprintf(kernel, sizeof(kernel), "%s/kernel", test_tmpdir());
	CU_ASSERT_EQUAL(test_shell("cp '%s' '%s'", at(PATH_KERNEL), kernel), 0);
	CU_ASSERT_EQUAL(RUN(&w, "-l", "-K", kernel, "-c", at(PATH_STAGED_PLK),
			    "-volume-root", root, at(PATH_LIBRARY_EXTENSIONS),
			    at(PATH_SYSTEM_EXTENSIONS)),
			EX_NOPERM);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "cannot be used to create a SIP-protected"));
	/* Another protected place. */
	CU_ASSERT_EQUAL(RUN(&w, "-l", "-c", at(PATH_SYSTEM_PLK), "-volume-root", root,
			    at(PATH_LIBRARY_EXTENSIONS), at(PATH_SYSTEM_EXTENSIONS)),
			EX_NOPERM);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(said, "SIP-protected prelinked kernels must be in "));
	CU_ASSERT_FALSE(fsio_exists(at(PATH_SYSTEM_PLK)));
}

static void script_needs_its_folder_and_no_link(void)
{
	struct kc_world w;
	struct err e = ERR_INIT;

	if (!volume())
		return;
	w = world();
	ASSERT_OK(fsio_remove_tree(at(PATH_INSTALL_DIR), &e), &e);
	CU_ASSERT_EQUAL(build(&w, "-l"), EX_OK); /* Apple ignores it, too */
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "rosp_staging.m.96: Error creating script "
					    "/private/var/install/shove_kernels: 2 "));
	CU_ASSERT_FALSE(fsio_exists(at(PATH_INSTALL_DIR)));
	ASSERT_OK(fsio_mkdirs(at(PATH_INSTALL_DIR), 0755, &e), &e);
	CU_ASSERT_EQUAL(symlink("/nonexistent/x", at(PATH_SHOVE_KERNELS)), 0);
	CU_ASSERT_EQUAL(kc_write_script(&w), EX_OSERR);
}

static void update_says_what_apples_says(void)
{
	struct kc_world w;
	char want[2048], self[300];
	struct err e = ERR_INIT;

	if (!volume())
		return;
	w = world();
	CU_ASSERT_EQUAL_FATAL(build(&w, "-l"), EX_OK);
	said[0] = '\0';
	w.log->max = CLOG_WARNING;
	CU_ASSERT_EQUAL(RUN(&w, "-v", "4", "-u", root), EX_OK);
	snprintf(want, sizeof(want),
		 "Warning: kextd unavailable; proceeding w/o lock for <unknown>\n"
		 "Ensuring %s's caches are up to date.\n"
		 "Primary kext cache does not need update.\n"
		 "%s: no supported helper partitions to update.\n",
		 root, root);
	CU_ASSERT_STRING_EQUAL(said, want);
	/* Out of date: starts a kextcache, which here only notes that it ran. */
	snprintf(self, sizeof(self), "%s/self", test_tmpdir());
	ASSERT_OK(fsio_write_atomic(self,
				    "#!/bin/sh\necho \"$@\" > \"$0.args\"\nexit 3\n", 39,
				    0755, &e),
		  &e);
	w.self = self;
	set_mtime(PATH_LIBRARY_EXTENSIONS, 7000);
	said[0] = '\0';
	CU_ASSERT_EQUAL(RUN(&w, "-v", "1", "-u", root), 3);
	snprintf(want, sizeof(want), "rebuilding %s%s\n", root, PATH_STAGED_PLK);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, want));
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "exited with status 3."));
	CU_ASSERT_EQUAL(
		test_shell("grep -q -- '-arch x86_64 -local-root -all-loaded -kernel' "
			   "'%s.args'",
			   self),
		0);
	/* -U of a volume that was not up to date ends with 72. */
	ASSERT_OK(fsio_write_atomic(self, "#!/bin/sh\nexit 0\n", 17, 0755, &e), &e);
	CU_ASSERT_EQUAL(RUN(&w, "-U", root), EX_OSFILE);
}

static void update_without_bootcaches(void)
{
	struct kc_world w;

	if (!volume())
		return;
	w = world();
	CU_ASSERT_EQUAL(unlink(at(PATH_BOOTCACHES)), 0);
	CU_ASSERT_EQUAL(RUN(&w, "-v", "-u", root), EX_OK);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(said, ": no /usr/standalone/bootcaches.plist; skipping\n"));
	put(PATH_BOOTCACHES, "junk", 4);
	CU_ASSERT_EQUAL(RUN(&w, "-v", "-u", root), EX_OK);
	CU_ASSERT_PTR_NOT_NULL(strstr(
		said, ": unrecognized /usr/standalone/bootcaches.plist; skipping\n"));
}

static void command_lines_that_are_refused(void)
{
	static const struct {
		const char *words[6];
		int status;
		const char *message;
	} rows[] = {
		{{"kextcache"}, EX_USAGE, "No work to do; check options and try again."},
		{{"kextcache", "-Zonk"}, EX_USAGE, "unrecognized option -Zonk"},
		{{"kextcache", "-u", "/nonexistent"},
		 EX_NOINPUT,
		 "/nonexistent - No such file or directory."},
		{{"kextcache", "-arch", "vax", "-u", "/"},
		 EX_USAGE,
		 "Unknown architecture vax."},
		{{"kextcache", "-volume-root", "/", "-u", "/"},
		 EX_USAGE,
		 "Use -volume-root only when creating a prelinked kernel."},
		{{"kextcache", "-K", "/nonexistent"},
		 EX_USAGE,
		 "Error: kernel filename invalid"},
		{{"kextcache", "-Boot", "-u", "/"}, EX_USAGE, "-Boot requires -U."},
		{{"kextcache", "-f", "-l"}, EX_USAGE, "No work to do; check options"},
		{{"kextcache", "-f", "-U", "/"},
		 EX_USAGE,
		 "-force (-f) is allowed only with -update-volume (-u)."},
		{{"kextcache", "-clear-staging", "-u", "/"},
		 EX_USAGE,
		 "Kernel extension staging functions must be used alone."},
		{{"kextcache", "-Boot", "-U", "/"},
		 EX_OK,
		 "-Boot -U {vol} only works on the root/boot volume"},
		{{"kextcache", "-h"},
		 EX_OK,
		 "usage: kextcache -prelinked-kernel <filename>"},
	};

	if (!volume())
		return;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct kc_world w = world();
		int status = run(&w, rows[i].words);

		if (status != rows[i].status || !strstr(said, rows[i].message))
			printf("# row %zu: status %d: %s\n", i, status, said);
		CU_ASSERT_EQUAL(status, rows[i].status);
		CU_ASSERT_PTR_NOT_NULL(strstr(said, rows[i].message));
	}
}

static void quiet_is_quiet(void)
{
	struct kc_world w;

	if (!volume())
		return;
	w = world();
	CU_ASSERT_EQUAL(build(&w, "-q"), EX_OK);
	CU_ASSERT_STRING_EQUAL(said, "");
	CU_ASSERT_STRING_EQUAL(printed, "");
}

static void recompression_keeps_the_time(void)
{
	struct kc_world w;
	struct prelink p;

	if (!volume())
		return;
	w = world();
	CU_ASSERT_EQUAL_FATAL(build(&w, "-l"), EX_OK);
	CU_ASSERT_EQUAL(RUN(&w, "-c", at(PATH_STAGED_PLK), "-uncompressed"), EX_OK);
	CU_ASSERT_EQUAL(mtime(PATH_STAGED_PLK), EXT_TIME + 1);
	CU_ASSERT_TRUE_FATAL(open_plk(PATH_STAGED_PLK, &p));
	CU_ASSERT_EQUAL(p.compression, PRELINK_PLAIN);
	prelink_release(&p);
	CU_ASSERT_EQUAL(
		RUN(&w, "-c", at(PATH_STAGED_PLK), "-volume-root", root, "-compressed"),
		EX_OK);
	CU_ASSERT_TRUE_FATAL(open_plk(PATH_STAGED_PLK, &p));
	CU_ASSERT_EQUAL(p.compression, PRELINK_LZVN);
	prelink_release(&p);
	CU_ASSERT_EQUAL(RUN(&w, "-c", at(PATH_STAGED_PLK), "-compressed"), EX_DATAERR);
}

static void builds_for_a_tree(void)
{
	struct kc_bundle bundles[3];
	struct prelink_report rep;
	struct buf kernel = BUF_INIT, out = BUF_INIT;
	struct kc_request rq = {
		.bundle = bundles, .n_bundles = 2, .compression = PRELINK_LZVN};
	struct kc_built built;
	struct err e = ERR_INIT;
	struct prelink p;

	if (!volume())
		return;
	ASSERT_OK(kernel_standin_build(release_by_name("10.15.0"), &kernel, &e), &e);
	rq.kernel = kernel.data;
	rq.kernel_len = kernel.len;
	bundles[0] = (struct kc_bundle){at(PATH_SYSTEM_EXTENSIONS "/System.kext"),
					PATH_SYSTEM_EXTENSIONS "/System.kext", false};
	bundles[1] = (struct kc_bundle){test_source(FIXTURES "/ExampleFilter-2.0.kext"),
					"/Library/Extensions/Filter.kext", false};
	ASSERT_OK(kc_build_for_tree(&rq, &out, &built, &e), &e);
	ASSERT_OK(prelink_open(out.data, out.len, &p, &e), &e);
	CU_ASSERT_EQUAL(memcmp(p.kcid, built.kcid, KC_ID_LEN), 0);
	CU_ASSERT_EQUAL(built.n_kexts, p.n_kexts);
	CU_ASSERT_EQUAL(built.n_omitted, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(prelink_find(&p, "com.example.filter"));
	CU_ASSERT_STRING_EQUAL(prelink_find(&p, "com.example.filter")->bundle_path,
			       "/Library/Extensions/Filter.kext");
	CU_ASSERT_PTR_NOT_NULL_FATAL(prelink_find(&p, "com.apple.kpi.bsd"));
	CU_ASSERT_STRING_EQUAL(prelink_find(&p, "com.apple.kpi.bsd")->bundle_path,
			       PATH_SYSTEM_EXTENSIONS
			       "/System.kext/PlugIns/BSDKernel.kext");
	prelink_release(&p);
	buf_clear(&out);
	bundles[1].folder = test_source(FIXTURES "/ExampleHelper-1.0.kext");
	ASSERT_FAILS(kc_build_for_tree(&rq, &out, &built, &e), E_CORRUPT);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "No kexts found for these libraries"));
	rq.omit_bad = true;
	ASSERT_OK(kc_build_for_tree(&rq, &out, &built, &e), &e);
	CU_ASSERT_EQUAL(built.n_omitted, 1);
	bundles[1].folder = test_source(FIXTURES "/ExampleUnresolved-1.0.kext");
	buf_clear(&out);
	ASSERT_OK(kc_build_for_tree(&rq, &out, &built, &e), &e);
	CU_ASSERT_EQUAL(built.n_omitted, 1);
	bundles[1].folder = "/nonexistent/X.kext";
	ASSERT_FAILS(kc_build_for_tree(&rq, &out, &built, &e), E_NOTFOUND);
	/* two of one identifier: the newer, whichever comes first */
	bundles[1].folder = test_source(FIXTURES "/ExampleFilter-2.0.kext");
	bundles[2] = (struct kc_bundle){test_source(FIXTURES "/ExampleFilter-1.0.kext"),
					"/Library/Extensions/Old.kext", false};
	rq.n_bundles = 3;
	buf_clear(&out);
	ASSERT_OK(kc_build_for_tree(&rq, &out, &built, &e), &e);
	ASSERT_OK(prelink_verify(out.data, out.len, &rep, &e), &e);
	ASSERT_OK(prelink_open(out.data, out.len, &p, &e), &e);
	CU_ASSERT_STRING_EQUAL(prelink_find(&p, "com.example.filter")->version, "2.0");
	prelink_release(&p);
	/* a folder whose kexts were read before is one of kexts all the same */
	bundles[2] = (struct kc_bundle){at(PATH_SYSTEM_EXTENSIONS), PATH_SYSTEM_EXTENSIONS,
					false};
	buf_clear(&out);
	ASSERT_OK(kc_build_for_tree(&rq, &out, &built, &e), &e);
	buf_release(&kernel);
	buf_release(&out);
}

/*
 * A whole folder, as Apple's: only what a start demands, the newest of each, and what does
 * not work is left out. What is asked for by name has to work all the same.
 */
static void builds_from_a_system(void)
{
	static const char *const there[] = {"ExampleFilter-1.0", "ExampleFilter-2.0",
					    "ExampleOnDemand-1.0", "ExampleHelper-1.0",
					    "ExampleUnresolved-1.0"};
	char folder[4096];
	struct kc_bundle bundles[2] = {{folder, PATH_SYSTEM_EXTENSIONS, true}};
	struct buf kernel = BUF_INIT, out = BUF_INIT;
	struct kc_request rq = {.bundle = bundles, .n_bundles = 1, .compression = PRELINK_LZVN};
	struct kc_built built;
	struct err e = ERR_INIT;
	struct prelink p;

	if (!volume())
		return;
	snprintf(folder, sizeof(folder), "%s", at(PATH_SYSTEM_EXTENSIONS));
	for (size_t i = 0; i < sizeof(there) / sizeof(there[0]); i++)
		CU_ASSERT_EQUAL(test_shell("cp -r '%s/%s.kext' '%s'", test_source(FIXTURES),
					   there[i], folder),
				0);
	/* A link to what is not in the folder. */
	CU_ASSERT_EQUAL(test_shell("ln -s \"$(realpath '%s')\" '%s/Linked.kext'",
				   test_source(FIXTURES "/ExampleLib-1.0.kext"), folder),
			0);
	ASSERT_OK(kernel_standin_build(release_by_name("10.15.0"), &kernel, &e), &e);
	rq.kernel = kernel.data;
	rq.kernel_len = kernel.len;
	ASSERT_OK(kc_build_for_tree(&rq, &out, &built, &e), &e);
	CU_ASSERT_EQUAL(built.n_omitted, 2); /* without its library; a symbol is missing */
	ASSERT_OK(prelink_open(out.data, out.len, &p, &e), &e);
	CU_ASSERT_PTR_NOT_NULL_FATAL(prelink_find(&p, "com.example.filter"));
	CU_ASSERT_STRING_EQUAL(prelink_find(&p, "com.example.filter")->version, "2.0");
	CU_ASSERT_STRING_EQUAL(prelink_find(&p, "com.example.filter")->bundle_path,
			       PATH_SYSTEM_EXTENSIONS "/ExampleFilter-2.0.kext");
	CU_ASSERT_PTR_NULL(prelink_find(&p, "com.example.ondemand"));
	CU_ASSERT_PTR_NULL(prelink_find(&p, "com.example.helper"));
	CU_ASSERT_PTR_NULL(prelink_find(&p, "com.example.lib"));
	prelink_release(&p);
	buf_clear(&out);
	rq.n_bundles = 2;
	bundles[1] = (struct kc_bundle){test_source(FIXTURES "/ExampleUnresolved-1.0.kext"),
					PATH_LIBRARY_EXTENSIONS "/X.kext", false};
	ASSERT_FAILS(kc_build_for_tree(&rq, &out, &built, &e), E_CORRUPT);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "ExampleUnresolved"));
	buf_release(&kernel);
	buf_release(&out);
}

TEST_MAIN("kextcache", {"builds and writes the script", builds_and_writes_the_script},
	  {"two replaces one", two_replaces_one},
	  {"copies at once elsewhere", copies_at_once_elsewhere},
	  {"kernel newer than the folders", kernel_newer_than_the_folders},
	  {"failure removes the placeholder", failure_removes_the_placeholder},
	  {"kernel that changes is stale", kernel_that_changes_is_stale},
	  {"target that changes is not replaced", target_that_changes_is_not_replaced},
	  {"refuses to replace another file", refuses_to_replace_another_file},
	  {"bad permissions are left out", bad_permissions_are_left_out},
	  {"missing dependency is left out", missing_dependency_is_left_out},
	  {"unfit executables are left out", unfit_executables_are_left_out},
	  {"on demand only when loaded", on_demand_only_when_loaded},
	  {"SIP guards the target", sip_guards_the_target},
	  {"script needs its folder and no link", script_needs_its_folder_and_no_link},
	  {"update says what Apple's says", update_says_what_apples_says},
	  {"update without bootcaches.plist", update_without_bootcaches},
	  {"command lines that are refused", command_lines_that_are_refused},
	  {"quiet is quiet", quiet_is_quiet},
	  {"recompression keeps the time", recompression_keeps_the_time},
	  {"builds for a tree", builds_for_a_tree},
	  {"builds from a system", builds_from_a_system})
