/* SPDX-License-Identifier: MIT */
/*
 * The rules for Info.plist and executable: OSKext.c __OSKextProcessInfoDictionary,
 * __OSKextValidate and __OSKextValidateExecutable.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/formats/kext/kext.h"
#include "sim/formats/kext/version.h"
#include "sim/formats/macho/macho.h"
#include "sim/formats/plist/pl.h"

#define SUBJECT_MAX 512

enum rule_flag {
	RULE_REQUIRED = 1 << 0, /* has to be there */
	RULE_NOT_EMPTY = 1 << 1,
	RULE_WARN = 1 << 2,     /* a wrong type is a warning, no failure */
};

struct rule {
	const char *key;
	plist_type type;
	unsigned flags;
	const char *const *legal; /* ends with NULL; another value is only recorded */
};

static const char *const package_types[] = {"KEXT", "DEXT", NULL};
static const char *const required_values[] = {"Root",      "Local-Root", "Network-Root",
					      "Safe Boot", "Console",    "DriverKit",
					      NULL};

static const struct rule package_type = {"CFBundlePackageType", PLIST_STRING,
					 RULE_REQUIRED | RULE_NOT_EMPTY, package_types};

static const struct rule rules[] = {
	{"CFBundleIdentifier", PLIST_STRING, RULE_REQUIRED | RULE_NOT_EMPTY, NULL},
	{"CFBundleVersion", PLIST_STRING, RULE_REQUIRED, NULL},
	{"OSBundleCompatibleVersion", PLIST_STRING, 0, NULL},
	{"OSBundleIsInterface", PLIST_BOOLEAN, 0, NULL},
	{"OSKernelResource", PLIST_BOOLEAN, 0, NULL},
	{"CFBundleExecutable", PLIST_STRING, RULE_NOT_EMPTY, NULL},
	{"OSBundleEnableKextLogging", PLIST_BOOLEAN, 0, NULL},
	{"OSBundleRequired", PLIST_STRING, 0, required_values},
	{"OSBundleAllowUserLoad", PLIST_BOOLEAN, 0, NULL},
	{"IOKitPersonalities", PLIST_DICT, 0, NULL},
};

static const struct rule libraries_rule = {"OSBundleLibraries", PLIST_DICT, 0, NULL};
static const struct rule needed_libraries_rule = {"OSBundleLibraries", PLIST_DICT,
						  RULE_REQUIRED | RULE_NOT_EMPTY, NULL};

static const struct rule personality_rules[] = {
	{"IOKitDebug", PLIST_UINT, 0, NULL},
	{"CFBundleIdentifier", PLIST_STRING, RULE_NOT_EMPTY, NULL},
	{"IOClass", PLIST_STRING, RULE_REQUIRED | RULE_NOT_EMPTY, NULL},
	{"IOProviderClass", PLIST_STRING, RULE_REQUIRED | RULE_NOT_EMPTY, NULL},
	{"IOProbeScore", PLIST_UINT, RULE_WARN, NULL},
};

/* Asked for, and of a driver extension only. */
static const struct rule kernel_id_rule = {"CFBundleIdentifierKernel", PLIST_STRING,
					   RULE_REQUIRED | RULE_NOT_EMPTY, NULL};
/* Looked at when the provider is IOResources. */
static const struct rule category_rule = {"IOMatchCategory", PLIST_STRING, 0, NULL};

static const struct {
	const char *key;
	enum kext_fault fault;
} kext_only[] = {
	{"OSKernelResource", KEXT_F_DEXT_KEY_RESOURCE},
	{"AppleSecurityExtension", KEXT_F_DEXT_KEY_SECURITY},
	{"AppleKernelExternalComponent", KEXT_F_DEXT_KEY_EXTERNAL},
	{"OSBundleSharedExecutableIdentifier", KEXT_F_DEXT_KEY_SHARED},
	{"OSBundleIsInterface", KEXT_F_DEXT_KEY_INTERFACE},
};

static const char *expected_tag(plist_type want, plist_type got)
{
	switch (want) {
	case PLIST_STRING:
		return "<string>";
	case PLIST_UINT:
		return got == PLIST_REAL ? "<integer> (kexts may not use <real>)"
					 : "<integer>";
	case PLIST_BOOLEAN:
		return "boolean, <true/> or <false/>";
	default:
		return "<dict>";
	}
}

static bool is_empty(plist_t v)
{
	switch (plist_get_node_type(v)) {
	case PLIST_STRING:
		/* A string that is none for C is as good as no name. */
		return !pl_str(v) || !*pl_str(v);
	case PLIST_DICT:
		return plist_dict_get_size(v) == 0;
	default:
		return false;
	}
}

static bool is_legal(plist_t v, const char *const *legal)
{
	const char *s = pl_str(v);

	for (; s && *legal; legal++)
		if (!strcmp(s, *legal))
			return true;
	return false;
}

/* Does @v, found at @subject, satisfy @rule? What is wrong is recorded. */
static bool check(struct kext *k, plist_t v, const char *subject, const struct rule *rule)
{
	plist_type type;

	if (!v) {
		if (rule->flags & RULE_REQUIRED)
			kext_diag_add(&k->diags, KEXT_F_MISSING_PROPERTY, subject);
		return !(rule->flags & RULE_REQUIRED);
	}
	type = plist_get_node_type(v);
	if (type != rule->type) {
		char text[SUBJECT_MAX];

		snprintf(text, sizeof(text), "%s - should be %s", subject,
			 expected_tag(rule->type, type));
		kext_diag_add(&k->diags,
			      rule->flags & RULE_WARN ? KEXT_F_WARN_TYPE
						      : KEXT_F_ILLEGAL_TYPE,
			      text);
		return rule->flags & RULE_WARN;
	}
	if (rule->legal && !is_legal(v, rule->legal))
		kext_diag_add(&k->diags, KEXT_F_ILLEGAL_VALUE, subject);
	if ((rule->flags & RULE_NOT_EMPTY) && is_empty(v)) {
		kext_diag_add(&k->diags, KEXT_F_ILLEGAL_VALUE, subject);
		return false;
	}
	return true;
}

static bool check_table(struct kext *k)
{
	bool ok = true;

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		ok &= check(k, kext_info(k, rules[i].key), rules[i].key, &rules[i]);
	return ok;
}

static bool fail(struct kext *k, enum kext_fault fault, const char *subject)
{
	kext_diag_add(&k->diags, fault, subject);
	return false;
}

static bool check_versions(struct kext *k)
{
	const char *compatible = pl_str(kext_info(k, "OSBundleCompatibleVersion"));
	bool ok = true;

	if (strlen(k->id) >= KEXT_NAME_MAX || strlen(k->version_string) >= KEXT_NAME_MAX)
		ok = fail(k, KEXT_F_TOO_LONG, NULL);
	else if (pl_str(kext_info(k, "CFBundleVersion")) &&
		 k->version == KEXT_VERSION_INVALID)
		ok = fail(k, KEXT_F_ILLEGAL_VALUE, "CFBundleVersion");
	if (compatible && k->compatible == KEXT_VERSION_INVALID)
		ok = false; /* Apple records nothing here */
	if (compatible && k->compatible > k->version)
		ok = fail(k, KEXT_F_COMPATIBLE_LATER, NULL);
	return ok;
}

static bool has_apple_prefix(const struct kext *k)
{
	return !strncmp(k->id, "com.apple.", strlen("com.apple."));
}

/* What OSBundleRequired may say depends on the kind of bundle. */
static bool check_required(struct kext *k)
{
	const char *value = pl_str(kext_info(k, "OSBundleRequired"));

	if (!value || !*value)
		return true;
	if (!k->dext || !k->executable)
		return k->required != KEXT_REQ_DRIVERKIT ||
		       fail(k, KEXT_F_DRIVERKIT_VALUE, NULL);
	if (!has_apple_prefix(k))
		return fail(k, KEXT_F_DEXT_THIRD_PARTY, NULL);
	return (k->required & (KEXT_REQ_DRIVERKIT | KEXT_REQ_SAFE_BOOT)) ||
	       fail(k, KEXT_F_DEXT_REQUIRED, NULL);
}

static bool check_kext_only(struct kext *k)
{
	bool ok = true;

	for (size_t i = 0; k->dext && k->executable &&
			   i < sizeof(kext_only) / sizeof(kext_only[0]); i++)
		if (kext_info(k, kext_only[i].key))
			ok = fail(k, kext_only[i].fault, NULL);
	return ok;
}

/* Code has to be that of a kext or a dext; other types are found out only by it. */
static bool check_package_type(struct kext *k)
{
	return !k->executable || is_legal(kext_info(k, package_type.key), package_types);
}

static void warn_flags(struct kext *k)
{
	plist_t interface = kext_info(k, "OSBundleIsInterface");
	uint8_t on = 1;

	if (interface && plist_get_node_type(interface) == PLIST_BOOLEAN)
		plist_get_bool_val(interface, &on);
	if (k->kernel_component && !on)
		kext_diag_add(&k->diags, KEXT_F_WARN_NOT_INTERFACE, NULL);
	if (kext_info(k, "OSBundleDebugLevel"))
		kext_diag_add(&k->diags, KEXT_F_WARN_DEPRECATED, "OSBundleDebugLevel");
}

static bool check_library_versions(struct kext *k)
{
	bool ok = true, kernel = false, kpi = false;
	struct pl_iter it;

	for (pl_each(&it, k->libraries); pl_next(&it);) {
		const struct rule rule = {it.key, PLIST_STRING, RULE_NOT_EMPTY, NULL};
		char subject[SUBJECT_MAX];

		snprintf(subject, sizeof(subject), "OSBundleLibraries.%s", it.key);
		if (!check(k, it.value, subject, &rule))
			ok = false;
		else if (kext_version_parse_user(pl_str(it.value)) ==
			 KEXT_VERSION_INVALID)
			ok = fail(k, KEXT_F_ILLEGAL_VALUE, subject);
		kernel |=
			!strncmp(it.key, "com.apple.kernel", strlen("com.apple.kernel"));
		kpi |= !strncmp(it.key, "com.apple.kpi.", strlen("com.apple.kpi."));
	}
	if (kernel && kpi)
		kext_diag_add(&k->diags, KEXT_F_WARN_KERNEL_AND_KPI, NULL);
	return ok;
}

static bool check_libraries(struct kext *k)
{
	bool needed = k->executable && !k->dext && !k->kernel_component;
	const struct rule *rule = needed ? &needed_libraries_rule : &libraries_rule;
	bool ok = check(k, kext_info(k, rule->key), rule->key, rule);

	if (!k->libraries || !plist_dict_get_size(k->libraries)) {
		if (needed)
			kext_diag_add(&k->diags, KEXT_F_MISSING_PROPERTY, rule->key);
		return ok;
	}
	if (k->kernel_component)
		ok = fail(k, KEXT_F_SYSTEM_PROPERTY, rule->key);
	else if (!k->executable && k->compatible <= 0)
		kext_diag_add(&k->diags, KEXT_F_WARN_CODELESS_LIBRARIES, NULL);
	return check_library_versions(k) && ok;
}

static bool same_string(plist_t a, plist_t b)
{
	const char *s = pl_str(a), *t = pl_str(b);

	return s && t && !strcmp(s, t);
}

static bool check_in_personality(struct kext *k, const char *name, plist_t p,
				 const struct rule *rule)
{
	char subject[SUBJECT_MAX];

	snprintf(subject, sizeof(subject), "IOKitPersonalities.%s.%s", name, rule->key);
	return check(k, plist_dict_get_item(p, rule->key), subject, rule);
}

/*
 * Only one driver of a category matches a provider, and all that wait for nothing share
 * IOResources. The text says "missing", but a category that is not there is no fault.
 */
static bool check_category(struct kext *k, const char *name, plist_t p)
{
	const char *provider = pl_str(plist_dict_get_item(p, "IOProviderClass"));
	plist_t category = plist_dict_get_item(p, category_rule.key);

	if (!provider || strcmp(provider, "IOResources"))
		return true;
	if (!check_in_personality(k, name, p, &category_rule))
		return false;
	if (category && plist_dict_get_item(p, "IOClass") &&
	    !same_string(category, plist_dict_get_item(p, "IOClass")))
		kext_diag_add(&k->diags, KEXT_F_WARN_IORESOURCES, name);
	return true;
}

static void warn_personality_id(struct kext *k, const char *name, plist_t p)
{
	plist_t id = plist_dict_get_item(p, "CFBundleIdentifier");
	const char *text = pl_str(id);

	if (!id)
		kext_diag_add(&k->diags, KEXT_F_WARN_PERSONALITY_ID, name);
	else if (!text || strcmp(text, k->id))
		kext_diag_add(&k->diags, KEXT_F_WARN_OTHER_ID, name);
}

static bool check_personality(struct kext *k, const char *name, plist_t p)
{
	const struct rule rule = {name, PLIST_DICT, 0, NULL};
	char subject[SUBJECT_MAX];
	bool ok = true;

	snprintf(subject, sizeof(subject), "IOKitPersonalities.%s", name);
	if (!check(k, p, subject, &rule))
		return false;
	for (size_t i = 0; i < sizeof(personality_rules) / sizeof(personality_rules[0]);
	     i++)
		ok &= check_in_personality(k, name, p, &personality_rules[i]);
	warn_personality_id(k, name, p);
	ok &= check_category(k, name, p);
	if (k->dext && k->executable &&
	    !check_in_personality(k, name, p, &kernel_id_rule))
		ok = fail(k, KEXT_F_DEXT_NO_KERNEL_ID, NULL);
	return ok;
}

static bool check_personalities(struct kext *k)
{
	plist_t all = kext_info(k, "IOKitPersonalities");
	struct pl_iter it;
	bool ok = true;

	if (!all || plist_get_node_type(all) != PLIST_DICT)
		return true;
	for (pl_each(&it, all); pl_next(&it);)
		ok &= check_personality(k, it.key, it.value);
	return ok;
}

static bool has_kmod_info(const struct kext *k)
{
	struct err e = ERR_INIT;
	struct macho_symbol sym;
	struct macho m;
	bool found;

	if (macho_open(k->exe.data, k->exe.len, &m, &e))
		return false;
	found = !macho_find_defined(&m, "_kmod_info", &sym, &e);
	macho_release(&m);
	return found;
}

static bool check_executable(struct kext *k)
{
	struct err e = ERR_INIT;

	if (!k->executable || k->dext || k->interface)
		return true;
	if (kext_load_executable(k, &e))
		return fail(k, KEXT_F_EXECUTABLE_MISSING, k->executable);
	switch (kext_arch(k)) {
	case KEXT_ARCH_NO:
		/* Not invalid: who asks for the architecture leaves it out. */
		kext_diag_add(&k->diags, KEXT_F_WARN_ARCH, KEXT_ARCH);
		return true;
	case KEXT_ARCH_YES:
		return has_kmod_info(k) || fail(k, KEXT_F_EXECUTABLE_BAD, NULL);
	default:
		return fail(k, KEXT_F_EXECUTABLE_BAD, NULL);
	}
}

static bool validate(struct kext *k)
{
	bool ok;

	if (!check(k, kext_info(k, package_type.key), package_type.key, &package_type))
		return false;
	ok = check_table(k);
	ok &= check_package_type(k);
	ok &= check_versions(k);
	ok &= check_required(k);
	ok &= check_kext_only(k);
	warn_flags(k);
	ok &= check_libraries(k);
	ok &= check_personalities(k);
	ok &= check_executable(k);
	return ok;
}

bool kext_validate(struct kext *k)
{
	if (k->valid == KEXT_UNKNOWN)
		k->valid = validate(k) ? KEXT_YES : KEXT_NO;
	return k->valid == KEXT_YES;
}
