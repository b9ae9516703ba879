/* SPDX-License-Identifier: MIT */
#include "sim/carrier/sip/sip.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "sim/carrier/sip/sip.skel.h"

#define LOG_MAX 1024

struct sip {
	struct sip_bpf *skel;
	struct sip_config config;
};

/* What libbpf complained of first; its printer has no user pointer. */
static char complaints[LOG_MAX];

static int keep_log(enum libbpf_print_level level, const char *form, va_list ap)
{
	size_t len = strlen(complaints);

	if (level == LIBBPF_WARN)
		vsnprintf(complaints + len, sizeof(complaints) - len, form, ap);
	return 0;
}

static int load(struct sip *s)
{
	int r;

	s->skel = sip_bpf__open();
	if (!s->skel)
		return -errno;
	r = sip_bpf__load(s->skel);
	return r ? r : sip_bpf__attach(s->skel);
}

int sip_open(struct sip **ret, struct err *e)
{
	struct sip *s = calloc(1, sizeof(*s));
	libbpf_print_fn_t before;
	int r;

	if (!s)
		return err_set(e, E_NOMEM, "out of memory");
	complaints[0] = '\0';
	before = libbpf_set_print(keep_log);
	r = load(s);
	libbpf_set_print(before);
	if (r) {
		sip_close(s);
		return err_set(e, E_INFRA, "SIP policy: %s (%s)", strerror(-r),
			       complaints);
	}
	*ret = s;
	return 0;
}

void sip_close(struct sip *s)
{
	if (!s)
		return;
	sip_bpf__destroy(s->skel);
	free(s);
}

static int map_update(struct bpf_map *map, const void *key, size_t key_len,
		      const void *value, size_t len, struct err *e)
{
	int r = bpf_map__update_elem(map, key, key_len, value, len, BPF_ANY);

	if (!r)
		return 0;
	errno = -r;
	return err_sys(e, "SIP policy: map %s", bpf_map__name(map));
}

static int push_config(struct sip *s, struct err *e)
{
	__u32 zero = 0;

	return map_update(s->skel->maps.sip_config, &zero, sizeof(zero), &s->config,
			  sizeof(s->config), e);
}

int sip_configure(struct sip *s, const struct sip_config *c, struct err *e)
{
	struct sip_config next = *c;

	next.armed = s->config.armed;
	next.shutting_down = s->config.shutting_down;
	next.console_dev = s->config.console_dev;
	next.console_ino = s->config.console_ino;
	s->config = next;
	return push_config(s, e);
}

int sip_arm(struct sip *s, dev_t console_dev, ino_t console_ino, struct err *e)
{
	s->config.console_dev = sip_dev(console_dev);
	s->config.console_ino = console_ino;
	s->config.armed = 1;
	return push_config(s, e);
}

int sip_begin_shutdown(struct sip *s, struct err *e)
{
	s->config.shutting_down = 1;
	return push_config(s, e);
}

bool sip_shutting_down(const struct sip *s)
{
	return s->config.shutting_down;
}

__u32 sip_dev(dev_t dev)
{
	return SIP_DEV(major(dev), minor(dev));
}

static struct sip_inode key_of(const struct stat *st)
{
	return (struct sip_inode){.ino = st->st_ino, .dev = sip_dev(st->st_dev)};
}

bool sip_get_mark(const struct sip *s, const struct stat *st, struct sip_mark *ret)
{
	struct sip_inode key = key_of(st);

	return !bpf_map__lookup_elem(s->skel->maps.sip_marks, &key, sizeof(key), ret,
				     sizeof(*ret), 0);
}

int sip_mark(struct sip *s, const struct stat *st, __u32 kind, __u64 classes,
	     struct err *e)
{
	const __u32 deciding = SIP_RESTRICTED | SIP_EXCEPTION;
	struct sip_inode key = key_of(st);
	struct sip_mark mark = {.kind = 0};

	sip_get_mark(s, st, &mark);
	if (kind & deciding) {
		mark.kind &= ~deciding;
		mark.classes = classes;
	}
	mark.kind |= kind;
	return map_update(s->skel->maps.sip_marks, &key, sizeof(key), &mark, sizeof(mark),
			  e);
}

int sip_entitle(struct sip *s, const struct stat *st, const struct sip_entitlements *ent,
		struct err *e)
{
	struct sip_inode key = key_of(st);

	return map_update(s->skel->maps.sip_entitled, &key, sizeof(key), ent,
			  sizeof(*ent), e);
}

int sip_name_rule(struct sip *s, const char *name, const struct sip_name_rule *rule,
		  struct err *e)
{
	struct sip_name key = {.name = ""};

	if (strlen(name) >= sizeof(key.name))
		return err_set(e, E_OVERFLOW, "SIP policy: name '%s' is too long", name);
	memcpy(key.name, name, strlen(name));
	return map_update(s->skel->maps.sip_names, &key, sizeof(key), rule, sizeof(*rule),
			  e);
}

int sip_events_fd(const struct sip *s)
{
	return bpf_map__fd(s->skel->maps.sip_events);
}
