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

	const struct trunk *t;

	if (leg->trunk_id) {
		t = leg_trunk(leg);
		return !t			     ? SRTP_USE_OFF
		       : t->kind == TRUNK_KIND_TEAMS ? SRTP_USE_REQUIRED
						     : (enum srtp_use)t->srtp;
	}
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
	return i < MEDIA_MAX_STREAMS && leg->lines[i].in_force != SDP_PLAIN;
}

static bool is_encrypted(const struct flow *f)
{
	return f->transport == FLOW_TLS || f->transport == FLOW_WSS;
}

static bool is_browser(const struct leg *leg)
{
	return leg->flow.transport == FLOW_WS || leg->flow.transport == FLOW_WSS;
}

static bool can_dtls(const struct leg *leg)
{
	return leg->cs->conf.media->certificate.hash != SDP_HASH_NONE;
}

static enum sdp_protection offered_on(const struct leg *leg, size_t i)
{
	return i < MEDIA_MAX_STREAMS ? (enum sdp_protection)leg->lines[i].offered : SDP_PLAIN;
}

static bool may_take(const struct leg *leg, const struct sdp *theirs, size_t i, bool is_answer)
{
	const struct sdp_media *m = &theirs->media[i];
	enum sdp_protection how = sdp_protection_of(theirs, m);
	enum srtp_use policy = policy_of(leg);
	struct sdp_dtls d;

	if (!sdp_proto_is_rtp(m->proto))
		return policy != SRTP_USE_REQUIRED;
	if (is_answer && offered_on(leg, i) == SDP_DTLS && how != SDP_DTLS)
		return false;
	switch (how) {
	case SDP_PLAIN:
		return policy != SRTP_USE_REQUIRED && !is_protected(leg, i);
	case SDP_SDES:
		if (policy == SRTP_USE_OFF)
			return !sdp_is_secure_profile(m->proto);
		return true; /* of an answer too: each suite of ours has its own key, whatever the tag */
	case SDP_DTLS:
		return policy != SRTP_USE_OFF && can_dtls(leg) && i < MEDIA_MAX_STREAMS &&
		       (!is_answer || offered_on(leg, i) == SDP_DTLS) &&
		       !sdp_dtls_of(theirs, m, &d);
	default:
		return false;
	}
}

/* Some devices put keys of theirs into the answer to a plain offer, and then send plain. */
static void forget_unasked(const struct leg *leg, struct sdp *theirs, size_t i)
{
	struct sdp_media *m = &theirs->media[i];

	if (offered_on(leg, i) == SDP_SDES)
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
		if (may_take(leg, theirs, i, is_answer))
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

/* ---- DTLS and ICE ---- */

static uint64_t name_of(const void *p, size_t n, const void *q, size_t m)
{
	uint8_t out[crypto_generichash_BYTES_MIN];
	crypto_generichash_state st;
	uint64_t h;

	crypto_generichash_init(&st, NULL, 0, crypto_generichash_BYTES_MIN);
	crypto_generichash_update(&st, p, n);
	crypto_generichash_update(&st, (const uint8_t *)"", 1);
	crypto_generichash_update(&st, q, m);
	crypto_generichash_final(&st, out, sizeof(out));
	memcpy(&h, out, sizeof(h));
	return h | 1;
}

static uint64_t ice_name(const struct sdp_dtls *d)
{
	return d->ufrag.n ? name_of(d->ufrag.p, d->ufrag.n, d->password.p, d->password.n) : 0;
}

static uint64_t certificate_name(const struct sdp_dtls *d)
{
	return name_of(d->fingerprint.bytes, sizeof(d->fingerprint.bytes), &d->fingerprint.hash, 1);
}

/* An offer with another password starts ICE anew (RFC 8445 9), and then ours must be another too. */
static uint64_t ice_base(const struct leg_line *line, const struct sdp_dtls *offer)
{
	uint64_t theirs = ice_name(offer);

	return line->ice.theirs && theirs != line->ice.theirs ? theirs : line->ice.base;
}

static void make_ice(const struct leg *leg, size_t i, uint64_t base, struct sdp_ice *ice)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t what[10] = {'i', (uint8_t)i}, raw[sizeof(ice->ufrag) + sizeof(ice->password)];

	memcpy(what + 2, &base, sizeof(base));
	crypto_generichash(raw, sizeof(raw), what, sizeof(what), leg->secret, sizeof(leg->secret));
	memset(ice, 0, sizeof(*ice));
	for (size_t k = 0; k < sizeof(ice->ufrag) - 1; k++)
		ice->ufrag[k] = digits[raw[k] % 64];
	for (size_t k = 0; k < sizeof(ice->password) - 1; k++)
		ice->password[k] = digits[raw[sizeof(ice->ufrag) + k] % 64];
}

/* RFC 5763 5, RFC 8842 5.3.  Without ICE we wait: behind a NAT nothing of ours would arrive.  With it, beginning saves a round trip. */
static bool is_client_for(const struct leg *leg, const struct sdp_dtls *d, size_t i)
{
	const struct leg_line *line = &leg->lines[i];

	if (d->setup != SDP_SETUP_ACTPASS)
		return d->setup == SDP_SETUP_PASSIVE;
	if (line->dtls == certificate_name(d))
		return line->is_client;
	return d->ufrag.n != 0;
}

static void describe_dtls(struct leg *leg, const struct sdp_dtls *offer, size_t i,
			  struct leg_guard *room, struct sdp_guard *guard)
{
	const struct leg_line *line = &leg->lines[i];
	bool has_ice = offer ? offer->ufrag.n != 0 : is_browser(leg) || line->ice.theirs;

	guard->fingerprint = &leg->cs->conf.media->certificate;
	guard->setup = !offer			      ? SDP_SETUP_ACTPASS
		       : is_client_for(leg, offer, i) ? SDP_SETUP_ACTIVE
						      : SDP_SETUP_PASSIVE;
	guard->rtcp_mux = offer ? offer->rtcp_mux : true;
	if (!has_ice)
		return;
	make_ice(leg, i, offer ? ice_base(line, offer) : line->ice.base, &room->ice);
	guard->ice = &room->ice;
}

static bool can_bundle(const struct leg *leg, const struct sdp *d, size_t i)
{
	struct sdp_dtls dtls;

	return i < leg->nstreams && d->media[i].port && sdp_proto_is_rtp(d->media[i].proto) &&
	       sdp_protection_of(d, &d->media[i]) == SDP_DTLS &&
	       !sdp_dtls_of(d, &d->media[i], &dtls) && dtls.rtcp_mux && dtls.ufrag.n;
}

size_t leg_keys_carrier(const struct leg *leg, const struct sdp *theirs, size_t i)
{
	size_t tag = sdp_bundle_tag(theirs, i);

	return tag != i && can_bundle(leg, theirs, tag) && can_bundle(leg, theirs, i) ? tag : i;
}

/* ---- what we say ---- */

static bool describe_answer(struct leg *leg, const struct sdp *offer, size_t i,
			    struct leg_guard *room, struct sdp_guard *guard)
{
	const struct sdp_media *m = &offer->media[i];
	struct sdp_crypto c;
	struct sdp_dtls d;

	guard->proto = m->proto;
	if (sdp_protection_of(offer, m) == SDP_DTLS) {
		if (i >= MEDIA_MAX_STREAMS || sdp_dtls_of(offer, m, &d))
			return false;
		describe_dtls(leg, &d, i, room, guard);
		return true;
	}
	if (!sdp_proto_is_rtp(m->proto) || !chosen(leg, m, &c))
		return !sdp_is_secure_profile(m->proto);
	room->crypto[0] = (struct sdp_crypto){.tag = c.tag, .suite = c.suite};
	make_key(leg, c.suite, i, room->crypto[0].key);
	guard->crypto = room->crypto;
	guard->ncrypto = 1;
	return true;
}

static void offer_suite(struct leg *leg, size_t i, unsigned suite, struct leg_guard *room,
			struct sdp_guard *guard)
{
	struct sdp_crypto *c = &room->crypto[guard->ncrypto++];

	*c = (struct sdp_crypto){.tag = suite, .suite = (enum sdp_suite)suite};
	make_key(leg, c->suite, i, c->key);
}

/* What is in force comes first: some devices answer with the first, and go on with the keys that they have (baresip 1.0). */
static void offer_keys(struct leg *leg, size_t i, struct leg_guard *room, struct sdp_guard *guard)
{
	unsigned now = i < MEDIA_MAX_STREAMS ? leg->lines[i].suite : 0;

	if (now)
		offer_suite(leg, i, now, room, guard);
	for (unsigned s = 1; s < SDP_NSUITES; s++)
		if (s != now)
			offer_suite(leg, i, s, room, guard);
	guard->crypto = room->crypto;
}

static bool wants_dtls(const struct leg *leg)
{
	const struct account *acc =
		model_account(leg->cs->conf.model, leg->rec.tenant_id, leg->account_id);

	if (leg->trunk_id || !acc || !can_dtls(leg))
		return false;
	return acc->srtp_keys == SRTP_KEYS_DTLS ||
	       (acc->srtp_keys == SRTP_KEYS_AUTO && is_browser(leg));
}

/* What is in force stays; else what the account wants. */
static enum sdp_protection to_offer(const struct leg *leg, size_t i)
{
	enum srtp_use policy = policy_of(leg);

	if (is_protected(leg, i))
		return (enum sdp_protection)leg->lines[i].in_force;
	if (policy == SRTP_USE_OFF)
		return SDP_PLAIN;
	if (wants_dtls(leg))
		return SDP_DTLS;
	return policy == SRTP_USE_REQUIRED || is_encrypted(&leg->flow) ? SDP_SDES : SDP_PLAIN;
}

bool leg_keys_wanted(const struct leg *leg)
{
	return to_offer(leg, 0) != SDP_PLAIN;
}

/* How it described itself decides how we do, when it has; a device's own profile is the one it knows. */
static bool offers_secure_profile(const struct leg *leg, size_t i)
{
	return policy_of(leg) == SRTP_USE_REQUIRED ||
	       (leg->theirs && i < leg->theirs->nmedia && is_protected(leg, i) &&
		sdp_is_secure_profile(leg->theirs->media[i].proto));
}

bool leg_keys_describe(struct leg *leg, const struct sdp *offer, struct str proto, size_t i,
		       struct leg_guard *room, struct sdp_guard *guard)
{
	bool has_feedback = sdp_has_feedback(proto) && !str_starts(proto, STR("UDP/TLS/"));
	enum sdp_protection how;

	*guard = (struct sdp_guard){0};
	if (offer)
		return i < offer->nmedia && describe_answer(leg, offer, i, room, guard);
	if (i >= MEDIA_MAX_STREAMS)
		return false;
	leg->lines[i].offered = SDP_PLAIN;
	if (!sdp_proto_is_rtp(proto))
		return policy_of(leg) != SRTP_USE_REQUIRED;
	how = to_offer(leg, i);
	leg->lines[i].offered = (uint8_t)how;
	if (how == SDP_DTLS) {
		guard->proto = is_browser(leg) || sdp_has_feedback(proto) ? STR("UDP/TLS/RTP/SAVPF")
									  : STR("UDP/TLS/RTP/SAVP");
		describe_dtls(leg, NULL, i, room, guard);
		return true;
	}
	if (how == SDP_SDES && offers_secure_profile(leg, i))
		guard->proto = has_feedback ? STR("RTP/SAVPF") : STR("RTP/SAVP");
	else
		guard->proto = has_feedback ? STR("RTP/AVPF") : STR("RTP/AVP");
	if (how == SDP_SDES)
		offer_keys(leg, i, room, guard);
	return true;
}

/* ---- what the engine is told ---- */

static int tell(struct leg *leg, uint8_t i, struct media_cmd *cmd, size_t n,
		enum sdp_protection how)
{
	struct leg_line *line = &leg->lines[i];
	uint64_t told = how == SDP_PLAIN ? 0 : name_of(&cmd->u, n, &how, sizeof(how));
	int err = 0;

	if (told != line->told)
		err = leg_media_post(leg, cmd);
	sodium_memzero(cmd, sizeof(*cmd));
	if (err)
		return err;
	line->told = told;
	line->in_force = (uint8_t)how;
	return 0;
}

static void note_ice(const struct leg *leg, struct leg_line *line, const struct sdp_dtls *d)
{
	struct leg_ice now = {.theirs = ice_name(d), .base = line->ice.base};
	bool is_offer = leg->owes != LEG_OWES_NOTHING;

	if (now.theirs == line->ice.theirs)
		return;
	if (now.theirs == line->ice_before.theirs && line->ice_before.theirs)
		now.base = line->ice_before.base; /* an offer of it was taken back */
	else if (is_offer)
		now.base = ice_base(line, d);
	line->ice_before = line->ice;
	line->ice = now;
}

static int apply_dtls(struct leg *leg, const struct sdp *theirs, uint8_t i)
{
	struct leg_line *line = &leg->lines[i];
	const struct sdp_media *m = &theirs->media[i];
	struct media_cmd cmd;
	struct media_dtls *conf = &cmd.u.dtls.conf;
	struct sdp_dtls d;

	if (sdp_dtls_of(theirs, m, &d))
		return EPROTO;
	note_ice(leg, line, &d);
	memset(&cmd, 0, sizeof(cmd));
	cmd.type = MEDIA_DTLS;
	cmd.u.dtls.stream = i;
	conf->theirs = d.fingerprint;
	conf->is_client = is_client_for(leg, &d, i);
	conf->rtcp_mux = line->rtcp_mux = d.rtcp_mux;
	conf->carrier = line->carrier = (uint8_t)leg_keys_carrier(leg, theirs, i);
	for (size_t k = 0; k < m->nformats; k++)
		if (m->formats[k].pt >= 0 && m->formats[k].pt < 128)
			conf->types[m->formats[k].pt / 8] |= (uint8_t)(1 << m->formats[k].pt % 8);
	if (d.ufrag.n) {
		make_ice(leg, i, line->ice.base, &conf->ours);
	} else {
		conf->rtp = m->rtp;
		conf->rtcp = m->rtcp;
	}
	line->is_client = conf->is_client;
	line->dtls = certificate_name(&d);
	return tell(leg, i, &cmd, sizeof(cmd.u.dtls), SDP_DTLS);
}

int leg_keys_apply(struct leg *leg, const struct sdp *theirs, uint8_t i)
{
	const struct sdp_media *m = i < theirs->nmedia ? &theirs->media[i] : NULL;
	struct media_cmd cmd;
	struct sdp_crypto c;

	if (!m || !m->port || !sdp_proto_is_rtp(m->proto))
		return 0;
	if (sdp_protection_of(theirs, m) == SDP_DTLS)
		return apply_dtls(leg, theirs, i);
	leg->lines[i].dtls = 0;
	leg->lines[i].rtcp_mux = false;
	leg->lines[i].carrier = i;
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
	leg->lines[i].suite = cmd.u.keys.is_protected ? (uint8_t)c.suite : 0;
	return tell(leg, i, &cmd, sizeof(cmd.u.keys),
		    cmd.u.keys.is_protected ? SDP_SDES : SDP_PLAIN);
}
