/* SPDX-License-Identifier: MIT */
/*
 * Checking a sealed volume while it is read (apfs_volume_verify of seal.h): what the
 * layers of the reader ask before they hand anything on.
 */
#ifndef SIM_FORMATS_APFS_READER_VERIFY_H
#define SIM_FORMATS_APFS_READER_VERIFY_H

#include "sim/base/sha256.h"
#include "sim/formats/apfs/reader_impl.h"

/* Content that is hashed as one piece. Macs make it 16 KiB; longer than this is refused.
 */
#define APFS_CHUNK_MAX (1u << 20)
#define APFS_CHUNK_MAC 16384u

/* A file-info record of type data hash (APFS Reference p. 155). */
struct apfs_chunk {
	uint64_t id;   /* stream, or inode of a file that is compressed in its inode */
	uint64_t off;  /* bytes in the content */
	uint32_t len;  /* bytes, whole blocks; 0: none */
	uint64_t leaf; /* block of the node that it is in */
	uint8_t hash[APFS_SEAL_HASH_LEN];
};

/* Take the record that @cur is at apart. */
int apfs_chunk_parse(const struct apfs_key *key, const uint8_t *val, size_t val_len,
		     struct apfs_chunk *ret, struct err *e) MUST_CHECK;
/* The chunk of @id that @off lies in. E_BADHASH when there is none. */
int apfs_chunk_find(struct apfs_volume *v, uint64_t id, uint64_t off,
		    struct apfs_chunk *ret, struct err *e) MUST_CHECK;

/* Note what an E_BADHASH was about. */
void apfs_verify_failed(struct apfs_verify *k, const struct apfs_bad_hash *bad);

/* Read integrity metadata from @block, which lies at @bno. */
int apfs_integrity_parse(const uint8_t block[APFS_BLOCK_SIZE], uint64_t bno,
			 uint64_t newest_xid, struct apfs_seal_info *ret,
			 struct err *e) MUST_CHECK;

#endif
