/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/pem.h"

struct made { /* a certificate, its key, both also as text */
	X509 *cert;
	EVP_PKEY *key;
	struct str chain_text, key_text;
	char *texts[2];
};

static struct str text_of(BIO *bio, char **keep)
{
	char *p;
	long n = BIO_get_mem_data(bio, &p);

	*keep = strndup(p, (size_t)n);
	BIO_free(bio);
	return str_of(*keep);
}

static void extend(X509 *cert, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert_non_null(ext);
	assert_int_equal(X509_add_ext(cert, ext, -1), 1);
	X509_EXTENSION_free(ext);
}

/* by NULL: signed by itself.  passphrase NULL: the key in clear. */
static void make(struct made *m, const char *name, const char *alternative, const struct made *by,
		 EVP_PKEY *key, const char *passphrase)
{
	BIO *bio = BIO_new(BIO_s_mem());

	m->key = key;
	m->cert = X509_new();
	assert_non_null(m->cert);
	X509_set_version(m->cert, 2);
	X509_gmtime_adj(X509_getm_notBefore(m->cert), 0);
	X509_gmtime_adj(X509_getm_notAfter(m->cert), 3600);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(m->cert), "CN", MBSTRING_UTF8,
				   (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(m->cert, X509_get_subject_name(by ? by->cert : m->cert));
	X509_set_pubkey(m->cert, key);
	if (alternative)
		extend(m->cert, NID_subject_alt_name, alternative);
	assert_true(X509_sign(m->cert, by ? by->key : key, EVP_sha256()) > 0);
	assert_int_equal(PEM_write_bio_X509(bio, m->cert), 1);
	m->chain_text = text_of(bio, &m->texts[0]);
	bio = BIO_new(BIO_s_mem());
	assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, key,
						       passphrase ? EVP_aes_256_cbc() : NULL, NULL,
						       0, NULL, (void *)(uintptr_t)passphrase),
			 1);
	m->key_text = text_of(bio, &m->texts[1]);
}

static void drop(struct made *m)
{
	X509_free(m->cert);
	EVP_PKEY_free(m->key);
	free(m->texts[0]);
	free(m->texts[1]);
}

static void refused(struct str chain, struct str key, const char *passphrase, bool is_key,
		    const char *code)
{
	struct pem_fault fault = {0};
	struct pem_pair p;

	assert_int_equal(pem_pair_read(&p, chain, key, passphrase, &fault), EINVAL);
	assert_string_equal(fault.code, code);
	assert_true(fault.is_key == is_key);
	assert_null(p.cert);
}

static struct buf joined(struct str a, struct str b)
{
	struct buf all = {0};

	buf_str(&all, a);
	buf_str(&all, b);
	return all;
}

static void a_pair_and_its_intermediate_are_read(void **state)
{
	struct made root, server;
	struct pem_fault fault;
	struct pem_pair p, copy;
	struct buf chain, names = {0};

	make(&root, "root", NULL, NULL, EVP_EC_gen("P-256"), NULL);
	make(&server, "server", "DNS:a.example,IP:192.0.2.1,email:x@y,DNS:b.example,IP:2001:db8::1",
	     &root, EVP_EC_gen("P-256"), NULL);
	chain = joined(server.chain_text, root.chain_text);
	assert_int_equal(pem_pair_read(&p, buf_view(&chain), server.key_text, "", &fault), 0);
	assert_int_equal(sk_X509_num(p.more), 1);
	pem_names(p.cert, &names);
	assert_string_equal(names.p, "a.example 192.0.2.1 b.example 2001:db8::1");
	assert_true(pem_expires_us(p.cert) > 1700000000000000);
	pem_pair_copy(&copy, &p);
	pem_pair_close(&p);
	assert_int_equal(X509_check_private_key(copy.cert, copy.key), 1);
	pem_pair_close(&copy);
	buf_free(&chain);
	buf_free(&names);
	drop(&root);
	drop(&server);
}

static void what_does_not_belong_together_is_refused_by_name(void **state)
{
	struct made root, server, other, weak;
	struct buf wrong;

	make(&root, "root", NULL, NULL, EVP_EC_gen("P-256"), NULL);
	make(&server, "server", NULL, &root, EVP_EC_gen("P-256"), NULL);
	make(&other, "other", NULL, NULL, EVP_RSA_gen(2048), NULL);
	make(&weak, "weak", NULL, NULL, EVP_RSA_gen(1024), NULL);
	refused(server.chain_text, other.key_text, "", true, "not_matching");
	refused(server.chain_text, root.key_text, "", true, "not_matching");
	refused(weak.chain_text, weak.key_text, "", true, "too_weak");
	refused(STR(""), server.key_text, "", false, "bad_pem");
	refused(STR("hello"), server.key_text, "", false, "bad_pem");
	refused(server.key_text, server.key_text, "", false, "bad_pem");
	refused(server.chain_text, STR(""), "", true, "bad_pem");
	refused(server.chain_text, server.chain_text, "", true, "bad_pem");
	wrong = joined(server.chain_text, other.chain_text);
	refused(buf_view(&wrong), server.key_text, "", false, "bad_order");
	buf_free(&wrong);
	wrong = joined(server.chain_text,
		       STR("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"));
	refused(buf_view(&wrong), server.key_text, "", false, "bad_pem");
	buf_free(&wrong);
	drop(&root);
	drop(&server);
	drop(&other);
	drop(&weak);
}

static void an_encrypted_key_needs_its_pass_phrase(void **state)
{
	struct pem_fault fault;
	struct pem_pair p;
	struct made m;

	make(&m, "m", NULL, NULL, EVP_EC_gen("P-256"), "secret words");
	refused(m.chain_text, m.key_text, "", true, "bad_passphrase");
	refused(m.chain_text, m.key_text, NULL, true, "bad_passphrase");
	refused(m.chain_text, m.key_text, "other words", true, "bad_passphrase");
	assert_int_equal(pem_pair_read(&p, m.chain_text, m.key_text, "secret words", &fault), 0);
	pem_pair_close(&p);
	drop(&m);
}

static void roots_are_read_all_or_none(void **state)
{
	STACK_OF(X509_NAME) * names;
	struct pem_fault fault;
	X509_STORE *store;
	struct made a, b;
	struct buf both;

	make(&a, "a", NULL, NULL, EVP_EC_gen("P-256"), NULL);
	make(&b, "b", NULL, NULL, EVP_EC_gen("P-256"), NULL);
	both = joined(a.chain_text, b.chain_text);
	assert_int_equal(pem_roots_read(&store, &names, buf_view(&both), &fault), 0);
	assert_int_equal(sk_X509_NAME_num(names), 2);
	sk_X509_NAME_pop_free(names, X509_NAME_free);
	X509_STORE_free(store);
	assert_int_equal(pem_roots_read(&store, NULL, a.chain_text, &fault), 0);
	X509_STORE_free(store);
	assert_int_equal(pem_roots_read(&store, NULL, STR("no"), &fault), EINVAL);
	assert_string_equal(fault.code, "bad_pem");
	buf_free(&both);
	drop(&a);
	drop(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pair_and_its_intermediate_are_read),
		cmocka_unit_test(what_does_not_belong_together_is_refused_by_name),
		cmocka_unit_test(an_encrypted_key_needs_its_pass_phrase),
		cmocka_unit_test(roots_are_read_all_or_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
