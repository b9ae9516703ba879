/* SPDX-License-Identifier: MIT */
/*
 * One way to report an error.
 *
 * A fallible function returns int: 0, or the negative of an enum err_code.
 * What went wrong, in words, goes into the struct err that the caller passes as
 * the last parameter; every layer on the way up may put its context in front:
 *
 *	if (omap_load(c, &omap, e))
 *		return err_ctx(e, "volume '%s'", name);
 *
 * gives "volume 'Preboot': object map root at block 812: bad checksum".
 * Libraries fill the error and return; only programs print and exit.
 */
#ifndef SIM_BASE_ERR_H
#define SIM_BASE_ERR_H

enum err_code {
	E_OK = 0,
	E_IO,          /* the operating system refused; .sys_errno says why */
	E_NOMEM,       /* out of memory */
	E_NOSPC,       /* disk full */
	E_CORRUPT,     /* data violates its format */
	E_BADHASH,     /* data is not what its hash or seal says; EIO to a Mac's programs */
	E_UNSUPPORTED, /* well formed, but of a kind that is not handled */
	E_OVERFLOW,    /* a size or count exceeds its limit */
	E_NOTFOUND,    /* a named thing does not exist */
	E_EXISTS,      /* a named thing exists already */
	E_INVAL,       /* the caller's argument is wrong */
	E_SCHEMA,      /* a file written by a user is wrong; message has line:column */
	E_PERM,        /* not permitted */
	E_TIMEOUT,     /* a deadline passed */
	E_INFRA,       /* QEMU, libguestfs or a tool is missing or misbehaves */
	E_BUSY,        /* somebody else holds it */
	E_CANCELED,    /* the user asked to stop */
	E_CODE_MAX
};

#define ERR_MSG_MAX 2048

/* Zero-initialise with ERR_INIT. Holds no resources. */
struct err {
	enum err_code code;
	int sys_errno; /* errno at the time, for E_IO and E_NOSPC; else 0 */
	char msg[ERR_MSG_MAX];
};

#define ERR_INIT                                                                         \
	{                                                                                \
		.code = E_OK                                                             \
	}

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

/* Fill @e (may be NULL) and return -code. Replaces what was there. */
int err_set(struct err *e, enum err_code code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/*
 * Fill @e from errno: "<text>: <strerror>". The code is E_NOSPC for ENOSPC and
 * EDQUOT, E_NOMEM for ENOMEM, E_NOTFOUND for ENOENT, E_EXISTS for EEXIST, E_PERM
 * for EPERM and EACCES, else E_IO. Returns its negative.
 */
int err_sys(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Put "<text>: " in front of the message; return the negative of the code it holds. */
int err_ctx(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

/*
 * For cleaning up, which goes on: when *@r is 0 yet, it becomes the negative of what @why
 * holds, and @e is made a copy of it. @why is cleared.
 */
void err_keep_first(int *r, struct err *e, struct err *why);

/* Forget an error that was dealt with. */
void err_clear(struct err *e);

#endif
