/* SPDX-License-Identifier: MIT */
#include "sim/formats/codesign/blob.h"

#include <string.h>

#include "sim/base/ckd.h"

int cs_blob_open(struct span data, uint32_t magic, struct span *ret, struct err *e)
{
	const struct cs_blob_raw *raw = (const struct cs_blob_raw *)data.p;
	uint32_t len;

	if (data.len < sizeof(*raw))
		return err_set(e, E_CORRUPT, "a blob that ends at offset 0x%zx, inside its header",
			       data.len);
	len = be32_get(raw->length);
	if (magic && be32_get(raw->magic) != magic)
		return err_set(e, E_CORRUPT, "offset 0: a blob of magic 0x%x, not 0x%x",
			       be32_get(raw->magic), magic);
	if (len < sizeof(*raw) || len > data.len)
		return err_set(e, E_CORRUPT,
			       "offset 4: blob 0x%x has a length of %u bytes, where there "
			       "are %zu",
			       be32_get(raw->magic), len, data.len);
	*ret = (struct span){data.p, len};
	return 0;
}

struct span cs_blob_payload(struct span blob)
{
	return (struct span){blob.p + sizeof(struct cs_blob_raw),
			     blob.len - sizeof(struct cs_blob_raw)};
}

static const struct cs_index_raw *index_of(const struct cs_super *s, uint32_t i)
{
	return (const struct cs_index_raw *)(s->whole.p + sizeof(struct cs_super_raw)) +
	       i;
}

static int check_entry(const struct cs_super *s, uint32_t i, struct err *e)
{
	uint32_t off = be32_get(index_of(s, i)->offset);
	struct span blob;

	if (!off)
		return 0;
	if (off < sizeof(struct cs_super_raw) + s->n * sizeof(struct cs_index_raw) ||
	    off > s->whole.len)
		return err_set(e, E_CORRUPT, "entry %u at offset 0x%x lies outside", i,
			       off);
	if (cs_blob_open((struct span){s->whole.p + off, s->whole.len - off}, 0, &blob,
			 e))
		return err_ctx(e, "entry %u at offset 0x%x", i, off);
	return 0;
}

int cs_super_open(struct span data, uint32_t magic, struct cs_super *ret, struct err *e)
{
	struct cs_super s = {.n = 0};
	int r = cs_blob_open(data, magic, &s.whole, e);

	if (r)
		return r;
	if (s.whole.len < sizeof(struct cs_super_raw))
		return err_set(e, E_CORRUPT, "a super blob that ends at offset 0x%zx",
			       s.whole.len);
	s.n = be32_get(((const struct cs_super_raw *)s.whole.p)->count);
	if (s.n > CS_SUPER_MAX)
		return err_set(e, E_OVERFLOW, "offset 8: a super blob of %u entries", s.n);
	if (!range_inside(sizeof(struct cs_super_raw), s.n * sizeof(struct cs_index_raw),
			  s.whole.len))
		return err_set(e, E_CORRUPT, "offset 8: %u entries in a super blob of %zu bytes",
			       s.n, s.whole.len);
	for (uint32_t i = 0; i < s.n && !r; i++)
		r = check_entry(&s, i, e);
	if (!r)
		*ret = s;
	return r;
}

uint32_t cs_super_at(const struct cs_super *s, uint32_t i, struct span *ret)
{
	const struct cs_index_raw *x = index_of(s, i);
	uint32_t off = be32_get(x->offset);

	*ret = off ? (struct span){s->whole.p + off, get_be32(s->whole.p + off + 4)}
		   : (struct span){NULL, 0};
	return be32_get(x->type);
}

struct span cs_super_find(const struct cs_super *s, uint32_t type)
{
	struct span blob;

	for (uint32_t i = 0; i < s->n; i++)
		if (cs_super_at(s, i, &blob) == type)
			return blob;
	return (struct span){NULL, 0};
}

int cs_blob_put_header(struct buf *out, uint32_t magic, size_t len, struct err *e)
{
	struct cs_blob_raw raw;

	if (len > UINT32_MAX - sizeof(raw))
		return err_set(e, E_OVERFLOW, "a blob of %zu bytes", len);
	raw.magic = to_be32(magic);
	raw.length = to_be32((uint32_t)(len + sizeof(raw)));
	return buf_append(out, &raw, sizeof(raw), e);
}

void cs_super_writer_release(struct cs_super_writer *w)
{
	for (uint32_t i = 0; i < w->n; i++)
		buf_release(&w->entry[i].blob);
	w->n = 0;
}

/* The place of @type, which is new or empty afterwards. */
static struct buf *place_for(struct cs_super_writer *w, uint32_t type)
{
	uint32_t i = 0;

	while (i < w->n && w->entry[i].type < type)
		i++;
	if (i < w->n && w->entry[i].type == type) {
		buf_clear(&w->entry[i].blob);
		return &w->entry[i].blob;
	}
	if (w->n == CS_SUPER_MAX)
		return NULL;
	memmove(w->entry + i + 1, w->entry + i, (w->n - i) * sizeof(w->entry[0]));
	w->entry[i] = (struct cs_super_entry){.type = type};
	w->n++;
	return &w->entry[i].blob;
}

int cs_super_add(struct cs_super_writer *w, uint32_t type, struct span blob,
		 struct err *e)
{
	struct buf *b = place_for(w, type);

	if (!b)
		return err_set(e, E_OVERFLOW, "a super blob of more than %d entries",
			       CS_SUPER_MAX);
	return buf_append(b, blob.p, blob.len, e);
}

int cs_super_add_wrapped(struct cs_super_writer *w, uint32_t type, uint32_t magic,
			 struct span content, struct err *e)
{
	struct buf b = BUF_INIT;
	int r = cs_blob_put_header(&b, magic, content.len, e);

	if (!r)
		r = buf_append(&b, content.p, content.len, e);
	if (!r)
		r = cs_super_add(w, type, buf_span(&b), e);
	buf_release(&b);
	return r;
}

size_t cs_super_len(const struct cs_super_writer *w)
{
	size_t len = sizeof(struct cs_super_raw) + w->n * sizeof(struct cs_index_raw);

	for (uint32_t i = 0; i < w->n; i++)
		len += w->entry[i].blob.len;
	return len;
}

int cs_super_finish(struct cs_super_writer *w, uint32_t magic, struct buf *out,
		    struct err *e)
{
	size_t off = sizeof(struct cs_super_raw) + w->n * sizeof(struct cs_index_raw);
	be32 n = to_be32(w->n);
	int r = cs_blob_put_header(out, magic,
				   cs_super_len(w) - sizeof(struct cs_blob_raw), e);

	if (!r)
		r = buf_append(out, &n, sizeof(n), e);
	for (uint32_t i = 0; i < w->n && !r; i++) {
		struct cs_index_raw x = {to_be32(w->entry[i].type),
					 to_be32((uint32_t)off)};

		r = buf_append(out, &x, sizeof(x), e);
		off += w->entry[i].blob.len;
	}
	for (uint32_t i = 0; i < w->n && !r; i++)
		r = buf_append(out, w->entry[i].blob.data, w->entry[i].blob.len, e);
	return r;
}
