/* SPDX-License-Identifier: MIT */
/*
 * Entitlements are part of the executable. On a Mac they are in its code signature;
 * here they are an XML property list in the ELF section __entitlements, which boot
 * reads into the policy's map (sim/carrier/sip). Only executables on the system
 * volume are believed.
 *
 *	ENTITLEMENTS("com.apple.rootless.install", "com.apple.private.allow-bless");
 *
 * stands once per program, at file scope of its main file. Every entitlement is a
 * boolean that is true; at most 12.
 */
#ifndef COMPONENTS_COMMON_ENTITLEMENTS_H
#define COMPONENTS_COMMON_ENTITLEMENTS_H

#define ENTITLEMENTS_SECTION "__entitlements"

#define ENT_KEY_(name)    "<key>" name "</key><true/>\n"
#define ENT_1_(a)         ENT_KEY_(a)
#define ENT_2_(a, ...)    ENT_KEY_(a) ENT_1_(__VA_ARGS__)
#define ENT_3_(a, ...)    ENT_KEY_(a) ENT_2_(__VA_ARGS__)
#define ENT_4_(a, ...)    ENT_KEY_(a) ENT_3_(__VA_ARGS__)
#define ENT_5_(a, ...)    ENT_KEY_(a) ENT_4_(__VA_ARGS__)
#define ENT_6_(a, ...)    ENT_KEY_(a) ENT_5_(__VA_ARGS__)
#define ENT_7_(a, ...)    ENT_KEY_(a) ENT_6_(__VA_ARGS__)
#define ENT_8_(a, ...)    ENT_KEY_(a) ENT_7_(__VA_ARGS__)
#define ENT_9_(a, ...)    ENT_KEY_(a) ENT_8_(__VA_ARGS__)
#define ENT_10_(a, ...)   ENT_KEY_(a) ENT_9_(__VA_ARGS__)
#define ENT_11_(a, ...)   ENT_KEY_(a) ENT_10_(__VA_ARGS__)
#define ENT_12_(a, ...)   ENT_KEY_(a) ENT_11_(__VA_ARGS__)
#define ENT_NTH_(a, b, c, d, e, f, g, h, i, j, k, l, n, ...) n
#define ENT_PICK_(...)                                                                   \
	ENT_NTH_(__VA_ARGS__, ENT_12_, ENT_11_, ENT_10_, ENT_9_, ENT_8_, ENT_7_, ENT_6_, \
		 ENT_5_, ENT_4_, ENT_3_, ENT_2_, ENT_1_, )

#define ENTITLEMENTS(...)                                                                \
	static const char entitlements_plist_[]                                          \
		__attribute__((section(ENTITLEMENTS_SECTION), used)) =                   \
			"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"                   \
			"<plist version=\"1.0\"><dict>\n" ENT_PICK_(__VA_ARGS__)(        \
				__VA_ARGS__) "</dict></plist>\n"

#endif
