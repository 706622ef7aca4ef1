/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What happens to one packet: may it come in, and through which end does it leave?  Pure logic over streams: no socket,
 * no clock; the worker (or a test, or the simulator) hands in bytes, source and time, and sends what comes out.
 *
 * A stream has two ends, RTP and RTCP, each the near side of one socket: latch, where to send, counters.  Joined, two
 * streams relay into each other:
 *
 *     leg A  ──►  A.rtp  ──►  B.rtp  ──►  leg B          (RTCP likewise; with rtcp-mux it shares the RTP end)
 *
 * Thread     a stream and its peer belong to one media thread
 * Units      _us since any start
 * Ownership  packets are borrowed; an echoed one is changed in place
 * Sources    RFC 3550, RFC 3264 5.1 (RTCP also flows on hold), RFC 5761
 */
#ifndef MEDIA_RELAY_H
#define MEDIA_RELAY_H

#include <netinet/in.h>
#include "media/digits.h"
#include "media/latch.h"
#include "media/media.h"
#include "media/rtp.h"
#include "media/splice.h"

enum {
	RELAY_SSRC_GUARD_US =
		100000,		 /* audio: another SSRC waits until the present one is silent */
	RELAY_SWEEP_US = 500000, /* budgets are refilled and silence is looked for this often */
	/* Packets per sweep.  RTP has no hop count: two calls whose descriptions name each other's ports would send one
	 * packet round for ever at the speed of the CPU.  A budget ends the loop. */
	RELAY_BUDGET_AUDIO = 500,
	RELAY_BUDGET_OTHER = 10000,
	RELAY_SOURCES = 4,
};

enum relay_role { RELAY_RTP, RELAY_RTCP };
enum relay_mode {
	RELAY_NOWHERE,
	RELAY_PEER,
	RELAY_ECHO,
	RELAY_SPOKEN /* its packets end here: sound.h */
};
enum relay_news {
	RELAY_HEARD = 1,
	RELAY_SILENT = 2,
	RELAY_BROKEN = 4, /* s->failure says why */
	RELAY_SAYS = 8,	  /* stream_web_take() has something to send */
	RELAY_KEY = 16,	  /* s->key: pressed as an event, which its peer does not take */
};

struct stream;
struct secure;
struct web;
struct voice;
struct film;
struct dtls_identity;

/* What each packet touches comes first, here and below: at a thousand streams it is the cache that costs. */
struct stream_end {
	struct stream *stream;
	struct web *web; /* hand-shake and ICE; NULL: without */
	int fd;		 /* -1: none */
	enum relay_role role;
	socklen_t nto; /* 0: nowhere to send */
	union {
		struct sockaddr sa;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} to;
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes, rx_refused;
	struct latch latch;
	struct addr local;
	uint64_t rx_forged, tx_failed;
	struct early *early; /* came before the description that it belongs to; NULL: nothing */
};

struct stream {
	struct stream_end rtp;
	struct stream *peer; /* RELAY_PEER */
	struct stream
		*carrier; /* whose ends it shares (BUNDLE), of the same session; NULL: its own */
	enum relay_mode mode;
	int32_t budget;
	uint64_t nrtp;	   /* let in */
	uint64_t heard_us; /* last RTP packet let in */
	uint8_t pt;	   /* of the last */
	uint8_t ncarried;
	uint8_t nsources;     /* of `sources`, counted on */
	uint8_t news;	      /* enum relay_news: to report */
	bool is_protected;    /* SRTP: what is not, does not pass, either way */
	bool is_remote_known; /* MEDIA_REMOTE has come */
	bool is_silent;	      /* reported, and nothing came since */
	bool was_heard;	      /* reported */
	struct media_remote remote;
	struct rtp_source source;
	uint32_t sources[RELAY_SOURCES]; /* SSRCs heard last, for RTCP that speaks of one */
	struct splice splice;		 /* audio: what the leg hears, as one stream */
	struct secure *secure;		 /* keys, once there were any; ours */
	struct voice *voice;		 /* hears what is let in; borrowed */
	struct film *film;		 /* pictures that are recorded; ours */
	struct media_sets *sets;	 /* for those, as its description has them; ours, or NULL */

	struct stream_end rtcp;
	struct stream *carried[MEDIA_MAX_STREAMS - 1]; /* who shares its ends */
	uint8_t types[16];			       /* carried: payload types that are its */
	uint8_t index;
	bool has_pressed; /* keys, as events */
	bool is_taken;	  /* keys are being pressed for it: who speaks to it waits */
	char key;	  /* the last that its peer must get in another way */
	struct digits_in digits;
	uint32_t echo_mask;    /* turns the leg's SSRC into ours */
	uint64_t nundescribed; /* of payload types that its description does not list */
	uint64_t since_us;     /* it may send since */
	int failure;	       /* of its protection, reported */
	struct secure
		*secure_rtcp; /* of RTCP, when it has shaken hands by itself; NULL: those above */
	uint32_t sr_time; /* of the last sender report heard: the middle of its NTP time; 0: none */
	uint64_t sr_us;	  /* ... and when */
	void *owner;	  /* the worker's session; NULL: its sockets are spare */
	bool is_watched;  /* its sockets are in a thread's epoll set */
};

/* One way through a joined stream, all that a relay outside this process (a kernel's) has to know, and what it has counted. */
struct relay_path {
	struct addr from, at;  /* packets of this source, arriving here ... */
	struct addr leave, to; /* ... leave from here to there */
	uint64_t packets, bytes;
};

void stream_init(struct stream *s, uint8_t index);
void stream_remote(struct stream *s, const struct media_remote *r, uint64_t now_us);
void stream_join(struct stream *a, struct stream *b); /* both must be parted */
void stream_part(struct stream *s);		      /* and its peer */
void stream_echo(struct stream *s, uint32_t mask);    /* must be parted */
void stream_speak(struct stream *s);		      /* must be parted */

/* Keys for a stream; is_protected false: it is plain from now on.  EINVAL, ENOMEM: it is protected and nothing passes. */
int stream_keys(struct stream *s, bool is_protected, const struct media_key *in,
		const struct media_key *out) MUST_USE;
void stream_close(struct stream *s); /* parts it, forgets keys */
void stream_renew(struct stream *s); /* closed: as a new one, on the same sockets */

/* keys.c.  How keys go to and from a leg. */
enum stream_keys { STREAM_EVENTS, STREAM_SOUND, STREAM_TOLD, STREAM_AS_THEY_COME };
enum stream_keys stream_keys_of(const struct stream *s);
/* From one to the other events go as they are. */
bool stream_keys_alike(const struct stream *from, const struct stream *to);
/* An event of the leg's on its way to its peer, which has its own number and clock for it.  False: it does not go there; the key is
 * news the first time. */
bool stream_keys_pass(struct stream *s, const struct rtp_head *h, uint8_t *p);

/* stream_web.c.  Keys from a hand-shake.  EINVAL, ENOTSUP, ENOMEM: it is protected and nothing passes. */
int stream_dtls(struct stream *s, const struct dtls_identity *i, const struct media_dtls *conf,
		uint64_t now_us) MUST_USE;
/* bundle.c.  It shares the ends of `carrier`, which has `types` for it; NULL: its own again. */
void stream_carry(struct stream *s, struct stream *carrier, const uint8_t types[16]);
/* Whose packet it is that came through the ends of s: by payload type; by the SSRC that RTCP speaks of. */
struct stream *bundle_of_rtp(struct stream *s, uint8_t pt);
struct stream *bundle_of_rtcp(struct stream *s, const uint8_t *p, size_t n);
void bundle_note(struct stream *s, uint32_t ssrc);
/* Nothing is described yet: a ClientHello is kept until then (RFC 8842 5.3), the last one.  False: it is none. */
bool stream_web_keep(struct stream_end *in, const struct addr *src, const uint8_t *p, size_t n);
void stream_web_catch_up(struct stream *s, uint64_t now_us); /* it is described now */
/* What is not media came in at an end that has a web; it may leave news. */
void stream_web_hear(struct stream_end *in, const struct addr *src, const uint8_t *p, size_t n,
		     uint64_t now_us);
/* A datagram to send from this end, and to whom; 0: none left. */
size_t stream_web_take(struct stream_end *e, uint8_t *dst, size_t size, struct addr *to);
void stream_web_sweep(struct stream *s, uint64_t now_us);
void stream_web_close(struct stream *s);
enum media_guard stream_guard(const struct stream *s);
void stream_end_aim(struct stream_end *e, const struct addr *a); /* send there; family 0: nowhere */

/* A packet came in at `in`.  The end to send it through (to .to), or NULL: it goes nowhere.  It is opened and sealed in place: *np
 * changes, and there must be room for SECURE_TRAILER_BYTES more. */
struct stream_end *relay_packet(struct stream_end *in, const struct addr *src, uint8_t *p,
				size_t *np, uint64_t now_us);
/* A packet will come in here: what it touches is on its way into the cache while the kernel is at work. */
static inline void relay_expect(const struct stream_end *in)
{
	const char *p = (const char *)in->stream;

	for (size_t at = 0; at < offsetof(struct stream, rtcp); at += 64)
		__builtin_prefetch(p + at, 1);
}

/* A packet of our own to the leg, sealed in place; NULL: it cannot be sent now. */
struct stream_end *relay_speak(struct stream *s, uint8_t *p, size_t *np, uint64_t now_us);
/* The same of RTCP. */
struct stream_end *relay_report(struct stream *s, uint8_t *p, size_t *np);
static inline void relay_sent(struct stream_end *out, size_t n)
{
	out->tx_packets++;
	out->tx_bytes += n;
}

/* May this source send?  It is counted as the one we hear; mark NULL: it is known without. */
bool stream_end_hear(struct stream_end *in, const struct addr *src, const struct latch_mark *mark,
		     uint64_t now_us);
/* Once per RELAY_SWEEP_US; silence_us 0: never silent.  News are left in s->news. */
void stream_sweep(struct stream *s, uint64_t silence_us, uint64_t now_us);
void stream_count(const struct stream *s, struct media_counters *sum); /* adds */
/* 0, or EAGAIN: not settled enough to be relayed elsewhere.  Silence, echo, mux and RTCP stay here. */
int stream_path(const struct stream *s, struct relay_path *path) MUST_USE;
/* A relay outside has let these through since the last call. */
void stream_path_counted(struct stream *s, uint64_t packets, uint64_t bytes, uint64_t now_us);

#endif
