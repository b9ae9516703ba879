/* SPDX-License-Identifier: MIT */
#include "components/kextcache/protect.h"

#include <string.h>

#include "sim/base/bytes.h"
#include "sim/base/fsio.h"
#include "sim/platform/csr.h"
#include "sim/platform/paths.h"
#include "sim/platform/rootless.h"

#define CONF_MAX (4u << 20)

bool kc_sip_on(const struct kc_world *w)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	uint32_t config = 0;

	if (!fsio_read(w->csr_config, 4, &b, &e) && b.len == 4)
		config = get_le32(b.data);
	buf_release(&b);
	return !csr_allows(config, CSR_ALLOW_UNRESTRICTED_FS);
}

/* @path as the running system names it: without the root of a test. */
static const char *system_path(const struct kc_world *w, const char *path)
{
	size_t n = strlen(w->root);

	if (n <= 1)
		return path;
	if (strncmp(path, w->root, n) || (path[n] && path[n] != '/'))
		return NULL;
	return path[n] ? path + n : "/";
}

bool kc_is_trusted(const struct kc_world *w, const char *path)
{
	const char *inside = system_path(w, path);
	const struct rootless_rule *rule = NULL;
	struct rootless_conf conf = {0};
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	char file[PATH_MAX];
	bool trusted = false;

	if (!inside || fsio_join(file, sizeof(file), w->root, PATH_ROOTLESS_CONF, &e) ||
	    fsio_read(file, CONF_MAX, &b, &e)) {
		buf_release(&b);
		return false;
	}
	if (!rootless_parse(&conf, (const char *)b.data, b.len, &e))
		rule = rootless_nearest(&conf, inside, false);
	trusted = rule && !rule->exception;
	rootless_release(&conf);
	buf_release(&b);
	return trusted;
}

bool kc_plk_protected(const struct kc_world *w, const struct kc_options *o)
{
	return o->has_plk && kc_sip_on(w) && kc_is_trusted(w, o->plk);
}

bool kc_protected_action(const struct kc_world *w, const struct kc_options *o)
{
	return kc_plk_protected(w, o) || o->system_caches ||
	       (o->update_volume && kc_is_root_volume(w, o->update_volume));
}
