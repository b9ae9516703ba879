/* SPDX-License-Identifier: MIT */
/* Kernel and kexts in, file out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "components/kextcache/create_internal.h"
#include "components/kextcache/link.h"
#include "components/kextcache/write_plk.h"
#include "sim/base/fsio.h"
#include "sim/formats/macho/macho.h"

#define KERNEL_MAX (256u << 20)
#define LINE_STALE 2287 /* of kextcache_main.c, kext_tools-623 */

static int read_kernel(const struct creation *c, struct buf *kernel)
{
	struct err e = ERR_INIT;
	struct macho m;
	int r;

	if (c->kernel.st_size > KERNEL_MAX ||
	    buf_append_zeros(kernel, (size_t)c->kernel.st_size, &e) ||
	    fsio_pread_all(c->kernel_fd, kernel->data, kernel->len, 0, c->o->kernel, &e))
		return kc_fail(c->w, EX_OSERR, "Failed to read kernel file.");
	r = macho_open(kernel->data, kernel->len, &m, &e);
	if (r == -E_UNSUPPORTED) {
		clog_say(c->w->log, CLOG_WARNING,
			 "Kernel file %s does not contain requested arch: %s",
			 c->o->kernel, KEXT_ARCH);
		return EX_OSERR;
	}
	if (r)
		return kc_fail(c->w, EX_OSERR, "Failed to read kernel file.");
	macho_release(&m);
	return EX_OK;
}

static void print_id(const struct kc_world *w, const uint8_t id[KC_ID_LEN])
{
	char text[2 * KC_ID_LEN + 1];

	for (size_t i = 0; i < KC_ID_LEN; i++)
		snprintf(text + 2 * i, 3, "%02X", id[i]);
	clog_say(w->out, CLOG_EXPLICIT, "KernelCache ID: %s", text);
}

static int link_list(struct creation *c, const struct buf *kernel,
		     const struct kext_set *list)
{
	char root[PATH_MAX];
	const struct kc_prefix strip = {.from = root, .to = ""};
	const struct kc_link l = {
		.kernel = kernel->data,
		.kernel_len = kernel->len,
		.list = list,
		.prefix = &strip,
		.n_prefixes =
			c->o->volume_root && realpath(c->o->volume_root, root) ? 1 : 0,
		.compression = kc_compression(c->w, c->o),
		.all_personalities = c->o->all_personalities,
		.need_all = c->o->no_link_failures,
		.log = c->w->log,
	};
	struct kc_built built;
	struct err e = ERR_INIT;

	if (kc_link(&l, &c->packed, &built, &e)) {
		if (!built.aborted)
			clog_say(c->w->log, CLOG_ERROR, "%s", e.msg);
		return kc_fail(c->w, EX_OSERR, "Failed to generate prelinked kernel.");
	}
	print_id(c->w, built.kcid);
	return EX_OK;
}

int kc_build(struct creation *c, struct kc_kexts *kexts)
{
	struct buf kernel = BUF_INIT;
	struct kext_set list = {0};
	int status = read_kernel(c, &kernel);

	if (!status)
		status = kc_choose(c->w, c->o, kexts, &list);
	if (!status)
		status = link_list(c, &kernel, &list);
	kext_set_release(&list);
	buf_release(&kernel);
	return status;
}

static bool later(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec > b->tv_sec ||
	       (a->tv_sec == b->tv_sec && a->tv_nsec > b->tv_nsec);
}

/* Modification time of the newest folder of kexts; a folder that is gone does not count.
 */
struct timespec kc_newest_folder(const struct kc_options *o)
{
	struct timespec t = {0};
	struct stat st;

	for (size_t i = 0; i < o->n_args; i++)
		if (!kc_arg_is_kext(o, i) && !stat(o->arg[i], &st) &&
		    later(&st.st_mtim, &t))
			t = st.st_mtim;
	return t;
}

/*
 * The time that will tell kextd that the kernel is up to date: a second after the newest
 * of what it was made from. *set is false when one of them has no time.
 */
static int times_for(const struct creation *c, struct timespec times[2], bool *set)
{
	struct timespec dirs = kc_newest_folder(c->o);
	struct stat st;

	*set = c->dir_mtime.tv_sec && c->kernel.st_mtim.tv_sec;
	if (!*set)
		return EX_OK;
	if (fstat(c->kernel_fd, &st))
		return EX_SOFTWARE;
	if (st.st_mtim.tv_sec != c->kernel.st_mtim.tv_sec ||
	    st.st_mtim.tv_nsec != c->kernel.st_mtim.tv_nsec) {
		clog_say(c->w->log, CLOG_ERROR,
			 "Source item has changed since starting; not saving cache file "
			 "<%s %d>",
			 "getFileDescriptorModTimePlusOne", LINE_STALE);
		return KC_EXIT_STALE;
	}
	times[0] = times[1] = later(&st.st_mtim, &dirs) ? st.st_mtim : dirs;
	times[1].tv_sec++;
	return EX_OK;
}

static int kernel_is_same(const struct creation *c)
{
	struct stat st;

	if (!stat(c->o->kernel, &st) && st.st_dev == c->kernel.st_dev &&
	    st.st_ino == c->kernel.st_ino)
		return EX_OK;
	return kc_fail(c->w, EX_NOPERM, "File at path '%s' changed, cannot be used",
		       c->o->kernel);
}

int kc_write_out(struct creation *c)
{
	struct timespec times[2];
	bool set;
	int status = times_for(c, times, &set);

	if (!status)
		status = kernel_is_same(c);
	if (!status)
		status =
			kc_write_plk(c->o->plk, c->packed.data, c->packed.len,
				     KC_PLK_MODE, &c->plk, set ? times : NULL, c->w->log);
	if (status)
		return status;
	c->placeholder = false;
	clog_say(c->w->log, CLOG_BASIC, "Created prelinked kernel \"%s\"", c->o->plk);
	clog_say(c->w->log, CLOG_BASIC, "Created prelinked kernel using \"%s\"",
		 c->o->kernel);
	return EX_OK;
}
