/* SPDX-License-Identifier: MIT */
#include "sim/platform/kernel_banner.h"

#include <stdlib.h>
#include <string.h>

#define DARWIN_MARK "Darwin Kernel Version "
#define XNU_MARK    "root:xnu-"
#define DIGITS	    "0123456789."

/* The number at @from, which has to begin with a digit. */
static bool take_number(const char *from, char *out, size_t size)
{
	size_t n = strspn(from, DIGITS);

	if (!n || n >= size || from[0] == '.')
		return false;
	memcpy(out, from, n);
	out[n] = '\0';
	return true;
}

bool kernel_banner_parse(const char *text, struct kernel_banner *ret)
{
	const char *xnu = strstr(text, XNU_MARK);

	return !strncmp(text, DARWIN_MARK, strlen(DARWIN_MARK)) && xnu &&
	       take_number(text + strlen(DARWIN_MARK), ret->darwin,
			   sizeof(ret->darwin)) &&
	       take_number(xnu + strlen(XNU_MARK), ret->xnu, sizeof(ret->xnu));
}

bool kernel_banner_is_of(const struct kernel_banner *b, const struct release *r)
{
	const char *xnu = r->xnu_tag ? r->xnu_tag : r->xnu;
	size_t n = strlen(b->xnu);

	return !strcmp(b->darwin, r->darwin) && !strncmp(xnu, b->xnu, n) &&
	       (!xnu[n] || xnu[n] == '~');
}

bool kernel_banner_is_near(const struct kernel_banner *b, const struct release *r)
{
	return atoi(b->darwin) == atoi(r->darwin);
}

const struct release *kernel_banner_release(const struct kernel_banner *b)
{
	const struct release *found = NULL;

	for (size_t i = 0; release_at(i); i++)
		if (kernel_banner_is_of(b, release_at(i)))
			found = release_at(i);
	return found;
}
