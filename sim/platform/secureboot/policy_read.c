/* SPDX-License-Identifier: MIT */
/* Which policy is in force. */
#include "sim/platform/secureboot/policy_impl.h"

#include <stdlib.h>
#include <string.h>

int policy_file(const struct sb_chip *chip, const struct sb_policy_files *files,
		const struct policy_name *n, struct policy_file *ret, struct err *e)
{
	struct lp_expect x = sep_expect(chip, n->lpnh);
	int r = lp_path(n->group, n->lpnh, n->which, ret->path, e);

	if (!r)
		r = files->read(files->ctx, ret->path, &ret->bytes, e);
	if (!r && lp_verify(ret->bytes.data, ret->bytes.len, &x, &ret->policy, e))
		r = err_ctx(e, "%s", ret->path);
	if (r)
		policy_file_release(ret);
	return r;
}

void policy_file_release(struct policy_file *f)
{
	buf_release(&f->bytes);
}

int policy_read(const struct sb_chip *chip, const struct sb_policy_files *files,
		const char *group, struct local_policy *ret,
		char path[static LP_PATH_MAX], struct buf *file, struct err *e)
{
	struct policy_name n = {.group = group, .which = LP_FILE_MACOS};
	struct policy_file f = {.bytes = BUF_INIT};
	int r = -(int)E_NOTFOUND;

	for (int proposed = 1; r && proposed >= 0; proposed--)
		if (!sep_nonce_digest(chip, SEP_LPN, proposed, n.lpnh, e))
			r = policy_file(chip, files, &n, &f, e);
	if (r)
		return err_set(e, E_NOTFOUND, "no valid policy of %s: %s", group,
			       e ? e->msg : "");
	*ret = f.policy;
	memcpy(path, f.path, sizeof(f.path));
	if (file)
		r = buf_append(file, f.bytes.data, f.bytes.len, e);
	policy_file_release(&f);
	return r;
}

int policy_replay(const struct sb_chip *chip, const struct sb_policy_files *files,
		  const char *group, struct span old, struct err *e)
{
	struct local_policy now;
	char path[LP_PATH_MAX];
	int r = policy_read(chip, files, group, &now, path, NULL, e);

	return r ? r : files->write(files->ctx, path, old.p, old.len, e);
}

/* Is @name a UUID in upper case, as the folders of systems are called? */
static bool is_group(const char *name)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	size_t i = 0;

	for (; form[i]; i++)
		if (form[i] == 'x' ? !name[i] || !strchr("0123456789ABCDEF", name[i])
				   : name[i] != '-')
			return false;
	return !name[i];
}

static int add_group(void *arg, const char *name, struct err *e)
{
	struct policy_groups *g = arg;
	char(*more)[UUID_TEXT_MAX];

	if (!is_group(name))
		return 0;
	more = reallocarray(g->name, g->n + 1, sizeof(*more));
	if (!more)
		return err_set(e, E_NOMEM, "out of memory");
	g->name = more;
	memcpy(more[g->n++], name, UUID_TEXT_MAX);
	return 0;
}

int policy_groups(const struct sb_policy_files *files, struct policy_groups *ret,
		  struct err *e)
{
	int r = files->list(files->ctx, "/", add_group, ret, e);

	if (r)
		policy_groups_release(ret);
	return r;
}

void policy_groups_release(struct policy_groups *g)
{
	free(g->name);
	*g = (struct policy_groups){.name = NULL};
}
