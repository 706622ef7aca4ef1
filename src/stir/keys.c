/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <string.h>

#include "base/mem.h"
#include "stir/keys.h"

struct stir_key {
	X509 *cert;
	STACK_OF(X509) * chain;
	EVP_PKEY *key; /* private; NULL: it only checks */
};

struct stir_roots {
	X509_STORE *store;
};

/* Nobody is asked for the passphrase of a key. */
static int no_passphrase(char *buf, int size, int rwflag, void *arg)
{
	return 0;
}

static bool is_p256(const EVP_PKEY *key)
{
	char name[32] = "";
	size_t n;

	return key && EVP_PKEY_is_a(key, "EC") &&
	       EVP_PKEY_get_utf8_string_param(key, "group", name, sizeof(name), &n) == 1 &&
	       strcmp(name, "prime256v1") == 0;
}

static int read_chain(struct stir_key *k, const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *x;

	if (!bio)
		return ENOMEM;
	k->cert = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);
	k->chain = sk_X509_new_null();
	while (k->cert && k->chain && sk_X509_num(k->chain) < 8 &&
	       (x = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL)))
		if (!sk_X509_push(k->chain, x))
			X509_free(x);
	BIO_free(bio);
	ERR_clear_error(); /* the end of the text is an error to it */
	if (!k->chain)
		return ENOMEM;
	return k->cert && is_p256(X509_get0_pubkey(k->cert)) ? 0 : EINVAL;
}

static int read_key(struct stir_key *k, const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);

	if (!bio)
		return ENOMEM;
	k->key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
	BIO_free(bio);
	if (k->key && X509_check_private_key(k->cert, k->key) == 1)
		return 0;
	ERR_clear_error();
	return EINVAL;
}

int stir_key_open(struct stir_key **kp, const char *chain, const char *private_key)
{
	struct stir_key *k = mem_alloc(sizeof(*k));
	int err;

	if (!k)
		return ENOMEM;
	err = read_chain(k, chain);
	if (!err && private_key && *private_key)
		err = read_key(k, private_key);
	if (err)
		stir_key_free(k);
	else
		*kp = k;
	return err;
}

struct stir_key *stir_key_free(struct stir_key *k)
{
	if (!k)
		return NULL;
	X509_free(k->cert);
	sk_X509_pop_free(k->chain, X509_free);
	EVP_PKEY_free(k->key);
	return mem_free(k);
}

/* ---- ES256: r and s side by side, where OpenSSL has them in DER ---- */

static bool to_raw(const uint8_t *der, size_t n, uint8_t sig[STIR_SIGNATURE_BYTES])
{
	ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &der, (long)n);
	bool is_ok = s && BN_bn2binpad(ECDSA_SIG_get0_r(s), sig, 32) == 32 &&
		     BN_bn2binpad(ECDSA_SIG_get0_s(s), sig + 32, 32) == 32;

	ECDSA_SIG_free(s);
	return is_ok;
}

static int to_der(const uint8_t sig[STIR_SIGNATURE_BYTES], uint8_t **der)
{
	ECDSA_SIG *s = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(sig, 32, NULL), *v = BN_bin2bn(sig + 32, 32, NULL);
	int n = -1;

	*der = NULL;
	if (s && r && v && ECDSA_SIG_set0(s, r, v) == 1) {
		n = i2d_ECDSA_SIG(s, der);
	} else {
		BN_free(r);
		BN_free(v);
	}
	ECDSA_SIG_free(s);
	return n;
}

int stir_key_sign(const struct stir_key *k, struct str text, uint8_t sig[STIR_SIGNATURE_BYTES])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t der[128];
	size_t n = sizeof(der);
	bool is_ok = ctx && k->key &&
		     EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, k->key) == 1 &&
		     EVP_DigestSign(ctx, der, &n, (const uint8_t *)text.p, text.n) == 1 &&
		     to_raw(der, n, sig);

	EVP_MD_CTX_free(ctx);
	if (is_ok)
		return 0;
	ERR_clear_error();
	return k->key ? ENOMEM : EINVAL;
}

bool stir_key_verify(const struct stir_key *k, struct str text,
		     const uint8_t sig[STIR_SIGNATURE_BYTES])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t *der;
	int n = to_der(sig, &der);
	bool is_ok = ctx && n > 0 &&
		     EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL,
					  X509_get0_pubkey(k->cert)) == 1 &&
		     EVP_DigestVerify(ctx, der, (size_t)n, (const uint8_t *)text.p, text.n) == 1;

	EVP_MD_CTX_free(ctx);
	OPENSSL_free(der);
	if (!is_ok)
		ERR_clear_error();
	return is_ok;
}

/* ---- authorities ---- */

int stir_roots_alloc(struct stir_roots **rp)
{
	struct stir_roots *r = mem_alloc(sizeof(*r));

	if (!r)
		return ENOMEM;
	r->store = X509_STORE_new();
	if (!r->store) {
		mem_free(r);
		return ENOMEM;
	}
	*rp = r;
	return 0;
}

struct stir_roots *stir_roots_free(struct stir_roots *r)
{
	if (!r)
		return NULL;
	X509_STORE_free(r->store);
	return mem_free(r);
}

int stir_roots_add(struct stir_roots *r, const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *x;
	int n = 0;

	if (!bio)
		return ENOMEM;
	while ((x = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL))) {
		n += X509_STORE_add_cert(r->store, x);
		X509_free(x);
	}
	BIO_free(bio);
	ERR_clear_error();
	return n ? 0 : EINVAL;
}

bool stir_roots_trust(const struct stir_roots *r, const struct stir_key *k, int64_t at_s)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	bool is_ok = false;

	if (ctx && X509_STORE_CTX_init(ctx, r->store, k->cert, k->chain) == 1) {
		X509_STORE_CTX_set_time(ctx, 0, (time_t)at_s);
		is_ok = X509_verify_cert(ctx) == 1;
	}
	X509_STORE_CTX_free(ctx);
	ERR_clear_error();
	return is_ok;
}
