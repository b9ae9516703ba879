/* SPDX-License-Identifier: MIT */
#define FUSE_USE_VERSION 314
#include "components/apfs/serve.h"

#include <fuse3/fuse_lowlevel.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "components/apfs/requests.h"

struct server {
	struct requests requests;
	struct fuse_session *session;
	bool signals, mounted;
};

/* The last that libfuse complained of; its printer has no user pointer. */
static char complaint[256];

static void keep_complaint(enum fuse_log_level level, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));
static void keep_complaint(enum fuse_log_level level, const char *fmt, va_list ap)
{
	if (level > FUSE_LOG_WARNING)
		return;
	vsnprintf(complaint, sizeof(complaint), fmt, ap);
	complaint[strcspn(complaint, "\n")] = '\0';
}

static int failed(const char *what, struct err *e)
{
	return err_set(e, E_INFRA, "%s%s%s", what, complaint[0] ? ": " : "", complaint);
}

/* ---- mounting ---- */

static int add_option(char **list, const char *name, const char *value, struct err *e)
{
	struct buf text = BUF_INIT;
	int r = buf_printf(&text, e, "%s%s", name, value ? value : "");

	if (!r && fuse_opt_add_opt_escaped(list, buf_str(&text)))
		r = err_set(e, E_NOMEM, "out of memory");
	buf_release(&text);
	return r;
}

static int make_list(const struct serve_options *o, char **list, struct err *e)
{
	int r = add_option(list, "ro", NULL, e);

	if (!r && o->source)
		r = add_option(list, "fsname=", o->source, e);
	if (!r && o->subtype)
		r = add_option(list, "subtype=", o->subtype, e);
	if (!r && o->others)
		r = add_option(list, "allow_other", NULL, e);
	if (!r && o->others)
		r = add_option(list, "default_permissions", NULL, e);
	return r;
}

static int make_args(const struct serve_options *o, struct fuse_args *args, struct err *e)
{
	char *list = NULL;
	int r = o->dir ? make_list(o, &list, e) : 0;

	if (!r &&
	    (fuse_opt_add_arg(args, "apfs") ||
	     (list && (fuse_opt_add_arg(args, "-o") || fuse_opt_add_arg(args, list)))))
		r = err_set(e, E_NOMEM, "out of memory");
	free(list);
	return r;
}

static int mount_it(struct server *s, const struct serve_options *o, struct err *e)
{
	char fd_name[32];

	/* The name by which libfuse knows what is mounted already. */
	snprintf(fd_name, sizeof(fd_name), "/dev/fd/%d", o->fuse_fd);
	if (fuse_session_mount(s->session, o->dir ? o->dir : fd_name))
		return failed("mounting", e);
	s->mounted = true;
	return 0;
}

int server_new(struct apfs_fs *fs, const struct serve_options *o, struct server **ret,
	       struct err *e)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct server *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return err_set(e, E_NOMEM, "out of memory");
	complaint[0] = '\0';
	fuse_set_log_func(keep_complaint);
	r = requests_init(&s->requests, fs, e);
	if (!r)
		r = make_args(o, &args, e);
	if (!r) {
		s->session = fuse_session_new(&args, &requests_ops, sizeof(requests_ops),
					      &s->requests);
		if (!s->session)
			r = failed("libfuse", e);
	}
	fuse_opt_free_args(&args);
	/* What is mounted is unmounted, whenever a signal comes. */
	if (!r) {
		s->signals = !fuse_set_signal_handlers(s->session);
		if (!s->signals)
			r = failed("signals", e);
	}
	if (!r)
		r = mount_it(s, o, e);
	if (r)
		server_free(s);
	else
		*ret = s;
	return r;
}

/* ---- serving ---- */

int server_daemonize(struct server *s, struct err *e)
{
	(void)s;
	return fuse_daemonize(0) ? failed("going to the background", e) : 0;
}

int server_run(struct server *s, struct err *e)
{
	int r;

	r = fuse_session_loop(s->session);
	/* A signal is as good an end as being unmounted. */
	return r < 0 ? failed("serving", e) : 0;
}

void server_free(struct server *s)
{
	if (!s)
		return;
	if (s->mounted)
		fuse_session_unmount(s->session);
	if (s->signals)
		fuse_remove_signal_handlers(s->session);
	if (s->session)
		fuse_session_destroy(s->session);
	requests_release(&s->requests);
	free(s);
}
