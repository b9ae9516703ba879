/* SPDX-License-Identifier: MIT */
/* Parts of `kextlab image` with words of their own; argv[0] is the action. */
#ifndef HARNESS_CMD_IMAGE_H
#define HARNESS_CMD_IMAGE_H

#include "harness/cmd.h"

int image_mount(int argc, char **argv);
int image_unmount(int argc, char **argv);

#endif
