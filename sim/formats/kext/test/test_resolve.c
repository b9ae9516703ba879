/* SPDX-License-Identifier: MIT */
/* Dependency graphs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/test.h"
#include "sim/formats/kext/copyright.h"
#include "sim/formats/kext/resolve.h"
#include "sim/formats/kext/targets.h"
#include "sim/formats/macho/raw.h"

#define C     "Copyright \xc2\xa9 "
#define OWNER " Apple Inc. All rights reserved."

/* libs: "id version" separated by commas. */
struct spec {
	const char *id, *version, *compatible, *libs, *extra;
};

#define KPI                                                                              \
	{                                                                                \
		"com.apple.kpi.bsd", "19.0.0", "8.0.0b1", NULL,                          \
			"<key>OSKernelResource</key><true/>"                             \
	}

static char lines[8192];

static void take_line(void *arg, enum clog_level level, const char *text)
{
	size_t n = strlen(lines);

	(void)arg;
	(void)level;
	snprintf(lines + n, sizeof(lines) - n, "%s\n", text);
}

static const struct component_log log_lines = {.line = take_line, .max = CLOG_WARNING};

static void put_libs(struct buf *b, const char *libs)
{
	char text[512], *rest = NULL;
	struct err e = ERR_INIT;

	snprintf(text, sizeof(text), "%s", libs);
	ASSERT_OK(buf_printf(b, &e, "<key>OSBundleLibraries</key><dict>"), &e);
	for (char *p = strtok_r(text, ",", &rest); p; p = strtok_r(NULL, ",", &rest)) {
		char id[128], version[64];

		CU_ASSERT_EQUAL_FATAL(sscanf(p, " %127s %63s", id, version), 2);
		ASSERT_OK(buf_printf(b, &e, "<key>%s</key><string>%s</string>", id,
				     version),
			  &e);
	}
	ASSERT_OK(buf_printf(b, &e, "</dict>"), &e);
}

static void add(struct kext_set *all, const struct spec *s, size_t i)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	struct kext *k = NULL;
	char path[64];

	snprintf(path, sizeof(path), "/k/%zu.kext", i);
	ASSERT_OK(
		buf_printf(&b, &e,
			   "<plist version=\"1.0\"><dict><key>CFBundlePackageType</key>"
			   "<string>KEXT</string><key>CFBundleIdentifier</key><string>%s"
			   "</string><key>CFBundleVersion</key><string>%s</string>",
			   s->id, s->version),
		&e);
	if (s->compatible)
		ASSERT_OK(buf_printf(&b, &e,
				     "<key>OSBundleCompatibleVersion</key><string>%s"
				     "</string>",
				     s->compatible),
			  &e);
	if (s->libs)
		put_libs(&b, s->libs);
	ASSERT_OK(buf_printf(&b, &e, "%s</dict></plist>", s->extra ? s->extra : ""), &e);
	ASSERT_OK(kext_from_info(path, b.data, b.len, &k, &e), &e);
	ASSERT_OK(kext_set_add(all, k, &e), &e);
	buf_release(&b);
}

/* Resolve the first of @specs; its load list as "id version " for each, or "no". */
static const char *graph(const struct spec *specs, size_t n, struct kext_set *all)
{
	static char out[1024];
	struct kext_resolver r = {.all = all, .log = &log_lines};
	struct kext_set list = {0};
	struct err e = ERR_INIT;

	lines[0] = out[0] = '\0';
	all->owns = true;
	for (size_t i = 0; i < n; i++)
		add(all, &specs[i], i);
	if (!kext_resolve(all->item[0], &r))
		return "no";
	ASSERT_OK(
		kext_load_list(&(struct kext_set){.item = all->item, .n = 1}, &list, &e),
		&e);
	for (size_t i = 0; i < list.n; i++) {
		size_t len = strlen(out);

		snprintf(out + len, sizeof(out) - len, "%s %s ", list.item[i]->id,
			 list.item[i]->version_string);
	}
	kext_set_release(&list);
	return out;
}

#define GRAPH(all, specs) graph(specs, sizeof(specs) / sizeof((specs)[0]), all)

static void dependencies_first(void)
{
	static const struct spec g[] = {
		{"a", "1.0", NULL, "b 1.0, c 1.0", NULL},
		{"c", "1.0", "1.0", "d 1.0", NULL},
		{"b", "1.0", "1.0", "d 1.0", NULL},
		{"d", "1.0", "1.0", "com.apple.kpi.bsd 9.0", NULL},
		KPI};
	struct kext_set all = {0};

	CU_ASSERT_STRING_EQUAL(GRAPH(&all, g),
			       "com.apple.kpi.bsd 19.0.0 d 1.0 b 1.0 c 1.0 a 1.0 ");
	kext_set_release(&all);
}

static void highest_compatible_wins(void)
{
	static const struct spec g[] = {{"a", "1.0", NULL, "l 1.5", NULL},
					{"l", "1.0", "1.0", NULL, NULL},
					{"l", "3.0", "2.0", NULL, NULL},
					{"l", "2.0", "1.0", NULL, NULL},
					{"l", "1.6", "1.0", NULL, NULL}};
	struct kext_set all = {0};

	CU_ASSERT_STRING_EQUAL(GRAPH(&all, g), "l 2.0 a 1.0 ");
	kext_set_release(&all);
}

static void missing(void)
{
	static const struct spec g[] = {{"a", "1.0", NULL, "gone 1.0", NULL}};
	struct kext_set all = {0};

	CU_ASSERT_STRING_EQUAL(GRAPH(&all, g), "no");
	CU_ASSERT_STRING_EQUAL(lines, "/k/0.kext - dependency 'gone' not found.\n");
	CU_ASSERT_TRUE(kext_diag_has(&all.item[0]->diags, KEXT_F_DEP_UNAVAILABLE));
	kext_set_release(&all);
}

static void too_new_or_not_a_library(void)
{
	static const struct spec g[] = {{"a", "1.0", NULL, "l 4.0, m 1.0", NULL},
					{"l", "3.0", "2.0", NULL, NULL},
					{"m", "1.0", NULL, NULL, NULL}};
	struct kext_set all = {0};

	CU_ASSERT_STRING_EQUAL(GRAPH(&all, g), "no");
	CU_ASSERT_STRING_EQUAL(lines,
			       "/k/0.kext - no compatible dependency found for l.\n"
			       "/k/0.kext - dependency for m lacks valid "
			       "OSBundleCompatibleVersion.\n");
	kext_set_release(&all);
}

static void indirect_fault_is_told_upwards(void)
{
	static const struct spec g[] = {{"a", "1.0", NULL, "b 1.0", NULL},
					{"b", "1.0", "1.0", "c 1.0", NULL}};
	struct kext_set all = {0};

	CU_ASSERT_STRING_EQUAL(GRAPH(&all, g), "no");
	CU_ASSERT_TRUE(kext_diag_has(&all.item[0]->diags, KEXT_F_DEP_INDIRECT));
	CU_ASSERT_FALSE(kext_diag_has(&all.item[0]->diags, KEXT_F_DEP_UNAVAILABLE));
	kext_set_release(&all);
}

static void circles(void)
{
	static const struct spec g[] = {{"a", "1.0", "1.0", "b 1.0", NULL},
					{"b", "1.0", "1.0", "a 1.0", NULL}};
	struct kext_set all = {0};

	CU_ASSERT_STRING_EQUAL(GRAPH(&all, g), "no");
	CU_ASSERT_TRUE(kext_diag_has(&all.item[0]->diags, KEXT_F_DEP_CIRCULAR));
	kext_set_release(&all);
}

static void very_long_chain(void)
{
	struct spec g[KEXT_RESOLVE_DEPTH + 8];
	char ids[KEXT_RESOLVE_DEPTH + 8][8], libs[KEXT_RESOLVE_DEPTH + 8][16];
	size_t n = sizeof(g) / sizeof(g[0]);
	struct kext_set all = {0};

	for (size_t i = 0; i < n; i++) {
		snprintf(ids[i], sizeof(ids[i]), "k%zu", i);
		snprintf(libs[i], sizeof(libs[i]), "k%zu 1.0", i + 1);
		g[i] = (struct spec){ids[i], "1.0", "1.0", i + 1 < n ? libs[i] : NULL,
				     NULL};
	}
	CU_ASSERT_STRING_EQUAL(graph(g, n, &all), "no");
	kext_set_release(&all);
}

static void two_versions_in_one_graph(void)
{
	static const struct spec g[] = {{"a", "1.0", NULL, "l 1.0, b 1.0", NULL},
					{"b", "1.0", "1.0", "l 2.0", NULL},
					{"l", "1.0", "1.0", NULL, NULL},
					{"l", "2.0", "2.0", NULL, NULL}};
	struct kext_set all = {0};

	CU_ASSERT_STRING_EQUAL(GRAPH(&all, g), "no");
	CU_ASSERT_TRUE(kext_diag_has(&all.item[0]->diags, KEXT_F_DEP_MULTIPLE));
	kext_set_release(&all);
}

static void kernel_libraries(void)
{
	static const struct spec raw[] = {
		{"a", "1.0", NULL, "com.apple.kernel 19.0.0", NULL},
		{"com.apple.kernel", "19.0.0", "19.0.0", NULL,
		 "<key>OSKernelResource</key><true/>"}};
	static const struct spec private[] = {
		{"org.x", "1.0", NULL, "com.apple.kpi.private 19.0.0", NULL},
		{"com.apple.kpi.private", "19.0.0", "8.0.0b1", NULL,
		 "<key>OSKernelResource</key><true/>"}};
	static const struct spec apple[] = {
		{"com.apple.x", "1.0", NULL, "com.apple.kpi.private 19.0.0",
		 "<key>NSHumanReadableCopyright</key><string>Copyright \xc2\xa9 1998, "
		 "2004-2019 "
		 "Apple Inc. All rights reserved.</string>"},
		{"com.apple.kpi.private", "19.0.0", "8.0.0b1", NULL,
		 "<key>OSKernelResource</key><true/>"}};
	struct kext_set all = {0};

	CU_ASSERT_STRING_EQUAL(GRAPH(&all, raw), "no");
	CU_ASSERT_TRUE(kext_diag_has(&all.item[0]->diags, KEXT_F_RAW_KERNEL));
	kext_set_release(&all);
	CU_ASSERT_STRING_EQUAL(GRAPH(&all, private), "no");
	CU_ASSERT_STRING_EQUAL(lines,
			       "/k/0.kext has an Apple prefix but no copyright.\n");
	kext_set_release(&all);
	CU_ASSERT_STRING_EQUAL(GRAPH(&all, apple),
			       "com.apple.kpi.private 19.0.0 com.apple.x 1.0 ");
	kext_set_release(&all);
}

/* Those that kxld_copyright.c has to accept and to refuse. */
static void apples_copyright(void)
{
	static const struct {
		const char *text;
		bool ok;
	} rows[] = {
		{C "2008" OWNER, true},
		{C "2004-2008" OWNER, true},
		{C "2004,2006" OWNER, true},
		{C "2004 , 2006-2008" OWNER, true},
		{"IOPCIFamily 2.1; " C "1998,2000-2002,2004,2006-2008" OWNER "  More.", true},
		{C "2007-08" OWNER, false},
		{"Copyright (c) 2007" OWNER, false},
		{C "2007-" OWNER, false},
		{C "2007 - 2008" OWNER, false},
		{C "20071" OWNER, false},
		{C "2007 Example" OWNER, false},
		{OWNER C "2007", false},
		{C "2007", false},
		{NULL, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CU_ASSERT_EQUAL(kext_apple_copyright(rows[i].text), rows[i].ok);
}

#define TARGET(id)                                                                       \
	"<key>IOKitPersonalities</key><dict><key>P</key><dict>"                          \
	"<key>IOClass</key><string>C</string><key>IOProviderClass</key>"                 \
	"<string>D</string><key>CFBundleIdentifier</key><string>" id                     \
	"</string></dict></dict>"

static void targets_of_personalities(void)
{
	static const struct {
		const char *extra;
		enum kext_fault fault;
		const char *subject; /* NULL: nothing is said */
	} rows[] = {
		{TARGET("none"), KEXT_F_WARN_TARGET_UNKNOWN, "'P' -> 'none'"},
		{TARGET("l"), KEXT_F_WARN_TARGET_UNKNOWN, NULL},
		{TARGET("l"), KEXT_F_WARN_TARGET_NO_CODE, "'P' -> 'l'"},
		{TARGET("l"), KEXT_F_WARN_TARGET_NOT_LOADABLE, NULL},
		{TARGET("m"), KEXT_F_WARN_TARGET_NOT_LOADABLE, "'m' -> '/k/2.kext'"},
		{TARGET("a"), KEXT_F_WARN_TARGET_NOT_LOADABLE, NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct spec g[] = {{"a", "1.0", NULL, NULL, rows[i].extra},
					 {"l", "1.0", "1.0", NULL, NULL},
					 {"m", "1.0", "1.0", "gone 1.0", NULL}};
		struct kext_set all = {.owns = true};
		struct kext_resolver r = {.all = &all, .log = &log_lines};
		const struct kext_diags *d;
		const char *subject = NULL;

		for (size_t j = 0; j < 3; j++)
			add(&all, &g[j], j);
		kext_check_targets(all.item[0], &r);
		d = &all.item[0]->diags;
		for (size_t j = 0; j < d->n; j++)
			if (d->item[j].fault == rows[i].fault)
				subject = d->item[j].subject;
		CU_ASSERT_STRING_EQUAL(subject ? subject : "-",
				       rows[i].subject ? rows[i].subject : "-");
		kext_set_release(&all);
	}
}

#define CODE	  "<key>CFBundleExecutable</key><string>x</string>"
#define CODE_ASAN "<key>CFBundleExecutable</key><string>x_kasan</string>"
#define BUILT_IN  "<key>OSKernelResource</key><true/>"
#define NEEDED(v) "<key>OSBundleRequired</key><string>" v "</string>"

/* The first of a row's kexts has code for x86_64, whatever that does. */
static void give_code(struct kext *k)
{
	struct macho_header_raw h = {.magic = to_le32(MACHO_MAGIC_64),
				     .cputype = to_le32(CPU_TYPE_X86_64),
				     .filetype = to_le32(MH_KEXT_BUNDLE)};
	struct err e = ERR_INIT;

	ASSERT_OK(buf_append(&k->exe, &h, sizeof(h), &e), &e);
	k->valid = KEXT_YES;
}

static void what_may_be_asked_for(void)
{
	static const struct {
		const char *libs, *extra, *lib_extra;
		enum kext_fault fault;
		bool said, resolves;
	} rows[] = {
		{"com.apple.kernel.bsd 8.0", CODE, BUILT_IN, KEXT_F_NON_KPI, true, false},
		{"com.apple.kernel.bsd 8.0", NULL, BUILT_IN, KEXT_F_NON_KPI, false, true},
		{"com.apple.kpi.bsd 8.0", CODE, BUILT_IN, KEXT_F_WARN_NO_KPI, false, true},
		{"l 8.0", CODE, NULL, KEXT_F_WARN_NO_KPI, true, true},
		{"l 8.0", "<key>OSBundleIsInterface</key><true/>", NULL,
		 KEXT_F_INTERFACE_COUNT, false, true},
		{NULL, "<key>OSBundleIsInterface</key><true/>", NULL,
		 KEXT_F_INTERFACE_COUNT, true, false},
		{"l 8.0", NEEDED("Root"), NULL, KEXT_F_WARN_DEP_NOT_REQUIRED, true, true},
		{"l 8.0", NEEDED("Root"), NEEDED("Safe Boot"),
		 KEXT_F_WARN_DEP_NOT_REQUIRED, true, true},
		{"l 8.0", NEEDED("Root"), NEEDED("Network-Root"),
		 KEXT_F_WARN_DEP_NOT_REQUIRED, false, true},
		{"l 8.0", NEEDED("Local-Root"), NEEDED("Network-Root"),
		 KEXT_F_WARN_DEP_NOT_REQUIRED, true, true},
		{"l 8.0", NEEDED("Local-Root"), NEEDED("Console"),
		 KEXT_F_WARN_DEP_NOT_REQUIRED, false, true},
		{"l 8.0", NEEDED("Safe Boot"), NULL, KEXT_F_WARN_DEP_NOT_REQUIRED, false,
		 true},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char id[64] = "l";
		struct spec g[2] = {{"a", "1.0", NULL, rows[i].libs, rows[i].extra},
				    {id, "9.0", "8.0", NULL, rows[i].lib_extra}};
		struct kext_set all = {.owns = true};
		struct kext_resolver r = {.all = &all, .log = &log_lines};
		struct kext *a;

		if (rows[i].libs)
			sscanf(rows[i].libs, "%63s", id);
		add(&all, &g[0], 0);
		add(&all, &g[1], 1);
		a = all.item[0];
		if (a->executable)
			give_code(a);
		if (kext_resolve(a, &r) != rows[i].resolves ||
		    kext_diag_has(&a->diags, rows[i].fault) != rows[i].said)
			CU_FAIL(rows[i].libs);
		kext_set_release(&all);
	}
}

static void kasan_is_a_dependency(void)
{
	static const struct spec g[] = {
		{"a", "1.0", NULL, "com.apple.kpi.bsd 8.0", CODE_ASAN},
		KPI,
		{"com.apple.kpi.kasan", "19.0.0", "8.0.0b1", NULL, BUILT_IN}};
	struct kext_set all = {.owns = true};
	struct kext_resolver r = {.all = &all, .log = &log_lines};

	for (size_t i = 0; i < 3; i++)
		add(&all, &g[i], i);
	give_code(all.item[0]);
	CU_ASSERT_TRUE(kext_resolve(all.item[0], &r));
	CU_ASSERT_EQUAL_FATAL(all.item[0]->n_deps, 2);
	CU_ASSERT_PTR_EQUAL(all.item[0]->deps[1], all.item[2]);
	kext_set_release(&all);
}

/* Of two that are alike the one that was found last. */
static void last_of_equals(void)
{
	static const struct spec g[] = {{"a", "1.0", NULL, "l 1.0", NULL},
					{"l", "1.0", "1.0", NULL, NULL},
					{"l", "1.0", "1.0", NULL, NULL}};
	struct kext_set all = {0};

	CU_ASSERT_STRING_EQUAL(GRAPH(&all, g), "l 1.0 a 1.0 ");
	CU_ASSERT_PTR_EQUAL(all.item[0]->deps[0], all.item[2]);
	kext_set_release(&all);
}

static void promotion(void)
{
	static const struct spec g[] = {
		{"a", "1.0", NULL, "l 1.0", NULL},
		{"l", "1.0", "1.0", NULL, "<key>OSBundleRequiredPromotion</key><true/>"}};
	struct kext_set all = {0};

	CU_ASSERT_STRING_EQUAL(GRAPH(&all, g), "l 1.0 a 1.0 ");
	CU_ASSERT_EQUAL(all.item[0]->required, KEXT_REQ_CONSOLE);
	kext_set_release(&all);
}

static void inauthentic_libraries_are_passed_over(void)
{
	static const struct spec g[] = {{"a", "1.0", NULL, "l 1.0", NULL},
					{"l", "1.0", "1.0", NULL, NULL},
					{"l", "1.1", "1.0", NULL, NULL}};
	struct kext_auth auth = {.check_filesystem = true};
	struct kext_set all = {.owns = true};
	struct kext_resolver r = {.all = &all, .auth = &auth, .log = &log_lines};

	for (size_t i = 0; i < 3; i++)
		add(&all, &g[i], i);
	all.item[1]->authentic = KEXT_YES;
	all.item[2]->authentic = KEXT_NO;
	lines[0] = '\0';
	CU_ASSERT_TRUE(kext_resolve(all.item[0], &r));
	CU_ASSERT_PTR_EQUAL(all.item[0]->deps[0], all.item[1]);
	CU_ASSERT_STRING_EQUAL(lines,
			       "Rejecting invalid/inauthentic kext for bundle id l at "
			       "location file:///k/2.kext/.\n");
	kext_set_release(&all);
}

TEST_MAIN("kext dependencies", {"dependencies first", dependencies_first},
	  {"highest compatible wins", highest_compatible_wins}, {"missing", missing},
	  {"too new, or not a library", too_new_or_not_a_library},
	  {"indirect fault is told upwards", indirect_fault_is_told_upwards},
	  {"circles", circles}, {"very long chain", very_long_chain},
	  {"two versions in one graph", two_versions_in_one_graph},
	  {"kernel libraries", kernel_libraries},
	  {"Apple's copyright", apples_copyright},
	  {"targets of personalities", targets_of_personalities},
	  {"what may be asked for", what_may_be_asked_for},
	  {"KASan is a dependency", kasan_is_a_dependency},
	  {"last of equals", last_of_equals}, {"promotion", promotion},
	  {"inauthentic libraries are passed over",
	   inauthentic_libraries_are_passed_over})
