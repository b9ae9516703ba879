/* SPDX-License-Identifier: MIT */
/* The policy's events in words. */
#include <stdio.h>
#include <string.h>

#include "sim/base/test.h"
#include "sim/carrier/sip/event_text.h"

static void every_operation_has_its_own_name(void)
{
	for (__u32 i = 0; i < SIP_OP_MAX; i++) {
		CU_ASSERT_PTR_NOT_NULL_FATAL(sip_op_name(i));
		for (__u32 j = 0; j < i; j++)
			CU_ASSERT_STRING_NOT_EQUAL(sip_op_name(i), sip_op_name(j));
	}
	CU_ASSERT_STRING_EQUAL(sip_op_name(SIP_OP_MAX), "unknown");
	CU_ASSERT_STRING_EQUAL(sip_op_name(~0u), "unknown");
}

static void path_is_put_together(void)
{
	struct sip_event ev = {.n_names = 2, .names = {"Apple", "Library"}};
	char out[64];

	sip_event_path(&ev, out, sizeof(out));
	CU_ASSERT_STRING_EQUAL(out, "/Library/Apple");
	ev.n_names = 0;
	sip_event_path(&ev, out, sizeof(out));
	CU_ASSERT_STRING_EQUAL(out, "");
}

static void long_path_is_cut_in_front(void)
{
	struct sip_event ev = {.n_names = ~0u};
	char out[2048], small[8];

	for (int i = 0; i < SIP_NAMES_MAX; i++)
		memset(ev.names[i], 'a' + i, SIP_NAME_MAX); /* no NUL */
	sip_event_path(&ev, out, sizeof(out));
	CU_ASSERT_EQUAL(strlen(out), 3 + SIP_NAMES_MAX * SIP_NAME_MAX);
	CU_ASSERT_EQUAL(strncmp(out, ".../ppp", 7), 0);
	sip_event_path(&ev, small, sizeof(small));
	CU_ASSERT_STRING_EQUAL(small, ".../ppp");
	sip_event_path(&ev, small, 0);
	CU_ASSERT_STRING_EQUAL(small, ".../ppp");
}

TEST_MAIN("sip-events",
	  {"every operation has its own name", every_operation_has_its_own_name},
	  {"a path is put together", path_is_put_together},
	  {"a long path is cut in front", long_path_is_cut_in_front})
