/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "components/common/test/mac_folder.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "sim/base/bytes.h"
#include "sim/base/fsio.h"
#include "sim/base/test.h"

char mac_folder_said[8192];

static char root[512], csr[512];

static void take(void *arg, enum clog_level level, const char *text)
{
	size_t n = strlen(mac_folder_said);

	(void)arg;
	(void)level;
	snprintf(mac_folder_said + n, sizeof(mac_folder_said) - n, "%s\n", text);
}

const struct component_log mac_folder_log = {.line = take, .max = CLOG_DEBUG};

void mac_folder_fresh(void)
{
	struct err e = ERR_INIT;

	snprintf(root, sizeof(root), "%s/root", test_tmpdir());
	snprintf(csr, sizeof(csr), "%s/csr", test_tmpdir());
	ASSERT_OK(fsio_remove_tree(root, &e), &e);
	ASSERT_OK(fsio_mkdirs(root, 0755, &e), &e);
	mac_folder_set_csr(0);
	mac_folder_said[0] = '\0';
}

const char *mac_folder_root(void)
{
	return root;
}

const char *mac_folder_csr(void)
{
	return csr;
}

const char *mac_folder_at(const char *rel)
{
	static char path[8][1024];
	static unsigned turn;
	char *p = path[turn++ % 8];

	snprintf(p, sizeof(path[0]), "%s%s", root, rel);
	return p;
}

void mac_folder_put(const char *rel, const char *text)
{
	char folder[PATH_MAX];
	struct err e = ERR_INIT;

	snprintf(folder, sizeof(folder), "%s", mac_folder_at(rel));
	*strrchr(folder, '/') = '\0';
	ASSERT_OK(fsio_mkdirs(folder, 0755, &e), &e);
	ASSERT_OK(fsio_write_atomic(mac_folder_at(rel), text, strlen(text), 0644, &e),
		  &e);
}

void mac_folder_set_csr(uint32_t flags)
{
	uint8_t bytes[4];
	struct err e = ERR_INIT;

	put_le32(bytes, flags);
	ASSERT_OK(fsio_write_atomic(csr, bytes, sizeof(bytes), 0644, &e), &e);
}
