/* SPDX-License-Identifier: MIT */
/*
 * Integers of a fixed byte order.
 *
 * On-disk structs are made of le16/le32/le64 and be32/be64 members: arrays of
 * bytes, so that a struct needs neither packing nor alignment, and a value can
 * not be used without saying its byte order.
 */
#ifndef SIM_BASE_BYTES_H
#define SIM_BASE_BYTES_H

#include <stdint.h>

typedef struct { uint8_t b[2]; } le16;
typedef struct { uint8_t b[4]; } le32;
typedef struct { uint8_t b[8]; } le64;
typedef struct { uint8_t b[4]; } be32;
typedef struct { uint8_t b[8]; } be64;

static inline uint16_t get_le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t get_le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	       (uint32_t)p[3] << 24;
}

static inline uint64_t get_le64(const uint8_t *p)
{
	return get_le32(p) | (uint64_t)get_le32(p + 4) << 32;
}

static inline uint32_t get_be32(const uint8_t *p)
{
	return (uint32_t)p[3] | (uint32_t)p[2] << 8 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[0] << 24;
}

static inline uint64_t get_be64(const uint8_t *p)
{
	return get_be32(p + 4) | (uint64_t)get_be32(p) << 32;
}

static inline void put_le16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static inline void put_le32(uint8_t *p, uint32_t v)
{
	put_le16(p, (uint16_t)v);
	put_le16(p + 2, (uint16_t)(v >> 16));
}

static inline void put_le64(uint8_t *p, uint64_t v)
{
	put_le32(p, (uint32_t)v);
	put_le32(p + 4, (uint32_t)(v >> 32));
}

static inline void put_be32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

static inline void put_be64(uint8_t *p, uint64_t v)
{
	put_be32(p, (uint32_t)(v >> 32));
	put_be32(p + 4, (uint32_t)v);
}

static inline uint16_t le16_get(le16 v) { return get_le16(v.b); }
static inline uint32_t le32_get(le32 v) { return get_le32(v.b); }
static inline uint64_t le64_get(le64 v) { return get_le64(v.b); }
static inline uint32_t be32_get(be32 v) { return get_be32(v.b); }
static inline uint64_t be64_get(be64 v) { return get_be64(v.b); }

static inline le16 to_le16(uint16_t v)
{
	le16 r;
	put_le16(r.b, v);
	return r;
}

static inline le32 to_le32(uint32_t v)
{
	le32 r;
	put_le32(r.b, v);
	return r;
}

static inline le64 to_le64(uint64_t v)
{
	le64 r;
	put_le64(r.b, v);
	return r;
}

static inline be32 to_be32(uint32_t v)
{
	be32 r;
	put_be32(r.b, v);
	return r;
}

static inline be64 to_be64(uint64_t v)
{
	be64 r;
	put_be64(r.b, v);
	return r;
}

#endif
