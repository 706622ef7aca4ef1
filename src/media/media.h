/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The media engine as the core sees it: commands in, events out, each command answered by exactly one event.
 *
 * A session is the media of one leg; a stream is one m-line of it.  Streams of two sessions are joined for relay; a
 * service plays to it, records it, mixes it into a room, or sends it back.  Packets that are only relayed never
 * reach the core: media threads (epoll, one per core by default) own the sockets, allocate, log and lock nothing per packet.
 *
 * The struct media_engine is an interface: the engine of this folder, the simulator's, and later rtpengine stand behind it.
 *
 * Thread     core: post() and the event handler.  Media threads behind it.
 * Units      _ms; ports are RTP ports (even), RTCP is port + 1
 * Ownership  commands and events are plain values of at most 256 bytes; a path_list is the engine's from post() on, also when
 *            that fails
 * Errors     post: ENOBUFS (too many commands unanswered: the caller ends the call with OVERLOAD); never for the CLOSE
 *            of a session that is open
 * Sources    RFC 3550, RFC 4961 (symmetric RTP), RFC 5761, RFC 7362 (latching)
 */
#ifndef MEDIA_MEDIA_H
#define MEDIA_MEDIA_H

#include "base/addr.h"
#include "base/ids.h"
#include "sdp/keys.h"

enum { MEDIA_MAX_STREAMS = 4 };

enum media_cmd_type {
	MEDIA_OPEN, /* make a session: bind its streams → MEDIA_OPENED or MEDIA_FAILED */
	MEDIA_GROW, /* bind more streams: u.open.nstreams is the new total; those added to a joined session are joined too
		       * → MEDIA_OPENED (all streams) or MEDIA_FAILED (nothing has changed) */
	MEDIA_REMOTE, /* where the leg receives, as its SDP says, and direction; another address than before re-arms the
		       * latch → MEDIA_DONE (EAFNOSUPPORT: not of the family of our address; EINVAL: no such stream) */
	MEDIA_KEYS, /* how a stream is protected from now on; before the REMOTE that it belongs to, so that nothing passes
		     * unprotected → MEDIA_DONE (EINVAL: no such stream or suite; ENOMEM: then nothing passes) */
	MEDIA_SETS, /* H.264: parameter sets that the leg's description has, for recordings of what it sends → MEDIA_DONE (EINVAL: no such
		     * stream; ENOMEM) */
	MEDIA_DTLS, /* the same with keys from a hand-shake, which is taken from an ICE-checked pair, or without ICE from the
		     * leg's address; until it is done nothing passes.  Told again, what is the same goes on → MEDIA_DONE
		     * (EINVAL: no such stream, no fingerprint; ENOTSUP: no certificate; ENOMEM: then nothing passes) */
	MEDIA_JOIN, /* relay between stream n of two sessions, all n at once; parts them from others → MEDIA_DONE */
	MEDIA_PART, /* stop relaying; both sessions stay → MEDIA_DONE */
	MEDIA_ECHO, /* send every RTP packet back to the leg, from an SSRC of our own → MEDIA_DONE */
	MEDIA_PLAY, /* clips or a tone to the leg, instead of what played before; parts it from its peer → MEDIA_DONE once it
		     * sounds (ENOENT, EINVAL …: a file that cannot be played; ENOTSUP: no codec that we speak; ECANCELED:
		     * something else was asked for meanwhile), then MEDIA_PLAYED */
	MEDIA_HUSH, /* stop playing → MEDIA_DONE, after the PLAYED */
	MEDIA_PRESS, /* keys to the leg, as it hears them: events or sound; what its peer signalled when it is joined
		      * → MEDIA_DONE (EINVAL; ENOSPC; EALREADY: its peer presses by events) */
	MEDIA_RECORD, /* what the leg says and hears into a file → MEDIA_DONE, then MEDIA_RECORDED; goes on over JOIN, PART, MIX */
	MEDIA_RECORD_HOLD, /* u.hold: leave out what comes now, or go on → MEDIA_DONE */
	MEDIA_RECORD_END,  /* → MEDIA_DONE, MEDIA_RECORDED follows */
	MEDIA_MIX,   /* into a room, or out of it (room 0) → MEDIA_DONE; parts it from its peer */
	MEDIA_STATS, /* → MEDIA_STATS_ARE */
	MEDIA_CLOSE, /* → MEDIA_CLOSED with the final counters */
};

enum media_kind {
	MEDIA_AUDIO, /* RTP, marked for expedited forwarding */
	MEDIA_VIDEO, /* RTP */
	MEDIA_RAW,   /* not RTP (udptl): passed on as it is */
};

enum { MEDIA_NO_PT = 255 };

/* How keys reach a leg: as events where its format has them, else as sound.  TOLD: by its signalling, which the core sees to
 * (MEDIA_KEY of the other side says which).  AS_THEY_COME: between two legs nothing is converted for their sake.  HEARD: as sound,
 * and looked for in what it says, at the price of decoding all of the call where the other leg takes them in another way. */
enum media_keys { MEDIA_KEYS_SENT, MEDIA_KEYS_TOLD, MEDIA_KEYS_AS_THEY_COME, MEDIA_KEYS_HEARD };

struct media_format {	       /* how a leg speaks; media/format.h makes it from descriptions */
	uint8_t codec;	       /* enum codec_id; 0: none we know */
	uint8_t pt_in, pt_out; /* payload types of what it sends, and of what is sent to it */
	uint8_t events_in, events_out; /* of RFC 4733, or MEDIA_NO_PT */
	uint8_t ptime_ms;	       /* of what is sent to it */
	uint8_t keys;		       /* enum media_keys */
	uint32_t events_hz;
};

/* Video: what a recording can take of what a leg sends. */
enum media_picture { MEDIA_PICTURE_NONE, MEDIA_PICTURE_H264, MEDIA_PICTURE_VP8, MEDIA_PICTURE_RED };
enum { MEDIA_MAX_PICTURES = 12 };
struct media_pictures {
	uint8_t n;
	struct {
		uint8_t pt, what;
	} types[MEDIA_MAX_PICTURES];
};

enum { MEDIA_MAX_SETS = 200 };
struct media_sets { /* RFC 6184 8.1, sprop-parameter-sets: the sequence's, then the picture's */
	uint8_t nsequence, npicture;
	uint8_t bytes[MEDIA_MAX_SETS];
};

struct media_remote {
	uint8_t types[16]; /* bit per payload type that its description lists; all 0: unknown */
	bool may_send;	   /* the leg may send to us (its direction) */
	bool may_receive;  /* we may send to the leg */
	bool rtcp_mux;
	bool is_believed; /* rtp is where it receives, and no other IP sends for it: no NAT is in between */
	enum media_kind kind;
	uint32_t clock_hz;	    /* of the dynamic payload types, for jitter; 0: unknown */
	struct media_format format; /* audio: for all that is more than relay */
	struct media_pictures pictures;
	struct addr rtp;  /* family 0: unknown (held with 0.0.0.0): send nothing */
	struct addr rtcp; /* family 0: rtp's port + 1 */
	/* Where the leg's signalling comes from, port ignored: a phone behind a NAT most likely sends its media from that IP, so it
	 * outranks strangers; family 0: no hint. */
	struct addr hint;
};

struct media_key { /* SRTP */
	enum sdp_suite suite;
	uint8_t bytes[SDP_KEY_BYTES]; /* master key, then salt */
	uint8_t nmki, mki[SDP_MKI_BYTES];
};

struct media_dtls { /* RFC 5763, RFC 8445 */
	struct sdp_fingerprint theirs;
	bool is_client; /* we begin the hand-shake */
	bool rtcp_mux;	/* RTCP has the keys of RTP; else a hand-shake of its own */
	uint8_t carrier; /* stream whose port and keys it shares (BUNDLE, with rtcp_mux); itself: its own */
	uint8_t types
		[16]; /* bit per payload type that the leg may send in it: tells what comes through the carrier apart */
	struct sdp_ice ours;   /* empty: without ICE */
	struct addr rtp, rtcp; /* without ICE: whom to begin with; family 0: whoever begins */
};

enum { MEDIA_MAX_KEYS = 32, MEDIA_TONE_STEPS = 6, MEDIA_FOR_EVER = 0 };

struct path_list; /* media/files.h */

struct media_play {
	struct path_list *paths;	      /* NULL: the tone */
	uint16_t hz[2], ms[MEDIA_TONE_STEPS]; /* of the tone: its rhythm, on and off; all 0: on */
	uint32_t times;			      /* MEDIA_FOR_EVER */
	uint32_t most_ms;		      /* 0: as long as it takes */
	bool until_key;			      /* a key ends it */
	bool is_shared; /* with all of the thread who hear the same, which it joins where it is
					       * (paths or tone, for ever): as a room of their own; MEDIA_MIX ends it */
	bool to_room;	/* all in the room hear it, not the leg alone */
};

/* Rooms: a member speaks to the groups of one mask and hears those of another, never itself.  A conference: all 1 and 1.
 * Paging: one speaks to 1, the others hear 1.  Listening in: agent and customer speak to 1 and hear 1, who listens hears 1;
 * whispering: it speaks to 2, the agent hears 1 and 2; barging in: it speaks to 1.  Its keys are told when they are events, not from its
 * voice. */
struct media_mix {
	oid room; /* 0: out */
	uint32_t speaks, hears;
};

struct media_cmd {
	enum media_cmd_type type;
	uint32_t seq; /* echoed in the answering event */
	oid session;  /* chosen by the core at OPEN (its leg id) */
	union {
		struct {
			uint8_t nstreams;
			struct addr local; /* address to bind; its port is ignored */
			uint32_t
				silence_ms; /* MEDIA_SILENT after this long without RTP while it may send; 0 = never */
			oid call; /* sessions of one call live on one thread */
		} open;
		struct {
			uint8_t stream;
			struct media_remote remote;
		} remote;
		struct {
			uint8_t stream;
			struct media_sets sets;
		} sets;
		struct {
			uint8_t stream;
			bool is_protected;	  /* false: plain RTP, keys are kept */
			struct media_key in, out; /* what the leg seals with; what we seal with */
		} keys;
		struct {
			uint8_t stream;
			struct media_dtls conf;
		} dtls;
		struct {
			oid peer;
		} join;
		struct media_play play;
		char press[MEDIA_MAX_KEYS + 1];
		struct {
			struct path_list *path; /* one */
			bool has_two_tracks; /* left what it says, right what it hears; else both in one */
			bool is_scratch;     /* the file is removed when the session closes */
			bool has_pictures;   /* an AVI, with what both show; else a WAV */
			bool makes_folder;   /* that of its path, when it is missing */
			uint32_t most_ms;    /* 0: until RECORD_END or CLOSE */
			uint64_t most_bytes; /* what is left of its owner's quota; 0: no limit */
		} record;
		bool hold;
		struct media_mix mix;
	} u;
};

enum media_guard {		     /* how far its protection has come */
		   MEDIA_GUARD_NONE, /* plain, or keys from descriptions */
		   MEDIA_GUARD_NO_PAIR,
		   MEDIA_GUARD_SHAKING,
		   MEDIA_GUARD_DONE,
		   MEDIA_GUARD_FAILED
};

struct media_counters { /* RTP and RTCP of one stream; rx = from the leg */
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
	uint64_t
		rx_refused; /* strangers, unreadable ones, and what came faster than any phone sends */
	uint64_t rx_forged;    /* of those refused: not authentic, or replayed (SRTP) */
	uint64_t tx_failed;    /* the kernel did not take them */
	uint32_t rx_lost;      /* RFC 3550 A.3 */
	uint32_t rx_jitter_us; /* RFC 3550 6.4.1, A.8 */
	struct addr latched;   /* of the first stream */
	/* Of the first stream alone: RTP let in, and of it what its description does not list. */
	uint64_t rx_rtp, rx_undescribed;
	uint32_t rx_rtp_lost;
	uint8_t rx_pt; /* of the last of them */
	uint8_t guard; /* enum media_guard */
	uint16_t
		level; /* how loud it speaks just now, 0 to 32767; known of those who are mixed, recorded or converted */
};

/* What continues a stream elsewhere: written with the leg that owns it. */
struct stream_kept {
	struct addr local, remote;	/* ours; where we send: latched or from SDP */
	uint8_t key_tx[64], key_rx[64]; /* SRTP master key and salt; zero = plain */
	uint32_t ssrc_tx, ssrc_rx, roc_tx, roc_rx;
};

enum media_event_type {
	MEDIA_OPENED,
	MEDIA_FAILED,
	MEDIA_DONE,
	MEDIA_STATS_ARE,
	MEDIA_CLOSED,
	MEDIA_SILENT,
	MEDIA_HEARD,
	MEDIA_KEY,	/* the leg pressed it */
	MEDIA_FAX,	/* a fax calls there */
	MEDIA_PLAYED,	/* err 0: to its end or its time; EINTR: a key; ECANCELED: HUSH, JOIN … */
	MEDIA_RECORDED, /* the file is there; err: why it is shorter than asked (ENOSPC: the disk is nearly full; EDQUOT: most_bytes;
			 * ENOBUFS: the disk is too slow …) or missing (EEXIST, EACCES …): told at once, the call goes on */
	MEDIA_BROKEN /* unasked, once: a stream's protection has failed: EACCES (its certificate is not the one described),
		      * EPROTO (hand-shake), ETIMEDOUT (no ICE check for 30 s) */
};

struct media_event {
	enum media_event_type type;
	uint32_t
		seq; /* of the command, also for PLAYED and RECORDED; 0 for KEY, FAX, SILENT (no RTP for silence_ms: once, armed again by the next packet
		       * and by MEDIA_REMOTE) and HEARD (first RTP packet) */
	oid session;
	int err; /* FAILED: errno (ENOSPC: no port left); DONE: 0 or ENOENT (session gone), CLOSED likewise; BROKEN */
	union {
		struct addr local[MEDIA_MAX_STREAMS]; /* OPENED: RTP address and port per stream */
		struct media_counters counters;	      /* STATS_ARE, CLOSED: sum over streams */
		uint8_t stream;			      /* SILENT, HEARD, BROKEN */
		char key;
		struct {
			uint64_t ms, bytes;
		} recorded;
	} u;
};
_Static_assert(sizeof(struct media_cmd) <= 256, "large parts go as owned blobs");
_Static_assert(sizeof(struct media_event) <= 256, "large parts go as owned blobs");

/* What a command carries that is not a plain value; for whoever carries it out. */
void media_cmd_drop(const struct media_cmd *cmd);

struct media_engine {
	int (*post)(struct media_engine *e, const struct media_cmd *cmd);
	struct sdp_fingerprint certificate; /* for descriptions; hash 0: it has no DTLS */
};
typedef void media_event_h(const struct media_event *ev, void *arg);

struct media_conf {
	unsigned nthreads; /* 0 = one per CPU */
	unsigned
		fill; /* sessions a thread takes before the next is used; 0: 1000; 1: spread evenly */
	uint16_t port_min, port_max; /* RTP ports, even ones of it */
	unsigned nspares; /* pairs of sockets kept open for the next session at most; 0: none */
	bool is_polled; /* media_turn() will be called each turn: what nobody waits for wakes no thread */
	media_event_h *fn; /* on the core thread, from media_poll() */
	void *arg;
};
struct media;
int media_open(struct media **mp, const struct media_conf *conf) MUST_USE;
struct media *media_close(struct media *m); /* ends every session */
struct media_engine *media_engine(struct media *m);
int media_fd(const struct media *m); /* readable: call media_poll() on the core thread */
void media_poll(struct media *m);
/* Whatever is there, without having been woken; again at least every 100 ms while answers are owed, and after so many ms as it
 * returns (0: no wish). */
uint32_t media_turn(struct media *m);
bool media_owes(const struct media *m);		  /* answers to commands */
size_t media_ports_in_use(const struct media *m); /* core thread */
/* Core thread, each second: gives back sockets that were kept open and that nobody needed. */
void media_second(struct media *m);

#endif
