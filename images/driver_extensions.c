/* SPDX-License-Identifier: MIT */
#include "images/driver_extensions.h"

#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "sim/base/buf.h"

/* Identifiers are Apple's; versions are not known and assumed. */
static const struct {
	const char *id, *name, *version;
} extensions[] = {
	{"com.apple.AppleUserECM", "AppleUserECM", "1.0"},
	{"com.apple.AppleUserHIDDrivers", "AppleUserHIDDrivers", "1.0"},
	{"com.apple.DriverKit-AppleUSBCHCOM", "AppleUSBCHCOM", "1.0"},
	{"com.apple.DriverKit-AppleUSBFTDI", "AppleUSBFTDI", "1.0"},
	{"com.apple.DriverKit-AppleUSBSLCOM", "AppleUSBSLCOM", "1.0"},
};

static const char info_plist[] =
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	"<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" "
	"\"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n"
	"<plist version=\"1.0\">\n"
	"<dict>\n"
	"\t<key>CFBundleIdentifier</key>\n\t<string>%s</string>\n"
	"\t<key>CFBundleInfoDictionaryVersion</key>\n\t<string>6.0</string>\n"
	"\t<key>CFBundleName</key>\n\t<string>%s</string>\n"
	"\t<key>CFBundlePackageType</key>\n\t<string>DEXT</string>\n"
	"\t<key>CFBundleVersion</key>\n\t<string>%s</string>\n"
	"</dict>\n"
	"</plist>\n";

int driver_extensions_add(struct fs_tree *t, const char *path, struct err *e)
{
	struct buf text = BUF_INIT;
	int r = fs_tree_mkdir(t, path, S_IFDIR | 0755, NULL, e);

	for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]) && !r; i++) {
		char file[PATH_MAX];

		/* The old flat layout, which driver extensions have to this day. */
		snprintf(file, sizeof(file), "%s/%s.dext/Info.plist", path,
			 extensions[i].id);
		buf_clear(&text);
		r = buf_printf(&text, e, info_plist, extensions[i].id,
			       extensions[i].name, extensions[i].version);
		if (!r)
			r = fs_tree_file(t, file, S_IFREG | 0644, text.data, text.len,
					 NULL, e);
	}
	buf_release(&text);
	return r;
}
