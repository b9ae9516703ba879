/* SPDX-License-Identifier: MIT */
/*
 * The partition table and the EFI system partition of an Intel Mac's disk, made by
 * libguestfs. Its appliance takes seconds to start, so the result is kept in the
 * cache as a layout that base disks are copied from.
 */
#ifndef IMAGES_GPT_H
#define IMAGES_GPT_H

#include <stdint.h>

#include "images/disk.h"

/* The Mac sees 512-byte sectors. Sizes as on an Intel Mac; the container is sparse. */
#define GPT_ESP_OFFSET       (2048ull * 512) /* sector 40 on Macs; aligned to 1 MiB here */
#define GPT_ESP_SIZE         (409600ull * 512)
#define GPT_CONTAINER_OFFSET (GPT_ESP_OFFSET + GPT_ESP_SIZE)
#define GPT_CONTAINER_SIZE   (3ull << 30) /* five volumes need more than 2 GiB */
#define GPT_DISK_SIZE        (GPT_CONTAINER_OFFSET + GPT_CONTAINER_SIZE + (1ull << 20))

/* Path of the layout in the cache, made now if it is not there. */
int gpt_layout(const struct image_env *env, char ret_path[static IMAGE_PATH_MAX],
	       struct err *e) MUST_CHECK;

#endif
