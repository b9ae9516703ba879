/* SPDX-License-Identifier: MIT */
/* Manifests: signing, chains, constraints, chips, nonces; openssl is the judge. */
#include <stdio.h>
#include <string.h>

#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "sim/base/fsio.h"
#include "sim/base/test.h"
#include "sim/formats/image4/fourcc.h"
#include "sim/formats/image4/img4_verify.h"
#include "sim/formats/image4/p384.h"
#include "sim/platform/secureboot/cert.h"

#define F(a, b, c, d) FOURCC(a, b, c, d)

static const struct img4_chip chip = {.chip = 0x6000,
				      .bord = 0x0a,
				      .cepo = 1,
				      .sdom = 1,
				      .ecid = 0x123456789a,
				      .cpro = 1,
				      .csec = 1};

/* Root, authority and two leaves: RSA and P-384. */
static struct {
	EVP_PKEY *root, *ca, *rsa, *ec;
	struct buf root_cert, ca_cert, rsa_cert, ec_cert;
} lab;

static struct span span_of(const struct buf *b)
{
	return (struct span){b->data, b->len};
}

static void certify(EVP_PKEY *key, const char *name, EVP_PKEY *issuer_key,
		    const char *issuer, int path_len, struct span constraints,
		    struct buf *out)
{
	struct sb_cert_spec s = {.subject = name,
				 .issuer = issuer,
				 .key = key,
				 .issuer_key = issuer_key,
				 .serial = {1},
				 .path_len = path_len,
				 .constraints = constraints};
	struct err e = ERR_INIT;

	buf_clear(out);
	ASSERT_OK(sb_cert_make(&s, out, &e), &e);
}

/* MANP: CHIP has to be 0x6000, ECID and BNCH may be there; OBJP: DGST has to be. */
static void constrain(struct buf *out)
{
	struct img4_prop manp[] = {
		img4_number(F('C', 'H', 'I', 'P'), 0x6000),
		{.name = F('E', 'C', 'I', 'D'), .kind = IMG4_MAY},
		{.name = F('B', 'N', 'C', 'H'), .kind = IMG4_MAY},
		{.name = F('B', 'O', 'R', 'D'), .kind = IMG4_MUST},
		{.name = F('C', 'E', 'P', 'O'), .kind = IMG4_MAY},
		{.name = F('S', 'D', 'O', 'M'), .kind = IMG4_MAY},
		{.name = F('C', 'P', 'R', 'O'), .kind = IMG4_MAY},
		{.name = F('C', 'S', 'E', 'C'), .kind = IMG4_MAY},
	};
	struct img4_prop objp[] = {{.name = F('D', 'G', 'S', 'T'), .kind = IMG4_MUST},
				   {.name = F('E', 'P', 'R', 'O'), .kind = IMG4_MAY}};
	struct err e = ERR_INIT;

	ASSERT_OK(img4_constraints_write(manp, 8, objp, 2, out, &e), &e);
}

static void set_up(void)
{
	uint8_t seed[P384_SCALAR_LEN] = {7};
	struct buf c = BUF_INIT;
	struct err e = ERR_INIT;

	if (lab.root)
		return;
	lab.root = EVP_RSA_gen(2048);
	lab.ca = EVP_RSA_gen(2048);
	lab.rsa = EVP_RSA_gen(2048);
	CU_ASSERT_TRUE_FATAL(lab.root && lab.ca && lab.rsa);
	ASSERT_OK(p384_from_bytes(seed, &lab.ec, &e), &e);
	constrain(&c);
	certify(lab.root, "Root", lab.root, "Root", 1, (struct span){NULL, 0},
		&lab.root_cert);
	certify(lab.ca, "CA", lab.root, "Root", 0, (struct span){NULL, 0}, &lab.ca_cert);
	certify(lab.rsa, "Leaf", lab.ca, "CA", -1, span_of(&c), &lab.rsa_cert);
	certify(lab.ec, "EC", lab.ca, "CA", -1, span_of(&c), &lab.ec_cert);
	buf_release(&c);
}

static uint8_t digest[IMG4_DIGEST_LEN] = {0xd1}, bnch[IMG4_DIGEST_LEN];
static const uint8_t generator[IMG4_GENERATOR_LEN] = {1, 2, 3, 4, 5, 6, 7, 8};

static struct img4_prop manp[9];
static struct img4_prop dgst[2];
static struct im4m_object objects[2];

/* A manifest for @chip of two objects, krnl and isys; tests change it before they sign.
 */
static struct im4m_spec good_spec(void)
{
	struct err e = ERR_INIT;

	ASSERT_OK(img4_digest((struct span){generator, sizeof(generator)}, bnch, &e), &e);
	manp[0] = img4_number(F('C', 'H', 'I', 'P'), chip.chip);
	manp[1] = img4_number(F('B', 'O', 'R', 'D'), chip.bord);
	manp[2] = img4_number(F('C', 'E', 'P', 'O'), chip.cepo);
	manp[3] = img4_number(F('S', 'D', 'O', 'M'), chip.sdom);
	manp[4] = img4_boolean(F('C', 'P', 'R', 'O'), true);
	manp[5] = img4_boolean(F('C', 'S', 'E', 'C'), true);
	manp[6] = img4_octets(F('B', 'N', 'C', 'H'), bnch, sizeof(bnch));
	manp[7] = img4_number(F('E', 'C', 'I', 'D'), chip.ecid);
	dgst[0] = dgst[1] = img4_octets(F('D', 'G', 'S', 'T'), digest, sizeof(digest));
	objects[0] = (struct im4m_object){F('k', 'r', 'n', 'l'), &dgst[0], 1};
	objects[1] = (struct im4m_object){F('i', 's', 'y', 's'), &dgst[1], 1};
	return (struct im4m_spec){manp, 8, objects, 2};
}

static struct im4m_signer good_signer(void)
{
	return (struct im4m_signer){
		.key = lab.rsa,
		.cert = {span_of(&lab.ca_cert), span_of(&lab.rsa_cert)},
		.n_certs = 2};
}

static struct buf file;

static void make(const struct im4m_spec *s, const struct im4m_signer *by, struct im4m *m)
{
	struct err e = ERR_INIT;

	buf_clear(&file);
	ASSERT_OK(im4m_sign(s, by, &file, &e), &e);
	ASSERT_OK(im4m_parse(file.data, file.len, m, &e), &e);
}

static enum img4_result authentic(const struct im4m *m)
{
	struct err e = ERR_INIT;

	return img4_authentic(m, span_of(&lab.root_cert), &e);
}

static void a_good_manifest_is_taken(void)
{
	struct im4m_spec s;
	struct im4m_signer by;
	struct img4_props props;
	struct err e = ERR_INIT;
	struct im4m m;

	set_up();
	s = good_spec();
	by = good_signer();
	make(&s, &by, &m);
	CU_ASSERT_EQUAL(authentic(&m), IMG4_OK);
	CU_ASSERT_EQUAL(img4_for_chip(&m, &chip, IMG4_CHIP_AP_SHA2_384, &e), IMG4_OK);
	CU_ASSERT_EQUAL(img4_nonce(&m, generator, &e), IMG4_OK);
	CU_ASSERT_EQUAL(img4_digest_is(&m, F('k', 'r', 'n', 'l'), digest, &e), IMG4_OK);
	CU_ASSERT_TRUE(im4m_object(&m, F('i', 's', 'y', 's'), &props));
	CU_ASSERT_FALSE(im4m_object(&m, F('M', 'A', 'N', 'P'), &props));
	by = (struct im4m_signer){.key = lab.ec,
				  .cert = {span_of(&lab.ca_cert), span_of(&lab.ec_cert)},
				  .n_certs = 2};
	make(&s, &by, &m);
	CU_ASSERT_EQUAL(authentic(&m), IMG4_OK);
}

static void the_same_input_gives_the_same_bytes(void)
{
	struct im4m_spec s;
	struct im4m_signer by[2];
	struct err e = ERR_INIT;

	set_up();
	s = good_spec();
	by[0] = good_signer();
	by[1] = (struct im4m_signer){
		.key = lab.ec,
		.cert = {span_of(&lab.ca_cert), span_of(&lab.ec_cert)},
		.n_certs = 2};
	for (int i = 0; i < 2; i++) {
		struct buf a = BUF_INIT, b = BUF_INIT;

		ASSERT_OK(im4m_sign(&s, &by[i], &a, &e), &e);
		ASSERT_OK(im4m_sign(&s, &by[i], &b, &e), &e);
		CU_ASSERT_TRUE(a.len == b.len && !memcmp(a.data, b.data, a.len));
		buf_release(&a);
		buf_release(&b);
	}
}

static void save(const char *name, struct span s)
{
	struct err e = ERR_INIT;
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", test_tmpdir(), name);
	ASSERT_OK(fsio_write_atomic(path, s.p, s.len, 0644, &e), &e);
}

/* The signature by `openssl dgst`, the chain by `openssl verify`. */
static void openssl_agrees(void)
{
	static const char script[] =
		"cd %s && for f in root ca leaf; do"
		" openssl x509 -inform DER -in $f.der -out $f.pem || exit 1; done &&"
		" openssl verify -no_check_time -CAfile root.pem -untrusted ca.pem "
		"leaf.pem"
		" >/dev/null && openssl x509 -in leaf.pem -pubkey -noout >leaf.pub &&"
		" openssl dgst -sha384 -verify leaf.pub -signature sig set.der "
		">/dev/null";
	struct im4m_signer by[2];
	struct im4m_spec s;
	struct im4m m;

	if (test_shell("command -v openssl >/dev/null"))
		TEST_SKIP("no openssl");
	set_up();
	s = good_spec();
	by[0] = good_signer();
	by[1] = (struct im4m_signer){
		.key = lab.ec,
		.cert = {span_of(&lab.ca_cert), span_of(&lab.ec_cert)},
		.n_certs = 2};
	for (int i = 0; i < 2; i++) {
		make(&s, &by[i], &m);
		save("root.der", span_of(&lab.root_cert));
		save("ca.der", m.cert[0]);
		save("leaf.der", m.cert[1]);
		save("sig", m.signature);
		save("set.der", m.signed_set);
		CU_ASSERT_EQUAL(test_shell(script, test_tmpdir()), 0);
		/* It can say no. */
		save("set.der", m.whole);
		CU_ASSERT_NOT_EQUAL(test_shell(script, test_tmpdir()), 0);
	}
}

/* Each bit of what is signed, of the signature and of the certificates. */
static void every_flipped_bit_is_refused(void)
{
	struct im4m_spec s;
	struct im4m_signer by;
	size_t accepted = 0;
	struct im4m m;

	set_up();
	s = good_spec();
	by = good_signer();
	make(&s, &by, &m);
	for (size_t bit = 0; bit < file.len * 8; bit += bit % 8 == 6 ? 5 : 3) {
		struct im4m bad;

		file.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (!im4m_parse(file.data, file.len, &bad, NULL) && !authentic(&bad))
			accepted++;
		file.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	CU_ASSERT_EQUAL(accepted, 0);
	CU_ASSERT_EQUAL(authentic(&m), IMG4_OK);
}

static void chains_that_do_not_hold(void)
{
	struct buf other = BUF_INIT, c = BUF_INIT, no_ca = BUF_INIT, bare = BUF_INIT;
	struct im4m_signer by;
	struct im4m_spec s;
	struct im4m m;

	set_up();
	s = good_spec();
	constrain(&c);
	/* Another root of the same name. */
	certify(lab.ec, "Root", lab.ca, "Root", 1, (struct span){NULL, 0}, &other);
	by = good_signer();
	make(&s, &by, &m);
	CU_ASSERT_EQUAL(img4_authentic(&m, span_of(&other), NULL), IMG4_EAUTH);
	/* A key that is not the leaf's. */
	by.key = lab.ca;
	make(&s, &by, &m);
	CU_ASSERT_EQUAL(authentic(&m), IMG4_EAUTH);
	/* The authority is missing, or out of order; or there is none at all. */
	by = good_signer();
	by.cert[0] = by.cert[1];
	by.n_certs = 1;
	make(&s, &by, &m);
	CU_ASSERT_EQUAL(authentic(&m), IMG4_EAUTH);
	by = good_signer();
	by.cert[1] = by.cert[0];
	by.cert[0] = span_of(&lab.rsa_cert);
	make(&s, &by, &m);
	CU_ASSERT_EQUAL(authentic(&m), IMG4_EAUTH);
	by.n_certs = 0;
	make(&s, &by, &m);
	CU_ASSERT_EQUAL(authentic(&m), IMG4_EAUTH);
	/* A leaf that plays authority. */
	certify(lab.ec, "EC", lab.rsa, "Leaf", -1, span_of(&c), &no_ca);
	by = (struct im4m_signer){
		.key = lab.ec,
		.cert = {span_of(&lab.ca_cert), span_of(&lab.rsa_cert), span_of(&no_ca)},
		.n_certs = 3};
	make(&s, &by, &m);
	CU_ASSERT_EQUAL(authentic(&m), IMG4_EAUTH);
	/* A leaf that may sign nothing in particular. */
	certify(lab.rsa, "Leaf", lab.ca, "CA", -1, (struct span){NULL, 0}, &bare);
	by = good_signer();
	by.cert[1] = span_of(&bare);
	make(&s, &by, &m);
	CU_ASSERT_EQUAL(authentic(&m), IMG4_EAUTH);
	buf_release(&other);
	buf_release(&c);
	buf_release(&no_ca);
	buf_release(&bare);
}

static enum img4_result sign_and_judge(const struct im4m_spec *s)
{
	struct im4m_signer by = good_signer();
	struct im4m m;

	make(s, &by, &m);
	return authentic(&m);
}

static void constraints_hold(void)
{
	struct im4m_spec s;

	set_up();
	s = good_spec();
	CU_ASSERT_EQUAL(sign_and_judge(&s), IMG4_OK);
	manp[0].number = 0x8103; /* the certificate is for one kind of chip */
	CU_ASSERT_EQUAL(sign_and_judge(&s), IMG4_EAUTH);
	s = good_spec();
	manp[1].name = F('b', 'o', 'r', 'd'); /* what has to be there is missing */
	CU_ASSERT_EQUAL(sign_and_judge(&s), IMG4_EAUTH);
	s = good_spec();
	s.n_manp = 6; /* what may be there is missing */
	CU_ASSERT_EQUAL(sign_and_judge(&s), IMG4_OK);
	s = good_spec();
	manp[s.n_manp++] = img4_boolean(F('l', 'o', 'b', 'o'), true); /* nobody said so */
	CU_ASSERT_EQUAL(sign_and_judge(&s), IMG4_EAUTH);
	s = good_spec();
	dgst[1].name = F('d', 'g', 's', 't'); /* in the second object */
	CU_ASSERT_EQUAL(sign_and_judge(&s), IMG4_EAUTH);
	s = good_spec();
	manp[0] = img4_octets(F('C', 'H', 'I', 'P'), "\x60", 1); /* of another type */
	CU_ASSERT_EQUAL(sign_and_judge(&s), IMG4_EAUTH);
}

static enum img4_result judge_chip(const struct im4m_spec *s, enum img4_selector sel)
{
	struct im4m_signer by = good_signer();
	struct err e = ERR_INIT;
	struct im4m m;

	make(s, &by, &m);
	return img4_for_chip(&m, &chip, sel, &e);
}

static void a_manifest_is_for_one_chip(void)
{
	struct im4m_spec s;

	set_up();
	for (size_t i = 0; i < 8; i++) {
		if (i == 6)
			continue; /* BNCH is not of the chip */
		s = good_spec();
		manp[i].number ^= 1;
		CU_ASSERT_EQUAL(judge_chip(&s, IMG4_CHIP_AP_SHA2_384), IMG4_EACCES);
		CU_ASSERT_EQUAL(judge_chip(&s, IMG4_CHIP_AP_REDUCED), IMG4_EACCES);
	}
	/* A global one has no ECID. */
	s = good_spec();
	s.n_manp = 6;
	CU_ASSERT_EQUAL(judge_chip(&s, IMG4_CHIP_AP_SHA2_384), IMG4_EACCES);
	CU_ASSERT_EQUAL(judge_chip(&s, IMG4_CHIP_AP_HYBRID), IMG4_EACCES);
	CU_ASSERT_EQUAL(judge_chip(&s, IMG4_CHIP_AP_REDUCED), IMG4_OK);
	CU_ASSERT_EQUAL(judge_chip(&s, IMG4_CHIP_AP_PERMISSIVE), IMG4_OK);
	CU_ASSERT_EQUAL(judge_chip(&s, IMG4_CHIP_AP_HYBRID_MEDIUM), IMG4_OK);
	CU_ASSERT_EQUAL(judge_chip(&s, IMG4_CHIP_SOFTWARE_FF00), IMG4_EACCES);
	manp[0].number = IMG4_SOFTWARE_CHIP;
	CU_ASSERT_EQUAL(judge_chip(&s, IMG4_CHIP_SOFTWARE_FF00), IMG4_OK);
}

static void nonces_and_digests(void)
{
	static const uint8_t other[IMG4_GENERATOR_LEN] = {8, 7, 6, 5, 4, 3, 2, 1};
	uint8_t wrong[IMG4_DIGEST_LEN];
	struct im4m_signer by;
	struct im4m_spec s;
	struct err e = ERR_INIT;
	struct im4m m;

	set_up();
	s = good_spec();
	by = good_signer();
	make(&s, &by, &m);
	CU_ASSERT_EQUAL(img4_nonce(&m, generator, &e), IMG4_OK);
	CU_ASSERT_EQUAL(img4_nonce(&m, other, &e), IMG4_ESTALE);
	CU_ASSERT_EQUAL(img4_digest_is(&m, F('t', 'r', 's', 't'), digest, &e),
			IMG4_ENOENT);
	memcpy(wrong, digest, sizeof(wrong));
	wrong[47] ^= 1;
	CU_ASSERT_EQUAL(img4_digest_is(&m, F('k', 'r', 'n', 'l'), wrong, &e),
			IMG4_ENOEXEC);
	s.n_manp = 6; /* without BNCH any nonce will do */
	make(&s, &by, &m);
	CU_ASSERT_EQUAL(img4_nonce(&m, other, &e), IMG4_OK);
}

static void a_whole_file_comes_back(void)
{
	struct buf im4p = BUF_INIT, img4 = BUF_INIT;
	struct im4m_signer by;
	struct im4m_spec s;
	struct err e = ERR_INIT;
	size_t taken = 0;
	struct img4 f;
	struct im4m m;

	set_up();
	s = good_spec();
	by = good_signer();
	make(&s, &by, &m);
	ASSERT_OK(im4p_make(F('k', 'r', 'n', 'l'), "k", "kernel", 6, &im4p, &e), &e);
	ASSERT_OK(img4_write(span_of(&im4p), span_of(&file), generator, &img4, &e), &e);
	ASSERT_OK(img4_parse(img4.data, img4.len, &f, &e), &e);
	CU_ASSERT_TRUE(f.has_manifest && f.has_generator);
	CU_ASSERT_EQUAL(memcmp(f.generator, generator, sizeof(generator)), 0);
	CU_ASSERT_TRUE(f.manifest.whole.len == file.len &&
		       !memcmp(f.manifest.whole.p, file.data, file.len));
	CU_ASSERT_TRUE(f.payload.whole.len == im4p.len &&
		       !memcmp(f.payload.whole.p, im4p.data, im4p.len));
	CU_ASSERT_EQUAL(authentic(&f.manifest), IMG4_OK);
	save("whole.img4", span_of(&img4)); /* KEEP_TMP=1: these are the fuzzer's seeds */
	save("manifest.im4m", span_of(&file));
	save("payload.im4p", span_of(&im4p));
	/* Every prefix of it is refused; nothing behind it is overlooked. */
	for (size_t n = 0; n < img4.len; n++)
		taken += img4_parse(img4.data, n, &f, &e) != -(int)E_CORRUPT;
	CU_ASSERT_EQUAL(taken, 0);
	ASSERT_OK(buf_append(&img4, "", 1, &e), &e);
	CU_ASSERT_EQUAL(img4_parse(img4.data, img4.len, &f, &e), -(int)E_CORRUPT);
	/* A payload alone is a file as well. */
	buf_clear(&img4);
	ASSERT_OK(img4_write(span_of(&im4p), (struct span){NULL, 0}, NULL, &img4, &e),
		  &e);
	ASSERT_OK(img4_parse(img4.data, img4.len, &f, &e), &e);
	CU_ASSERT_FALSE(f.has_manifest || f.has_generator);
	buf_release(&im4p);
	buf_release(&img4);
}

static void doubles_and_crowds_are_refused(void)
{
	static struct im4m_object many[IM4M_OBJECTS_MAX + 1];
	struct im4m_signer by;
	struct im4m_spec s;
	struct err e = ERR_INIT;
	struct im4m m;

	set_up();
	s = good_spec();
	by = good_signer();
	objects[1].name = objects[0].name;
	buf_clear(&file);
	ASSERT_OK(im4m_sign(&s, &by, &file, &e), &e);
	CU_ASSERT_EQUAL(im4m_parse(file.data, file.len, &m, &e), -(int)E_CORRUPT);
	for (size_t i = 0; i <= IM4M_OBJECTS_MAX; i++)
		many[i] = (struct im4m_object){F('a', 'a', 'a' + i / 20, 'a' + i % 20),
					       &dgst[0], 1};
	s.objects = many;
	s.n_objects = IM4M_OBJECTS_MAX;
	make(&s, &by, &m);
	s.n_objects++;
	buf_clear(&file);
	ASSERT_OK(im4m_sign(&s, &by, &file, &e), &e);
	CU_ASSERT_EQUAL(im4m_parse(file.data, file.len, &m, &e), -(int)E_OVERFLOW);
}

TEST_MAIN("img4-verify", {"a good manifest is taken", a_good_manifest_is_taken},
	  {"the same input gives the same bytes", the_same_input_gives_the_same_bytes},
	  {"openssl agrees", openssl_agrees},
	  {"every flipped bit is refused", every_flipped_bit_is_refused},
	  {"chains that do not hold", chains_that_do_not_hold},
	  {"constraints hold", constraints_hold},
	  {"a manifest is for one chip", a_manifest_is_for_one_chip},
	  {"nonces and digests", nonces_and_digests},
	  {"a whole file comes back", a_whole_file_comes_back},
	  {"doubles and crowds are refused", doubles_and_crowds_are_refused})
