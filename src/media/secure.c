/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DESIGN  libsrtp makes a context for each SSRC it meets, inbound only once a packet of it was authentic.  We count them, since
 * it never forgets one by itself.  It also refuses to seal an index twice, whatever the relayed side sends: without
 * that a plain phone that starts its sequence again would give away the key stream.
 */
#include <sodium.h>
#include <srtp2/srtp.h>
#include <string.h>
#include "base/mem.h"
#include "media/rtp.h"
#include "media/secure.h"

enum { REPLAY_WINDOW = 512 };

struct way {
	srtp_t srtp; /* NULL: no key */
	struct media_key key;
	uint32_t source[SECURE_MAX_SOURCES];
	unsigned nsources;
};

struct secure {
	struct way in, in_before, out;
};

int secure_init(void)
{
	srtp_err_status_t status = srtp_init();

	/* bad_param: it has registered its modules before */
	return status == srtp_err_status_ok || status == srtp_err_status_bad_param ? 0 : ENOMEM;
}

int secure_alloc(struct secure **sp)
{
	*sp = mem_alloc(sizeof(**sp));
	return *sp ? 0 : ENOMEM;
}

static void way_close(struct way *w)
{
	if (w->srtp)
		(void)srtp_dealloc(w->srtp);
	sodium_memzero(w, sizeof(*w));
}

struct secure *secure_free(struct secure *s)
{
	if (!s)
		return NULL;
	way_close(&s->in);
	way_close(&s->in_before);
	way_close(&s->out);
	return mem_free(s);
}

static int policy_of(srtp_policy_t *policy, enum sdp_suite suite)
{
	switch (suite) {
	case SDP_SUITE_AES_CM_128_HMAC_SHA1_80:
		srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy->rtp);
		break;
	case SDP_SUITE_AES_CM_128_HMAC_SHA1_32:
		srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32(&policy->rtp);
		/* RFC 4568 6.2.2: its RTCP has the long tag */
		srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy->rtcp);
		return 0;
	case SDP_SUITE_AEAD_AES_128_GCM:
		srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy->rtp);
		break;
	case SDP_SUITE_AEAD_AES_256_GCM:
		srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy->rtp);
		break;
	default:
		return EINVAL;
	}
	policy->rtcp = policy->rtp;
	return 0;
}

static int way_open(struct way *w, const struct media_key *key, srtp_ssrc_type_t type)
{
	srtp_policy_t policy = {.window_size = REPLAY_WINDOW};
	srtp_master_key_t master = {0};
	srtp_master_key_t *masters[1] = {&master};
	int err = policy_of(&policy, key->suite);

	if (err)
		return err;
	policy.ssrc.type = type;
	w->key = *key;
	master.key = w->key.bytes;
	master.mki_id = w->key.mki;
	master.mki_size = key->nmki;
	if (key->nmki) {
		policy.keys = masters;
		policy.num_master_keys = 1;
	} else {
		policy.key = w->key.bytes;
	}
	if (srtp_create(&w->srtp, &policy) != srtp_err_status_ok) {
		w->srtp = NULL;
		way_close(w);
		return ENOMEM;
	}
	return 0;
}

static bool same_key(const struct media_key *a, const struct media_key *b)
{
	return a->suite == b->suite && a->nmki == b->nmki && !memcmp(a->mki, b->mki, a->nmki) &&
	       !sodium_memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

int secure_key_in(struct secure *s, const struct media_key *key)
{
	struct way w = {0};
	int err;

	if (s->in.srtp && same_key(&s->in.key, key))
		return 0;
	err = way_open(&w, key, ssrc_any_inbound);
	if (err)
		return err;
	way_close(&s->in_before);
	s->in_before = s->in;
	s->in = w;
	return 0;
}

int secure_key_out(struct secure *s, const struct media_key *key)
{
	struct way w = {0};
	int err;

	if (s->out.srtp && same_key(&s->out.key, key))
		return 0;
	err = way_open(&w, key, ssrc_any_outbound);
	if (err)
		return err;
	way_close(&s->out);
	s->out = w;
	return 0;
}

static bool knows(const struct way *w, uint32_t ssrc)
{
	for (unsigned i = 0; i < w->nsources; i++)
		if (w->source[i] == ssrc)
			return true;
	return false;
}

static uint32_t ssrc_of(bool is_rtcp, const uint8_t *p)
{
	const uint8_t *q = p + (is_rtcp ? 4 : 8);

	return (uint32_t)q[0] << 24 | (uint32_t)q[1] << 16 | (uint32_t)q[2] << 8 | q[3];
}

static bool is_long_enough(bool is_rtcp, size_t n)
{
	return n >= (is_rtcp ? (size_t)RTCP_MIN_BYTES : (size_t)RTP_HEAD_BYTES) && n < INT16_MAX;
}

/* Called behind success. */
static void note_source(struct way *w, uint32_t ssrc)
{
	if (!knows(w, ssrc))
		w->source[w->nsources++] = ssrc;
}

static int error_of(srtp_err_status_t status)
{
	switch (status) {
	case srtp_err_status_ok:
		return 0;
	case srtp_err_status_replay_fail:
	case srtp_err_status_replay_old:
		return EALREADY;
	case srtp_err_status_alloc_fail:
		return ENOMEM;
	default:
		return EBADMSG;
	}
}

static int open_with(struct way *w, bool is_rtcp, uint8_t *p, size_t *np)
{
	uint32_t ssrc = ssrc_of(is_rtcp, p);
	unsigned has_mki = w->key.nmki != 0;
	int n = (int)*np, err;

	if (!w->srtp)
		return ENOKEY;
	if (w->nsources == SECURE_MAX_SOURCES && !knows(w, ssrc))
		return EBADMSG;
	err = error_of(is_rtcp ? srtp_unprotect_rtcp_mki(w->srtp, p, &n, has_mki)
			       : srtp_unprotect_mki(w->srtp, p, &n, has_mki));
	if (err)
		return err;
	note_source(w, ssrc);
	*np = (size_t)n;
	return 0;
}

int secure_open(struct secure *s, bool is_rtcp, uint8_t *p, size_t *np)
{
	int err;

	if (!is_long_enough(is_rtcp, *np))
		return EBADMSG;
	err = open_with(&s->in, is_rtcp, p, np);
	if (!err && s->in_before.srtp && !is_rtcp)
		way_close(&s->in_before);
	/* What fails to authenticate is as it came. */
	if (err == EBADMSG && s->in_before.srtp)
		err = open_with(&s->in_before, is_rtcp, p, np);
	return err;
}

int secure_seal(struct secure *s, bool is_rtcp, uint8_t *p, size_t *np)
{
	struct way *w = &s->out;
	unsigned has_mki = w->key.nmki != 0;
	uint32_t ssrc;
	int n = (int)*np, err;

	if (!w->srtp)
		return ENOKEY;
	if (!is_long_enough(is_rtcp, *np))
		return EBADMSG;
	ssrc = ssrc_of(is_rtcp, p);
	if (w->nsources == SECURE_MAX_SOURCES && !knows(w, ssrc))
		return ENOSPC;
	err = error_of(is_rtcp ? srtp_protect_rtcp_mki(w->srtp, p, &n, has_mki, 0)
			       : srtp_protect_mki(w->srtp, p, &n, has_mki, 0));
	if (err)
		return err;
	note_source(w, ssrc);
	*np = (size_t)n;
	return 0;
}
