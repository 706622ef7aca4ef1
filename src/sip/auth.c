/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Order of judgement: grammar, then the digest itself, then where and when it may be used.  So only who knows the secret
 * learns that a nonce is stale, and the replay table is written by proven users only.
 */
#include <string.h>
#include "base/mem.h"
#include "base/thread.h"
#include "sip/auth.h"
#include "sip/credentials.h"
#include "sip/digest.h"
#include "sip/nonce.h"

struct sip_auth {
	const struct clock *clock;
	struct sip_nonces *nonces;
	struct sip_digest *digest;
	enum sip_auth_int body;
	struct flow_edge *edge;
};

int sip_auth_alloc(struct sip_auth **ap, const struct env *env, uint32_t nonce_seconds)
{
	struct sip_auth *a = mem_alloc(sizeof(*a));
	int err;

	if (!a)
		return ENOMEM;
	a->clock = env->clock;
	a->body = SIP_AUTH_INT_TAKEN;
	err = sip_nonces_alloc(&a->nonces, env->rng,
			       (nonce_seconds ? nonce_seconds : 300) * UINT64_C(1000));
	if (err)
		goto out;
	err = sip_digest_alloc(&a->digest);
out:
	if (err)
		a = sip_auth_free(a);
	else
		*ap = a;
	return err;
}

struct sip_auth *sip_auth_free(struct sip_auth *a)
{
	if (a) {
		sip_nonces_free(a->nonces);
		sip_digest_free(a->digest);
		mem_free(a);
	}
	return NULL;
}

void sip_auth_set_edge(struct sip_auth *a, struct flow_edge *edge)
{
	a->edge = edge;
}

void sip_auth_set_int(struct sip_auth *a, enum sip_auth_int use)
{
	a->body = use;
}

/* The Digest credentials for this realm.  ENOENT none, EINVAL not in the grammar. */
static int find_credentials(struct sip_credentials *c, const struct sip_msg *req, bool is_proxy,
			    struct str realm)
{
	struct sip_values v;
	struct str value;

	sip_values_init(&v, req, is_proxy ? SIP_HDR_PROXY_AUTHORIZATION : SIP_HDR_AUTHORIZATION);
	while (sip_values_next(&v, &value)) {
		if (sip_credentials_parse(c, value))
			return EINVAL;
		if (!sip_credentials_is_digest(c))
			continue;
		if (!c->value[SIP_CRED_REALM].p)
			return EINVAL;
		if (sip_quoted_is(c->value[SIP_CRED_REALM], realm))
			return 0;
	}
	return ENOENT;
}

struct str sip_auth_username(const struct sip_msg *req, bool is_proxy, struct str realm)
{
	struct sip_credentials c;

	ON_THREAD(THREAD_CORE);
	if (find_credentials(&c, req, is_proxy, realm))
		return STR_NONE;
	return c.value[SIP_CRED_USERNAME];
}

static bool is_hex(struct str s, size_t n)
{
	if (s.n != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!strchr("0123456789abcdefABCDEF", s.p[i]) || !s.p[i])
			return false;
	return true;
}

/* What must be there, and in which form.  A name that is a C string elsewhere holds no NUL. */
static bool is_complete(const struct sip_credentials *c)
{
	const struct str *v = c->value;

	if (!v[SIP_CRED_USERNAME].p || !v[SIP_CRED_NONCE].n || !v[SIP_CRED_URI].n ||
	    !v[SIP_CRED_RESPONSE].p)
		return false;
	if (v[SIP_CRED_USERNAME].n && memchr(v[SIP_CRED_USERNAME].p, 0, v[SIP_CRED_USERNAME].n))
		return false;
	if (!v[SIP_CRED_QOP].p)
		return true;
	if (!str_ieq(v[SIP_CRED_QOP], STR("auth")) && !str_ieq(v[SIP_CRED_QOP], STR("auth-int")))
		return false;
	return v[SIP_CRED_CNONCE].n && is_hex(v[SIP_CRED_NC], 8);
}

static unsigned algorithm_of(struct str name)
{
	if (!name.p || str_ieq(name, STR("MD5")))
		return SIP_DIGEST_MD5;
	if (str_ieq(name, STR("SHA-256")))
		return SIP_DIGEST_SHA256;
	return 0;
}

static uint16_t port_of(const struct sip_uri *u)
{
	if (u->port)
		return u->port;
	return u->scheme == SIP_SCHEME_SIPS ? 5061 : 5060;
}

/* Phones write uri= without the parameters of the Request-URI, or with a port that it leaves out: the same place. */
static bool is_same_place(struct str uri, struct str request_uri)
{
	struct sip_uri a, b;

	if (str_eq(uri, request_uri))
		return true;
	if (sip_uri_parse(&a, uri) || sip_uri_parse(&b, request_uri) || a.scheme != b.scheme)
		return false;
	if (a.scheme != SIP_SCHEME_SIP && a.scheme != SIP_SCHEME_SIPS)
		return sip_uri_eq(&a, &b);
	a.params = b.params = a.headers = b.headers = STR_NONE;
	a.port = port_of(&a);
	b.port = port_of(&b);
	return sip_uri_eq(&a, &b);
}

/* sipp and some phones write the address they send to, whatever the Request-URI says: it is us all the same.  Who is on the
 * other side of a NAT sends to the public one (SYS-9). */
static bool is_where_it_was_sent(const struct sip_auth *auth, struct str uri,
				 const struct flow *flow)
{
	struct addr a, shown = flow->local;
	struct sip_uri u;

	if (sip_uri_parse(&u, uri) || (u.scheme != SIP_SCHEME_SIP && u.scheme != SIP_SCHEME_SIPS))
		return false;
	if (auth->edge)
		flow_show(auth->edge, flow, &shown);
	return !addr_parse(&a, u.host, port_of(&u)) &&
	       (addr_eq(&a, &flow->local) || addr_eq(&a, &shown));
}

static bool is_right(struct sip_auth *a, const struct sip_msg *req, const struct sip_credentials *c,
		     enum sip_digest_alg alg, const struct sip_secret *secret)
{
	struct sip_digest_input in = {.alg = alg,
				      .secret = secret,
				      .method = req->method_name,
				      .uri = c->value[SIP_CRED_URI],
				      .nonce = c->value[SIP_CRED_NONCE],
				      .nc = c->value[SIP_CRED_NC],
				      .cnonce = c->value[SIP_CRED_CNONCE],
				      .qop = c->value[SIP_CRED_QOP],
				      .body = req->body};
	char hex[SIP_DIGEST_MAX_HEX + 1], given[SIP_DIGEST_MAX_HEX + 1] = "";
	struct str response = c->value[SIP_CRED_RESPONSE];
	size_t n = sip_digest_response(a->digest, hex, &in);

	/* hex of either case */
	for (size_t i = 0; i < response.n && i < SIP_DIGEST_MAX_HEX; i++) {
		char l = response.p[i];

		given[i] = l >= 'A' && l <= 'F' ? (char)(l + 'a' - 'A') : l;
	}
	return n && n == response.n &&
	       str_same_secret((struct str){hex, n}, (struct str){given, n});
}

/* Without qop there is no count: such a nonce is good once. */
static uint32_t count_of(const struct sip_credentials *c)
{
	uint8_t b[4];
	size_t n;

	if (!c->value[SIP_CRED_QOP].p || hex_decode(b, sizeof(b), c->value[SIP_CRED_NC], &n))
		return UINT32_MAX;
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

enum sip_auth_result sip_auth_check(struct sip_auth *a, const struct sip_msg *req, bool is_proxy,
				    struct str realm, unsigned algs,
				    const struct sip_secret *secret)
{
	struct sip_credentials c;
	struct str nonce;
	unsigned alg;
	bool is_good;

	ON_THREAD(THREAD_CORE);
	switch (find_credentials(&c, req, is_proxy, realm)) {
	case 0:
		break;
	case ENOENT:
		return SIP_AUTH_NONE;
	default:
		return SIP_AUTH_BAD;
	}
	if (!is_complete(&c))
		return SIP_AUTH_BAD;
	if (a->body == SIP_AUTH_INT_OFF && str_ieq(c.value[SIP_CRED_QOP], STR("auth-int")))
		return SIP_AUTH_NONE;
	alg = algorithm_of(c.value[SIP_CRED_ALGORITHM]);
	is_good = is_right(a, req, &c,
			   alg == SIP_DIGEST_SHA256 ? SIP_DIGEST_SHA256 : SIP_DIGEST_MD5, secret);
	if (!is_good || !(alg & algs))
		return SIP_AUTH_WRONG;
	if (!is_same_place(c.value[SIP_CRED_URI], req->uri) &&
	    !is_where_it_was_sent(a, c.value[SIP_CRED_URI], &req->flow))
		return SIP_AUTH_WRONG;
	nonce = c.value[SIP_CRED_NONCE];
	if (!sip_nonce_fresh(a->nonces, nonce, realm, clock_mono_ms(a->clock)) ||
	    !sip_nonce_use(a->nonces, nonce, count_of(&c)))
		return SIP_AUTH_STALE;
	return SIP_AUTH_OK;
}

static void write_challenge(struct buf *out, bool is_proxy, struct str realm, const char *nonce,
			    const char *algorithm, const char *qop, bool is_stale)
{
	buf_cstr(out, is_proxy ? "Proxy-Authenticate" : "WWW-Authenticate");
	buf_str(out, STR(": Digest realm="));
	sip_quote(out, realm);
	buf_cstr(out, ", nonce=\"");
	buf_cstr(out, nonce);
	buf_cstr(out, "\", algorithm=");
	buf_cstr(out, algorithm);
	buf_cstr(out, qop);
	buf_cstr(out, is_stale ? ", stale=true\r\n" : "\r\n");
}

void sip_auth_challenge(struct sip_auth *a, struct buf *out, bool is_proxy, struct str realm,
			unsigned algs, bool is_stale)
{
	const char *qop =
		a->body == SIP_AUTH_INT_OFFERED ? ", qop=\"auth,auth-int\"" : ", qop=\"auth\"";
	char nonce[SIP_NONCE_CHARS + 1];

	ON_THREAD(THREAD_CORE);
	sip_nonce_make(a->nonces, nonce, realm, clock_mono_ms(a->clock));
	if (algs & SIP_DIGEST_MD5)
		write_challenge(out, is_proxy, realm, nonce, "MD5", qop, is_stale);
	if (algs & SIP_DIGEST_SHA256)
		write_challenge(out, is_proxy, realm, nonce, "SHA-256", qop, is_stale);
}
