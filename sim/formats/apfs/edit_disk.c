/* SPDX-License-Identifier: MIT */
#include "sim/formats/apfs/edit_disk.h"

static int locked_read(struct vdisk *d, uint64_t off, void *buf, size_t len,
		       struct err *e)
{
	struct edit_disk *ed = (struct edit_disk *)d;

	pthread_mutex_lock(&ed->lock);
	int rc = vdisk_read(ed->under, off, buf, len, e);

	pthread_mutex_unlock(&ed->lock);
	return rc;
}

static int locked_write(struct vdisk *d, uint64_t off, const void *buf, size_t len,
			struct err *e)
{
	struct edit_disk *ed = (struct edit_disk *)d;

	pthread_mutex_lock(&ed->lock);
	int rc = vdisk_write(ed->under, off, buf, len, e);

	pthread_mutex_unlock(&ed->lock);
	return rc;
}

static int locked_flush(struct vdisk *d, struct err *e)
{
	struct edit_disk *ed = (struct edit_disk *)d;

	pthread_mutex_lock(&ed->lock);
	int rc = vdisk_flush(ed->under, e);

	pthread_mutex_unlock(&ed->lock);
	return rc;
}

static void nothing(struct vdisk *d)
{
	(void)d;
}

static const struct vdisk_ops ops = {
	.read = locked_read,
	.write = locked_write,
	.flush = locked_flush,
	.close = nothing,
};

void edit_disk_init(struct edit_disk *d, struct vdisk *under)
{
	*d = (struct edit_disk){.base = {.ops = &ops, .size = under->size},
				.under = under};
	pthread_mutex_init(&d->lock, NULL);
}

void edit_disk_release(struct edit_disk *d)
{
	if (!d->under)
		return;
	if (d->own)
		vdisk_close(d->under);
	pthread_mutex_destroy(&d->lock);
	d->under = NULL;
}
