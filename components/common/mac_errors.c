/* SPDX-License-Identifier: MIT */
#include "components/common/mac_errors.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static const struct {
	int error;
	const char *text;
} differ[] = {
	{EBUSY, "Resource busy"},
	{EDQUOT, "Disc quota exceeded"},
	{EILSEQ, "Illegal byte sequence"},
	{ENODEV, "Operation not supported by device"},
	{ENXIO, "Device not configured"},
	{EOVERFLOW, "Value too large to be stored in data type"},
	{ESTALE, "Stale NFS file handle"},
	{EXDEV, "Cross-device link"},
};

const char *mac_strerror(int error)
{
	for (size_t i = 0; i < sizeof(differ) / sizeof(differ[0]); i++)
		if (differ[i].error == error)
			return differ[i].text;
	return strerror(error);
}

const char *mac_err_text(const struct err *e)
{
	return e->sys_errno ? mac_strerror(e->sys_errno) : e->msg;
}
