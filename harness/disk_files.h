/* SPDX-License-Identifier: MIT */
#ifndef HARNESS_DISK_FILES_H
#define HARNESS_DISK_FILES_H

#include "harness/machine.h"
#include "harness/macfs.h"

/*
 * The files of a Mac on the disk image @path (raw or qcow2), read by our APFS reader;
 * volumes are told by their roles. A System volume is what the next start roots from: a
 * snapshot, if it has one for that. Free with macfs_free.
 */
int disk_files(const char *path, struct macfs **ret, struct err *e) MUST_CHECK;

/*
 * Copy APFS container @i, from 0, of the disk image @path into the new file @to, with
 * holes for what was never written: as bytes that judges can read, without root and
 * without copying gigabytes of nothing. E_NOTFOUND: there are no more.
 */
int disk_export_container(const char *path, size_t i, const char *to,
			  struct machine_container *ret, struct err *e) MUST_CHECK;

#endif
