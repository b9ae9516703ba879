/* SPDX-License-Identifier: MIT */
/* A Mac's system made in a folder, for tests of programs that are told its root. */
#ifndef COMPONENTS_COMMON_TEST_MAC_FOLDER_H
#define COMPONENTS_COMMON_TEST_MAC_FOLDER_H

#include <stdint.h>

#include "sim/base/component_log.h"

/* Info.plist of a kext org.kextlab.t. */
#define MAC_FOLDER_INFO                                                                  \
	"<plist version=\"1.0\"><dict><key>CFBundleIdentifier</key><string>org.kextlab." \
	"t</string><key>CFBundleVersion</key><string>1.0</string></dict></plist>"

/* One for each test program: an empty folder again, SIP's flags 0, nothing said. */
void mac_folder_fresh(void);
/* The root, without a slash at its end. */
const char *mac_folder_root(void);
/* Where @rel lies on the host; the last eight answers stay valid. */
const char *mac_folder_at(const char *rel);
/* Write a file, and the folders above it. */
void mac_folder_put(const char *rel, const char *text);

/* SIP's flags, in the file that programs are told as csr_config. */
void mac_folder_set_csr(uint32_t flags);
const char *mac_folder_csr(void);

/* A log, and the lines that were said to it. */
extern const struct component_log mac_folder_log;
extern char mac_folder_said[8192];

#endif
