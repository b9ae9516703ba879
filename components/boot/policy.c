/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "components/boot/policy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "components/boot/entitlements.h"
#include "components/boot/tree.h"
#include "sim/base/buf.h"
#include "sim/base/fsio.h"
#include "sim/platform/csr.h"
#include "sim/platform/paths.h"
#include "sim/platform/rootless.h"

#define CONF_MAX 1048576
#define WALK_MAX 96 /* folders above a path, as in policy.bpf.h */
/* The file system's driver shows the Mac's attributes below this prefix. */
#define MAC_XATTR "osx." ROOTLESS_XATTR

struct policy {
	struct sip *sip;
	const char *prefix; /* where the System volume is: "" for the root */
	const struct policy_log *log;
	struct rootless_conf conf;
	const char *classes[SIP_CLASSES_MAX]; /* borrowed from conf; index: bit */
	size_t n_classes;
};

/* ---- what cannot be read ---- */

/*
 * An error of @path: 0 when the volume is damaged there. What cannot be read cannot be
 * changed either, since every way to it leads through the same node: leaving it out
 * leaves nothing unprotected.
 */
static int leave_out(const struct policy *p, const char *path, struct err *e)
{
	char line[PATH_MAX + 64];

	if (!tree_unreadable(e))
		return -(int)e->code;
	snprintf(line, sizeof(line), "rootless: %s: Input/output error, left out", path);
	p->log->line(p->log->ctx, line);
	err_clear(e);
	return 0;
}

/* ---- marks ---- */

/* The bit of a storage class; 0 for none, and for one beyond the last bit. */
static __u64 class_bit(const struct policy *p, const char *name)
{
	for (size_t i = 0; name && i < p->n_classes; i++)
		if (!strcmp(p->classes[i], name))
			return 1ull << i;
	return 0;
}

static int number_classes(struct policy *p, struct err *e)
{
	for (size_t i = 0; i < p->conf.n; i++) {
		const char *name = p->conf.rules[i].class_;

		if (!name || class_bit(p, name))
			continue;
		if (p->n_classes == SIP_CLASSES_MAX)
			return err_set(e, E_OVERFLOW, "more than %d storage classes",
				       SIP_CLASSES_MAX);
		p->classes[p->n_classes++] = name;
	}
	return 0;
}

static int mark_fd(struct policy *p, int fd, __u32 kind, __u64 classes, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st))
		return err_sys(e, "mark");
	return sip_mark(p->sip, &st, kind, classes, e);
}

/* The folders above a protected path may change, but not move or go. */
static int pin_ancestors(struct policy *p, const char *path, struct err *e)
{
	char above[PATH_MAX];
	char *slash;
	int fd, r = 0;

	snprintf(above, sizeof(above), "%s", path);
	while (!r && (slash = strrchr(above, '/')) && slash != above) {
		*slash = '\0';
		r = tree_open(above, O_PATH | O_NOFOLLOW, &fd, e);
		if (r) {
			r = leave_out(p, above, e);
			continue;
		}
		r = mark_fd(p, fd, SIP_NOUNLINK, 0, e);
		close(fd);
	}
	return r;
}

/*
 * An entry of a folder with a glob row is marked if it bears the installer's attribute,
 * and if it cannot be told whether it does.
 */
static int mark_entry(struct policy *p, int dir, const char *name, struct err *e)
{
	char path[PATH_MAX], value[128];
	ssize_t n;
	int fd, r;

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dir, name);
	n = lgetxattr(path, MAC_XATTR, value, sizeof(value) - 1);
	if (n < 0 && errno != EIO)
		return 0;
	value[n < 0 ? 0 : n] = '\0';
	fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "%s", name);
	r = mark_fd(p, fd, SIP_RESTRICTED, class_bit(p, value), e);
	close(fd);
	return r;
}

static int mark_entries(struct policy *p, int fd, struct err *e)
{
	DIR *d = fdopendir(fd);
	struct dirent *ent;
	int r = 0;

	if (!d) {
		close(fd);
		return err_sys(e, "entries");
	}
	while (!r && (errno = 0, ent = readdir(d))) {
		if (strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0)
			r = mark_entry(p, fd, ent->d_name, e);
		if (r)
			r = leave_out(p, ent->d_name, e);
	}
	if (!r && errno)
		r = err_sys(e, "entries");
	closedir(d);
	return r;
}

static int mark_path(struct policy *p, const struct rootless_rule *rule, const char *path,
		     struct err *e)
{
	int flags = rule->entries ? O_RDONLY | O_DIRECTORY : O_PATH | O_NOFOLLOW;
	int fd, r = tree_open(path, flags, &fd, e);

	if (r)
		return r;
	if (rule->entries)
		return mark_entries(p, fd, e);
	r = mark_fd(p, fd, rule->exception ? SIP_EXCEPTION : SIP_RESTRICTED,
		    class_bit(p, rule->class_), e);
	close(fd);
	if (!r && !rule->exception)
		r = pin_ancestors(p, path, e);
	return r;
}

/* The other end of a firmlink that cannot be read has a path of its own. */
static int mark_on_data(struct policy *p, const struct rootless_rule *rule, struct err *e)
{
	char path[PATH_MAX];
	int r;

	if (p->prefix[0])
		return 0;
	r = fsio_join(path, sizeof(path), PATH_DATA_MOUNT, rule->path, e);
	if (!r)
		r = mark_path(p, rule, path, e);
	if (r != -E_NOTFOUND)
		return r ? leave_out(p, path, e) : 0;
	err_clear(e);
	return 0;
}

static int apply_rule(struct policy *p, const struct rootless_rule *rule, struct err *e)
{
	char path[PATH_MAX];
	int r = fsio_join(path, sizeof(path), p->prefix, rule->path, e);

	if (!r)
		r = mark_path(p, rule, path, e);
	if (r == -E_NOTFOUND) {
		err_clear(e);
		return 0;
	}
	if (!r)
		return 0;
	r = leave_out(p, path, e);
	return r ? r : mark_on_data(p, rule, e);
}

static int apply_conf(struct policy *p, struct err *e)
{
	struct buf text = BUF_INIT;
	char path[PATH_MAX];
	int r;

	snprintf(path, sizeof(path), TREE_ROOT "%s" PATH_ROOTLESS_CONF, p->prefix);
	r = fsio_read(path, CONF_MAX, &text, e);

	if (r == -E_NOTFOUND) {
		err_clear(e);
		r = 0;
	} else if (!r) {
		r = rootless_parse(&p->conf, (const char *)text.data, text.len, e);
		if (!r)
			r = number_classes(p, e);
		for (size_t i = 0; !r && i < p->conf.n; i++) {
			r = apply_rule(p, &p->conf.rules[i], e);
			if (r)
				err_ctx(e, "line %u", p->conf.rules[i].line);
		}
	}
	buf_release(&text);
	return r ? err_ctx(e, PATH_ROOTLESS_CONF) : 0;
}

/* ---- entitlements ---- */

#define STORAGE_PREFIX "com.apple.rootless.storage."

static const struct {
	const char *name;
	__u32 bit;
} known[] = {
    {"com.apple.rootless.install", SIP_ENT_INSTALL},
    {"com.apple.private.apfs.mount-root-writeable-at-shutdown", SIP_ENT_SHUTDOWN_MOUNT},
};

struct collect {
	const struct policy *policy;
	struct sip_entitlements ent;
	bool any;
};

static int collect_one(void *arg, const char *name, struct err *e)
{
	struct collect *c = arg;

	(void)e;
	c->any = true;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(known[i].name, name))
			c->ent.bits |= known[i].bit;
	if (!strncmp(name, STORAGE_PREFIX, strlen(STORAGE_PREFIX)))
		c->ent.classes |= class_bit(c->policy, name + strlen(STORAGE_PREFIX));
	return 0;
}

static int entitle_file(struct policy *p, int dir, const char *name, struct err *e)
{
	struct collect c = {.policy = p};
	struct stat st;
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC), r = 0;

	if (fd < 0)
		return errno == ELOOP ? 0 : err_sys(e, "%s", name);
	if (fstat(fd, &st))
		r = err_sys(e, "%s", name);
	else if (S_ISREG(st.st_mode) && (st.st_mode & 0111))
		r = entitlements_read(fd, collect_one, &c, e);
	/* A program that is damaged has no entitlements, and that is all. */
	if (r == -E_CORRUPT) {
		err_clear(e);
		c.any = false;
		r = 0;
	}
	if (!r && c.any)
		r = sip_entitle(p->sip, &st, &c.ent, e);
	close(fd);
	return r;
}

static int entitle_folder(struct policy *p, const char *path, struct err *e)
{
	struct dirent *ent;
	int fd, r = tree_open(path, O_RDONLY | O_DIRECTORY, &fd, e);
	DIR *d;

	if (r == -E_NOTFOUND) {
		err_clear(e);
		return 0;
	}
	if (r)
		return leave_out(p, path, e);
	d = fdopendir(fd);
	if (!d) {
		close(fd);
		return err_sys(e, "%s", path);
	}
	while (!r && (errno = 0, ent = readdir(d))) {
		if (ent->d_type == DT_REG)
			r = entitle_file(p, fd, ent->d_name, e);
		if (r)
			r = leave_out(p, ent->d_name, e);
	}
	if (!r && errno && err_sys(e, "%s", path))
		r = leave_out(p, path, e);
	closedir(d);
	return r;
}

static int entitle_programs(struct policy *p, struct err *e)
{
	static const char *const folders[] = {"/sbin", "/usr/sbin", "/usr/libexec",
					      "/usr/bin", "/bin"};
	int r = 0;

	for (size_t i = 0; !r && i < sizeof(folders) / sizeof(folders[0]); i++)
		r = entitle_folder(p, folders[i], e);
	return r;
}

/* ---- the rest ---- */

static int set_name_rules(struct policy *p, struct err *e)
{
	static const struct {
		const char *name;
		struct sip_name_rule rule;
	} rules[] = {
	    {"bootstrap", {.entitlements = SIP_ENT_SHUTDOWN_MOUNT}},
	    {"com.apple.KernelExtensionServer", {.entitlements = SIP_ENT_SHUTDOWN_MOUNT}},
	    {"com.apple.security.syspolicy.kext", {.entitlements = SIP_ENT_SHUTDOWN_MOUNT}},
	    {NVRAM_APPLE_GUID ":" NVRAM_CSR_CONFIG,
	     {.csr_any = CSR_ALLOW_DEVICE_CONFIGURATION | CSR_ALLOW_UNRESTRICTED_NVRAM}},
	    {NVRAM_APPLE_GUID ":" NVRAM_CSR_DATA,
	     {.csr_any = CSR_ALLOW_DEVICE_CONFIGURATION | CSR_ALLOW_UNRESTRICTED_NVRAM}},
	};
	int r = 0;

	for (size_t i = 0; !r && i < sizeof(rules) / sizeof(rules[0]); i++)
		r = sip_name_rule(p->sip, rules[i].name, &rules[i].rule, e);
	return r;
}

static int configure(struct policy *p, const struct policy_facts *f, struct err *e)
{
	bool off = csr_allows(f->csr, CSR_ALLOW_UNRESTRICTED_FS);
	struct sip_config c = {
		.csr = f->csr,
		.honours_shutdown_remount = f->release->honours_shutdown_remount,
	};
	struct stat root, xnu, nvram, own;

	if (stat(TREE_ROOT, &root) || stat(TREE_ROOT XNU_DIR, &xnu) ||
	    stat(TREE_ROOT XNU_NVRAM_DIR, &nvram) || stat("/", &own))
		return err_sys(e, "SIP policy");
	c.root_dev = sip_dev(root.st_dev);
	c.xnu_dev = sip_dev(xnu.st_dev);
	c.nvram_ino = nvram.st_ino;
	c.carrier_dev = sip_dev(own.st_dev);
	snprintf(
	    c.remount_refused, sizeof(c.remount_refused),
	    "apfs_vfsop_mount:%u: Updating mount from /dev/%s to read/write mode is not"
	    " allowed",
	    f->release->apfs_mount_line, f->root_device);
	snprintf(c.allowing_script, sizeof(c.allowing_script),
		 "System is shutting down. allowing script at path: ");
	/* The words for SIP off are inferred from those for SIP on. */
	snprintf(c.allowing_process, sizeof(c.allowing_process),
		 "System is shutting down. (SIP is %s) allowing process at path: ",
		 off ? "disabled" : "enabled");
	return sip_configure(p->sip, &c, e);
}

int policy_fill(struct sip *sip, const struct policy_facts *f, struct err *e)
{
	struct policy p = {.sip = sip, .prefix = "", .log = &f->log};
	int r = apply_conf(&p, e);

	if (!r)
		r = entitle_programs(&p, e);
	if (!r)
		r = set_name_rules(&p, e);
	if (!r)
		r = configure(&p, f, e);
	rootless_release(&p.conf);
	return r ? err_ctx(e, "SIP policy") : 0;
}

int policy_mark_below(struct sip *sip, const char *prefix, const struct policy_log *log,
		      struct err *e)
{
	struct policy p = {.sip = sip, .prefix = prefix, .log = log};
	int r = apply_conf(&p, e);

	rootless_release(&p.conf);
	return r ? err_ctx(e, "SIP policy of %s", prefix) : 0;
}

bool policy_protects(const struct sip *s, uint32_t csr, int fd)
{
	char path[PATH_MAX];
	struct sip_mark mark;
	struct stat st;
	int n = snprintf(path, sizeof(path), "/proc/self/fd/%d/.", fd);
	dev_t dev;

	if (csr_allows(csr, CSR_ALLOW_UNRESTRICTED_FS))
		return false;
	for (int i = 0; i < WALK_MAX; i++) {
		if (stat(path, &st) || (i > 0 && st.st_dev != dev))
			return false; /* above the volume's root */
		dev = st.st_dev;
		if (sip_get_mark(s, &st, &mark) && (mark.kind & SIP_EXCEPTION))
			return false;
		if (sip_get_mark(s, &st, &mark) && (mark.kind & SIP_RESTRICTED))
			return true;
		n += snprintf(path + n, sizeof(path) - (size_t)n, "/..");
	}
	return true;
}
