/* SPDX-License-Identifier: MIT */
/* bputil: the print, what is asked of the kernel, which refusals are shown how. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "components/bputil/bputil.h"
#include "components/common/packet.h"
#include "components/common/test/fake_kernel.h"
#include "components/common/test/volumes_fixture.h"
#include "sim/base/fsio.h"
#include "sim/base/test.h"
#include "sim/platform/secureboot/sep.h"

#define GROUP	 "5D0D176D-E8CC-4E8B-815C-444A679390BD"
#define OTHER	 "8462458F-944E-4F6A-9A5D-000000000001"
#define UPDATING "Local policy update is in progress, please wait...\n"

static struct {
	struct fake_kernel kernel;
	struct bputil_env env;
	struct buf out, err_out;
	char volumes[300];
	const char *other;	    /* "System": there are two systems */
	const char *mounted;	    /* where the first one is */
	const char *policy;	    /* JSON; NULL: there is none */
	const char *const *answers; /* ends with NULL */
	int environment, errno_of_update, sep, status;
	bool paired, filevault;
} w;

static json_t *answer(void *ctx, const char *op, const json_t *req)
{
	(void)ctx;
	(void)req;
	if (!strcmp(op, "policy_update"))
		return json_pack("{s:i,s:i}", "errno", w.errno_of_update, "sep", w.sep);
	if (!w.policy)
		return packet_reply(ENOENT, NULL);
	return json_pack("{s:i,s:i,s:b,s:s,s:s,s:o}", "errno", 0, "environment",
			 w.environment, "paired", w.paired, "lpnh", "A8", "ronh", "F7",
			 "policy", json_loads(w.policy, 0, NULL));
}

static bool ask(void *ctx, const char *question, char *to, size_t size)
{
	struct err e = ERR_INIT;

	(void)ctx;
	ASSERT_OK(buf_printf(&w.out, &e, "%s\n", question), &e);
	if (!w.answers || !*w.answers)
		return false;
	snprintf(to, size, "%s", *w.answers++);
	return true;
}

/* The fields of w that are not set here are the case's; then start(). */
static void world_init(void)
{
	memset(&w, 0, sizeof(w));
	w.other = "Data";
	w.mounted = "/";
	w.policy = "{}";
}

static void start(void)
{
	const struct volume_row list[] = {
		{.device = "disk3s1",
		 .role = "System",
		 .group = GROUP,
		 .mount_point = w.mounted,
		 .filevault = w.filevault},
		{.device = "disk3s5", .role = w.other, .group = OTHER},
	};

	volumes_write(list, 2, w.volumes, sizeof(w.volumes));
	w.kernel.answer = answer;
	fake_kernel_start(&w.kernel);
	w.env = (struct bputil_env){.volumes = w.volumes,
				    .kernel = w.kernel.socket,
				    .apple_silicon = true,
				    .root = true,
				    .ask = ask};
}

static void run(int want_status, const char *command)
{
	char line[400], *words[24], *save = NULL, name[] = "bputil";
	struct err e = ERR_INIT;
	int n = 1;

	words[0] = name;
	snprintf(line, sizeof(line), "%s", command);
	for (char *p = strtok_r(line, " ", &save); p; p = strtok_r(NULL, " ", &save))
		words[n++] = p;
	words[n] = NULL;
	buf_clear(&w.out);
	buf_clear(&w.err_out);
	ASSERT_OK(bputil_run(&w.env, n, words, &w.out, &w.err_out, &w.status, &e), &e);
	CU_ASSERT_EQUAL(w.status, want_status);
}

static void says(const char *text)
{
	CU_ASSERT_STRING_EQUAL(buf_str(&w.out), text);
}

static void complains(const char *part)
{
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&w.err_out), part));
}

static void kernel_was_asked(const char *want)
{
	fake_kernel_stop(&w.kernel);
	CU_ASSERT_STRING_EQUAL(buf_str(&w.kernel.asked), want);
	fake_kernel_release(&w.kernel);
	buf_release(&w.out);
	buf_release(&w.err_out);
}

/* ---- the print ---- */

/* The layout of public prints: kolide/launcher's example of macOS 12.0.1. */
static void prints_full_security(void)
{
	world_init();
	w.policy =
		"{\"ECID\":\"0x1D68A\",\"BORD\":\"0x24\",\"CHIP\":\"0x8103\",\"CEPO\":"
		"\"0x1\",\"SDOM\":\"0x1\",\"CPRO\":\"true\",\"CSEC\":\"true\",\"love\":"
		"\"21.1.559.0.0,0\",\"vuid\":\"V\",\"kuid\":\"K\",\"lpnh\":\"A8\","
		"\"rpnh\":"
		"\"FA\",\"nsih\":\"19\"}";
	start();
	run(0, "-d");
	says("Local policy for volume group " GROUP ":\n"
	     "OS environment:\n"
	     "OS Type                                       : macOS\n"
	     "OS Pairing Status                             : Not Paired\n"
	     "Local Policy Nonce Hash                 (lpnh): A8\n"
	     "Remote Policy Nonce Hash                (rpnh): absent\n"
	     "Recovery OS Policy Nonce Hash           (ronh): F7\n"
	     "\n"
	     "Local policy:\n"
	     "Pairing Integrity                             : Valid\n"
	     "Signature Type                                : BAA\n"
	     "Unique Chip ID                          (ECID): 0x1D68A\n"
	     "Board ID                                (BORD): 0x24\n"
	     "Chip ID                                 (CHIP): 0x8103\n"
	     "Certificate Epoch                       (CEPO): 0x1\n"
	     "Security Domain                         (SDOM): 0x1\n"
	     "Production Status                       (CPRO): 1\n"
	     "Security Mode                           (CSEC): 1\n"
	     "OS Version                              (love): 21.1.559.0.0,0\n"
	     "Volume Group UUID                       (vuid): V\n"
	     "KEK Group UUID                          (kuid): K\n"
	     "Local Policy Nonce Hash                 (lpnh): A8\n"
	     "Remote Policy Nonce Hash                (rpnh): FA\n"
	     "Next Stage Image4 Hash                  (nsih): 19\n"
	     "User Authorized Kext List Hash          (auxp): absent\n"
	     "Auxiliary Kernel Cache Image4 Hash      (auxi): absent\n"
	     "Kext Receipt Hash                       (auxr): absent\n"
	     "CustomKC or fuOS Image4 Hash            (coih): absent\n"
	     "Security Mode:               Full       (smb0): absent\n"
	     "3rd Party Kexts Status:      Disabled   (smb2): absent\n"
	     "User-allowed MDM Control:    Disabled   (smb3): absent\n"
	     "DEP-allowed MDM Control:     Disabled   (smb4): absent\n"
	     "SIP Status:                  Enabled    (sip0): absent\n"
	     "Signed System Volume Status: Enabled    (sip1): absent\n"
	     "Kernel CTRR Status:          Enabled    (sip2): absent\n"
	     "Boot Args Filtering Status:  Enabled    (sip3): absent\n");
	kernel_was_asked("{\"group\":\"" GROUP "\",\"op\":\"policy\"}\n");
}

static void shows(const char *line)
{
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&w.out), line));
}

static void prints_what_was_granted(void)
{
	world_init();
	w.environment = SEP_1TR;
	w.paired = true;
	w.policy =
		"{\"smb0\":\"true\",\"smb1\":\"true\",\"smb2\":\"true\",\"sip0\":"
		"\"0x7F\","
		"\"sip1\":\"true\",\"sip2\":\"true\",\"lobo\":\"true\",\"spih\":\"82\","
		"\"stng\":\"0x17\"}";
	start();
	run(0, "--display-policy --vuid " GROUP);
	shows("OS Type                                       : one true recoveryOS\n");
	shows("OS Pairing Status                             : Paired\n");
	shows("Local Boot                              (lobo): 1\n");
	shows("Cryptex1 Image4 Hash                    (spih): 82\n");
	shows("Cryptex1 Generation                     (stng): 23\n");
	shows("Security Mode:               Permissive (smb0 && smb1): 1\n");
	shows("3rd Party Kexts Status:      Enabled    (smb2): 1\n");
	shows("SIP Status:                  Disabled   (sip0): 0x7F\n");
	shows("Signed System Volume Status: Disabled   (sip1): 1\n");
	shows("Kernel CTRR Status:          Disabled   (sip2): 1\n");
	shows("Boot Args Filtering Status:  Enabled    (sip3): absent\n");
	w.policy = "{\"smb0\":\"true\",\"sip0\":\"0x2\"}";
	run(0, "-d");
	shows("Security Mode:               Reduced    (smb0): 1\n");
	shows("SIP Status:                  Custom     (sip0): 0x2\n");
	kernel_was_asked("{\"group\":\"" GROUP "\",\"op\":\"policy\"}\n"
			 "{\"group\":\"" GROUP "\",\"op\":\"policy\"}\n");
}

/* ---- which system ---- */

#define READ(g) "{\"group\":\"" g "\",\"op\":\"policy\"}\n"

static void one_of_several_systems(void)
{
	static const char *const second[] = {"2", NULL}, *const third[] = {"3", NULL};

	world_init();
	w.other = "System";
	start();
	run(0, "-d"); /* the one that runs */
	run(0, "-d -v 8462458f-944e-4f6a-9a5d-000000000001");
	run(0, "-e");
	shows("\n\nLocal policy for volume group " OTHER ":\n");
	run(1, "-d -v 00000000-0000-0000-0000-000000000000");
	complains("no such macOS installation");
	kernel_was_asked(READ(GROUP) READ(OTHER) READ(GROUP) READ(OTHER));

	world_init();
	w.other = "System";
	w.mounted = ""; /* in Recovery none of them runs */
	w.answers = second;
	start();
	run(0, "-d");
	shows("This computer has several macOS installations:\n"
	      "1: " GROUP "\n2: " OTHER "\nPick a macOS installation (1..2): \n");
	w.answers = third;
	run(1, "-d");
	run(1, "-d"); /* no answer */
	kernel_was_asked(READ(OTHER));

	world_init();
	w.mounted = "";
	start();
	run(0, "-d"); /* there is but one */
	kernel_was_asked(READ(GROUP));
}

static void no_policy(void)
{
	world_init();
	w.policy = NULL;
	start();
	run(1, "-d");
	says("");
	complains("Failed to obtain values from the current local policy: No such file");
	kernel_was_asked(READ(GROUP));
}

/* ---- changing ---- */

#define CHANGE(members, set)                                                             \
	"{\"group\":\"" GROUP "\"," members                                              \
	"\"op\":\"policy_update\",\"password\":\"pw\","                                  \
	"\"set\":" set ",\"user\":\"alice\"}\n"

static void what_is_asked_for_each_option(void)
{
	static const struct {
		const char *options, *asked;
	} rows[] = {
		{"-f", CHANGE("\"level\":\"Full\",", "{}")},
		{"-g", CHANGE("\"level\":\"Reduced\",", "{}")},
		{"-n", CHANGE("\"level\":\"Permissive\",", "{}")},
		{"-k", CHANGE("", "{\"smb0\":true,\"smb2\":true}")},
		{"-m", CHANGE("", "{\"smb0\":true,\"smb3\":true}")},
		{"-c", CHANGE("", "{\"sip2\":true,\"smb0\":true,\"smb1\":true}")},
		{"-a", CHANGE("", "{\"sip3\":true,\"smb0\":true,\"smb1\":true}")},
		{"-s", CHANGE("", "{\"sip1\":true,\"smb0\":true,\"smb1\":true}")},
		{"-nkc",
		 CHANGE("\"level\":\"Permissive\",",
			"{\"sip2\":true,\"smb0\":true,\"smb1\":true,\"smb2\":true}")},
		{"--reduced-security --enable-kexts",
		 CHANGE("\"level\":\"Reduced\",", "{\"smb0\":true,\"smb2\":true}")},
	};
	char line[200];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		world_init();
		start();
		snprintf(line, sizeof(line), "%s -u alice -p pw -l", rows[i].options);
		run(0, line);
		says(UPDATING);
		kernel_was_asked(rows[i].asked);
	}
}

static void asks_for_the_owner(void)
{
	static const char *const both[] = {"alice", "pw", NULL}, *const one[] = {"pw",
										 NULL};

	world_init();
	w.answers = both;
	start();
	run(0, "-f");
	says("Enter a username of an authorized user: \n"
	     "Please enter password for user alice: \n" UPDATING);
	w.answers = one;
	run(0, "-f -u alice");
	run(1, "-f");
	complains("no credentials");
	kernel_was_asked(CHANGE("\"level\":\"Full\",", "{}")
				 CHANGE("\"level\":\"Full\",", "{}"));
}

/* Texts of public reports: asahi-installer #50, #401. */
static void refusals_of_the_kernel(void)
{
	world_init();
	start();
	w.errno_of_update = EPERM;
	w.sep = SEP_ERR_PAIRING;
	run(1, "-n -u alice -p pw");
	complains("Boot objects update failed for /: Error Domain=BYErrorDomain Code=401 "
		  "\"Failed to create local policy\" "
		  "UserInfo={NSLocalizedDescription=Failed "
		  "to create local policy, NSUnderlyingError=0x");
	complains(" {Error Domain=com.apple.bootpolicy Code=17 \"pairing (17)\" "
		  "UserInfo={NSLocalizedDescription=pairing (17)}}}\n");
	w.sep = SEP_ERR_MODE;
	run(1, "-k -u alice -p pw");
	complains("Code=11 \"AP boot mode (11)\"");
	w.sep = 0;
	w.errno_of_update = EACCES;
	run(1, "-f -u alice -p pw");
	complains(
		"bputil: failed to set credential: Error "
		"Domain=com.apple.LocalAuthentication Code=-1 \"Password rejected (3)\"");
	w.errno_of_update = EINVAL;
	run(1, "-f -u alice -p pw");
	complains("bputil: Invalid argument");
	kernel_was_asked(CHANGE("\"level\":\"Permissive\",", "{}")
				 CHANGE("", "{\"smb0\":true,\"smb2\":true}")
					 CHANGE("\"level\":\"Full\",", "{}")
						 CHANGE("\"level\":\"Full\",", "{}"));
}

static void refused_before_the_kernel_is_asked(void)
{
	static const struct {
		const char *command, *says;
	} rows[] = {
		{"", "usage: bputil"},
		{"-x", "usage: bputil"},
		{"-f more", "usage: bputil"},
		{"-d -f", "usage: bputil"},
		{"-g -n", "usage: bputil"},
		{"-v", "usage: bputil"},
		{"-u alice", "usage: bputil"},
		{"-f -k", "Full Security cannot be combined"},
		{"-g -p pw", "without a username"},
		{"-s -u alice -p pw",
		 "SSV cannot be disabled while FileVault is enabled"},
		{"-ns -u alice -p pw",
		 "SSV cannot be disabled while FileVault is enabled"},
	};

	world_init();
	w.filevault = true;
	start();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		run(1, rows[i].command);
		complains(rows[i].says);
	}
	w.env.root = false;
	run(1, "-d");
	complains("The tool requires running as root\n");
	w.env.apple_silicon = false;
	run(1, "-d");
	complains("bputil is not yet supported on this platform.\n");
	kernel_was_asked("");
}

TEST_MAIN("bputil", {"prints full security", prints_full_security},
	  {"prints what was granted", prints_what_was_granted},
	  {"one of several systems", one_of_several_systems}, {"no policy", no_policy},
	  {"what is asked for each option", what_is_asked_for_each_option},
	  {"asks for the owner", asks_for_the_owner},
	  {"refusals of the kernel", refusals_of_the_kernel},
	  {"refused before the kernel is asked", refused_before_the_kernel_is_asked})
