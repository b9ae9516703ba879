/* SPDX-License-Identifier: MIT */
#include "sim/base/test.h"

#include <stdlib.h>
#include <string.h>

#include "sim/formats/prelink/ioxml.h"

static plist_t from_xml(const char *body)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	plist_t p = NULL;

	ASSERT_OK(buf_printf(&b, &e, "<plist version=\"1.0\">%s</plist>", body), &e);
	plist_from_xml(buf_str(&b), (uint32_t)b.len, &p);
	buf_release(&b);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	return p;
}

static char *to_xml(plist_t p)
{
	char *xml = NULL;
	uint32_t len = 0;

	plist_to_xml(p, &xml, &len);
	CU_ASSERT_PTR_NOT_NULL_FATAL(xml);
	return xml;
}

static void writes(const char *body, const char *want)
{
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;
	plist_t p = from_xml(body);

	ASSERT_OK(ioxml_write(p, &out, &e), &e);
	CU_ASSERT_STRING_EQUAL((char *)out.data, want);
	CU_ASSERT_EQUAL(out.len, strlen(want) + 1); /* the NUL belongs to it */
	buf_release(&out);
	plist_free(p);
}

static void plain_values(void)
{
	writes("<dict><key>a</key><integer>255</integer><key>b</"
	       "key><string>x&lt;&amp;&gt;"
	       "</string><key>c</key><true/><key>d</key><data>AAEC/w==</data>"
	       "<key>e</key><array/><key>f</key><string></string></dict>",
	       "<dict><key>a</key><integer size=\"64\">0xff</integer><key>b</key>"
	       "<string>x&lt;&amp;&gt;</string><key>c</key><true/><key>d</key>"
	       "<data>AAEC/w==</data><key>e</key><array></array><key>f</key>"
	       "<string></string></dict>");
}

static void equal_objects_once(void)
{
	writes("<dict><key>a</key><string>same</string><key>b</key><string>same</string>"
	       "<key>c</key><true/><key>d</key><true/></dict>",
	       "<dict><key>a</key><string ID=\"0\">same</string><key>b</key>"
	       "<string IDREF=\"0\"/><key>c</key><true/><key>d</key><true/></dict>");
	/* what is inside a shared container is not counted again */
	writes("<array><dict><key>k</key><string>v</string></dict>"
	       "<dict><key>k</key><string>v</string></dict><integer>7</integer>"
	       "<integer>7</integer></array>",
	       "<array><dict ID=\"0\"><key>k</key><string>v</string></dict>"
	       "<dict IDREF=\"0\"/><integer ID=\"1\" size=\"64\">0x7</integer>"
	       "<integer IDREF=\"1\"/></array>");
	/* a string and data of the same bytes differ, and so do dicts with other keys */
	writes("<array><string>AA</string><data>QUE=</data><dict><key>x</key><integer>1"
	       "</integer></dict><dict><key>y</key><true/></dict></array>",
	       "<array><string>AA</string><data>QUE=</data><dict><key>x</key>"
	       "<integer size=\"64\">0x1</integer></dict><dict><key>y</key><true/></dict>"
	       "</array>");
}

static void comment_after_some_keys(void)
{
	writes("<dict><key>AppleUSBXHCI Root "
	       "Hub</key><true/><key>AppleUSB</key><true/></dict>",
	       "<dict><key>AppleUSBXHCI Root Hub</key><!-- \xf0\x9f\xa4\xa6 --><true/>"
	       "<key>AppleUSB</key><true/></dict>");
}

static void no_dates(void)
{
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;
	plist_t p =
		from_xml("<dict><key>a</key><date>2019-10-07T00:00:00Z</date></dict>");

	ASSERT_FAILS(ioxml_write(p, &out, &e), E_UNSUPPORTED);
	buf_release(&out);
	plist_free(p);
}

static void what_is_written_is_read(void)
{
	plist_t p = from_xml(
		"<dict><key>list</key><array><dict><key>id</key><string>a.b</"
		"string><key>n</key>"
		"<integer>18446744073709551615</integer></dict><dict><key>id</key>"
		"<string>a.b</string><key>n</key><integer>18446744073709551615</"
		"integer></dict>"
		"<string>a.b</string></array><key>z&amp;</key><data>AAECAwQ=</data>"
		"<key>t</key><true/><key>f</key><false/></dict>");
	struct buf out = BUF_INIT, again = BUF_INIT;
	struct err e = ERR_INIT;
	plist_t back;

	ASSERT_OK(ioxml_write(p, &out, &e), &e);
	CU_ASSERT_PTR_NOT_NULL(strstr((char *)out.data, "0xffffffffffffffff"));
	ASSERT_OK(ioxml_parse((char *)out.data, out.len, &back, &e), &e);
	ASSERT_OK(ioxml_write(back, &again, &e), &e);
	CU_ASSERT_STRING_EQUAL((char *)again.data, (char *)out.data);
	CU_ASSERT_EQUAL(plist_array_get_size(plist_dict_get_item(back, "list")), 3);
	plist_free(back);
	plist_free(p);
	buf_release(&out);
	buf_release(&again);
}

static void reads(const char *text, const char *want_body)
{
	struct err e = ERR_INIT;
	plist_t got, want = from_xml(want_body);
	char *a, *b;

	ASSERT_OK(ioxml_parse(text, strlen(text), &got, &e), &e);
	a = to_xml(got);
	b = to_xml(want);
	CU_ASSERT_STRING_EQUAL(a, b);
	free(a);
	free(b);
	plist_free(got);
	plist_free(want);
}

static void other_spellings(void)
{
	reads(" <!-- c --> <dict><key>a</key>\n<integer "
	      "size=\"32\">12</integer></dict>\n",
	      "<dict><key>a</key><integer>12</integer></dict>");
	reads("<array><data format=\"hex\">00ff 10</data><integer>0x10</integer>"
	      "<string>&quot;&apos;</string></array>",
	      "<array><data>AP8Q</data><integer>16</integer>"
	      "<string>\"'</string></array>");
	reads("<array><string ID=\"3\">x</string><string IDREF=\"3\"></string></array>",
	      "<array><string>x</string><string>x</string></array>");
}

static void refuses(const char *text, enum err_code code)
{
	struct err e = ERR_INIT;
	plist_t p = NULL;

	ASSERT_FAILS(ioxml_parse(text, strlen(text), &p, &e), code);
	CU_ASSERT_PTR_NULL(p);
}

static void malformed(void)
{
	static const char *const bad[] = {
		"",
		"x",
		"<dict>",
		"<dict><key>a</key></dict>",
		"<dict><true/></dict>",
		"<dict></array>",
		"<array><string>a</array>",
		"</dict>",
		"<dict/><dict/>",
		"<integer>0x</integer>",
		"<integer>12a</integer>",
		"<date>2019</date>",
		"<integer>99999999999999999999</integer>",
		"<string>&nbsp;</string>",
		"<array IDREF=\"1\"/>",
		"<array ID=\"1\"><array IDREF=\"1\"/></array>",
		"<array><true ID=\"1\"/><true ID=\"1\"/></array>",
		"<data>!!</data>",
		"<dict><key>a</key><true/><key>a</key><true/></dict>",
		"<!-- ",
		"<string ID=\"99999999\">a</string>",
		"<string ID>a</string>",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refuses(bad[i], E_CORRUPT);
}

/* Each line doubles the one before: four thousand million objects in a few lines. */
static void bomb(void)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	ASSERT_OK(buf_printf(&b, &e, "<array><array ID=\"0\"><true/><true/></array>"),
		  &e);
	for (int i = 1; i < 32; i++)
		ASSERT_OK(buf_printf(&b, &e,
				     "<array ID=\"%d\"><array IDREF=\"%d\"/><array "
				     "IDREF=\"%d\"/>"
				     "</array>",
				     i, i - 1, i - 1),
			  &e);
	ASSERT_OK(buf_printf(&b, &e, "</array>"), &e);
	refuses(buf_str(&b), E_OVERFLOW);
	buf_release(&b);
}

/* References must not build what nested elements may not. */
static void depth(void)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	for (int i = 0; i < 100; i++)
		ASSERT_OK(buf_printf(&b, &e, "<array>"), &e);
	refuses(buf_str(&b), E_OVERFLOW);
	buf_clear(&b);
	ASSERT_OK(buf_printf(&b, &e, "<array><array ID=\"0\"/>"), &e);
	for (int i = 1; i < 100; i++)
		ASSERT_OK(buf_printf(&b, &e,
				     "<array ID=\"%d\"><array IDREF=\"%d\"/></array>", i,
				     i - 1),
			  &e);
	ASSERT_OK(buf_printf(&b, &e, "</array>"), &e);
	refuses(buf_str(&b), E_OVERFLOW);
	buf_release(&b);
}

TEST_MAIN("ioxml", {"plain values", plain_values},
	  {"equal objects are written once", equal_objects_once},
	  {"a comment follows some keys", comment_after_some_keys},
	  {"dates are refused", no_dates},
	  {"what is written is read", what_is_written_is_read},
	  {"other spellings are read", other_spellings},
	  {"malformed text is refused", malformed}, {"references cannot explode", bomb},
	  {"depth is bounded through references", depth})
