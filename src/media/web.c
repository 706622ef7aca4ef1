/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DESIGN  Without ICE nothing proves who may begin a hand-shake: a phone behind a NAT comes from an address that no description names.
 * So each source has one of its own, a few at once, and the certificate decides: the first that ends with the one described has
 * the stream, and the others are forgotten.  A stranger can neither take a place from who is named nor end the call.
 */
#include <string.h>
#include "base/mem.h"
#include "media/web.h"

enum {
	MAX_SHAKES = 3,
	MAX_FAILURES = 3,
	RECORD_HANDSHAKE = 22,
	RECORD_HEAD = 13,
	CLIENT_HELLO = 1
};

struct pair {
	struct addr src;
	uint64_t checked_us;
};

struct shake {
	struct addr src;
	struct dtls *dtls; /* NULL: free */
	bool is_trusted;
};

struct web {
	const struct dtls_identity *identity;
	struct media_dtls conf;
	struct addr peer;
	struct shake shake
		[MAX_SHAKES]; /* the first is the only one with ICE, as a client, and when it is done */
	bool is_done;
	unsigned nfailures; /* hand-shakes with whom it should be, that failed */
	int failure;	    /* EACCES, EPROTO: it will not be tried again */
	struct pair pair[WEB_MAX_PAIRS];
	unsigned npairs;
	struct addr chosen;    /* where we send; family 0: nobody yet */
	uint64_t consented_us; /* 0: never yet */
	uint8_t answer[CHECK_ANSWER_BYTES];
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

static void drop(struct shake *s)
{
	dtls_free(s->dtls);
	memset(s, 0, sizeof(*s));
}

static void begin_anew(struct web *w)
{
	for (size_t i = 0; i < MAX_SHAKES; i++)
		drop(&w->shake[i]);
	w->is_done = false;
	w->nfailures = 0;
	w->failure = 0;
}

int web_alloc(struct web **wp, const struct dtls_identity *i, const struct media_dtls *conf,
	      const struct addr *peer)
{
	struct web *w;

	if (!i || !sdp_hash_bytes(conf->theirs.hash))
		return EINVAL;
	w = mem_alloc(sizeof(*w));
	if (!w)
		return ENOMEM;
	w->identity = i;
	w->conf = *conf;
	w->peer = *peer;
	*wp = w;
	return 0;
}

struct web *web_free(struct web *w)
{
	if (!w)
		return NULL;
	begin_anew(w);
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
	bool is_restarted = strcmp(before.ours.ufrag, conf->ours.ufrag) != 0;

	if (!sdp_hash_bytes(conf->theirs.hash))
		return EINVAL;
	w->conf = *conf;
	w->peer = *peer;
	if (is_restarted)
		w->npairs = 0; /* whom we chose is sent to until another is nominated */
	if (same_association(&before, conf))
		return 0;
	if (is_restarted || !web_has_ice(w))
		w->chosen = (struct addr){0}; /* it is another device */
	begin_anew(w);
	return 0;
}

/* ---- ICE ---- */

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

/* A client begins as soon as there is somebody to begin with. */
static void start(struct web *w)
{
	struct shake *s = &w->shake[0];

	if (!w->conf.is_client || s->dtls || w->failure || !w->chosen.family)
		return;
	if (dtls_alloc(&s->dtls, w->identity, true, &w->conf.theirs))
		return; /* no memory: with the next sweep */
	s->src = w->chosen;
	s->is_trusted = true;
	if (dtls_start(s->dtls) == EPROTO)
		w->failure = EPROTO;
}

static enum web_news take_check(struct web *w, const struct addr *src, const uint8_t *p, size_t n,
				uint64_t now_us)
{
	struct ice_check c;
	bool is_new;

	if (!web_has_ice(w) || check_read(&c, p, n, ufrag(w), password(w)))
		return WEB_REFUSED;
	w->nanswer = check_answer(w->answer, &c, src, password(w));
	w->answer_to = *src;
	if (c.is_controlled)
		return WEB_OLD;
	pair_for(w, src)->checked_us = now_us;
	if (!w->chosen.family || c.is_nomination || addr_eq(src, &w->chosen))
		w->consented_us = now_us;
	is_new = !addr_eq(src, &w->chosen) && (c.is_nomination || !w->chosen.family);
	if (is_new)
		w->chosen = w->shake[0].src = *src;
	start(w);
	return is_new ? WEB_PAIR : WEB_OLD;
}

/* ---- DTLS ---- */

bool web_is_client_hello(const uint8_t *p, size_t n)
{
	return n > RECORD_HEAD && p[0] == RECORD_HANDSHAKE && p[RECORD_HEAD] == CLIENT_HELLO;
}

static struct shake *shake_of(struct web *w, const struct addr *src)
{
	for (size_t i = 0; i < MAX_SHAKES; i++)
		if (w->shake[i].dtls && addr_eq(&w->shake[i].src, src))
			return &w->shake[i];
	return NULL;
}

/* A place for who begins; who is named takes that of a stranger. */
static struct shake *free_shake(struct web *w, bool is_trusted)
{
	for (size_t i = 0; i < MAX_SHAKES; i++)
		if (!w->shake[i].dtls)
			return &w->shake[i];
	for (size_t i = 0; is_trusted && i < MAX_SHAKES; i++)
		if (!w->shake[i].is_trusted) {
			drop(&w->shake[i]);
			return &w->shake[i];
		}
	return NULL;
}

static struct shake *shake_for(struct web *w, const struct addr *src, bool is_trusted,
			       const uint8_t *p, size_t n)
{
	struct shake *s = &w->shake[0];

	if (w->is_done)
		return web_has_ice(w) || addr_eq(&s->src, src) ? s : NULL;
	if (w->conf.is_client) {
		/* Who answers from elsewhere must at least begin as a server does. */
		if (!s->dtls || (!is_trusted && !addr_eq(&s->src, src) && p[0] != RECORD_HANDSHAKE))
			return NULL;
		s->src = *src;
		return s;
	}
	s = web_has_ice(w) ? (w->shake[0].dtls ? &w->shake[0] : NULL) : shake_of(w, src);
	if (!s) {
		s = web_is_client_hello(p, n) ? free_shake(w, is_trusted) : NULL;
		if (!s || dtls_alloc(&s->dtls, w->identity, false, &w->conf.theirs))
			return NULL;
		s->is_trusted = is_trusted;
	}
	s->src = *src;
	return s;
}

static void win(struct web *w, struct shake *s)
{
	struct shake winner = *s;

	memset(s, 0, sizeof(*s));
	for (size_t i = 0; i < MAX_SHAKES; i++)
		drop(&w->shake[i]);
	w->shake[0] = winner;
	w->is_done = true;
	if (!web_has_ice(w))
		w->chosen = winner.src;
}

static void lose(struct web *w, struct shake *s, int err)
{
	bool counts = s->is_trusted;

	drop(s);
	if (counts && (err == EACCES || ++w->nfailures == MAX_FAILURES))
		w->failure = err;
}

static enum web_news take_record(struct web *w, const struct addr *src, bool is_trusted,
				 const uint8_t *p, size_t n)
{
	struct shake *s = w->failure ? NULL : shake_for(w, src, is_trusted, p, n);
	int err;

	if (!s)
		return WEB_REFUSED;
	err = dtls_feed(s->dtls, p, n);
	if (w->is_done)
		return WEB_OLD;
	if (!err) {
		win(w, s);
		return WEB_KEYS;
	}
	if (err == EACCES || err == EPROTO)
		lose(w, s, err);
	return WEB_OLD;
}

enum web_news web_packet(struct web *w, const struct addr *src, bool is_trusted, const uint8_t *p,
			 size_t n, uint64_t now_us)
{
	switch (web_kind_of(p, n)) {
	case WEB_STUN:
		return take_check(w, src, p, n, now_us);
	case WEB_DTLS:
		if (web_has_ice(w) && !web_is_valid(w, src))
			return WEB_REFUSED;
		return take_record(w, src, is_trusted || web_has_ice(w), p, n);
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
	return w->is_done ? dtls_keys(w->shake[0].dtls, in, out) : ENOENT;
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
	for (size_t i = 0; i < MAX_SHAKES; i++) {
		struct shake *s = &w->shake[i];

		n = s->dtls && s->src.family ? dtls_take(s->dtls, dst, size) : 0;
		if (n) {
			*to = s->src;
			return n;
		}
	}
	return 0;
}

int web_sweep(struct web *w, uint64_t now_us)
{
	if (w->failure)
		return w->failure;
	if (web_has_ice(w) && w->consented_us && now_us - w->consented_us > WEB_CONSENT_US)
		return ETIMEDOUT;
	if (!web_has_ice(w) && !w->chosen.family)
		w->chosen = w->peer;
	start(w);
	for (size_t i = 0; i < MAX_SHAKES; i++)
		if (w->shake[i].dtls)
			dtls_time(w->shake[i].dtls);
	return 0;
}
