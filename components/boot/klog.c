/* SPDX-License-Identifier: MIT */
#include "components/boot/klog.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sim/base/clock.h"

#define MESSAGE_MAX 4096
#define NS_PER_US   INT64_C(1000)
#define US_PER_S    INT64_C(1000000)
#define KERNEL	    "kernel"

void klog_init(struct klog *k, int64_t power_on_ns, int64_t ahead_ns,
	       void (*sink)(void *arg, const struct klog_record *r), void *arg)
{
	*k = (struct klog){.power_on_ns = power_on_ns,
			   .ahead_ns = ahead_ns,
			   .sink = sink,
			   .arg = arg};
}

void klog_release(struct klog *k)
{
	buf_release(&k->text);
	k->n_pending = 0;
}

static int keep(struct buf *b, const char *text, size_t *ret_offset, struct err *e)
{
	*ret_offset = b->len;
	return buf_append(b, text, strlen(text) + 1, e);
}

static void add(struct klog *k, const char *process, const char *sender,
		const char *message, int64_t mono_ns)
{
	size_t start, p, s, m;
	struct err e = ERR_INIT;

	if (k->n_pending == KLOG_PENDING_MAX)
		klog_flush(k);
	start = k->text.len;
	if (keep(&k->text, process, &p, &e) || keep(&k->text, sender, &s, &e) ||
	    keep(&k->text, message, &m, &e)) {
		k->text.len = start;
		return;
	}
	k->pending[k->n_pending].mono_ns = mono_ns;
	k->pending[k->n_pending].stamp_us =
		(mono_ns - k->power_on_ns + k->ahead_ns) / NS_PER_US;
	k->pending[k->n_pending].process = p;
	k->pending[k->n_pending].sender = s;
	k->pending[k->n_pending++].message = m;
}

static void add_form(struct klog *k, const char *process, const char *sender,
		     const char *form, va_list ap)
{
	int64_t now = clock_ns();
	char message[MESSAGE_MAX];

	vsnprintf(message, sizeof(message), form, ap);
	add(k, process, sender, message, now);
}

void klog(struct klog *k, const char *kext, const char *form, ...)
{
	va_list ap;

	va_start(ap, form);
	add_form(k, KERNEL, kext, form, ap);
	va_end(ap);
}

void klog_mark(struct klog *k, const char *form, ...)
{
	va_list ap;

	va_start(ap, form);
	add_form(k, "", "", form, ap);
	va_end(ap);
}

void klog_from(struct klog *k, const char *process, const char *sender,
	       const char *message, int64_t mono_ns)
{
	int64_t now = clock_ns();

	add(k, process, sender, message, mono_ns < now ? mono_ns : now);
}

void klog_clock_adjusted(struct klog *k)
{
	if (!k->ahead_ns)
		return;
	k->ahead_ns = 0;
	klog_mark(k, "=== system wallclock time adjusted");
}

static void stamp_text(int64_t us, char out[static KLOG_STAMP_MAX])
{
	const char *sign = us < 0 ? "-" : "";

	if (us < 0)
		us = -us;
	snprintf(out, KLOG_STAMP_MAX, "%s%02" PRId64 ".%06" PRId64, sign, us / US_PER_S,
		 us % US_PER_S);
}

void klog_flush(struct klog *k)
{
	for (size_t i = 0; i < k->n_pending; i++) {
		const char *text = (const char *)k->text.data;
		struct klog_record r = {
			.seq = ++k->last_seq,
			.mono_ns = k->pending[i].mono_ns,
			.process = text + k->pending[i].process,
			.sender = text + k->pending[i].sender,
			.message = text + k->pending[i].message,
		};

		stamp_text(k->pending[i].stamp_us, r.stamp);
		k->sink(k->arg, &r);
	}
	k->n_pending = 0;
	buf_clear(&k->text);
}

static const char *speaker(const struct klog_record *r)
{
	if (r->sender[0])
		return r->sender;
	return strcmp(r->process, KERNEL) ? r->process : "";
}

int klog_line(const struct klog_record *r, struct buf *out, struct err *e)
{
	const char *who = speaker(r);
	size_t start = out->len;
	int rc = buf_printf(out, e, "%s %s%s%s\n", r->stamp, who, *who ? " " : "",
			    r->message);

	for (size_t i = start; !rc && i < out->len; i++)
		if ((out->data[i] < ' ' && out->data[i] != '\n' &&
		     out->data[i] != '\t') ||
		    out->data[i] == 0x7f)
			out->data[i] = '?';
	return rc;
}
