/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include "base/mem.h"
#include "media/web.h"

struct pair {
	struct addr src;
	uint64_t checked_us;
};

struct web {
	const struct dtls_identity *identity;
	struct media_dtls conf;
	struct addr peer;
	struct dtls *dtls;
	int failure; /* of the hand-shake: EACCES, EPROTO */
	struct pair pair[WEB_MAX_PAIRS];
	unsigned npairs;
	struct addr chosen;    /* where we send; family 0: nobody yet */
	struct addr shaking;   /* who the hand-shake is with */
	uint64_t consented_us; /* 0: never yet */
	bool is_started;       /* a client's first flight is out */
	uint8_t answer[STUN_ANSWER_BYTES];
	size_t nanswer;
	struct addr answer_to;
};

static struct str ufrag(const struct web *w)
{
	return str_of(w->conf.ours.ufrag);
}

static struct str password(const struct web *w)
{
	return str_of(w->conf.ours.password);
}

bool web_has_ice(const struct web *w)
{
	return w->conf.ours.ufrag[0] != '\0';
}

static int renew(struct web *w)
{
	struct dtls *d = NULL;
	int err = dtls_alloc(&d, w->identity, w->conf.is_client, &w->conf.theirs);

	if (err)
		return err;
	dtls_free(w->dtls);
	w->dtls = d;
	w->failure = 0;
	w->is_started = false;
	return 0;
}

int web_alloc(struct web **wp, const struct dtls_identity *i, const struct media_dtls *conf,
	      const struct addr *peer)
{
	struct web *w;
	int err;

	if (!i || !sdp_hash_bytes(conf->theirs.hash))
		return EINVAL;
	w = mem_alloc(sizeof(*w));
	if (!w)
		return ENOMEM;
	w->identity = i;
	w->conf = *conf;
	w->peer = *peer;
	err = renew(w);
	if (err)
		web_free(w);
	else
		*wp = w;
	return err;
}

struct web *web_free(struct web *w)
{
	if (!w)
		return NULL;
	dtls_free(w->dtls);
	return mem_free(w);
}

static bool same_association(const struct media_dtls *a, const struct media_dtls *b)
{
	return a->is_client == b->is_client && a->theirs.hash == b->theirs.hash &&
	       !memcmp(a->theirs.bytes, b->theirs.bytes, sizeof(a->theirs.bytes));
}

int web_change(struct web *w, const struct media_dtls *conf, const struct addr *peer)
{
	struct media_dtls before = w->conf;
	int err = 0;

	if (!sdp_hash_bytes(conf->theirs.hash))
		return EINVAL;
	w->conf = *conf;
	w->peer = *peer;
	if (strcmp(before.ours.ufrag, conf->ours.ufrag) != 0) {
		w->npairs = 0; /* whom we chose is sent to until another is nominated */
		if (!same_association(&before, conf))
			w->chosen = w->shaking = (struct addr){0}; /* it is another device */
	}
	if (!same_association(&before, conf))
		err = renew(w);
	return err;
}

static struct pair *pair_of(const struct web *w, const struct addr *src)
{
	for (unsigned i = 0; i < w->npairs; i++)
		if (addr_eq(&w->pair[i].src, src))
			return (struct pair *)&w->pair[i];
	return NULL;
}

bool web_is_valid(const struct web *w, const struct addr *src)
{
	return pair_of(w, src) != NULL || addr_eq(src, &w->chosen);
}

/* The one not checked for longest makes room. */
static struct pair *pair_for(struct web *w, const struct addr *src)
{
	struct pair *p = pair_of(w, src);

	if (p)
		return p;
	if (w->npairs < WEB_MAX_PAIRS) {
		p = &w->pair[w->npairs++];
	} else {
		p = &w->pair[0];
		for (unsigned i = 1; i < w->npairs; i++)
			if (w->pair[i].checked_us < p->checked_us)
				p = &w->pair[i];
	}
	p->src = *src;
	return p;
}

static void start(struct web *w)
{
	if (!w->conf.is_client || w->is_started || !w->chosen.family)
		return;
	w->is_started = true;
	w->shaking = w->chosen;
	if (dtls_start(w->dtls) == EPROTO)
		w->failure = EPROTO;
}

static enum web_news take_check(struct web *w, const struct addr *src, const uint8_t *p, size_t n,
				uint64_t now_us)
{
	struct stun_check c;
	bool is_new;

	if (!web_has_ice(w) || stun_read(&c, p, n, ufrag(w), password(w)))
		return WEB_REFUSED;
	w->nanswer = stun_answer(w->answer, &c, src, password(w));
	w->answer_to = *src;
	if (c.is_controlled)
		return WEB_OLD;
	pair_for(w, src)->checked_us = now_us;
	if (!w->chosen.family || c.is_nomination || addr_eq(src, &w->chosen))
		w->consented_us = now_us;
	is_new = !addr_eq(src, &w->chosen) && (c.is_nomination || !w->chosen.family);
	if (is_new) {
		w->chosen = *src;
		if (w->is_started)
			w->shaking = *src;
	}
	start(w);
	return is_new ? WEB_PAIR : WEB_OLD;
}

static enum web_news take_record(struct web *w, const struct addr *src, const uint8_t *p, size_t n)
{
	struct media_key in, out;
	bool was_done = !dtls_keys(w->dtls, &in, &out);
	int err;

	if (w->failure)
		return WEB_REFUSED;
	w->shaking = *src;
	err = dtls_feed(w->dtls, p, n);
	if (err == EACCES || err == EPROTO)
		w->failure = err;
	return !err && !was_done ? WEB_KEYS : WEB_OLD;
}

enum web_news web_packet(struct web *w, const struct addr *src, bool is_trusted, const uint8_t *p,
			 size_t n, uint64_t now_us)
{
	bool is_known = web_has_ice(w) ? web_is_valid(w, src) : is_trusted;

	switch (web_kind_of(p, n)) {
	case WEB_STUN:
		return take_check(w, src, p, n, now_us);
	case WEB_DTLS:
		if (!is_known)
			return WEB_REFUSED;
		if (!web_has_ice(w))
			w->chosen = *src;
		return take_record(w, src, p, n);
	default:
		return WEB_REFUSED;
	}
}

const struct addr *web_pair(const struct web *w)
{
	return w->chosen.family ? &w->chosen : NULL;
}

int web_keys(const struct web *w, struct media_key *in, struct media_key *out)
{
	return dtls_keys(w->dtls, in, out);
}

size_t web_take(struct web *w, uint8_t *dst, size_t size, struct addr *to)
{
	size_t n = w->nanswer;

	if (n && n <= size) {
		memcpy(dst, w->answer, n);
		*to = w->answer_to;
		w->nanswer = 0;
		return n;
	}
	if (!w->shaking.family)
		return 0;
	*to = w->shaking;
	return dtls_take(w->dtls, dst, size);
}

int web_sweep(struct web *w, uint64_t now_us)
{
	if (w->failure)
		return w->failure;
	if (web_has_ice(w) && w->consented_us && now_us - w->consented_us > WEB_CONSENT_US)
		return ETIMEDOUT;
	if (!web_has_ice(w) && !w->chosen.family && w->peer.family)
		w->chosen = w->peer;
	start(w);
	dtls_time(w->dtls);
	return 0;
}
