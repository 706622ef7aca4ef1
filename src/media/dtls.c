/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * OpenSSL over two memory BIOs.  What it writes loses its datagram boundaries there, so it is cut again at records: as many in a
 * datagram as fit.
 */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <string.h>
#include "base/mem.h"
#include "media/dtls.h"

enum { RECORD_HEAD = 13, MAX_OUT = 16384, EXPORT_BYTES = 2 * SDP_KEY_BYTES, YEAR_S = 365 * 86400 };

struct dtls_identity {
	SSL_CTX *ctx;
	struct sdp_fingerprint fingerprint;
};

struct dtls {
	SSL *ssl;
	BIO *in, *out; /* the SSL's */
	struct sdp_fingerprint theirs;
	bool is_client;
	int state; /* as dtls_feed() returns: EAGAIN, 0, EACCES, EPROTO */
	struct media_key key_in, key_out;
};

static const EVP_MD *digest_of(enum sdp_hash hash)
{
	switch (hash) {
	case SDP_HASH_SHA256:
		return EVP_sha256();
	case SDP_HASH_SHA384:
		return EVP_sha384();
	case SDP_HASH_SHA512:
		return EVP_sha512();
	default:
		return NULL;
	}
}

static int fingerprint_of(struct sdp_fingerprint *f, X509 *cert, enum sdp_hash hash)
{
	const EVP_MD *md = digest_of(hash);
	unsigned n = 0;

	memset(f, 0, sizeof(*f));
	f->hash = (uint8_t)hash;
	return md && X509_digest(cert, md, f->bytes, &n) ? 0 : EINVAL;
}

/* Any certificate: which one it is, is checked when the hand-shake is done. */
static int take_any(int ok, X509_STORE_CTX *store)
{
	return 1;
}

static X509 *make_certificate(EVP_PKEY *key)
{
	X509 *cert = X509_new();
	X509_NAME *name = cert ? X509_get_subject_name(cert) : NULL;
	bool ok = name && X509_set_version(cert, 2) &&
		  ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) &&
		  X509_gmtime_adj(X509_getm_notBefore(cert), -86400) &&
		  X509_gmtime_adj(X509_getm_notAfter(cert), 10L * YEAR_S) &&
		  X509_set_pubkey(cert, key) &&
		  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
					     (const unsigned char *)"offhook", -1, -1, 0) &&
		  X509_set_issuer_name(cert, name) && X509_sign(cert, key, EVP_sha256());

	if (ok)
		return cert;
	X509_free(cert);
	return NULL;
}

static int set_up(struct dtls_identity *i)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = key ? make_certificate(key) : NULL;
	bool ok = cert && SSL_CTX_use_certificate(i->ctx, cert) == 1 &&
		  SSL_CTX_use_PrivateKey(i->ctx, key) == 1 &&
		  SSL_CTX_set_min_proto_version(i->ctx, DTLS1_2_VERSION) == 1 &&
		  SSL_CTX_set_cipher_list(i->ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1 &&
		  !SSL_CTX_set_tlsext_use_srtp(
			  i->ctx,
			  "SRTP_AEAD_AES_128_GCM:SRTP_AEAD_AES_256_GCM:SRTP_AES128_CM_SHA1_80") &&
		  !fingerprint_of(&i->fingerprint, cert, SDP_HASH_SHA256);

	SSL_CTX_set_verify(i->ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, take_any);
	SSL_CTX_set_options(i->ctx,
			    SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_session_cache_mode(i->ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_read_ahead(i->ctx, 1);
	X509_free(cert);
	EVP_PKEY_free(key);
	return ok ? 0 : ENOMEM;
}

int dtls_identity_alloc(struct dtls_identity **ip)
{
	struct dtls_identity *i = mem_alloc(sizeof(*i));
	int err;

	if (!i)
		return ENOMEM;
	i->ctx = SSL_CTX_new(DTLS_method());
	err = i->ctx ? set_up(i) : ENOMEM;
	if (err)
		dtls_identity_free(i);
	else
		*ip = i;
	return err;
}

struct dtls_identity *dtls_identity_free(struct dtls_identity *i)
{
	if (!i)
		return NULL;
	SSL_CTX_free(i->ctx);
	return mem_free(i);
}

void dtls_identity_fingerprint(const struct dtls_identity *i, struct sdp_fingerprint *f)
{
	*f = i->fingerprint;
}

int dtls_alloc(struct dtls **dp, const struct dtls_identity *i, bool is_client,
	       const struct sdp_fingerprint *theirs)
{
	struct dtls *d = mem_alloc(sizeof(*d));
	int err = 0;

	if (!d)
		return ENOMEM;
	d->theirs = *theirs;
	d->is_client = is_client;
	d->state = EAGAIN;
	d->ssl = SSL_new(i->ctx);
	d->in = BIO_new(BIO_s_mem());
	d->out = BIO_new(BIO_s_mem());
	if (!d->ssl || !d->in || !d->out)
		err = ENOMEM;
	if (err) {
		BIO_free(d->in);
		BIO_free(d->out);
		d->in = d->out = NULL;
		dtls_free(d);
		return err;
	}
	BIO_set_mem_eof_return(d->in, -1);
	BIO_set_mem_eof_return(d->out, -1);
	SSL_set_bio(d->ssl, d->in, d->out);
	SSL_set_mtu(d->ssl, DTLS_DATAGRAM_BYTES);
	if (is_client)
		SSL_set_connect_state(d->ssl);
	else
		SSL_set_accept_state(d->ssl);
	*dp = d;
	return 0;
}

struct dtls *dtls_free(struct dtls *d)
{
	if (!d)
		return NULL;
	SSL_free(d->ssl);
	OPENSSL_cleanse(&d->key_in, sizeof(d->key_in));
	OPENSSL_cleanse(&d->key_out, sizeof(d->key_out));
	return mem_free(d);
}

static bool is_the_described(const struct dtls *d)
{
	X509 *cert = SSL_get1_peer_certificate(d->ssl);
	struct sdp_fingerprint f;
	bool is = cert && !fingerprint_of(&f, cert, d->theirs.hash) &&
		  !memcmp(f.bytes, d->theirs.bytes, sdp_hash_bytes(f.hash));

	X509_free(cert);
	return is;
}

/* OpenSSL names the profiles; the lengths of key and salt are the suite's. */
static int suite_of(enum sdp_suite *suite, size_t *nkey, size_t *nsalt, unsigned long profile)
{
	switch (profile) {
	case SRTP_AES128_CM_SHA1_80:
		*suite = SDP_SUITE_AES_CM_128_HMAC_SHA1_80;
		*nkey = 16;
		*nsalt = 14;
		return 0;
	case SRTP_AEAD_AES_128_GCM:
		*suite = SDP_SUITE_AEAD_AES_128_GCM;
		*nkey = 16;
		*nsalt = 12;
		return 0;
	case SRTP_AEAD_AES_256_GCM:
		*suite = SDP_SUITE_AEAD_AES_256_GCM;
		*nkey = 32;
		*nsalt = 12;
		return 0;
	default:
		return EPROTO;
	}
}

/* RFC 5764 4.2: client key, server key, client salt, server salt. */
static int export_keys(struct dtls *d)
{
	static const char label[] = "EXTRACTOR-dtls_srtp";
	const SRTP_PROTECTION_PROFILE *profile = SSL_get_selected_srtp_profile(d->ssl);
	struct media_key client = {0}, server = {0};
	uint8_t m[EXPORT_BYTES];
	size_t nkey, nsalt;
	int err = profile ? suite_of(&client.suite, &nkey, &nsalt, profile->id) : EPROTO;

	if (err)
		return err;
	if (SSL_export_keying_material(d->ssl, m, 2 * (nkey + nsalt), label, sizeof(label) - 1,
				       NULL, 0, 0) != 1)
		return EPROTO;
	server.suite = client.suite;
	memcpy(client.bytes, m, nkey);
	memcpy(server.bytes, m + nkey, nkey);
	memcpy(client.bytes + nkey, m + 2 * nkey, nsalt);
	memcpy(server.bytes + nkey, m + 2 * nkey + nsalt, nsalt);
	d->key_in = d->is_client ? server : client;
	d->key_out = d->is_client ? client : server;
	OPENSSL_cleanse(m, sizeof(m));
	return 0;
}

static int go_on(struct dtls *d)
{
	int n;

	ERR_clear_error();
	n = SSL_do_handshake(d->ssl);
	if (n == 1) {
		d->state = is_the_described(d) ? export_keys(d) : EACCES;
	} else {
		n = SSL_get_error(d->ssl, n);
		if (n != SSL_ERROR_WANT_READ && n != SSL_ERROR_WANT_WRITE)
			d->state = EPROTO;
	}
	ERR_clear_error();
	return d->state;
}

int dtls_start(struct dtls *d)
{
	return go_on(d);
}

int dtls_feed(struct dtls *d, const uint8_t *p, size_t n)
{
	uint8_t rest[64];

	if (d->state == EACCES || d->state == EPROTO)
		return d->state;
	if (n > INT16_MAX || BIO_write(d->in, p, (int)n) != (int)n)
		return d->state;
	if (d->state == EAGAIN) {
		(void)go_on(d);
		(void)BIO_reset(d->in); /* half a record is not continued by the next datagram */
		return d->state;
	}
	/* Done: their last flight again, or an alert.  SRTP ends with the call, not with it. */
	while (SSL_read(d->ssl, rest, sizeof(rest)) > 0)
		;
	ERR_clear_error();
	(void)BIO_reset(d->in);
	return d->state;
}

void dtls_time(struct dtls *d)
{
	if (d->state == EAGAIN && SSL_get_state(d->ssl) != TLS_ST_BEFORE)
		(void)DTLSv1_handle_timeout(d->ssl);
	ERR_clear_error();
}

size_t dtls_take(struct dtls *d, uint8_t *dst, size_t size)
{
	char *p;
	long have = BIO_get_mem_data(d->out, &p);
	size_t n = 0;

	while (have - (long)n >= RECORD_HEAD) {
		const uint8_t *r = (const uint8_t *)p + n;
		size_t record = RECORD_HEAD + (size_t)(r[11] << 8 | r[12]);

		if (n + record > (size_t)have || n + record > size ||
		    (n && n + record > DTLS_DATAGRAM_BYTES))
			break;
		n += record;
	}
	if (!n && have) { /* not to be: nothing that could be sent */
		(void)BIO_reset(d->out);
		return 0;
	}
	return n && BIO_read(d->out, dst, (int)n) == (int)n ? n : 0;
}

int dtls_keys(const struct dtls *d, struct media_key *in, struct media_key *out)
{
	if (d->state)
		return ENOENT;
	*in = d->key_in;
	*out = d->key_out;
	return 0;
}
