/* SPDX-License-Identifier: MIT */
#include "components/boot/overlay.h"

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/base/fsio.h"

#define UPPER "upper"
#define WORK  "work"
/*
 * Folders of the volume can be renamed, as on a Mac. Files and folders keep their numbers
 * when they are changed (xino), and hard links stay links (index); for both the server
 * of the volume can find files by number.
 */
#define OPTIONS                                                                          \
	"lowerdir=%s,upperdir=%s/" UPPER ",workdir=%s/" WORK                             \
	",redirect_dir=on,xino=on,metacopy=off,index=on"

const char *overlay_upper(const struct overlay *o, char out[static 80])
{
	snprintf(out, 80, "%s/" UPPER, o->memory);
	return out;
}

/* The root of the overlay is the upper layer's, so it has to look like the volume's. */
static int like_root(const char *lower, const char *upper, struct err *e)
{
	struct stat st;

	if (stat(lower, &st))
		return err_sys(e, "%s", lower);
	if (chown(upper, st.st_uid, st.st_gid) || chmod(upper, st.st_mode & 07777) ||
	    utimensat(AT_FDCWD, upper, (struct timespec[]){st.st_atim, st.st_mtim}, 0))
		return err_sys(e, "%s", upper);
	return 0;
}

static int make_memory(struct overlay *o, const char *lower, const char *memory,
		       struct err *e)
{
	char path[80], upper[80];

	if (mount("overlay", memory, "tmpfs", MS_NOSUID | MS_NODEV, "mode=700"))
		return err_sys(e, "%s", memory);
	strcpy(o->memory, memory);
	snprintf(path, sizeof(path), "%s/" WORK, memory);
	if (mkdir(overlay_upper(o, upper), 0755) || mkdir(path, 0700))
		return err_sys(e, "%s", path);
	return like_root(lower, upper, e);
}

int overlay_mount(struct overlay *o, const char *lower, const char *memory,
		  const char *dir, struct err *e)
{
	char options[512];
	int r;

	*o = (struct overlay){.dir = ""};
	if (strlen(memory) >= sizeof(o->memory) || strlen(dir) >= sizeof(o->dir))
		return err_set(e, E_OVERFLOW, "path too long");
	r = make_memory(o, lower, memory, e);
	if (!r && snprintf(options, sizeof(options), OPTIONS, lower, memory, memory) >=
			  (int)sizeof(options))
		r = err_set(e, E_OVERFLOW, "path too long");
	if (!r && mount("overlay", dir, "overlay", MS_NODEV, options))
		r = err_sys(e, "overlay on %s", dir);
	if (r) {
		(void)!overlay_forget(o, NULL);
		return r;
	}
	strcpy(o->dir, dir);
	return 0;
}

int overlay_unmount(struct overlay *o, struct err *e)
{
	if (!o->dir[0])
		return 0;
	if (umount2(o->dir, UMOUNT_NOFOLLOW)) {
		if (errno == EBUSY)
			return err_set(e, E_BUSY, "%s is in use", o->dir);
		return err_sys(e, "unmounting %s", o->dir);
	}
	o->dir[0] = '\0';
	return 0;
}

int overlay_forget(struct overlay *o, struct err *e)
{
	int r = overlay_unmount(o, e);

	if (!r && o->memory[0] && umount2(o->memory, UMOUNT_NOFOLLOW))
		r = err_sys(e, "unmounting %s", o->memory);
	if (!r)
		o->memory[0] = '\0';
	return r;
}

bool overlay_changed(const char *upper)
{
	DIR *d = opendir(upper);
	struct dirent *ent;
	bool any = false;

	while (d && !any && (ent = readdir(d)))
		any = strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0;
	if (d)
		closedir(d);
	return any;
}
