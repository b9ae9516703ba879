/* SPDX-License-Identifier: MIT */
#include "sim/formats/kext/diag.h"

#include <stdlib.h>
#include <string.h>

static const char *const titles[KEXT_DIAG_CLASSES] = {
	[KEXT_DIAG_VALIDATION] = "Validation Failures",
	[KEXT_DIAG_AUTHENTICATION] = "Authentication Failures",
	[KEXT_DIAG_DEPENDENCY] = "Dependency Resolution Failures",
	[KEXT_DIAG_WARNING] = "Warnings",
	[KEXT_DIAG_BOOT_LEVEL] = "Boot Level Restrictions",
};

#define V KEXT_DIAG_VALIDATION
#define A KEXT_DIAG_AUTHENTICATION
#define D KEXT_DIAG_DEPENDENCY
#define W KEXT_DIAG_WARNING
#define B KEXT_DIAG_BOOT_LEVEL

#define KEXT_ONLY(key) "Driver Extensions may not use the " key " key; please remove."

static const struct {
	enum kext_diag_class class;
	const char *text;
} faults[KEXT_F_COUNT] = {
	[KEXT_F_MISSING_PROPERTY] = {V,
				     "Info dictionary missing required property/value"},
	[KEXT_F_SYSTEM_PROPERTY] = {V,
				    "A system kext has a property set that it shouldn't"},
	[KEXT_F_ILLEGAL_TYPE] = {V, "Info dictionary property value is of illegal type"},
	[KEXT_F_ILLEGAL_VALUE] = {V, "Info dictionary property value is illegal"},
	[KEXT_F_TOO_LONG] = {V, "CFBundleIdentifier and CFBundleVersion must be < 64 "
				"characters."},
	[KEXT_F_EXECUTABLE_MISSING] = {V,
				       "Kext has a CFBundleExecutable property but the "
				       "executable can't be found"},
	[KEXT_F_EXECUTABLE_BAD] =
		{V, "Executable file doesn't contain kernel extension code "
		    "(no kmod_info symbol or bad Mach-O layout)."},
	[KEXT_F_COMPATIBLE_LATER] = {V, "Compatible version must be lower than current "
					"version."},
	[KEXT_F_DEXT_NO_KERNEL_ID] =
		{V, "The 'CFBundleIdentifierKernel' key is required in your personality "
		    "to specify the base kext to load when your kext is instantiated."},
	[KEXT_F_DEXT_KEY_RESOURCE] = {V, KEXT_ONLY("OSKernelResource")},
	[KEXT_F_DEXT_KEY_SECURITY] = {V, KEXT_ONLY("AppleSecurityExtension")},
	[KEXT_F_DEXT_KEY_EXTERNAL] = {V, KEXT_ONLY("AppleKernelExternalComponent")},
	[KEXT_F_DEXT_KEY_SHARED] = {V, KEXT_ONLY("OSBundleSharedExecutableIdentifier")},
	[KEXT_F_DEXT_KEY_INTERFACE] = {V, KEXT_ONLY("OSBundleIsInterface")},
	[KEXT_F_FILE_NOT_FOUND] = {A, "File not found"},
	[KEXT_F_PERMISSIONS] =
		{A, "File owner/permissions are incorrect (must be root:wheel, "
		    "nonwritable by group/other)"},
	[KEXT_F_DEP_UNAVAILABLE] = {D, "No kexts found for these libraries"},
	[KEXT_F_DEP_INCOMPATIBLE] = {D,
				     "Only incompatible kexts found for these libraries"},
	[KEXT_F_DEP_NO_COMPATIBLE_VERSION] =
		{D, "Kexts found for these libraries lack valid "
		    "OSBundleCompatibleVersion"},
	[KEXT_F_DEP_INDIRECT] = {D, "Indirect dependencies can't be resolved"},
	[KEXT_F_DEP_MULTIPLE] = {D, "Multiple kexts for these libraries occur in the "
				    "dependency graph"},
	[KEXT_F_DEP_CIRCULAR] = {D, "Some dependencies are causing circular references"},
	[KEXT_F_DEP_INVALID] = {D, "Dependencies have validation problems"},
	[KEXT_F_DEP_INAUTHENTIC] = {D, "Dependencies have incorrect owner/permissions"},
	[KEXT_F_NON_KPI] = {D, "64-bit kexts must use com.apple.kpi.* libraries, not "
			       "com.apple.kernel* libraries."},
	[KEXT_F_PRIVATE_KPI] =
		{D, "Only Apple kexts may link against com.apple.kpi.private."},
	[KEXT_F_RAW_KERNEL] = {D,
			       "Kexts may not link against com.apple.kernel; use either "
			       "com.apple.kpi.* libraries (recommended), or "
			       "com.apple.kernel.* (for compatiblity with older "
			       "releases)."},
	[KEXT_F_INTERFACE_COUNT] = {D,
				    "Interface kext must have exactly one dependency."},
	[KEXT_F_WARN_TYPE] = {W, "Info dictionary property value is of incorrect type"},
	[KEXT_F_WARN_NOT_INTERFACE] = {W,
				       "Kext is a kernel component but "
				       "OSBundleIsInterface is set to false; overriding"},
	[KEXT_F_WARN_ARCH] = {W, "Executable does not contain code for architecture"},
	[KEXT_F_WARN_SYMLINK] = {W,
				 "The booter does not recognize symbolic links; confirm "
				 "these files/directories aren't needed for startup"},
	[KEXT_F_WARN_DEPRECATED] = {W, "Deprecated property (ignored)"},
	[KEXT_F_WARN_PERSONALITY_ID] =
		{W, "Personality has no CFBundleIdentifier; the kext's "
		    "identifier will be inserted when sending to the "
		    "IOCatalogue"},
	[KEXT_F_WARN_OTHER_ID] = {W, "Personality CFBundleIdentifier differs from "
				     "containing kext's (not necessarily a mistake, but "
				     "rarely done)"},
	[KEXT_F_WARN_TARGET_UNKNOWN] = {W, "Personality CFBundleIdentifier names a kext "
					   "that can't be found"},
	[KEXT_F_WARN_TARGET_NOT_LOADABLE] =
		{W, "Personality CFBundleIdentifier names a kext that is not loadable "
		    "(run kextutil(8) on it with -nt for more information)"},
	[KEXT_F_WARN_TARGET_NO_CODE] = {W,
					"Personality CFBundleIdentifier names a kext "
					"that doesn't declare an executable"},
	[KEXT_F_WARN_IORESOURCES] =
		{W, "Personality matches on IOResources but "
		    "IOMatchCategory is missing or not equal to its "
		    "IOClass; driver may be blocked from matching or may "
		    "block others"},
	[KEXT_F_WARN_CODELESS_LIBRARIES] =
		{W, "Kext has no executable or compatible version, "
		    "so it should not declare any "
		    "OSBundleLibraries."},
	[KEXT_F_WARN_NO_KPI] = {W, "Kext declares no com.apple.kpi.* libraries; if it "
				   "references any kernel symbols, it may fail to link."},
	[KEXT_F_WARN_NOT_SIGNED] = {W, "Kext is not signed"},
	[KEXT_F_WARN_KERNEL_AND_KPI] = {W,
					"Kexts should declare dependencies on either "
					"com.apple.kernel* or com.apple.kpi.* libraries, "
					"not both."},
	[KEXT_F_WARN_DEP_NOT_REQUIRED] = {W, "Dependency lacks appropriate value for "
					     "OSBundleRequired and may not be available "
					     "during early boot"},
	[KEXT_F_DRIVERKIT_VALUE] = {B, "Kexts may not use the DriverKit value for "
				       "OSBundleRequired."},
	[KEXT_F_DEXT_REQUIRED] =
		{B, "Driver Extension lacks appropriate value for "
		    "OSBundleRequired, and will not be launched without "
		    "kextd present. Use one of 'DriverKit' or 'Safe Boot.'"},
	[KEXT_F_DEXT_THIRD_PARTY] =
		{B, "Third-party Driver Extensions are ineligible to run "
		    "in Safe Boot, or match on devices during early boot. "
		    "Please remove the OSBundleRequired key from your "
		    "Info.plist."},
};

const char *kext_fault_text(enum kext_fault fault)
{
	return faults[fault].text;
}

enum kext_diag_class kext_fault_class(enum kext_fault fault)
{
	return faults[fault].class;
}

const char *kext_diag_title(enum kext_diag_class class_)
{
	return titles[class_];
}

static bool same_subject(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool recorded(const struct kext_diags *d, enum kext_fault fault,
		     const char *subject)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->item[i].fault == fault &&
		    same_subject(d->item[i].subject, subject))
			return true;
	return false;
}

static bool make_room(struct kext_diags *d)
{
	size_t cap = d->cap ? d->cap * 2 : 8;
	struct kext_diag *item;

	if (d->n < d->cap)
		return true;
	if (d->n >= KEXT_DIAGS_MAX)
		return false;
	item = realloc(d->item, cap * sizeof(*item));
	if (!item)
		return false;
	d->item = item;
	d->cap = cap;
	return true;
}

void kext_diag_add(struct kext_diags *d, enum kext_fault fault, const char *subject)
{
	char *copy = NULL;

	if (recorded(d, fault, subject))
		return;
	if (subject && !(copy = strdup(subject))) {
		d->incomplete = true;
		return;
	}
	if (!make_room(d)) {
		d->incomplete = true;
		free(copy);
		return;
	}
	d->item[d->n++] = (struct kext_diag){.fault = fault, .subject = copy};
}

bool kext_diag_has(const struct kext_diags *d, enum kext_fault fault)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->item[i].fault == fault)
			return true;
	return false;
}

void kext_diags_release(struct kext_diags *d)
{
	for (size_t i = 0; i < d->n; i++)
		free(d->item[i].subject);
	free(d->item);
	*d = (struct kext_diags){0};
}

/* One fault and all that it was found with. */
static int print_fault(const struct kext_diags *d, enum kext_fault fault, struct buf *out,
		       struct err *e)
{
	int r = buf_printf(out, e, "    %s\n", kext_fault_text(fault));

	for (size_t i = 0; i < d->n && !r; i++)
		if (d->item[i].fault == fault && d->item[i].subject)
			r = buf_printf(out, e, "        %s\n", d->item[i].subject);
	return r;
}

int kext_diag_print(const struct kext_diags *d, struct buf *out, struct err *e)
{
	int r = 0;

	for (int class = 0; class < KEXT_DIAG_CLASSES; class++) {
		bool titled = false;

		for (int f = 0; f < KEXT_F_COUNT; f++) {
			if ((int)faults[f].class != class || !kext_diag_has(d, f))
				continue;
			if (!titled && (r = buf_printf(out, e, "%s:\n", titles[class])))
				return r;
			titled = true;
			r = print_fault(d, f, out, e);
			if (r)
				return r;
		}
	}
	return 0;
}
