/* SPDX-License-Identifier: MIT */
/*
 * What /sbin/apfs says to who started it, on the SOCK_SEQPACKET socket of --report-fd:
 * one text per packet, without a newline.
 *
 *	ready          it is mounted and answers
 *	log TEXT       a line of the Mac's kernel, sender apfs
 *	error N TEXT   why it ends, N being an enum err_code; the next is its end
 */
#ifndef COMPONENTS_APFS_REPORT_H
#define COMPONENTS_APFS_REPORT_H

#define REPORT_READY "ready"
#define REPORT_LOG   "log "
#define REPORT_ERROR "error "

#define REPORT_MAX 4096 /* bytes of a packet */

#endif
