/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sodium.h>
#include <string.h>

#include "call/calls.h"
#include "call/leg_keys.h"
#include "call/leg_media.h"

static enum srtp_use policy_of(const struct leg *leg)
{
	const struct model *m = leg->cs->conf.model;
	const struct account *acc;

	if (leg->trunk_id)
		return SRTP_USE_OFF;
	acc = model_account(m, leg->rec.tenant_id, leg->account_id);
	return acc ? (enum srtp_use)acc->srtp : SRTP_USE_OFF;
}

/* The key that we seal with, for a suite and a stream. */
static void make_key(const struct leg *leg, enum sdp_suite suite, size_t i,
		     uint8_t out[SDP_KEY_BYTES])
{
	const uint8_t what[] = {'s', 'r', 't', 'p', (uint8_t)suite, (uint8_t)i};

	crypto_generichash(out, SDP_KEY_BYTES, what, sizeof(what), leg->secret,
			   sizeof(leg->secret));
}

static bool is_protected(const struct leg *leg, size_t i)
{
	return i < MEDIA_MAX_STREAMS && leg->keys_told[i];
}

static bool is_encrypted(const struct flow *f)
{
	return f->transport == FLOW_TLS || f->transport == FLOW_WSS;
}

static bool may_take(const struct leg *leg, const struct sdp *theirs, size_t i)
{
	const struct sdp_media *m = &theirs->media[i];
	enum srtp_use policy = policy_of(leg);

	if (!sdp_proto_is_rtp(m->proto))
		return policy != SRTP_USE_REQUIRED;
	switch (sdp_protection_of(theirs, m)) {
	case SDP_PLAIN:
		return policy != SRTP_USE_REQUIRED && !is_protected(leg, i);
	case SDP_SDES:
		if (policy == SRTP_USE_OFF)
			return !sdp_is_secure_profile(m->proto);
		return true; /* of an answer too: each suite of ours has its own key, whatever the tag */
	default:
		return false;
	}
}

/* Some devices put keys of theirs into the answer to a plain offer, and then send plain. */
static void forget_unasked(const struct leg *leg, struct sdp *theirs, size_t i)
{
	struct sdp_media *m = &theirs->media[i];

	if (i < MEDIA_MAX_STREAMS && leg->keys_offered >> i & 1)
		return;
	for (size_t k = 0; k < m->nattributes; k++)
		if (str_ieq(m->attributes[k].name, STR("crypto")))
			m->attributes[k].name = STR("crypto-unasked");
}

int leg_keys_check(const struct leg *leg, struct sdp *theirs, bool is_answer)
{
	bool has_line = false, had_line = false;

	for (size_t i = 0; i < theirs->nmedia; i++) {
		if (!theirs->media[i].port)
			continue;
		had_line = true;
		if (is_answer)
			forget_unasked(leg, theirs, i);
		if (may_take(leg, theirs, i))
			has_line = true;
		else
			theirs->media[i].port = 0;
	}
	return had_line && !has_line ? EPROTO : 0;
}

/* The line of an offer that we answer, or of an answer: the first usable one. */
static bool chosen(const struct leg *leg, const struct sdp_media *m, struct sdp_crypto *c)
{
	size_t pos = 0;

	return policy_of(leg) != SRTP_USE_OFF && sdp_crypto_next(m, &pos, c);
}

static bool describe_answer(const struct leg *leg, const struct sdp *offer, size_t i,
			    struct leg_guard *room, struct sdp_guard *guard)
{
	const struct sdp_media *m = &offer->media[i];
	struct sdp_crypto c;

	guard->proto = m->proto;
	if (!sdp_proto_is_rtp(m->proto) || !chosen(leg, m, &c))
		return !sdp_is_secure_profile(m->proto);
	room->crypto[0] = (struct sdp_crypto){.tag = c.tag, .suite = c.suite};
	make_key(leg, c.suite, i, room->crypto[0].key);
	guard->crypto = room->crypto;
	guard->ncrypto = 1;
	return true;
}

static void offer_keys(struct leg *leg, size_t i, struct leg_guard *room, struct sdp_guard *guard)
{
	for (unsigned s = 1; s < SDP_NSUITES; s++) {
		struct sdp_crypto *c = &room->crypto[guard->ncrypto++];

		*c = (struct sdp_crypto){.tag = s, .suite = (enum sdp_suite)s};
		make_key(leg, c->suite, i, c->key);
	}
	guard->crypto = room->crypto;
	leg->keys_offered |= (uint8_t)(1 << i);
}

bool leg_keys_describe(struct leg *leg, const struct sdp *offer, struct str proto, size_t i,
		       struct leg_guard *room, struct sdp_guard *guard)
{
	enum srtp_use policy = policy_of(leg);
	bool is_secure;

	*guard = (struct sdp_guard){0};
	if (offer)
		return i < offer->nmedia && describe_answer(leg, offer, i, room, guard);
	leg->keys_offered &= (uint8_t) ~(1 << i);
	if (!sdp_proto_is_rtp(proto))
		return policy != SRTP_USE_REQUIRED;
	/* How it described itself decides how we do, when it has; a device's own profile is the one it knows. */
	is_secure = policy == SRTP_USE_REQUIRED ||
		    (leg->theirs && i < leg->theirs->nmedia && is_protected(leg, i) &&
		     sdp_is_secure_profile(leg->theirs->media[i].proto));
	if (is_secure)
		guard->proto = sdp_has_feedback(proto) ? STR("RTP/SAVPF") : STR("RTP/SAVP");
	else
		guard->proto = sdp_has_feedback(proto) ? STR("RTP/AVPF") : STR("RTP/AVP");
	if (is_secure || is_protected(leg, i) ||
	    (policy == SRTP_USE_OPTIONAL && is_encrypted(&leg->flow)))
		offer_keys(leg, i, room, guard);
	return true;
}

static uint64_t fingerprint_of(const struct media_cmd *cmd)
{
	uint64_t h[2];

	crypto_generichash((uint8_t *)h, sizeof(h), (const uint8_t *)&cmd->u.keys,
			   sizeof(cmd->u.keys), NULL, 0);
	return h[0] | 1;
}

int leg_keys_apply(struct leg *leg, const struct sdp *theirs, uint8_t i)
{
	const struct sdp_media *m = i < theirs->nmedia ? &theirs->media[i] : NULL;
	struct media_cmd cmd;
	struct sdp_crypto c;
	uint64_t told;
	int err;

	if (!m || !m->port || !sdp_proto_is_rtp(m->proto))
		return 0;
	memset(&cmd, 0, sizeof(cmd));
	cmd.type = MEDIA_KEYS;
	cmd.u.keys.stream = i;
	cmd.u.keys.is_protected = chosen(leg, m, &c);
	if (cmd.u.keys.is_protected) {
		struct media_key *in = &cmd.u.keys.in, *out = &cmd.u.keys.out;

		in->suite = out->suite = c.suite;
		memcpy(in->bytes, c.key, sdp_suite_bytes(c.suite));
		in->nmki = c.nmki;
		memcpy(in->mki, c.mki, sizeof(in->mki));
		make_key(leg, c.suite, i, out->bytes);
		memset(out->bytes + sdp_suite_bytes(c.suite), 0,
		       sizeof(out->bytes) - sdp_suite_bytes(c.suite));
	}
	told = cmd.u.keys.is_protected ? fingerprint_of(&cmd) : 0;
	if (told == leg->keys_told[i])
		return 0;
	err = leg_media_post(leg, &cmd);
	sodium_memzero(&cmd, sizeof(cmd));
	if (!err)
		leg->keys_told[i] = told;
	return err;
}
