/* SPDX-License-Identifier: MIT */
/* The unified log: one order, stamps of a clock that is set back once. */
#include <stdlib.h>
#include <string.h>

#include "components/boot/klog.h"
#include "sim/base/clock.h"
#include "sim/base/test.h"

static struct err e;
static struct buf shown = BUF_INIT;
static uint64_t seqs[1024];
static double stamps[1024];
static size_t n;

static void sink(void *arg, const struct klog_record *r)
{
	(void)arg;
	seqs[n] = r->seq;
	stamps[n] = atof(r->stamp);
	n++;
	ASSERT_OK(klog_line(r, &shown, &e), &e);
}

static void start(struct klog *k, int64_t ahead_ns)
{
	n = 0;
	buf_clear(&shown);
	klog_init(k, clock_ns(), ahead_ns, sink, NULL);
}

static void waits_for_the_flush(void)
{
	static struct klog k;

	start(&k, 0);
	klog(&k, "", "kprintf initialized");
	CU_ASSERT_EQUAL(n, 0);
	klog_flush(&k);
	klog_flush(&k);
	CU_ASSERT_EQUAL(n, 1);
	klog_release(&k);
}

static void order_is_of_arrival(void)
{
	static struct klog k;

	start(&k, 0);
	klog(&k, "", "first");
	klog_from(&k, "kernelmanagerd", "", "second", clock_ns() - NS_PER_S);
	klog(&k, "apfs", "third");
	klog_flush(&k);
	CU_ASSERT_EQUAL(n, 3);
	CU_ASSERT(seqs[0] == 1 && seqs[1] == 2 && seqs[2] == 3);
	CU_ASSERT(stamps[1] < stamps[0]);
	klog_release(&k);
}

static void clock_is_set_back_once(void)
{
	static struct klog k;

	start(&k, 2 * NS_PER_S);
	klog(&k, "", "before");
	klog_clock_adjusted(&k);
	klog_from(&k, "kernelmanagerd", "", "after", clock_ns());
	klog_clock_adjusted(&k);
	klog_flush(&k);
	CU_ASSERT_EQUAL(n, 3);
	CU_ASSERT(stamps[0] >= 2.0 && stamps[2] < 2.0);
	CU_ASSERT(seqs[0] < seqs[2]);
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&shown), "=== system wallclock"));
	klog_release(&k);
}

static void clock_that_is_right_is_left_alone(void)
{
	static struct klog k;

	start(&k, 0);
	klog_clock_adjusted(&k);
	klog_flush(&k);
	CU_ASSERT_EQUAL(n, 0);
	klog_release(&k);
}

/* The time between two records is that of the work between them. */
static void records_cost_microseconds(void)
{
	static struct klog k;
	int64_t t = clock_ns();

	start(&k, 0);
	for (int i = 0; i < 100; i++)
		klog(&k, "apfs", "disk3s1 record %d", i);
	t = clock_ns() - t;
	CU_ASSERT_EQUAL(n, 0);
	CU_ASSERT(t < 100 * NS_PER_MS);
	klog_flush(&k);
	CU_ASSERT_EQUAL(n, 100);
	klog_release(&k);
}

static void more_than_fits_is_flushed(void)
{
	static struct klog k;

	start(&k, 0);
	for (int i = 0; i < KLOG_PENDING_MAX + 1; i++)
		klog(&k, "", "x");
	CU_ASSERT_EQUAL(n, KLOG_PENDING_MAX);
	klog_flush(&k);
	CU_ASSERT_EQUAL(n, KLOG_PENDING_MAX + 1);
	CU_ASSERT_EQUAL(seqs[n - 1], KLOG_PENDING_MAX + 1);
	klog_release(&k);
}

static const char *line(const char *stamp, const char *process, const char *sender,
			const char *message)
{
	struct klog_record r = {.process = process, .sender = sender, .message = message};

	strcpy(r.stamp, stamp);
	buf_clear(&shown);
	ASSERT_OK(klog_line(&r, &shown, &e), &e);
	return buf_str(&shown);
}

static void lines_are_those_of_the_article(void)
{
	CU_ASSERT_STRING_EQUAL(line("08.289794", "", "", "=== system boot: X"),
			       "08.289794 === system boot: X\n");
	CU_ASSERT_STRING_EQUAL(line("13.742101", "kernel", "", "kprintf initialized"),
			       "13.742101 kprintf initialized\n");
	CU_ASSERT_STRING_EQUAL(line("14.779543", "kernel", "apfs", "apfs_module_start"),
			       "14.779543 apfs apfs_module_start\n");
	CU_ASSERT_STRING_EQUAL(line("13.642280", "kernelmanagerd", "", "Starting"),
			       "13.642280 kernelmanagerd Starting\n");
	CU_ASSERT_STRING_EQUAL(line("1.0", "kernelmanagerd", "", "in:\n/Library"),
			       "1.0 kernelmanagerd in:\n/Library\n");
}

/* What a program says must not move the terminal's cursor. */
static void control_characters_are_shown(void)
{
	CU_ASSERT_STRING_EQUAL(line("1.0", "x", "", "a\033[2Jb\x7f"), "1.0 x a?[2Jb?\n");
}

static void stamps_have_two_digits_and_microseconds(void)
{
	static struct klog k;

	start(&k, 0);
	k.power_on_ns -= 8 * NS_PER_S;
	klog(&k, "", "x");
	k.power_on_ns += 10 * NS_PER_S;
	klog(&k, "", "y");
	klog_flush(&k);
	CU_ASSERT_EQUAL(strncmp(buf_str(&shown), "08.0", 4), 0);
	CU_ASSERT_EQUAL(buf_str(&shown)[9], ' ');
	CU_ASSERT(stamps[1] < -1.0 && stamps[1] > -3.0);
	klog_release(&k);
}

TEST_MAIN("klog", {"records wait for the flush", waits_for_the_flush},
	  {"the order is that of arrival, whatever the stamps", order_is_of_arrival},
	  {"the clock is set back once", clock_is_set_back_once},
	  {"a clock that is right is left alone", clock_that_is_right_is_left_alone},
	  {"records cost microseconds until they are flushed", records_cost_microseconds},
	  {"more than fits is flushed", more_than_fits_is_flushed},
	  {"lines are those of the article", lines_are_those_of_the_article},
	  {"control characters are shown", control_characters_are_shown},
	  {"stamps have two digits and microseconds",
	   stamps_have_two_digits_and_microseconds})
