/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * MD5 comes from OpenSSL: fetched once, with one context, as fetching by name costs more than hashing.  SHA-256 comes
 * from libsodium, which needs neither.
 */
#include <openssl/evp.h>
#include <sodium.h>
#include <stdarg.h>
#include <string.h>
#include "base/mem.h"
#include "sip/chars.h"
#include "sip/credentials.h"
#include "sip/digest.h"

struct sip_digest {
	EVP_MD *md5;
	EVP_MD_CTX *ctx;
};

int sip_digest_alloc(struct sip_digest **dp)
{
	struct sip_digest *d = mem_alloc(sizeof(*d));
	int err = 0;

	if (!d)
		return ENOMEM;
	d->md5 = EVP_MD_fetch(NULL, "MD5", NULL);
	d->ctx = EVP_MD_CTX_new();
	if (!d->md5)
		err = ENOTSUP;
	else if (!d->ctx)
		err = ENOMEM;
	if (err)
		d = sip_digest_free(d);
	else
		*dp = d;
	return err;
}

struct sip_digest *sip_digest_free(struct sip_digest *d)
{
	if (d) {
		EVP_MD_CTX_free(d->ctx);
		EVP_MD_free(d->md5);
		mem_free(d);
	}
	return NULL;
}

/* H(parts joined with ':').  Returns the length of the hash; 0: OpenSSL had no memory, and nothing shall match. */
static size_t hash_parts(struct sip_digest *d, enum sip_digest_alg alg, uint8_t out[32],
			 const struct str *parts, size_t nparts)
{
	crypto_hash_sha256_state sha;
	bool is_sha = alg == SIP_DIGEST_SHA256;
	unsigned n = 0;
	bool ok;

	if (is_sha)
		ok = !crypto_hash_sha256_init(&sha);
	else
		ok = EVP_DigestInit_ex2(d->ctx, d->md5, NULL) == 1;
	for (size_t i = 0; ok && i < nparts; i++) {
		const unsigned char *p = (const unsigned char *)parts[i].p;

		if (is_sha) {
			if (i)
				crypto_hash_sha256_update(&sha, (const unsigned char *)":", 1);
			if (parts[i].n)
				crypto_hash_sha256_update(&sha, p, parts[i].n);
			continue;
		}
		ok = (!i || EVP_DigestUpdate(d->ctx, ":", 1) == 1) &&
		     (!parts[i].n || EVP_DigestUpdate(d->ctx, p, parts[i].n) == 1);
	}
	if (!ok)
		return 0;
	if (is_sha) {
		crypto_hash_sha256_final(&sha, out);
		return 32;
	}
	return EVP_DigestFinal_ex(d->ctx, out, &n) == 1 ? n : 0;
}

static struct str to_hex(char hex[SIP_DIGEST_MAX_HEX + 1], const uint8_t *p, size_t n)
{
	sodium_bin2hex(hex, SIP_DIGEST_MAX_HEX + 1, p, n);
	return (struct str){hex, n * 2};
}

static struct str hash_hex(struct sip_digest *d, enum sip_digest_alg alg,
			   char hex[SIP_DIGEST_MAX_HEX + 1], const struct str *parts, size_t nparts)
{
	uint8_t bin[32];
	size_t n = hash_parts(d, alg, bin, parts, nparts);

	return to_hex(hex, bin, n);
}

size_t sip_digest_response(struct sip_digest *d, char hex[SIP_DIGEST_MAX_HEX + 1],
			   const struct sip_digest_input *in)
{
	char ha1_hex[SIP_DIGEST_MAX_HEX + 1], ha2_hex[SIP_DIGEST_MAX_HEX + 1],
		body_hex[SIP_DIGEST_MAX_HEX + 1];
	bool is_int = str_ieq(in->qop, STR("auth-int"));
	struct str a2[3] = {in->method, in->uri};
	struct str ha1, ha2, result;

	if (in->alg == SIP_DIGEST_SHA256)
		ha1 = to_hex(ha1_hex, in->secret->ha1_sha256, sizeof(in->secret->ha1_sha256));
	else
		ha1 = to_hex(ha1_hex, in->secret->ha1_md5, sizeof(in->secret->ha1_md5));
	if (is_int)
		a2[2] = hash_hex(d, in->alg, body_hex, &in->body, 1);
	ha2 = hash_hex(d, in->alg, ha2_hex, a2, is_int ? 3 : 2);
	if (in->qop.n) {
		struct str parts[] = {ha1, in->nonce, in->nc, in->cnonce, in->qop, ha2};

		result = hash_hex(d, in->alg, hex, parts, ARRAY_LEN(parts));
	} else {
		struct str parts[] = {ha1, in->nonce, ha2};

		result = hash_hex(d, in->alg, hex, parts, ARRAY_LEN(parts));
	}
	sodium_memzero(ha1_hex, sizeof(ha1_hex));
	return result.n;
}

static bool make_secret(struct sip_digest *d, struct sip_secret *s, const struct str parts[3])
{
	uint8_t bin[32];
	bool is_made = hash_parts(d, SIP_DIGEST_MD5, bin, parts, 3) == sizeof(s->ha1_md5);

	if (is_made)
		memcpy(s->ha1_md5, bin, sizeof(s->ha1_md5));
	sodium_memzero(bin, sizeof(bin));
	return hash_parts(d, SIP_DIGEST_SHA256, s->ha1_sha256, parts, 3) == sizeof(s->ha1_sha256) &&
	       is_made;
}

int sip_secret_make(struct sip_secret *s, struct str username, struct str realm,
		    struct str password)
{
	struct sip_digest *d;
	int err;

	/* without memory: a secret that nothing matches, never one that is known */
	randombytes_buf(s, sizeof(*s));
	err = sip_digest_alloc(&d);
	if (err)
		return err;
	if (!make_secret(d, s, (struct str[]){username, realm, password}))
		err = ENOMEM;
	sip_digest_free(d);
	return err;
}

static bool read_algorithm(struct sip_challenge *c, struct str name)
{
	c->says_alg = name.p;
	if (!name.p || str_ieq(name, STR("MD5")))
		c->alg = SIP_DIGEST_MD5;
	else if (str_ieq(name, STR("SHA-256")))
		c->alg = SIP_DIGEST_SHA256;
	else
		return false;
	return true;
}

/* qop-options: a comma list within quotes.  Absent: the old form, which we can answer; only auth-int: we cannot. */
static bool read_qop(struct sip_challenge *c, struct str list)
{
	if (!list.p)
		return true;
	while (list.p)
		if (str_ieq(str_trim(str_cut(&list, ',')), STR("auth")))
			c->has_qop = true;
	return c->has_qop;
}

static int read_one(struct sip_challenge *c, struct str value, unsigned algs)
{
	struct sip_credentials cred;

	if (sip_credentials_parse(&cred, value))
		return EINVAL;
	if (!sip_credentials_is_digest(&cred))
		return ENOTSUP;
	if (!cred.value[SIP_CRED_REALM].p || !cred.value[SIP_CRED_NONCE].n)
		return EINVAL;
	if (!read_algorithm(c, cred.value[SIP_CRED_ALGORITHM]) || !(c->alg & algs) ||
	    !read_qop(c, cred.value[SIP_CRED_QOP]))
		return ENOTSUP;
	c->realm = cred.value[SIP_CRED_REALM];
	c->nonce = cred.value[SIP_CRED_NONCE];
	c->opaque = cred.value[SIP_CRED_OPAQUE];
	c->is_stale = str_ieq(cred.value[SIP_CRED_STALE], STR("true"));
	return 0;
}

int sip_challenge_read(struct sip_challenge *c, const struct sip_msg *resp, unsigned algs)
{
	bool is_proxy = resp->status == 407;
	struct sip_values v;
	struct str value;
	int err = ENOENT;

	sip_values_init(&v, resp, is_proxy ? SIP_HDR_PROXY_AUTHENTICATE : SIP_HDR_WWW_AUTHENTICATE);
	while (err && sip_values_next(&v, &value)) {
		*c = (struct sip_challenge){.is_proxy = is_proxy};
		err = read_one(c, value, algs);
	}
	return err;
}

/* A value that came with its escapes goes back as it came. */
static void write_raw(struct buf *out, const char *name, struct str value)
{
	buf_cstr(out, name);
	buf_str(out, STR("=\""));
	buf_str(out, value);
	buf_char(out, '"');
}

void sip_digest_answer(struct sip_digest *d, struct buf *out, const struct sip_challenge *c,
		       const struct sip_answer *a)
{
	struct sip_digest_input in = {
		.alg = c->alg, .method = a->method, .uri = a->uri, .nonce = c->nonce};
	char hex[SIP_DIGEST_MAX_HEX + 1], nc[9];
	struct sip_secret secret = {0};

	/* RFC 7616 3.4: unq() takes the quotes off and leaves the escapes alone */
	make_secret(d, &secret, (struct str[]){a->username, c->realm, a->password});
	in.secret = &secret;
	if (c->has_qop) {
		const uint8_t count[4] = {(uint8_t)(a->nc >> 24), (uint8_t)(a->nc >> 16),
					  (uint8_t)(a->nc >> 8), (uint8_t)a->nc};

		in.qop = STR("auth");
		in.nc = (struct str){sodium_bin2hex(nc, sizeof(nc), count, sizeof(count)), 8};
		in.cnonce = a->cnonce;
	}
	sip_digest_response(d, hex, &in);
	sodium_memzero(&secret, sizeof(secret));

	buf_cstr(out, c->is_proxy ? "Proxy-Authorization: Digest username="
				  : "Authorization: Digest username=");
	sip_quote(out, a->username);
	write_raw(out, ", realm", c->realm);
	write_raw(out, ", nonce", c->nonce);
	write_raw(out, ", uri", a->uri);
	write_raw(out, ", response", str_of(hex));
	if (c->says_alg)
		buf_cstr(out, c->alg == SIP_DIGEST_MD5 ? ", algorithm=MD5" : ", algorithm=SHA-256");
	if (c->has_qop) {
		write_raw(out, ", cnonce", a->cnonce);
		buf_printf(out, ", qop=auth, nc=%s", nc);
	}
	if (c->opaque.p)
		write_raw(out, ", opaque", c->opaque);
	buf_str(out, STR("\r\n"));
}
