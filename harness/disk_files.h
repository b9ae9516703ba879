/* SPDX-License-Identifier: MIT */
#ifndef HARNESS_DISK_FILES_H
#define HARNESS_DISK_FILES_H

#include "harness/macfs.h"

/*
 * The files of a Mac on the disk image @path (raw or qcow2), read by our APFS reader;
 * volumes are told by their roles. Free with macfs_free.
 */
int disk_files(const char *path, struct macfs **ret, struct err *e) MUST_CHECK;

/*
 * Copy the APFS container of the disk image @path into the new file @to, with holes for
 * what was never written: as bytes that judges can read, without root and without
 * copying gigabytes of nothing.
 */
int disk_export_container(const char *path, const char *to, struct err *e) MUST_CHECK;

#endif
