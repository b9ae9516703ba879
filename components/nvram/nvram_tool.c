/* SPDX-License-Identifier: MIT */
#include "components/nvram/nvram_tool.h"

#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/base/fsio.h"
#include "sim/platform/nvram.h"
#include "sim/platform/paths.h"

#define APPLE_PREFIX NVRAM_APPLE_GUID ":"

int nvram_path(char *out, size_t size, const char *dir, const char *name, struct err *e)
{
	char key[NVRAM_KEY_MAX + 1];

	if (!*name || strchr(name, '/') ||
	    strlen(name) + sizeof(APPLE_PREFIX) > sizeof(key))
		return err_set(e, E_INVAL, "bad name '%s'", name);
	/* A name with a colon has its GUID. */
	strcpy(key, strchr(name, ':') ? "" : APPLE_PREFIX);
	strcat(key, name);
	return fsio_join(out, size, dir, key, e);
}

static int append_value(const char *name, const uint8_t *v, size_t len, struct buf *out,
			struct err *e)
{
	int r = buf_printf(out, e, "%s\t", name);

	for (size_t i = 0; !r && i < len; i++)
		r = buf_printf(out, e, isprint(v[i]) ? "%c" : "%%%02x", v[i]);
	return r ? r : buf_append(out, "\n", 1, e);
}

int nvram_tool_get(const char *dir, const char *name, struct buf *out, struct err *e)
{
	struct buf value = BUF_INIT;
	char path[PATH_MAX];
	int r = nvram_path(path, sizeof(path), dir, name, e);

	if (!r)
		r = fsio_read(path, NVRAM_SIZE, &value, e);
	if (!r)
		r = append_value(name, value.data, value.len, out, e);
	buf_release(&value);
	return r;
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct nvram_var *)a)->key,
		      ((const struct nvram_var *)b)->key);
}

static const char *short_name(const char *key)
{
	size_t n = strlen(APPLE_PREFIX);

	return strncmp(key, APPLE_PREFIX, n) ? key : key + n;
}

int nvram_tool_print(const char *dir, struct buf *out, struct err *e)
{
	struct nvram nv;
	int r;

	nvram_init(&nv);
	r = nvram_from_dir(&nv, dir, e);
	if (!r && nv.n)
		qsort(nv.vars, nv.n, sizeof(nv.vars[0]), by_key);
	for (size_t i = 0; !r && i < nv.n; i++)
		r = append_value(short_name(nv.vars[i].key), nv.vars[i].value,
				 nv.vars[i].len, out, e);
	nvram_release(&nv);
	return r;
}

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef", *p;

	p = c ? strchr(digits, tolower((unsigned char)c)) : NULL;
	return p ? (int)(p - digits) : -1;
}

static int decode(const char *text, struct buf *out, struct err *e)
{
	int r = 0;

	for (; !r && *text; text++) {
		uint8_t byte = (uint8_t)*text;

		if (*text == '%') {
			int high = hex_digit(text[1]);
			int low = high < 0 ? -1 : hex_digit(text[2]);

			if (low < 0)
				return err_set(e, E_INVAL, "'%%' without two hex digits");
			byte = (uint8_t)(high << 4 | low);
			text += 2;
		}
		r = buf_append(out, &byte, 1, e);
	}
	return r;
}

int nvram_tool_write(const char *dir, const char *name, const void *data, size_t len,
		     struct err *e)
{
	char path[PATH_MAX];
	int fd, r = nvram_path(path, sizeof(path), dir, name, e);

	if (r)
		return r;
	/* Not by rename: the kernel's rule is about the name that is written. */
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_sys(e, "%s", name);
	r = fsio_write_all(fd, data, len, name, e);
	if (close(fd) && !r)
		r = err_sys(e, "%s", name);
	return r;
}

int nvram_tool_set(const char *dir, const char *name, const char *text, struct err *e)
{
	struct buf value = BUF_INIT;
	int r = decode(text, &value, e);

	if (!r)
		r = nvram_tool_write(dir, name, value.len ? value.data : (const void *)"",
				     value.len, e);
	buf_release(&value);
	return r;
}

int nvram_tool_delete(const char *dir, const char *name, struct err *e)
{
	char path[PATH_MAX];
	int r = nvram_path(path, sizeof(path), dir, name, e);

	if (!r && unlink(path))
		r = err_sys(e, "%s", name);
	return r;
}

int nvram_tool_clear(const char *dir, struct err *e)
{
	struct nvram nv;
	int r;

	nvram_init(&nv);
	r = nvram_from_dir(&nv, dir, e);
	for (size_t i = 0; !r && i < nv.n; i++) {
		r = nvram_tool_delete(dir, nv.vars[i].key, e);
		if (r == -E_PERM) {
			err_clear(e);
			r = 0;
		}
	}
	nvram_release(&nv);
	return r;
}
