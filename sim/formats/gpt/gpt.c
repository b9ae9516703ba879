/* SPDX-License-Identifier: MIT */
#include "sim/formats/gpt/gpt.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#include "sim/base/bytes.h"
#include "sim/base/ckd.h"

struct gpt_raw_header {
	uint8_t signature[8];
	le32 revision;
	le32 header_size;
	le32 header_crc;
	le32 reserved;
	le64 my_lba;
	le64 alternate_lba;
	le64 first_usable;
	le64 last_usable;
	uint8_t guid[16];
	le64 entries_lba;
	le32 n_entries;
	le32 entry_size;
	le32 entries_crc;
};
_Static_assert(sizeof(struct gpt_raw_header) == 92, "GPT header");

struct gpt_raw_entry {
	uint8_t type[16];
	uint8_t guid[16];
	le64 first_lba;
	le64 last_lba; /* inclusive */
	le64 attributes;
	le16 name[36];
};
_Static_assert(sizeof(struct gpt_raw_entry) == 128, "GPT entry");

#define GPT_SIGNATURE   "EFI PART"
#define GPT_ENTRIES_MAX 1024
#define GPT_SECTOR_MAX  4096

/* A GUID's first three fields are little-endian. */
static void format_guid(const uint8_t *g, char out[static GPT_GUID_MAX])
{
	snprintf(out, GPT_GUID_MAX,
		 "%08X-%04X-%04X-%02X%02X-%02X%02X%02X%02X%02X%02X", get_le32(g),
		 get_le16(g + 4), get_le16(g + 6), g[8], g[9], g[10], g[11], g[12], g[13],
		 g[14], g[15]);
}

static size_t put_utf8(char *out, uint32_t c)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* 36 units make at most 108 bytes: a pair of surrogates makes four, less than two times three. */
static void format_name(const le16 name[static 36], char out[static GPT_NAME_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < 36; i++) {
		uint32_t c = le16_get(name[i]);
		uint32_t low = i + 1 < 36 ? le16_get(name[i + 1]) : 0;

		if (!c)
			break;
		if (c >> 10 == 0x36 && low >> 10 == 0x37) {
			c = 0x10000 + ((c & 0x3ff) << 10 | (low & 0x3ff));
			i++;
		} else if (c >> 11 == 0x1b) {
			c = 0xfffd; /* half a pair */
		}
		n += put_utf8(out + n, c);
	}
	out[n] = '\0';
}

static int read_header(struct vdisk *d, uint32_t sector, uint64_t lba,
		       struct gpt_raw_header *h, struct err *e)
{
	uint8_t block[GPT_SECTOR_MAX];
	uint32_t size;
	int r = vdisk_read(d, lba * sector, block, sector, e);

	if (r)
		return r;
	memcpy(h, block, sizeof(*h));
	if (memcmp(h->signature, GPT_SIGNATURE, sizeof(h->signature)))
		return err_set(e, E_NOTFOUND, "no GUID partition table");
	size = le32_get(h->header_size);
	if (size < sizeof(*h) || size > sector)
		return err_set(e, E_CORRUPT, "header of %u bytes", size);
	memset(block + offsetof(struct gpt_raw_header, header_crc), 0, 4);
	if ((uint32_t)crc32(0, block, size) != le32_get(h->header_crc))
		return err_set(e, E_CORRUPT, "header checksum is wrong");
	if (le64_get(h->my_lba) != lba)
		return err_set(e, E_CORRUPT, "header belongs to block %" PRIu64,
			       le64_get(h->my_lba));
	return 0;
}

static int add_part(struct vdisk *d, struct gpt *g, const struct gpt_raw_entry *raw,
		    unsigned number, struct err *e)
{
	struct gpt_part *p = &g->parts[g->n_parts];
	uint64_t first = le64_get(raw->first_lba), last = le64_get(raw->last_lba);
	uint64_t sectors = d->size / g->sector_size;

	if (first > last || last >= sectors)
		return err_set(e, E_CORRUPT,
			       "partition %u: blocks %" PRIu64 " to %" PRIu64
			       " of a disk of %" PRIu64,
			       number, first, last, sectors);
	p->number = number;
	p->offset = first * g->sector_size;
	p->size = (last - first + 1) * g->sector_size;
	p->attributes = le64_get(raw->attributes);
	format_guid(raw->type, p->type);
	format_guid(raw->guid, p->guid);
	format_name(raw->name, p->name);
	g->n_parts++;
	return 0;
}

static int add_parts(struct vdisk *d, struct gpt *g, const uint8_t *entries, uint32_t n,
		     uint32_t size, struct err *e)
{
	static const uint8_t unused[16];
	struct gpt_raw_entry raw;
	int r = 0;

	g->parts = calloc(n, sizeof(*g->parts));
	if (!g->parts)
		return err_set(e, E_NOMEM, "partition table: out of memory");
	for (uint32_t i = 0; i < n && !r; i++) {
		memcpy(&raw, entries + (size_t)i * size, sizeof(raw));
		if (memcmp(raw.type, unused, sizeof(unused)))
			r = add_part(d, g, &raw, i + 1, e);
	}
	return r;
}

static int read_table(struct vdisk *d, uint32_t sector, uint64_t lba, struct gpt *g,
		      struct err *e)
{
	struct gpt_raw_header h;
	uint32_t n, size;
	uint64_t off;
	uint8_t *entries;
	int r = read_header(d, sector, lba, &h, e);

	if (r)
		return r;
	n = le32_get(h.n_entries);
	size = le32_get(h.entry_size);
	if (!n || n > GPT_ENTRIES_MAX || size < sizeof(struct gpt_raw_entry) ||
	    size > GPT_SECTOR_MAX)
		return err_set(e, E_CORRUPT, "%u entries of %u bytes", n, size);
	if (ckd_mul(&off, le64_get(h.entries_lba), (uint64_t)sector))
		return err_set(e, E_CORRUPT, "entries at block %" PRIu64,
			       le64_get(h.entries_lba));
	entries = malloc((size_t)n * size);
	if (!entries)
		return err_set(e, E_NOMEM, "partition table: out of memory");
	g->sector_size = sector;
	format_guid(h.guid, g->guid);
	r = vdisk_read(d, off, entries, (size_t)n * size, e);
	if (!r && (uint32_t)crc32(0, entries, n * size) != le32_get(h.entries_crc))
		r = err_set(e, E_CORRUPT, "checksum of the entries is wrong");
	if (!r)
		r = add_parts(d, g, entries, n, size, e);
	free(entries);
	if (r)
		gpt_release(g);
	return r;
}

int gpt_read(struct vdisk *d, struct gpt *ret, struct err *e)
{
	static const uint32_t sectors[] = {512, 4096};
	struct err why = {.code = E_NOTFOUND, .msg = "no GUID partition table"};

	for (size_t i = 0; i < sizeof(sectors) / sizeof(sectors[0]); i++) {
		uint64_t last = d->size / sectors[i];
		struct err here = ERR_INIT;

		*ret = (struct gpt){0};
		if (last < 3)
			continue;
		if (!read_table(d, sectors[i], 1, ret, &here))
			return 0;
		if (why.code == E_NOTFOUND)
			why = here;
		if (!read_table(d, sectors[i], last - 1, ret, &here)) {
			ret->from_backup = true;
			return 0;
		}
	}
	return err_set(e, why.code, "%s%s",
		       why.code == E_NOTFOUND ? "" : "GUID partition table: ", why.msg);
}

void gpt_release(struct gpt *g)
{
	free(g->parts);
	*g = (struct gpt){0};
}

const struct gpt_part *gpt_find(const struct gpt *g, const char *type, size_t from)
{
	for (size_t i = from; i < g->n_parts; i++)
		if (!strcasecmp(g->parts[i].type, type))
			return &g->parts[i];
	return NULL;
}
