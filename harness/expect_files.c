/* SPDX-License-Identifier: MIT */
/* Judging expectations: files of the Mac. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "harness/expect_judge.h"
#include "sim/base/idtext.h"

#define CONTENT_MAX (64u << 20)

/* One file under judgement: "files./path" and what is known of it. */
struct subject {
	struct engine *en;
	const char *path;
	struct macfs *fs;
	struct macfs_stat st;
};

static int check(struct subject *s, const char *what, bool ok, const char *expected,
		 const char *got, struct err *e)
{
	char name[MACFS_PATH_MAX + 32];

	snprintf(name, sizeof(name), "files.%s%s%s", s->path, what ? "." : "",
		 what ? what : "");
	return engine_check(s->en, name, ok, expected, e, "%s", got);
}

static int check_number(struct subject *s, const char *what, int64_t want, uint64_t got,
			struct err *e)
{
	char expected[32], text[32];

	if (want < 0)
		return 0;
	snprintf(expected, sizeof(expected), "%" PRId64, want);
	snprintf(text, sizeof(text), "%" PRIu64, got);
	return check(s, what, (uint64_t)want == got, expected, text, e);
}

static const char *type_name(uint32_t mode)
{
	return S_ISREG(mode)   ? "file"
	       : S_ISDIR(mode) ? "folder"
	       : S_ISLNK(mode) ? "link"
			       : "other";
}

static int check_inode(struct subject *s, const struct file_expect *x, struct err *e)
{
	static const char *const types[] = {"any", "file", "folder", "link"};
	const char *type = type_name(s->st.mode);
	char want[16], got[16];
	int r = 0;

	if (x->type != FILE_ANY)
		r = check(s, "type", !strcmp(types[x->type], type), types[x->type], type,
			  e);
	if (!r && x->volume)
		r = check(s, "volume", !strcmp(x->volume, s->st.role), x->volume,
			  s->st.role, e);
	if (!r && x->mode >= 0) {
		snprintf(want, sizeof(want), "%04o", (unsigned)x->mode);
		snprintf(got, sizeof(got), "%04o", s->st.mode & 07777);
		r = check(s, "mode", !strcmp(want, got), want, got, e);
	}
	if (!r)
		r = check_number(s, "uid", x->uid, s->st.uid, e);
	if (!r)
		r = check_number(s, "gid", x->gid, s->st.gid, e);
	return r ? r : check_number(s, "size", x->size, s->st.size, e);
}

static int check_link(struct subject *s, const char *want, struct buf *content,
		      struct err *e)
{
	bool link = S_ISLNK(s->st.mode);
	const char *got = link ? buf_str(content) : "not a link";
	int r = engine_text(s->en, want, &want, e);

	return r ? r : check(s, "link", link && !strcmp(want, got), want, got, e);
}

static int check_same(struct subject *s, const char *other, const struct buf *content,
		      struct err *e)
{
	struct buf b = BUF_INIT;
	char got[128];
	bool same;
	int r = engine_text(s->en, other, &other, e);

	if (!r)
		r = macfs_read(s->fs, other, CONTENT_MAX, &b, e);
	if (r && r != -E_NOTFOUND)
		return r;
	same = !r && b.len == content->len &&
	       (!b.len || !memcmp(b.data, content->data, b.len));
	snprintf(got, sizeof(got), "%s",
		 same ? "the same content"
		 : r  ? "no such file"
		      : "other content");
	buf_release(&b);
	err_clear(e);
	return check(s, "same_as", same, other, got, e);
}

static int check_content(struct subject *s, const struct file_expect *x,
			 struct buf *content, struct err *e)
{
	char name[MACFS_PATH_MAX + 32], sum[SHA256_TEXT_MAX];
	int r = 0;

	if (x->sha256) {
		r = sha256_text(content->data ? (void *)content->data : "", content->len,
			       sum, e);
		if (!r)
			r = check(s, "sha256", !strcmp(sum, x->sha256), x->sha256, sum,
				  e);
	}
	if (!r && x->content) {
		snprintf(name, sizeof(name), "files.%s.content", s->path);
		r = engine_match(s->en, name, x->content, buf_str(content), e);
	}
	if (!r && x->link)
		r = check_link(s, x->link, content, e);
	if (!r && x->same_as)
		r = check_same(s, x->same_as, content, e);
	return r;
}

int expect_file(struct engine *en, const struct file_expect *x, struct err *e)
{
	struct subject s = {.en = en};
	struct buf content = BUF_INIT;
	bool absent;
	int r = engine_text(en, x->path, &s.path, e);

	if (!r)
		r = engine_files(en, &s.fs, e);
	if (r)
		return r;
	r = macfs_stat(s.fs, s.path, &s.st, e);
	if (r && r != -E_NOTFOUND)
		return r;
	absent = r != 0;
	err_clear(e);
	r = check(&s, NULL, absent == x->absent, x->absent ? "absent" : "present",
		  absent ? "absent" : "present", e);
	if (r || absent || x->absent)
		return r;
	r = check_inode(&s, x, e);
	if (!r && (x->sha256 || x->content || x->link || x->same_as)) {
		r = macfs_read(s.fs, s.path, CONTENT_MAX, &content, e);
		if (!r)
			r = check_content(&s, x, &content, e);
	}
	buf_release(&content);
	return r;
}
