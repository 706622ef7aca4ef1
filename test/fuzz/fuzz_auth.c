/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Digest, both sides.  The bytes are header values, one a line: credentials that we judge, and challenges that we answer;
 * nobody gets in without the password, and what we answer is in the grammar.
 */
#include <string.h>
#include "base/mem.h"
#include "fuzz.h"
#include "sip/credentials.h"
#include "sip/digest.h"

enum { ALGS = SIP_DIGEST_MD5 | SIP_DIGEST_SHA256 };

/* A message with these bytes as values of one header.  NULL: the parser wants none of it. */
static struct sip_msg *message(const char *start, const char *name, const uint8_t *p, size_t n)
{
	static const struct flow flow;
	struct sip_msg *m = NULL;
	struct buf b = {0};
	unsigned status;
	int err;

	buf_cstr(&b, start);
	buf_cstr(&b, "Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: "
		     "<sip:a@b>;tag=2\r\n"
		     "Call-ID: c\r\nCSeq: 1 REGISTER\r\n");
	for (struct str rest = {(const char *)p, n}; rest.p;) {
		buf_cstr(&b, name);
		buf_str(&b, STR(": "));
		buf_str(&b, str_cut(&rest, '\n'));
		buf_str(&b, STR("\r\n"));
	}
	buf_str(&b, STR("\r\n"));
	err = sip_msg_parse(&m, &flow, b.p, b.n, &status);
	buf_free(&b);
	if (err)
		m = sip_msg_deref(m);
	return m;
}

static void judge(const uint8_t *p, size_t n, struct sip_auth *auth)
{
	struct sip_msg *m = message("REGISTER sip:example.com SIP/2.0\r\n", "Authorization", p, n);
	struct sip_secret secret = {{1}, {2}};
	enum sip_auth_result r;
	struct str user;

	if (!m)
		return;
	user = sip_auth_username(m, false, STR("example.com"));
	r = sip_auth_check(auth, m, false, STR("example.com"), ALGS, &secret);
	MUST(r == SIP_AUTH_NONE || r == SIP_AUTH_WRONG || r == SIP_AUTH_BAD);
	MUST(r != SIP_AUTH_NONE || !user.p);
	MUST(r != SIP_AUTH_WRONG || user.p);
	sip_msg_deref(m);
}

static void answer_one(struct sip_digest *d, const struct sip_challenge *c)
{
	struct sip_answer a = {.username = STR("101"),
			       .password = STR("secret"),
			       .method = STR("REGISTER"),
			       .uri = STR("sip:example.com"),
			       .cnonce = STR("abc"),
			       .nc = 1};
	struct sip_credentials cred;
	struct buf b = {0};
	struct str line;

	sip_digest_answer(d, &b, c, &a);
	MUST(!b.err);
	line = str_trim(buf_view(&b));
	MUST(!memchr(line.p, '\n', line.n));
	MUST(str_cut(&line, ':').n && !sip_credentials_parse(&cred, line));
	MUST(str_eq(cred.value[SIP_CRED_NONCE], c->nonce));
	MUST(cred.value[SIP_CRED_RESPONSE].n == (c->alg == SIP_DIGEST_MD5 ? 32 : 64));
	buf_free(&b);
}

static void answer(const uint8_t *p, size_t n, struct sip_digest *d)
{
	struct sip_msg *m = message("SIP/2.0 401 Unauthorized\r\n", "WWW-Authenticate", p, n);
	struct sip_challenge c;
	int err;

	if (!m)
		return;
	err = sip_challenge_read(&c, m, ALGS);
	MUST(!err || err == ENOENT || err == ENOTSUP || err == EINVAL);
	if (!err)
		answer_one(d, &c);
	sip_msg_deref(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct sip_auth *auth;
	static struct sip_digest *digest;
	struct env env = {.clock = clock_real(), .rng = rng_system()};
	uint64_t objects;

	if (!auth)
		MUST(!sip_auth_alloc(&auth, &env, 0) && !sip_digest_alloc(&digest));
	objects = mem_objects();
	judge(p, n, auth);
	answer(p, n, digest);
	MUST(mem_objects() == objects);
	return 0;
}
