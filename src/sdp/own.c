/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Descriptions of our own: offers by format names, answers to an offer that we take ourselves. */
#include "sdp/keys.h"
#include "sdp/lines.h"
#include "sdp/write.h"

/* What we can offer, with the payload types we give them. */
static const struct sdp_format offered[] = {
#define F(number, type, name, hz, parameters)                                                      \
	{                                                                                          \
		.text = {number, sizeof(number) - 1}, .pt = type,                                  \
		.encoding = {name, sizeof(name) - 1}, .clock_hz = hz, .channels = 1, .fmtp = {     \
			parameters,                                                                \
			sizeof(parameters) - 1                                                     \
		}                                                                                  \
	}
	F("0", 0, "PCMU", 8000, ""),
	F("8", 8, "PCMA", 8000, ""),
	F("9", 9, "G722", 8000, ""),
	F("3", 3, "GSM", 8000, ""),
	F("18", 18, "G729", 8000, "annexb=no"),
	F("110", 110, "G726-32", 8000, ""),
	{.text = {"111", 3},
	 .pt = 111,
	 .encoding = {"opus", 4},
	 .clock_hz = 48000,
	 .channels = 2,
	 .fmtp = {"useinbandfec=1", 14}},
	F("101", 101, "telephone-event", 8000, "0-16"),
#undef F
};

static const struct sdp_format *find_offered(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(offered); i++)
		if (str_ieq(name, offered[i].encoding))
			return &offered[i];
	return NULL;
}

static void write_session(struct buf *out, const struct sdp_own *own)
{
	sdp_write_head(out, own->id, own->version, &own->origin);
	sdp_write_connection(out, &own->rtp);
	buf_str(out, STR("t=0 0\r\n"));
	if (own->guard.ice)
		buf_str(out, STR("a=ice-lite\r\n"));
	if (own->guard.is_bundled) {
		buf_str(out, STR("a=group:BUNDLE "));
		buf_str(out, own->guard.mid);
		buf_str(out, STR("\r\n"));
	}
}

static void write_audio(struct buf *out, const struct sdp_media *m, const struct sdp_own *own,
			const struct sdp_format *const *formats, size_t n)
{
	sdp_write_media(out, m, own->rtp.port, &own->guard);
	for (size_t i = 0; i < n; i++) {
		buf_char(out, ' ');
		buf_str(out, formats[i]->text);
	}
	buf_str(out, STR("\r\n"));
	for (size_t i = 0; i < n; i++)
		sdp_write_format(out, formats[i]);
	if (m->ptime_ms)
		buf_printf(out, "a=ptime:%u\r\n", m->ptime_ms);
	sdp_write_guard(out, &own->guard, &own->rtp);
}

int sdp_offer_audio(struct buf *out, const struct sdp_own *own)
{
	struct str names = own->formats.n ? own->formats : STR("PCMA PCMU telephone-event");
	const struct sdp_format *formats[ARRAY_LEN(offered)];
	struct sdp_media m = {.kind = STR("audio"), .proto = STR("RTP/AVP"), .ptime_ms = 20};
	size_t n = 0;

	if (!own->origin.family || !own->rtp.family || !own->rtp.port)
		return EINVAL;
	for (;;) {
		struct str name = sdp_word(&names);

		if (!name.n)
			break;
		if (n == ARRAY_LEN(formats))
			return E2BIG;
		formats[n] = find_offered(name);
		if (!formats[n++])
			return ENOTSUP;
	}
	write_session(out, own);
	write_audio(out, &m, own, formats, n);
	sdp_write_direction(out, own->direction);
	return out->err;
}

/* Events and comfort noise are no speech: alone they make no call. */
static bool is_speech(const struct sdp_format *f)
{
	return !str_ieq(f->encoding, STR("telephone-event")) && !str_ieq(f->encoding, STR("CN"));
}

/* Without keys of ours nobody hears us on a line that wants them. */
static bool can_take(const struct sdp_media *m, const struct sdp_guard *guard)
{
	return m->port && str_ieq(m->kind, STR("audio")) && sdp_proto_is_rtp(m->proto) &&
	       (guard->ncrypto || guard->fingerprint || !sdp_is_secure_profile(m->proto));
}

static size_t choose(const struct sdp_media *m, sdp_knows_h *knows, void *arg,
		     const struct sdp_format *formats[SDP_MAX_FORMATS])
{
	bool has_speech = false;
	size_t n = 0;

	for (size_t i = 0; i < m->nformats; i++) {
		if (!knows(&m->formats[i], arg))
			continue;
		has_speech |= is_speech(&m->formats[i]);
		formats[n++] = &m->formats[i];
	}
	return has_speech ? n : 0;
}

/* What is left to us when they said d: their sending is our receiving. */
static enum sdp_direction mirrored(enum sdp_direction d)
{
	return (enum sdp_direction)((d & SDP_SENDONLY ? SDP_RECVONLY : 0) |
				    (d & SDP_RECVONLY ? SDP_SENDONLY : 0));
}

int sdp_answer_audio(struct buf *out, const struct sdp *offer, const struct sdp_own *own,
		     sdp_knows_h *knows, void *arg)
{
	const struct sdp_format *formats[SDP_MAX_FORMATS];
	size_t taken, n = 0;

	if (!own->origin.family || !own->rtp.family || !own->rtp.port)
		return EINVAL;
	for (taken = 0; taken < offer->nmedia; taken++) {
		if (can_take(&offer->media[taken], &own->guard))
			n = choose(&offer->media[taken], knows, arg, formats);
		if (n)
			break;
	}
	if (!n)
		return ENOTSUP;
	write_session(out, own);
	for (size_t i = 0; i < offer->nmedia; i++) {
		const struct sdp_media *m = &offer->media[i];

		if (i != taken) {
			sdp_write_refused(out, m, &(struct sdp_guard){0});
			continue;
		}
		write_audio(out, m, own, formats, n);
		if (!own->guard.has_mid)
			sdp_write_mid(out, m);
		sdp_write_direction(out,
				    (enum sdp_direction)(own->direction & mirrored(m->direction)));
	}
	return out->err;
}
