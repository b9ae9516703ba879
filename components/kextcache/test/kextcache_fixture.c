/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "components/kextcache/test/kextcache_fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "components/kextcache/mount_point.h"
#include "sim/base/bytes.h"
#include "sim/base/fsio.h"
#include "sim/base/test.h"
#include "sim/platform/kpi/kpi.h"
#include "sim/platform/paths.h"

#define FIXTURES "build/fixtures"

static const char bootcaches[] =
	"<plist version=\"1.0\"><dict><key>PostBootPaths</key><dict>"
	"<key>Kernelcache v1.5</key><dict><key>ExtensionsDir</key><array>"
	"<string>/Library/Extensions</string><string>/System/Library/Extensions</"
	"string></array>"
	"<key>Path</key><string>" PATH_STAGED_PLK "</string>"
	"<key>ReadOnlyPath</key><string>" PATH_SYSTEM_PLK "</string>"
	"<key>KernelPath</key><string>" PATH_KERNEL "</string>"
	"<key>Archs</key><array><string>x86_64</string></array>"
	"<key>Preferred "
	"Compression</key><string>lzvn</string></dict></dict></dict></plist>";

static const char rootless[] = "/System\n/Library/Apple\n"
			       "KernelExtensionManagement /Library/StagedExtensions\n";

char root[256], said[KCF_SAID_MAX], printed[KCF_PRINTED_MAX];
char loaded[300];
static char data_mount[512], csr[300];

void take(void *arg, enum clog_level level, const char *text)
{
	char *to = arg;
	size_t n = strlen(to);

	(void)level;
	snprintf(to + n, (to == said ? KCF_SAID_MAX : KCF_PRINTED_MAX) - n, "%s\n", text);
}

static struct component_log log_said, log_printed;

struct kc_world world(void)
{
	static char socket[300];

	snprintf(socket, sizeof(socket), "%s/no-kextd", root);
	log_said = (struct component_log){.line = take, .arg = said, .max = CLOG_WARNING};
	log_printed =
		(struct component_log){.line = take, .arg = printed, .max = CLOG_DEBUG};
	said[0] = printed[0] = '\0';
	return (struct kc_world){
		.root = root,
		.csr_config = csr,
		.loaded_kexts = loaded,
		.kextd_socket = socket,
		.syspolicy_socket = socket, /* nobody there either: all may */
		.data_mount = data_mount,
		.self = "/nonexistent/kextcache",
		.running = release_by_name("10.15.0"),
		.waits = WAITS_REAL,
		.log = &log_said,
		.out = &log_printed,
	};
}

const char *at(const char *rel)
{
	static char path[4][1024];
	static unsigned turn;
	char *p = path[turn++ % 4];

	snprintf(p, sizeof(path[0]), "%s%s", root, rel);
	return p;
}

void set_mtime(const char *rel, int64_t seconds)
{
	struct timespec t[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};

	CU_ASSERT_EQUAL(utimensat(AT_FDCWD, at(rel), t, 0), 0);
}

int64_t mtime(const char *rel)
{
	struct stat st;

	return stat(at(rel), &st) ? -1 : st.st_mtim.tv_sec;
}

void put(const char *rel, const void *data, size_t len)
{
	struct err e = ERR_INIT;

	ASSERT_OK(fsio_write_atomic(at(rel), data, len, 0644, &e), &e);
}

void write_kernel(void)
{
	struct buf kernel = BUF_INIT;
	struct err e = ERR_INIT;

	ASSERT_OK(kernel_standin_build(release_by_name("10.15.0"), &kernel, &e), &e);
	put(PATH_KERNEL, kernel.data, kernel.len);
	buf_release(&kernel);
	set_mtime(PATH_KERNEL, KERNEL_TIME);
}

/* The fixture as /Library/Extensions/<name>.kext, of root:wheel; touches the folder. */
void install(const char *fixture, const char *name)
{
	CU_ASSERT_EQUAL(
		test_shell("rm -rf '%s/Library/Extensions/%s.kext' && cp -R '%s/%s.kext' "
			   "'%s/Library/Extensions/%s.kext' && "
			   "chown -R 0:0 '%s/Library/Extensions/%s.kext' && "
			   "chmod -R go-w '%s/Library/Extensions/%s.kext'",
			   root, name, test_source(FIXTURES), fixture, root, name, root,
			   name, root, name),
		0);
	set_mtime("/Library/Extensions", EXT_TIME);
}

void set_sip(uint32_t config)
{
	uint8_t bytes[4];
	struct err e = ERR_INIT;

	put_le32(bytes, config);
	ASSERT_OK(fsio_write_atomic(csr, bytes, 4, 0644, &e), &e);
}

/* A fresh volume with System.kext and ExampleFilter 1.0; false when that cannot be. */
bool volume(void)
{
	static const char *const dirs[] = {
		"/usr/standalone", "/System/Library/Kernels", PATH_SYSTEM_EXTENSIONS,
		PATH_LIBRARY_EXTENSIONS, PATH_STAGED_PLK_DIR, PATH_SYSTEM_PLK_DIR,
		PATH_INSTALL_DIR, "/System/Library/Sandbox"};
	struct err e = ERR_INIT;

	if (geteuid() != 0 ||
	    !fsio_exists(test_source(FIXTURES "/ExampleFilter-2.0.kext"))) {
		test_skip("needs root and build/fixtures");
		return false;
	}
	snprintf(root, sizeof(root), "%s/Volume Root", test_tmpdir());
	snprintf(csr, sizeof(csr), "%s/csr", test_tmpdir());
	snprintf(loaded, sizeof(loaded), "%s/loaded.plist", test_tmpdir());
	ASSERT_OK(fsio_remove_tree(root, &e), &e);
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		ASSERT_OK(fsio_mkdirs(at(dirs[i]), 0755, &e), &e);
	ASSERT_OK(mount_point_of_path(root, data_mount, sizeof(data_mount), &e), &e);
	set_sip(0x77);
	put(PATH_BOOTCACHES, bootcaches, sizeof(bootcaches) - 1);
	put(PATH_ROOTLESS_CONF, rootless, sizeof(rootless) - 1);
	write_kernel();
	ASSERT_OK(kpi_system_kext_write(release_by_name("10.15.0"),
					at(PATH_SYSTEM_EXTENSIONS "/System.kext"), &e),
		  &e);
	set_mtime(PATH_SYSTEM_EXTENSIONS, 100);
	install("ExampleFilter-1.0", "ExampleFilter");
	return true;
}

int run(struct kc_world *w, const char *const *words)
{
	char *argv[32] = {NULL}, copy[32][1024];
	int argc = 0;

	for (; words[argc]; argc++) {
		snprintf(copy[argc], sizeof(copy[0]), "%s", words[argc]);
		argv[argc] = copy[argc];
	}
	return kextcache_run(w, argc, argv);
}

/* What kextcache -u would start. */
int build(struct kc_world *w, const char *more)
{
	char kernel[1024], plk[1024], l[1024], s[1024];

	snprintf(kernel, sizeof(kernel), "%s" PATH_KERNEL, root);
	snprintf(plk, sizeof(plk), "%s" PATH_STAGED_PLK, root);
	snprintf(l, sizeof(l), "%s" PATH_LIBRARY_EXTENSIONS, root);
	snprintf(s, sizeof(s), "%s" PATH_SYSTEM_EXTENSIONS, root);
	return RUN(w, "-arch", "x86_64", "-local-root", more, "-kernel", kernel,
		   "-prelinked-kernel", plk, "-volume-root", root, l, s);
}

bool open_plk(const char *rel, struct prelink *p)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	struct prelink_report rep;
	bool ok;

	ok = !fsio_read(at(rel), 64 << 20, &b, &e) && !prelink_open(b.data, b.len, p, &e);
	if (ok && prelink_verify(b.data, b.len, &rep, &e))
		test_note(__FILE__, __LINE__, "prelink_verify", &e);
	if (!ok)
		test_note(__FILE__, __LINE__, rel, &e);
	buf_release(&b);
	return ok;
}

/* The version of @id in the prelinked kernel @rel; "" when it is not in it. */
const char *version_in(const char *rel, const char *id)
{
	static char version[64];
	const struct kext_entry *k;
	struct prelink p;

	version[0] = '\0';
	if (!open_plk(rel, &p))
		return "unreadable";
	k = prelink_find(&p, id);
	if (k)
		snprintf(version, sizeof(version), "%s", k->version);
	prelink_release(&p);
	return version;
}
