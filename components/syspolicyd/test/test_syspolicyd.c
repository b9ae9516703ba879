/* SPDX-License-Identifier: MIT */
/* What the daemon answers, by SIP, place, time and who asks. */
#define _GNU_SOURCE
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "components/common/packet.h"
#include "components/syspolicyd/client.h"
#include "components/syspolicyd/syspolicyd.h"
#include "sim/base/bytes.h"
#include "sim/base/fsio.h"
#include "sim/base/test.h"
#include "sim/platform/paths.h"

#define INFO                                                                             \
	"<plist version=\"1.0\"><dict><key>CFBundleIdentifier</key><string>org.kextlab." \
	"t</string><key>CFBundleVersion</key><string>1.0</string></dict></plist>"
#define BOOT_ARGS                                                                        \
	"<plist version=\"1.0\"><dict><key>BootSessionUUID</key><string>BOOT</string>"  \
	"</dict></plist>"
#define A      "/Library/Extensions/A.kext"
#define SYSTEM "/System/Library/S.kext"
#define STAGED PATH_STAGED_EXTENSIONS A

static char root[512], csr[600], nvram[600], args[600], db[600], mdm[600], said[4096];

static void take(void *arg, enum clog_level level, const char *text)
{
	size_t n = strlen(said);

	(void)arg;
	(void)level;
	snprintf(said + n, sizeof(said) - n, "%s\n", text);
}

static const struct component_log log_said = {.line = take, .max = CLOG_DEBUG};
static struct syspolicyd_options o;

static const char *at(const char *rel)
{
	static char path[4][1024];
	static unsigned turn;
	char *p = path[turn++ % 4];

	snprintf(p, sizeof(path[0]), "%s%s", root, rel);
	return p;
}

static void put(const char *rel, const char *text)
{
	char folder[PATH_MAX];
	struct err e = ERR_INIT;

	snprintf(folder, sizeof(folder), "%s", at(rel));
	*strrchr(folder, '/') = '\0';
	ASSERT_OK(fsio_mkdirs(folder, 0755, &e), &e);
	ASSERT_OK(fsio_write_atomic(at(rel), text, strlen(text), 0644, &e), &e);
}

static void set_csr(uint32_t config)
{
	uint8_t bytes[4];
	struct err e = ERR_INIT;

	put_le32(bytes, config);
	ASSERT_OK(fsio_write_atomic(csr, bytes, 4, 0644, &e), &e);
}

static void fresh(void)
{
	struct err e = ERR_INIT;

	snprintf(root, sizeof(root), "%s/root", test_tmpdir());
	ASSERT_OK(fsio_remove_tree(root, &e), &e);
	snprintf(csr, sizeof(csr), "%s/csr", root);
	snprintf(nvram, sizeof(nvram), "%s/nvram", root);
	snprintf(args, sizeof(args), "%s/args", root);
	snprintf(db, sizeof(db), "%s/KextPolicy", root);
	snprintf(mdm, sizeof(mdm), "%s/mdm", root);
	put(PATH_ROOTLESS_CONF, "\t/System\nKernelExtensionManagement\t"
				"/Library/StagedExtensions\n");
	put("/args", BOOT_ARGS);
	put(A "/Contents/Info.plist", INFO);
	put(STAGED "/Contents/Info.plist", INFO);
	put(SYSTEM "/Contents/Info.plist", INFO);
	ASSERT_OK(fsio_mkdirs(nvram, 0755, &e), &e);
	set_csr(0);
	said[0] = '\0';
	o = (struct syspolicyd_options){
		.root = root,
		.csr_config = csr,
		.nvram_dir = nvram,
		.boot_args = args,
		.database = db,
		.mdm_payload = mdm,
		.waits = WAITS_REAL,
		.log = &log_said,
	};
}

static json_t *ask(json_t *request, int64_t now)
{
	json_t *reply = syspolicyd_answer(&o, request, now);

	json_decref(request);
	CU_ASSERT_PTR_NOT_NULL_FATAL(reply);
	return reply;
}

static bool allowed(const char *rel, int64_t now)
{
	json_t *reply = ask(json_pack("{s:s,s:s}", "op", "allow_load_cache", "path", at(rel)),
			    now);
	bool yes = json_is_true(json_object_get(reply, "allowed"));

	CU_ASSERT_EQUAL(packet_errno(reply), 0);
	json_decref(reply);
	return yes;
}

static size_t buttons(int64_t now)
{
	json_t *reply = ask(json_pack("{s:s}", "op", "pending"), now);
	size_t n = json_array_size(json_object_get(reply, "extensions"));

	json_decref(reply);
	return n;
}

static int click(int64_t now)
{
	json_t *reply = ask(json_pack("{s:s,s:s}", "op", "allow", "developer", "org.kextlab.t"),
			    now);
	int error = packet_errno(reply);

	json_decref(reply);
	return error;
}

static void who_needs_no_consent(void)
{
	fresh();
	CU_ASSERT_TRUE(allowed(SYSTEM, 1000));
	CU_ASSERT_STRING_EQUAL(said, "");
	CU_ASSERT_FALSE(allowed(A, 1000));
	/* The copy is protected, but not the system's. */
	CU_ASSERT_FALSE(allowed(STAGED, 1000));
	set_csr(0x200);
	CU_ASSERT_TRUE(allowed(A, 1000));
	set_csr(0x77);
	CU_ASSERT_TRUE(allowed(A, 1000));
	set_csr(0x76);
	CU_ASSERT_FALSE(allowed(A, 1000));
	unlink(csr);
	CU_ASSERT_FALSE(allowed(A, 1000));
	CU_ASSERT_FALSE(allowed("/Library/Extensions/None.kext", 1000));
}

static void button_is_there_for_half_an_hour(void)
{
	struct stat before, after;

	fresh();
	CU_ASSERT_EQUAL(click(1000), 2 /* ENOENT */);
	CU_ASSERT_FALSE(allowed(STAGED, 10000));
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "System Extension Blocked: "));
	CU_ASSERT_EQUAL(buttons(10000 + 1800), 1);
	CU_ASSERT_EQUAL(buttons(10000 + 1801), 0);
	CU_ASSERT_EQUAL(click(10000 + 1801), 2);
	/* A new attempt brings it back, without another alert. */
	said[0] = '\0';
	CU_ASSERT_FALSE(allowed(STAGED, 20000));
	CU_ASSERT_PTR_NULL(strstr(said, "System Extension Blocked: "));
	CU_ASSERT_EQUAL(buttons(20100), 1);
	CU_ASSERT_EQUAL(stat(at("/Library/Extensions"), &before), 0);
	usleep(20000);
	CU_ASSERT_EQUAL(click(20100), 0);
	CU_ASSERT_EQUAL(stat(at("/Library/Extensions"), &after), 0);
	CU_ASSERT_NOT_EQUAL(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
	CU_ASSERT_EQUAL(buttons(20100), 0);
	CU_ASSERT_TRUE(allowed(STAGED, 99999));
}

static void manager_can_forbid_the_user(void)
{
	fresh();
	put("/mdm", "<plist><dict><key>AllowUserOverrides</key><false/></dict></plist>");
	CU_ASSERT_FALSE(allowed(STAGED, 10000));
	CU_ASSERT_EQUAL(click(10000), 1 /* EPERM */);
	put("/mdm", "not a list");
	CU_ASSERT_FALSE(allowed(STAGED, 10000));
	CU_ASSERT_EQUAL(click(10000), 1);
}

static void damaged_database_allows_nothing(void)
{
	json_t *reply;

	fresh();
	put("/KextPolicy", "this is not a database, whatever it is called");
	reply = ask(json_pack("{s:s,s:s}", "op", "allow_load", "path", at(A)), 1000);
	CU_ASSERT_FALSE(json_is_true(json_object_get(reply, "allowed")));
	json_decref(reply);
	reply = ask(json_pack("{s:s}", "op", "pending"), 1000);
	CU_ASSERT_NOT_EQUAL(packet_errno(reply), 0);
	json_decref(reply);
	/* It is not asked about the system's own. */
	CU_ASSERT_TRUE(allowed(SYSTEM, 1000));
}

static void serves_over_its_socket(void)
{
	struct err e = ERR_INIT;
	char socket[600];
	pid_t pid;

	fresh();
	snprintf(socket, sizeof(socket), "%s/s", root);
	/* Nobody there: allowed. */
	CU_ASSERT_TRUE(syspolicy_allows(socket, at(A), true));
	ASSERT_OK(packet_listen(socket, &o.listener, &e), &e);
	pid = fork();
	if (!pid)
		_exit(syspolicyd_run(&o, &e) ? 1 : 0);
	CU_ASSERT_TRUE(syspolicy_allows(socket, at(SYSTEM), false));
	CU_ASSERT_FALSE(syspolicy_allows(socket, at(A), true));
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	close(o.listener);
}

TEST_MAIN("syspolicyd", {"who needs no consent", who_needs_no_consent},
	  {"the button is there for half an hour", button_is_there_for_half_an_hour},
	  {"a device manager can forbid the user", manager_can_forbid_the_user},
	  {"a damaged database allows nothing", damaged_database_allows_nothing},
	  {"serves over its socket", serves_over_its_socket})
