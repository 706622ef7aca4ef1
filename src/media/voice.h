/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One stream as sound: what the leg says, 20 ms at a time on our clock, and what is said to it as packets.
 *
 * Thread     the media thread that has the stream
 * Units      frames of 20 ms at the rate of the voice, at most VOICE_MAX_HZ; _us
 * Ownership  a voice belongs to its stream
 * Errors     voice_make ENOMEM, ENOTSUP (no codec)
 * Sources    RFC 3550, RFC 3551, RFC 4733
 */
#ifndef MEDIA_VOICE_H
#define MEDIA_VOICE_H

#include "audio/codec.h"
#include "media/media.h"
#include "media/reports.h"
#include "media/rtp.h"

enum {
	VOICE_FRAME_MS = 20,
	VOICE_MAX_HZ = 16000,
	VOICE_FRAME_MAX = VOICE_MAX_HZ / 1000 * VOICE_FRAME_MS
};

struct voice;
typedef void voice_send_h(void *arg, uint8_t *p, size_t n); /* p has room for a trailer behind n */

int voice_make(struct voice **vp, const struct media_format *f, uint32_t rate_hz) MUST_USE;
struct voice *voice_free(struct voice *v);
/* Another codec or rate; what has come and not been taken is lost. */
int voice_change(struct voice *v, const struct media_format *f, uint32_t rate_hz) MUST_USE;
uint32_t voice_rate(const struct voice *v);
enum codec_id voice_codec(const struct voice *v);
uint8_t voice_ptime_ms(const struct voice *v);

/* The ear.  h: of the packet p. */
void voice_hear(struct voice *v, const struct rtp_head *h, const uint8_t *p, uint64_t now_us);
uint64_t voice_wait_us(const struct voice *v); /* how long what comes is kept before it is taken */
void voice_expect(const struct voice *v);      /* it will be asked for soon: into the cache */
uint64_t voice_step_us(const struct voice *v); /* from one packet to the next, as far as is known */
uint32_t voice_level(const struct voice *v); /* of what was taken in the last 160 ms, 0 to 32767 */
bool voice_take(struct voice *v, int16_t *pcm,
		uint64_t now_us); /* a frame; false: it is silent, and zero */
void voice_skip(struct voice *v,
		uint64_t now_us); /* nobody wants to hear it: only its keys count */
/* It has pressed a key, as an event. */
void voice_key(struct voice *v, char digit);
/* Keys are looked for in what it says, where it has no events for them. */
void voice_seek_keys(struct voice *v, bool on);
/* Keys heard in the voice are left out of it: they reach the other side in another way. */
void voice_mute_keys(struct voice *v, bool on);
char voice_digit(struct voice *v); /* the next key heard; 0: none */
/* For half a minute, also in one that has events for keys. */
void voice_seek_fax(struct voice *v, bool on);
bool voice_fax(struct voice *v); /* a fax called; once */

/* The mouth.  pcm NULL: nothing is sent, time passes. */
void voice_say(struct voice *v, const int16_t *pcm, voice_send_h *send, void *arg);
/* The same, of a payload encoded for several: only for a voice that has pressed nothing and sends a packet each 20 ms. */
void voice_say_encoded(struct voice *v, const uint8_t *payload, size_t n, voice_send_h *send,
		       void *arg);
bool voice_can_share(const struct voice *v);
struct reports_sent voice_sent(const struct voice *v);
int voice_press(struct voice *v, char digit) MUST_USE; /* EINVAL, ENOSPC */
bool voice_is_pressing(const struct voice *v);

#endif
