/* SPDX-License-Identifier: MIT */
#include "sim/formats/apfs/layout.h"
#include "sim/formats/apfs/raw_space.h"

#define IP_BM_TX 16u /* sm_ip_bm_tx_multiplier */

/* Sizes of the checkpoint areas, about as newfs_apfs chooses them. */
static const struct {
	uint64_t below; /* bytes of the container */
	uint32_t desc, data;
} areas[] = {
	/* No physical object may lie below block 1024, so that data has at least 1016. */
	{512ull << 20, 8, 1016},
	{1ull << 30, 12, 1016},
	{4ull << 30, 100, 4112},
	{50ull << 30, 280, 8224},
	{UINT64_MAX, 280, 27672},
};

int apfs_layout_init(struct apfs_layout *l, uint64_t size, struct err *e)
{
	size_t a = 0;

	if (size % APFS_BLOCK_SIZE != 0)
		return err_set(e, E_INVAL, "container size %llu is not a multiple of %u",
			       (unsigned long long)size, APFS_BLOCK_SIZE);
	if (size < APFS_MIN_CONTAINER || size > APFS_MAX_CONTAINER)
		return err_set(e, E_UNSUPPORTED,
			       "container of %llu MiB; can be %llu to %llu",
			       (unsigned long long)(size >> 20), APFS_MIN_CONTAINER >> 20,
			       APFS_MAX_CONTAINER >> 20);
	while (size >= areas[a].below)
		a++;
	*l = (struct apfs_layout){.n_blocks = size / APFS_BLOCK_SIZE};
	l->n_chunks = (uint32_t)((l->n_blocks + APFS_BLOCKS_PER_CHUNK - 1) /
				 APFS_BLOCKS_PER_CHUNK);
	l->n_cibs = (l->n_chunks + APFS_CHUNKS_PER_CIB - 1) / APFS_CHUNKS_PER_CIB;
	l->desc_base = 1;
	l->desc_blocks = areas[a].desc;
	l->data_base = l->desc_base + l->desc_blocks;
	l->data_blocks = areas[a].data;
	l->ip_bm_base = l->data_base + l->data_blocks;
	l->ip_bm_blocks = IP_BM_TX; /* one bitmap covers the pool up to 1 TiB */
	l->ip_base = l->ip_bm_base + l->ip_bm_blocks;
	l->ip_blocks = 3 * (l->n_chunks + l->n_cibs);
	l->first = l->ip_base + l->ip_blocks;
	return 0;
}
