/* SPDX-License-Identifier: MIT */
/* kextd from change to update, its locks, and how they hold up a reboot. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "components/common/os_return.h"
#include "components/kextd/protocol.h"
#include "components/kextd/test/kextd_fixture.h"
#include "components/kextd/volume.h"
#include "sim/base/test.h"

#define LOCK_VOLUME KEXTD_OP_LOCK_VOLUME
#define LOCK_REBOOT KEXTD_OP_LOCK_REBOOT

#define SOON_MS	 5000
#define A_LITTLE 50  /* ms, in which nothing is to happen */
#define AT_ONCE	 0.0 /* no blind time, no settling */
#define MAC_TIME 1.0 /* the blind time lasts 5 minutes */

#define NEEDS_ROOT                                                                       \
	do {                                                                             \
		if (geteuid() != 0)                                                      \
			TEST_SKIP("needs root");                                         \
	} while (0)

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/*
 * Changes every 10 ms for 150 ms, where 50 ms are quiet enough; returns how often kextd
 * has started kextcache by the last of them. *quick is false when this process did not
 * get the processor for so long that kextd could take it for quiet.
 */
static int keep_changing(struct kextd_fixture *f, bool *quick)
{
	int64_t last = now_ms();
	int attempts = 0;

	*quick = true;
	for (int i = 0; i < 15; i++) {
		int64_t start = now_ms();

		kextd_fixture_touch(f);
		/* kextd takes what has changed into account before it answers. */
		attempts = kextd_fixture_count(f, "attempts");
		*quick = *quick && now_ms() - last < 50;
		last = start;
		usleep(10000);
	}
	return attempts;
}

static void waits_for_boot_and_for_quiet(void)
{
	struct kextd_fixture f;
	bool quick = false;

	NEEDS_ROOT;
	kextd_fixture_start(&f, 0.01); /* 3 s blind, 50 ms to settle */
	CU_ASSERT_FALSE(kextd_fixture_is(&f, "boot_complete"));
	kextd_fixture_touch(&f);
	CU_ASSERT_TRUE(kextd_fixture_is(&f, "idle"));
	CU_ASSERT_TRUE(kextd_fixture_said(&f, "/root' until boot is complete"));
	CU_ASSERT_TRUE(kextd_fixture_becomes(&f, "boot_complete"));
	/* What was ignored is not made up for. */
	CU_ASSERT_EQUAL(kextd_fixture_runs(&f), 0);
	for (int attempt = 0; attempt < 10 && !quick; attempt++) {
		int before = kextd_fixture_count(&f, "attempts");
		int during = keep_changing(&f, &quick);

		CU_ASSERT_TRUE(kextd_fixture_becomes(&f, "idle"));
		if (!quick)
			continue;
		CU_ASSERT_EQUAL(during, before);
		CU_ASSERT_EQUAL(kextd_fixture_count(&f, "attempts"), before + 1);
	}
	CU_ASSERT_TRUE(kextd_fixture_said(&f, "exited with status 0"));
	kextd_fixture_stop(&f);
	if (!quick)
		TEST_SKIP("this machine is too busy for a wait of 50 ms");
}

static void counts_contents_of_a_kext_for_nothing(void)
{
	struct kextd_fixture f;

	NEEDS_ROOT;
	kextd_fixture_start(&f, AT_ONCE);
	CU_ASSERT_EQUAL(
	    test_shell("echo new > %s/System/Library/Extensions/A.kext/Info.plist",
		       f.root),
	    0);
	CU_ASSERT_TRUE(kextd_fixture_is(&f, "idle"));
	CU_ASSERT_EQUAL(kextd_fixture_runs(&f), 0);
	CU_ASSERT_EQUAL(test_shell("mkdir %s/System/Library/Extensions/B.kext", f.root),
			0);
	CU_ASSERT_TRUE(kextd_fixture_becomes(&f, "idle"));
	CU_ASSERT_EQUAL(kextd_fixture_runs(&f), 1);
	kextd_fixture_stop(&f);
}

static void lets_one_update_a_volume(void)
{
	struct kextd_fixture f;
	int a, b;

	NEEDS_ROOT;
	kextd_fixture_start(&f, MAC_TIME);
	a = kextd_fixture_connect(&f);
	b = kextd_fixture_connect(&f);
	CU_ASSERT_EQUAL(kextd_fixture_call(&f, a, LOCK_VOLUME), 0);
	CU_ASSERT_FALSE(kextd_fixture_is(&f, "idle"));
	CU_ASSERT_EQUAL(kextd_fixture_call(&f, b, LOCK_VOLUME), EBUSY);
	CU_ASSERT_EQUAL(kextd_fixture_unlock(&f, b, 0), EPERM);
	kextd_fixture_ask(&f, b, LOCK_VOLUME, true);
	CU_ASSERT_EQUAL(kextd_fixture_answer(b, A_LITTLE), -1);
	CU_ASSERT_EQUAL(kextd_fixture_unlock(&f, a, 0), 0);
	CU_ASSERT_EQUAL(kextd_fixture_answer(b, SOON_MS), 0);
	CU_ASSERT_EQUAL(kextd_fixture_call(&f, a, LOCK_VOLUME), EBUSY);
	CU_ASSERT_EQUAL(kextd_fixture_unlock(&f, b, 0), 0);
	CU_ASSERT_TRUE(kextd_fixture_is(&f, "idle"));
	CU_ASSERT_EQUAL(kextd_fixture_call(&f, a, "nonsense"), EINVAL);
	close(a);
	close(b);
	kextd_fixture_stop(&f);
}

static void drops_the_lock_of_the_dead(void)
{
	struct kextd_fixture f;
	int a, b;

	NEEDS_ROOT;
	kextd_fixture_start(&f, MAC_TIME);
	a = kextd_fixture_connect(&f);
	b = kextd_fixture_connect(&f);
	CU_ASSERT_EQUAL(kextd_fixture_call(&f, a, LOCK_VOLUME), 0);
	kextd_fixture_ask(&f, b, LOCK_VOLUME, true);
	CU_ASSERT_EQUAL(kextd_fixture_answer(b, A_LITTLE), -1);
	close(a);
	CU_ASSERT_EQUAL(kextd_fixture_answer(b, SOON_MS), 0);
	CU_ASSERT_TRUE(kextd_fixture_said(&f, "exited without unlocking '"));
	CU_ASSERT_EQUAL(kextd_fixture_count(&f, "failures"), 1);
	close(b);
	kextd_fixture_stop(&f);
}

static void forgets_a_volume_that_went(void)
{
	struct kextd_fixture f;
	int a, b;

	NEEDS_ROOT;
	kextd_fixture_start(&f, MAC_TIME);
	a = kextd_fixture_connect(&f);
	b = kextd_fixture_connect(&f);
	CU_ASSERT_EQUAL(kextd_fixture_call(&f, a, LOCK_VOLUME), 0);
	kextd_fixture_ask(&f, b, LOCK_VOLUME, true);
	kextd_fixture_mount(&f, false);
	CU_ASSERT_EQUAL(kextd_fixture_answer(b, SOON_MS), ENOENT);
	CU_ASSERT_EQUAL(kextd_fixture_call(&f, b, LOCK_VOLUME), ENOENT);
	CU_ASSERT_EQUAL(kextd_fixture_unlock(&f, a, 0), EPERM);
	kextd_fixture_mount(&f, true);
	CU_ASSERT_EQUAL(kextd_fixture_call(&f, b, LOCK_VOLUME), 0);
	close(a);
	close(b);
	kextd_fixture_stop(&f);
}

static void updates_before_a_reboot(void)
{
	struct kextd_fixture f;
	int a, b, late;

	NEEDS_ROOT;
	kextd_fixture_start(&f, MAC_TIME);
	kextd_fixture_make_slow(&f);
	kextd_fixture_touch(&f);
	CU_ASSERT_TRUE(kextd_fixture_is(&f, "idle")); /* it is blind */
	a = kextd_fixture_connect(&f);
	b = kextd_fixture_connect(&f);
	late = kextd_fixture_connect(&f);
	CU_ASSERT_EQUAL(kextd_fixture_call(&f, a, LOCK_REBOOT), EBUSY);
	CU_ASSERT_TRUE(kextd_fixture_said(&f, "/root' updating, delaying reboot."));
	kextd_fixture_ask(&f, a, LOCK_REBOOT, true);
	CU_ASSERT_EQUAL(kextd_fixture_answer(a, A_LITTLE), -1);
	kextd_fixture_ask(&f, b, LOCK_REBOOT, true);
	kextd_fixture_let_finish(&f);
	CU_ASSERT_EQUAL(kextd_fixture_answer(a, SOON_MS), 0);
	CU_ASSERT_EQUAL(kextd_fixture_answer(b, SOON_MS), EALREADY);
	CU_ASSERT_EQUAL(kextd_fixture_runs(&f), 1);
	CU_ASSERT_TRUE(kextd_fixture_is(&f, "reboot"));

	CU_ASSERT_EQUAL(kextd_fixture_call(&f, late, LOCK_REBOOT), EALREADY);
	CU_ASSERT_EQUAL(kextd_fixture_call(&f, late, LOCK_VOLUME), ENOLCK);
	CU_ASSERT_TRUE(
	    kextd_fixture_said(&f, "reboot in progress -> denying volume lock request"));
	/* A reboot that was called off. */
	close(a);
	CU_ASSERT_FALSE(kextd_fixture_is(&f, "reboot"));
	CU_ASSERT_EQUAL(kextd_fixture_call(&f, late, LOCK_VOLUME), 0);
	close(b);
	close(late);
	kextd_fixture_stop(&f);
}

static void reboot_waits_for_the_owner_of_a_lock(void)
{
	struct kextd_fixture f;
	int owner, waiter, reboot;

	NEEDS_ROOT;
	kextd_fixture_start(&f, MAC_TIME);
	owner = kextd_fixture_connect(&f);
	waiter = kextd_fixture_connect(&f);
	reboot = kextd_fixture_connect(&f);
	CU_ASSERT_EQUAL(kextd_fixture_call(&f, owner, LOCK_VOLUME), 0);
	kextd_fixture_ask(&f, reboot, LOCK_REBOOT, true);
	kextd_fixture_ask(&f, waiter, LOCK_VOLUME, true);
	CU_ASSERT_EQUAL(kextd_fixture_answer(reboot, A_LITTLE), -1);
	/* Who asked for the volume gets it first; the reboot waits for both. */
	CU_ASSERT_EQUAL(kextd_fixture_unlock(&f, owner, 0), 0);
	CU_ASSERT_EQUAL(kextd_fixture_answer(waiter, SOON_MS), 0);
	CU_ASSERT_EQUAL(kextd_fixture_answer(reboot, A_LITTLE), -1);
	close(waiter);
	CU_ASSERT_EQUAL(kextd_fixture_answer(reboot, SOON_MS), 0);
	close(owner);
	close(reboot);
	kextd_fixture_stop(&f);
}

static void reboot_is_for_root(void)
{
	struct kextd_fixture f;
	int fd;

	NEEDS_ROOT;
	kextd_fixture_start(&f, MAC_TIME);
	CU_ASSERT_EQUAL(
	    test_shell("chmod 711 %s %s && chmod 666 %s", test_tmpdir(), f.dir, f.socket),
	    0);
	CU_ASSERT_EQUAL_FATAL(seteuid(65534), 0);
	fd = kextd_fixture_connect(&f);
	CU_ASSERT_EQUAL_FATAL(seteuid(0), 0);
	CU_ASSERT_EQUAL(kextd_fixture_call(&f, fd, LOCK_REBOOT), EPERM);
	close(fd);
	kextd_fixture_stop(&f);
}

static void gives_up_after_failures(void)
{
	struct kextd_fixture f;
	int fd;

	NEEDS_ROOT;
	kextd_fixture_start(&f, AT_ONCE);
	fd = kextd_fixture_connect(&f);
	for (int i = 0; i < KEXTD_MAX_FAILURES; i++) {
		CU_ASSERT_EQUAL(kextd_fixture_count(&f, "failures"), i);
		CU_ASSERT_EQUAL(kextd_fixture_call(&f, fd, LOCK_VOLUME), 0);
		CU_ASSERT_EQUAL(kextd_fixture_unlock(&f, fd, 71), 0);
	}
	CU_ASSERT_TRUE(kextd_fixture_said(&f, "/root (error count: 5)"));
	kextd_fixture_touch(&f);
	CU_ASSERT_TRUE(kextd_fixture_said(&f, "giving up; volume has hit max failures"));
	CU_ASSERT_EQUAL(kextd_fixture_runs(&f), 0);
	/* Neither is a reboot held up. */
	CU_ASSERT_EQUAL(kextd_fixture_call(&f, fd, LOCK_REBOOT), 0);
	CU_ASSERT_TRUE(kextd_fixture_said(&f, "has failed to update 5 times"));
	close(fd);
	kextd_fixture_stop(&f);
}

static void a_success_makes_up_for_failures(void)
{
	struct kextd_fixture f;
	int fd;

	NEEDS_ROOT;
	kextd_fixture_start(&f, MAC_TIME);
	fd = kextd_fixture_connect(&f);
	for (int i = 0; i < KEXTD_MAX_FAILURES; i++) {
		CU_ASSERT_EQUAL(kextd_fixture_call(&f, fd, LOCK_VOLUME), 0);
		CU_ASSERT_EQUAL(kextd_fixture_unlock(&f, fd, i + 1 < KEXTD_MAX_FAILURES),
				0);
	}
	CU_ASSERT_EQUAL(kextd_fixture_count(&f, "failures"), 0);
	close(fd);
	kextd_fixture_stop(&f);
}

/* A kextcache that changes nothing, and does not even report it, cannot hold up a reboot
 * for ever. */
static void gives_up_after_attempts(void)
{
	struct kextd_fixture f;
	int fd;

	NEEDS_ROOT;
	kextd_fixture_start(&f, MAC_TIME);
	kextd_fixture_make_useless(&f);
	kextd_fixture_touch(&f);
	fd = kextd_fixture_connect(&f);
	kextd_fixture_ask(&f, fd, LOCK_REBOOT, true);
	CU_ASSERT_EQUAL(kextd_fixture_answer(fd, SOON_MS), 0);
	CU_ASSERT_EQUAL(kextd_fixture_runs(&f), KEXTD_MAX_ATTEMPTS);
	CU_ASSERT_EQUAL(kextd_fixture_count(&f, "attempts"), KEXTD_MAX_ATTEMPTS);
	close(fd);
	kextd_fixture_stop(&f);
}

/* What becomes of it is for components/kextload/test: here is who asks, and the answer. */
static void loads_for_others(void)
{
	struct kextd_fixture f;

	NEEDS_ROOT;
	kextd_fixture_start(&f, MAC_TIME);
	CU_ASSERT_EQUAL(kextd_fixture_load(&f, "None.kext"), KEXT_RET_INVALID_ARGUMENT);
	CU_ASSERT_TRUE(kextd_fixture_said(
	    &f, "Error: Request from 'test_kextd' (euid 0) to load kext with relative path."));
	CU_ASSERT_EQUAL(kextd_fixture_load(&f, "/nonexistent/None.kext"), KEXT_RET_NOT_FOUND);
	CU_ASSERT_TRUE(kextd_fixture_said(
	    &f, "Error: Kext /nonexistent/None.kext - not found/unable to create."));
	kextd_fixture_stop(&f);
}

TEST_MAIN("kextd", {"waits for boot and for quiet", waits_for_boot_and_for_quiet},
	  {"contents of a kext count for nothing", counts_contents_of_a_kext_for_nothing},
	  {"lets one update a volume", lets_one_update_a_volume},
	  {"drops the lock of the dead", drops_the_lock_of_the_dead},
	  {"forgets a volume that went", forgets_a_volume_that_went},
	  {"updates before a reboot", updates_before_a_reboot},
	  {"reboot waits for the owner of a lock", reboot_waits_for_the_owner_of_a_lock},
	  {"reboot is for root", reboot_is_for_root},
	  {"gives up after failures", gives_up_after_failures},
	  {"a success makes up for failures", a_success_makes_up_for_failures},
	  {"gives up after attempts", gives_up_after_attempts},
	  {"loads for others", loads_for_others})
