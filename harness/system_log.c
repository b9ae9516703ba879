/* SPDX-License-Identifier: MIT */
/*
 * The Mac's system.log: kextd and kextcache write there why a kext is not in the kernel,
 * and nowhere else.
 */
#include <string.h>

#include "harness/engine_impl.h"
#include "sim/base/fsio.h"
#include "sim/platform/paths.h"

#define LOG_MAX	   (4u << 20)
#define KEPT_LINES 15u
#define PROGRAM	   " com.apple.kextcache["
#define PATH_LEN   4096

static char *next_line(char **rest)
{
	char *line = *rest, *nl = strchr(line, '\n');

	if (nl)
		*nl = '\0';
	*rest = nl ? nl + 1 : line + strlen(line);
	return line;
}

/* The last lines of kextcache, with those that continue one of its messages. */
static int keep_kextcache(struct engine *en, char *text, struct err *e)
{
	const char *last[KEPT_LINES];
	struct result *res = en->res;
	bool ours = false;
	size_t n = 0, kept;

	while (*text) {
		const char *line = next_line(&text);

		if (strstr(line, "]: "))
			ours = strstr(line, PROGRAM) != NULL;
		if (ours)
			last[n++ % KEPT_LINES] = line;
	}
	kept = n < KEPT_LINES ? n : KEPT_LINES;
	res->kextcache = arena_array(&res->arena, KEPT_LINES, sizeof(char *), e);
	if (!res->kextcache)
		return -(int)e->code;
	for (size_t i = n - kept; i < n; i++) {
		res->kextcache[res->n_kextcache] =
			arena_strdup(&res->arena, last[i % KEPT_LINES], e);
		if (!res->kextcache[res->n_kextcache])
			return -(int)e->code;
		res->n_kextcache++;
	}
	return 0;
}

int engine_system_log(struct engine *en, struct err *e)
{
	struct buf text = BUF_INIT;
	struct err sub = ERR_INIT;
	struct macfs *fs;
	char path[PATH_LEN];
	int r = engine_files(en, &fs, e);

	if (r)
		return r;
	/* A Mac that never came so far has none, and one that is damaged is told
	 * elsewhere. */
	if (!macfs_read(fs, PATH_SYSTEM_LOG, LOG_MAX, &text, &sub)) {
		r = fsio_join(path, sizeof(path), en->cfg->scratch_dir, "system.log", e);
		if (!r)
			r = fsio_write_atomic(path, text.data, text.len, 0644, e);
		if (!r)
			r = buf_append(&text, "", 1, e);
		if (!r)
			r = keep_kextcache(en, (char *)text.data, e);
	}
	buf_release(&text);
	return r;
}
