/* SPDX-License-Identifier: MIT */
/* kextcache -prelinked-kernel FILE -compressed|-uncompressed, without kexts. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "components/kextcache/create.h"
#include "components/kextcache/create_internal.h"
#include "components/kextcache/write_plk.h"
#include "sim/base/fsio.h"
#include "sim/formats/macho/macho.h"

static int repack(const struct kc_world *w, const struct kc_options *o,
		  const struct buf *file, const struct stat *st)
{
	const struct timespec times[2] = {st->st_atim, st->st_mtim};
	struct buf macho = BUF_INIT, out = BUF_INIT;
	enum prelink_compression was;
	struct err e = ERR_INIT;
	bool kaslr = false;
	struct macho m;
	int status = EX_OK;

	if (prelink_unpack(file->data, file->len, &macho, &was, &e)) {
		clog_say(w->log, CLOG_ERROR, "%s", e.msg);
		status = EX_DATAERR;
	} else if (o->compress && was != PRELINK_PLAIN) {
		status =
			kc_fail(w, EX_DATAERR, "Prelinked kernel is already compressed.");
	} else if (!macho_open(macho.data, macho.len, &m, &e)) {
		kaslr = m.has_dysymtab;
		macho_release(&m);
	}
	if (!status &&
	    prelink_pack(macho.data, macho.len, kc_compression(w, o), kaslr, &out, &e)) {
		clog_say(w->log, CLOG_ERROR, "%s", e.msg);
		status = EX_OSERR;
	}
	if (!status)
		status = kc_write_plk(o->plk, out.data, out.len, st->st_mode & 07777,
				      NULL, times, w->log);
	buf_release(&macho);
	buf_release(&out);
	return status;
}

int kc_recompress(const struct kc_world *w, const struct kc_options *o)
{
	struct buf file = BUF_INIT;
	struct err e = ERR_INIT;
	struct stat st;
	int status;

	if (stat(o->plk, &st) || fsio_read(o->plk, PRELINK_MAX, &file, &e)) {
		clog_say(w->log, CLOG_ERROR, "Can't open %s - %s.", o->plk,
			 strerror(errno));
		buf_release(&file);
		return EX_OSERR;
	}
	status = repack(w, o, &file, &st);
	buf_release(&file);
	return status;
}
