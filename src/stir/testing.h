/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An authority for tests, and a certificate of it, made on the spot.
 */
#ifndef STIR_TESTING_H
#define STIR_TESTING_H

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

struct stir_test_ca {
	char *root, *cert, *key; /* PEM */
};

static inline char *stir_test_text(BIO *bio)
{
	char *p, *text;
	long n = BIO_get_mem_data(bio, &p);

	text = strndup(p, (size_t)n);
	BIO_free(bio);
	return text;
}

static inline X509 *stir_test_cert(EVP_PKEY *key, const char *name, const X509 *issuer,
				   EVP_PKEY *issuer_key, time_t now)
{
	X509 *x = X509_new();
	X509_NAME *subject = X509_get_subject_name(x);

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), issuer ? 2 : 1);
	X509_time_adj(X509_getm_notBefore(x), -3600, &now);
	X509_time_adj_ex(X509_getm_notAfter(x), 30, 0, &now);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1,
				   0);
	X509_set_issuer_name(x, issuer ? X509_get_subject_name(issuer) : subject);
	X509_set_pubkey(x, key);
	if (!issuer) {
		X509_EXTENSION *ext =
			X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "critical,CA:TRUE");

		X509_add_ext(x, ext, -1);
		X509_EXTENSION_free(ext);
	}
	X509_sign(x, issuer_key, EVP_sha256());
	return x;
}

static inline void stir_test_ca_make(struct stir_test_ca *ca, time_t now)
{
	EVP_PKEY *root_key = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256");
	X509 *root = stir_test_cert(root_key, "Test Authority", NULL, root_key, now);
	X509 *cert = stir_test_cert(key, "SHAKEN 1234", root, root_key, now);
	BIO *a = BIO_new(BIO_s_mem()), *b = BIO_new(BIO_s_mem()), *c = BIO_new(BIO_s_mem());

	PEM_write_bio_X509(a, root);
	PEM_write_bio_X509(b, cert);
	PEM_write_bio_PrivateKey(c, key, NULL, NULL, 0, NULL, NULL);
	ca->root = stir_test_text(a);
	ca->cert = stir_test_text(b);
	ca->key = stir_test_text(c);
	X509_free(root);
	X509_free(cert);
	EVP_PKEY_free(root_key);
	EVP_PKEY_free(key);
}

static inline void stir_test_ca_free(struct stir_test_ca *ca)
{
	free(ca->root);
	free(ca->cert);
	free(ca->key);
}

#endif
