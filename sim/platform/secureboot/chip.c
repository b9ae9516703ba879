/* SPDX-License-Identifier: MIT */
/* The chip on its device: one record for each thing it holds. */
#include "sim/platform/secureboot/chip.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sim/formats/image4/fourcc.h"
#include "sim/platform/bank.h"

static const struct bank_format format = {
	.magic = "KLCHIP01", .size = SB_CHIP_SIZE, .what = "chip"};

#define KEY_MAX 64
#define NOR	"nor/" /* and the name of the file */

enum kind {
	BYTES, /* so many bytes in the struct */
	U32,
	U64,
	FLAG,
	BUF, /* as many as there are; absent when empty */
};

struct row {
	const char *key;
	enum kind kind;
	size_t at, len; /* in struct sb_chip; len: of BYTES */
	bool fuse;	/* burnt once */
	size_t present; /* offset of the flag that says whether it is there; 0: always */
};

/* clang-format off */
#define FUSE(k, kind, member) \
	{k, kind, offsetof(struct sb_chip, member), sizeof(((struct sb_chip *)0)->member), true, 0}
#define KEPT(k, kind, member) \
	{k, kind, offsetof(struct sb_chip, member), sizeof(((struct sb_chip *)0)->member), false, 0}
#define NONCE(k, which) \
	KEPT("sep/" k "/blessed", BYTES, sep.nonce[which].blessed), \
	{"sep/" k "/proposed", BYTES, offsetof(struct sb_chip, sep.nonce[which].proposed), \
	 SB_NONCE_LEN, false, offsetof(struct sb_chip, sep.nonce[which].has_proposed)}
/* clang-format on */

static const struct row rows[] = {
	FUSE("fuse/root", BYTES, root_hash),
	FUSE("fuse/CHIP", U32, id.chip),
	FUSE("fuse/BORD", U32, id.bord),
	FUSE("fuse/CEPO", U32, id.cepo),
	FUSE("fuse/SDOM", U32, id.sdom),
	FUSE("fuse/ECID", U64, id.ecid),
	FUSE("fuse/CPRO", FLAG, id.cpro),
	FUSE("fuse/CSEC", FLAG, id.csec),
	FUSE("rom/root", BUF, root),
	KEPT("nonce/generator", BYTES, generator),
	NONCE("lpn", SEP_LPN),
	NONCE("rpn", SEP_RPN),
	NONCE("ron", SEP_RON),
	KEPT("sep/oik", BUF, sep.oik),
	KEPT("sep/baa", BUF, sep.baa),
	KEPT("sep/oic", BUF, sep.oic),
};
#define N_ROWS (sizeof(rows) / sizeof(rows[0]))
_Static_assert(N_ROWS <= 64, "take_record has a bit for each");

void sb_chip_init(struct sb_chip *c)
{
	*c = (struct sb_chip){.n_nor = 0};
}

void sb_chip_release(struct sb_chip *c)
{
	buf_release(&c->root);
	for (size_t i = 0; i < c->n_nor; i++)
		buf_release(&c->nor[i].data);
	buf_release(&c->sep.oik);
	buf_release(&c->sep.baa);
	buf_release(&c->sep.oic);
	sb_chip_init(c);
}

struct buf *sb_chip_nor(struct sb_chip *c, uint32_t name)
{
	for (size_t i = 0; i < c->n_nor; i++)
		if (c->nor[i].name == name)
			return &c->nor[i].data;
	return NULL;
}

int sb_chip_set_nor(struct sb_chip *c, uint32_t name, const void *data, size_t len,
		    struct err *e)
{
	struct buf b = BUF_INIT, *old = sb_chip_nor(c, name);

	if (!old && c->n_nor == SB_NOR_MAX)
		return err_set(e, E_OVERFLOW, "NOR has room for %u files", SB_NOR_MAX);
	if (buf_append(&b, data, len, e))
		return -(int)E_NOMEM;
	if (!old) {
		c->nor[c->n_nor].name = name;
		old = &c->nor[c->n_nor++].data;
		*old = (struct buf)BUF_INIT;
	}
	buf_release(old);
	*old = b;
	return 0;
}

static bool is_present(const struct sb_chip *c, const struct row *row)
{
	const uint8_t *base = (const uint8_t *)c;

	if (row->kind == BUF)
		return ((const struct buf *)(const void *)(base + row->at))->len > 0;
	return !row->present || *(const bool *)(base + row->present);
}

static int append_row(struct buf *b, const struct sb_chip *c, const struct row *row,
		      struct err *e)
{
	const uint8_t *p = (const uint8_t *)c + row->at;
	const struct buf *content;
	uint32_t v32;
	uint64_t v64;
	uint8_t raw[8];

	switch (row->kind) {
	case U32:
		memcpy(&v32, p, sizeof(v32));
		put_le32(raw, v32);
		return bank_record_append(b, row->key, raw, 4, e);
	case U64:
		memcpy(&v64, p, sizeof(v64));
		put_le64(raw, v64);
		return bank_record_append(b, row->key, raw, 8, e);
	case FLAG:
		raw[0] = *(const bool *)p;
		return bank_record_append(b, row->key, raw, 1, e);
	case BUF:
		content = (const struct buf *)(const void *)p;
		return bank_record_append(b, row->key, content->data, content->len, e);
	case BYTES:
		break;
	}
	return bank_record_append(b, row->key, p, row->len, e);
}

static int append_nor(struct buf *b, const struct sb_nor_file *f, struct err *e)
{
	char name[FOURCC_TEXT_MAX], key[KEY_MAX];

	snprintf(key, sizeof(key), NOR "%s", fourcc_text(f->name, name));
	return bank_record_append(b, key, f->data.data, f->data.len, e);
}

static int append_all(struct buf *b, const struct sb_chip *c, struct err *e)
{
	int r = 0;

	for (size_t i = 0; !r && i < N_ROWS; i++)
		if (is_present(c, &rows[i]))
			r = append_row(b, c, &rows[i], e);
	for (size_t i = 0; !r && i < c->n_nor; i++)
		r = append_nor(b, &c->nor[i], e);
	return r;
}

/* How long the value of a row has to be; 0: any length. */
static size_t value_len(const struct row *row)
{
	switch (row->kind) {
	case U32:
		return 4;
	case U64:
		return 8;
	case FLAG:
		return 1;
	case BYTES:
		return row->len;
	case BUF:
		break;
	}
	return 0;
}

static int take_value(struct sb_chip *c, const struct row *row,
		      const struct bank_record *rec, struct err *e)
{
	uint8_t *base = (uint8_t *)c, *p = base + row->at;
	size_t want = value_len(row);
	uint32_t v32;
	uint64_t v64;

	if ((want && rec->len != want) || (!want && !rec->len))
		return err_set(e, E_CORRUPT, "chip: '%s' has %zu bytes", row->key,
			       rec->len);
	if (row->present)
		*(bool *)(base + row->present) = true;
	switch (row->kind) {
	case U32:
		v32 = get_le32(rec->value);
		memcpy(p, &v32, sizeof(v32));
		return 0;
	case U64:
		v64 = get_le64(rec->value);
		memcpy(p, &v64, sizeof(v64));
		return 0;
	case FLAG:
		*(bool *)p = rec->value[0];
		return rec->value[0] > 1 ? err_set(e, E_CORRUPT, "chip: '%s' is %u",
						   row->key, rec->value[0])
					 : 0;
	case BUF:
		return buf_append((struct buf *)(void *)p, rec->value, rec->len, e);
	case BYTES:
		break;
	}
	memcpy(p, rec->value, row->len);
	return 0;
}

static int take_nor(struct sb_chip *c, const struct bank_record *rec, struct err *e)
{
	const uint8_t *n = (const uint8_t *)rec->key + strlen(NOR);
	uint32_t name = FOURCC(n[0], n[1], n[2], n[3]);

	if (!fourcc_valid(name) || sb_chip_nor(c, name))
		return err_set(e, E_CORRUPT, "chip: NOR: bad or double name");
	return sb_chip_set_nor(c, name, rec->value, rec->len, e);
}

static bool key_is(const struct bank_record *rec, const char *key)
{
	return rec->key_len == strlen(key) && !memcmp(rec->key, key, rec->key_len);
}

/* @seen: a bit for each row that has been. */
static int take_record(struct sb_chip *c, const struct bank_record *rec, uint64_t *seen,
		       struct err *e)
{
	for (size_t i = 0; i < N_ROWS; i++) {
		if (!key_is(rec, rows[i].key))
			continue;
		if (*seen & UINT64_C(1) << i)
			return err_set(e, E_CORRUPT, "chip: '%s' comes twice",
				       rows[i].key);
		*seen |= UINT64_C(1) << i;
		return take_value(c, &rows[i], rec, e);
	}
	if (rec->key_len == strlen(NOR) + 4 && !memcmp(rec->key, NOR, strlen(NOR)))
		return take_nor(c, rec, e);
	return err_set(e, E_CORRUPT, "chip: a record that it does not have");
}

static int take_all(struct sb_chip *c, const struct buf *b, struct err *e)
{
	const uint8_t *p = b->data;
	size_t left = b->len;
	struct bank_record rec;
	uint64_t seen = 0;
	int r = 0;

	while (!r && left) {
		r = bank_record_take(&p, &left, &rec, e);
		if (!r)
			r = take_record(c, &rec, &seen, e);
	}
	for (size_t i = 0; !r && i < N_ROWS; i++)
		if (rows[i].kind != BUF && !rows[i].present && !(seen & UINT64_C(1) << i))
			r = err_set(e, E_CORRUPT, "chip: '%s' is missing", rows[i].key);
	return r;
}

int sb_chip_load(struct sb_chip *c, int fd, struct err *e)
{
	struct buf b = BUF_INIT;
	uint64_t sequence = 0;
	int r;

	sb_chip_release(c);
	r = bank_load(&format, fd, &b, &sequence, e);
	if (!r)
		r = take_all(c, &b, e);
	buf_release(&b);
	if (r)
		sb_chip_release(c);
	else
		c->sequence = sequence;
	return r;
}

/* The part of @records that is fuses: they come first. */
static int fuses_of(const struct sb_chip *c, struct buf *ret, struct err *e)
{
	int r = 0;

	for (size_t i = 0; !r && i < N_ROWS; i++)
		if (rows[i].fuse)
			r = append_row(ret, c, &rows[i], e);
	return r;
}

/* A fuse that is burnt stays so. */
static int check_fuses(const struct sb_chip *c, int fd, struct err *e)
{
	struct buf have = BUF_INIT, want = BUF_INIT;
	struct sb_chip old;
	int r;

	sb_chip_init(&old);
	r = sb_chip_load(&old, fd, NULL);
	if (r) /* blank, too short or torn twice: there is nothing to keep */
		return 0;
	r = fuses_of(&old, &have, e);
	if (!r)
		r = fuses_of(c, &want, e);
	if (!r && (have.len != want.len || memcmp(have.data, want.data, have.len) != 0))
		r = err_set(e, E_PERM, "chip: fuses cannot be burnt again");
	buf_release(&have);
	buf_release(&want);
	sb_chip_release(&old);
	return r;
}

int sb_chip_store(struct sb_chip *c, int fd, struct err *e)
{
	struct buf b = BUF_INIT;
	int r = check_fuses(c, fd, e);

	if (!r)
		r = append_all(&b, c, e);
	if (!r)
		r = bank_store(&format, fd, &b, &c->sequence, e);
	buf_release(&b);
	return r;
}

int sb_chip_load_file(struct sb_chip *c, const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r;

	if (fd < 0)
		return err_sys(e, "%s", path);
	r = sb_chip_load(c, fd, e);
	close(fd);
	return r ? err_ctx(e, "%s", path) : 0;
}

int sb_chip_store_file(struct sb_chip *c, const char *path, struct err *e)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644), r;

	if (fd < 0)
		return err_sys(e, "%s", path);
	r = sb_chip_store(c, fd, e);
	if (close(fd) && !r)
		r = err_sys(e, "%s", path);
	return r ? err_ctx(e, "%s", path) : 0;
}
