/* SPDX-License-Identifier: MIT */
/* What the daemon answers, by SIP, place, time and who asks. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "components/common/packet.h"
#include "components/common/test/mac_folder.h"
#include "components/syspolicyd/client.h"
#include "components/syspolicyd/syspolicyd.h"
#include "sim/base/fsio.h"
#include "sim/base/test.h"
#include "sim/platform/paths.h"

#define BOOT_ARGS                                                                        \
	"<plist version=\"1.0\"><dict><key>BootSessionUUID</key><string>BOOT</string>"   \
	"</dict></plist>"
#define A      "/Library/Extensions/A.kext"
#define SYSTEM "/System/Library/S.kext"
#define STAGED PATH_STAGED_EXTENSIONS A

static char nvram[600], args[600], db[600], mdm[600];

static struct syspolicyd_options o;

static void fresh(void)
{
	const char *root = mac_folder_root();
	struct err e = ERR_INIT;

	mac_folder_fresh();
	snprintf(nvram, sizeof(nvram), "%s/nvram", root);
	snprintf(args, sizeof(args), "%s/args", root);
	snprintf(db, sizeof(db), "%s/KextPolicy", root);
	snprintf(mdm, sizeof(mdm), "%s/mdm", root);
	mac_folder_put(PATH_ROOTLESS_CONF, "\t/System\nKernelExtensionManagement\t"
					   "/Library/StagedExtensions\n");
	mac_folder_put("/args", BOOT_ARGS);
	mac_folder_put(A "/Contents/Info.plist", MAC_FOLDER_INFO);
	mac_folder_put(STAGED "/Contents/Info.plist", MAC_FOLDER_INFO);
	mac_folder_put(SYSTEM "/Contents/Info.plist", MAC_FOLDER_INFO);
	ASSERT_OK(fsio_mkdirs(nvram, 0755, &e), &e);
	o = (struct syspolicyd_options){
		.root = root,
		.csr_config = mac_folder_csr(),
		.nvram_dir = nvram,
		.boot_args = args,
		.database = db,
		.mdm_payload = mdm,
		.waits = WAITS_REAL,
		.log = &mac_folder_log,
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
	json_t *reply = ask(json_pack("{s:s,s:s}", "op", "allow_load_cache", "path",
				      mac_folder_at(rel)),
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
	json_t *reply = ask(
		json_pack("{s:s,s:s}", "op", "allow", "developer", "org.kextlab.t"), now);
	int error = packet_errno(reply);

	json_decref(reply);
	return error;
}

static void who_needs_no_consent(void)
{
	fresh();
	CU_ASSERT_TRUE(allowed(SYSTEM, 1000));
	CU_ASSERT_STRING_EQUAL(mac_folder_said, "");
	CU_ASSERT_FALSE(allowed(A, 1000));
	/* The copy is protected, but not the system's. */
	CU_ASSERT_FALSE(allowed(STAGED, 1000));
	mac_folder_set_csr(0x200);
	CU_ASSERT_TRUE(allowed(A, 1000));
	mac_folder_set_csr(0x77);
	CU_ASSERT_TRUE(allowed(A, 1000));
	mac_folder_set_csr(0x76);
	CU_ASSERT_FALSE(allowed(A, 1000));
	unlink(mac_folder_csr());
	CU_ASSERT_FALSE(allowed(A, 1000));
	CU_ASSERT_FALSE(allowed("/Library/Extensions/None.kext", 1000));
}

static void button_is_there_for_half_an_hour(void)
{
	static const struct timespec long_ago[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
	struct stat st;

	fresh();
	CU_ASSERT_EQUAL(click(1000), 2 /* ENOENT */);
	CU_ASSERT_FALSE(allowed(STAGED, 10000));
	CU_ASSERT_PTR_NOT_NULL(strstr(mac_folder_said, "System Extension Blocked: "));
	CU_ASSERT_EQUAL(buttons(10000 + 1800), 1);
	CU_ASSERT_EQUAL(buttons(10000 + 1801), 0);
	CU_ASSERT_EQUAL(click(10000 + 1801), 2);
	/* A new attempt brings it back, without another alert. */
	mac_folder_said[0] = '\0';
	CU_ASSERT_FALSE(allowed(STAGED, 20000));
	CU_ASSERT_PTR_NULL(strstr(mac_folder_said, "System Extension Blocked: "));
	CU_ASSERT_EQUAL(buttons(20100), 1);
	CU_ASSERT_EQUAL(utimensat(AT_FDCWD, mac_folder_at("/Library/Extensions"), long_ago, 0),
			0);
	CU_ASSERT_EQUAL(click(20100), 0);
	CU_ASSERT_EQUAL(stat(mac_folder_at("/Library/Extensions"), &st), 0);
	CU_ASSERT_NOT_EQUAL(st.st_mtim.tv_sec, long_ago[1].tv_sec);
	CU_ASSERT_EQUAL(buttons(20100), 0);
	CU_ASSERT_TRUE(allowed(STAGED, 99999));
}

static void manager_can_forbid_the_user(void)
{
	fresh();
	mac_folder_put(
		"/mdm",
		"<plist><dict><key>AllowUserOverrides</key><false/></dict></plist>");
	CU_ASSERT_FALSE(allowed(STAGED, 10000));
	CU_ASSERT_EQUAL(click(10000), 1 /* EPERM */);
	mac_folder_put("/mdm", "not a list");
	CU_ASSERT_FALSE(allowed(STAGED, 10000));
	CU_ASSERT_EQUAL(click(10000), 1);
}

static void damaged_database_allows_nothing(void)
{
	json_t *reply;

	fresh();
	mac_folder_put("/KextPolicy", "this is not a database, whatever it is called");
	reply = ask(json_pack("{s:s,s:s}", "op", "allow_load", "path", mac_folder_at(A)),
		    1000);
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
	snprintf(socket, sizeof(socket), "%s/s", mac_folder_root());
	/* Nobody there: allowed. */
	CU_ASSERT_TRUE(syspolicy_allows(socket, mac_folder_at(A), true));
	ASSERT_OK(packet_listen(socket, &o.listener, &e), &e);
	pid = fork();
	if (!pid)
		_exit(syspolicyd_run(&o, &e) ? 1 : 0);
	CU_ASSERT_TRUE(syspolicy_allows(socket, mac_folder_at(SYSTEM), false));
	CU_ASSERT_FALSE(syspolicy_allows(socket, mac_folder_at(A), true));
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	close(o.listener);
}

TEST_MAIN("syspolicyd", {"who needs no consent", who_needs_no_consent},
	  {"the button is there for half an hour", button_is_there_for_half_an_hour},
	  {"a device manager can forbid the user", manager_can_forbid_the_user},
	  {"a damaged database allows nothing", damaged_database_allows_nothing},
	  {"serves over its socket", serves_over_its_socket})
