/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From one leg to the other: attributes are passed on in their order, known or not.  Left out is what speaks of the other leg's transport: its addresses, its keys, its ICE, its way to multiplex.
 * What names the person or program behind it (i=, u=, e=, p= of the session) is left out too.
 */
#include "sdp/choose.h"
#include "sdp/lines.h"
#include "sdp/write.h"

/* Attributes that end at us. */
static const char *const ours[] = {
	"bundle-only",	 "candidate",	   "connection",
	"crypto",	 "crypto-unasked", "end-of-candidates",
	"fingerprint",	 "ice-lite",	   "ice-mismatch",
	"ice-options",	 "ice-pacing",	   "ice-pwd",
	"ice-ufrag",	 "inactive",	   "key-mgmt",
	"nortpproxy",	 "recvonly",	   "remote-candidates",
	"rtcp",		 "rtcp-mux",	   "rtcp-mux-only",
	"sendonly",	 "sendrecv",	   "setup",
	"source-filter", "tls-id",
};

/* Of these the direction alone is said by us when media does not come through here. */
static bool is_direction(const struct sdp_attribute *a)
{
	return str_ieq(a->name, STR("sendrecv")) || str_ieq(a->name, STR("sendonly")) ||
	       str_ieq(a->name, STR("recvonly")) || str_ieq(a->name, STR("inactive"));
}

/* Which m-line a packet belongs to, said in its header (RFC 9143 15): a sender stops saying it once it has been heard, and who
 * hears it after a transfer would wait for it in vain.  Not offered, lines are told apart by payload type, here as there. */
static bool names_line(const struct sdp_attribute *a)
{
	struct str rest = a->value;

	sdp_word(&rest);
	return str_ieq(a->name, STR("extmap")) &&
	       str_eq(sdp_word(&rest), STR("urn:ietf:params:rtp-hdrext:sdes:mid"));
}

static bool is_ours(const struct sdp_attribute *a)
{
	struct str semantics = a->value;

	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		if (str_ieq(a->name, str_of(ours[i])))
			return true;
	if (names_line(a))
		return true;
	/* each m-line has a port of its own here */
	return str_ieq(a->name, STR("group")) && str_ieq(sdp_word(&semantics), STR("BUNDLE"));
}

static void pass_types(struct buf *out, struct str section, char type)
{
	struct sdp_line line;

	while (sdp_line_next(&section, &line))
		if (line.type == type)
			sdp_write_line(out, type, line.value);
}

/* Attributes of WebRTC that mean nothing outside it, and make a description too long for a datagram. */
static const char *const web_only[] = {
	"extmap", "extmap-allow-mixed", "group", "mid",	       "msid",	     "msid-semantic",
	"rid",	  "simulcast",		"ssrc",	 "ssrc-group", "rtcp-rsize",
};

/* Attributes of formats, which go with those they speak of. */
static const char *const of_formats[] = {"rtpmap", "fmtp",     "rtcp-fb",
					 "ptime",  "maxptime", "silenceSupp"};

static bool is_of_formats(const struct sdp_attribute *a)
{
	for (size_t i = 0; i < ARRAY_LEN(of_formats); i++)
		if (str_ieq(a->name, str_of(of_formats[i])))
			return true;
	return false;
}

/* What is heard here is one stream of our making, whoever speaks (ADR 29): its SSRC is not the other side's.  Chromium plays the
 * one it was told of, and nothing else. */
static bool is_of_a_voice(const struct sdp_attribute *a)
{
	return str_ieq(a->name, STR("ssrc")) || str_ieq(a->name, STR("ssrc-group"));
}

static bool is_left_out(const struct sdp_attribute *a, const struct sdp_guard *guard, bool is_voice)
{
	if (!guard)
		return is_direction(a);
	if (is_voice && is_of_a_voice(a))
		return true;
	if (is_ours(a) || (guard->has_mid && str_ieq(a->name, STR("mid"))))
		return true;
	for (size_t i = 0; guard->leaves_web && i < ARRAY_LEN(web_only); i++)
		if (str_ieq(a->name, str_of(web_only[i])))
			return true;
	return false;
}

/* guard NULL: directly */
static void pass_attributes(struct buf *out, const struct sdp_attribute *a, size_t n,
			    const struct sdp_guard *guard, const struct sdp_local_media *local,
			    bool is_voice)
{
	for (size_t i = 0; i < n; i++) {
		if (is_left_out(&a[i], guard, is_voice))
			continue;
		if (local && local->formats &&
		    (local->is_choice ? sdp_is_of_another(&a[i], local->formats, local->nformats)
				      : is_of_formats(&a[i])))
			continue;
		buf_str(out, STR("a="));
		buf_str(out, a[i].name);
		if (a[i].value.p) {
			buf_char(out, ':');
			buf_str(out, a[i].value);
		}
		buf_str(out, STR("\r\n"));
	}
}

static bool is_refused(const struct sdp_media *m, const struct sdp_local_media *local)
{
	return local->is_refused || !m->port;
}

/* The address in the session's c= line: that of the first m-line in use. */
static const struct addr *main_address(const struct sdp *from, const struct sdp_rewrite *rw)
{
	for (size_t i = 0; i < from->nmedia; i++)
		if (!is_refused(&from->media[i], &rw->media[i]))
			return &rw->media[i].rtp;
	return &rw->origin;
}

static void relay_media(struct buf *out, const struct sdp_media *m,
			const struct sdp_local_media *local, const struct addr *session,
			bool is_direct)
{
	const struct sdp_format *formats = local->formats ? local->formats : m->formats;
	size_t nformats = local->formats ? local->nformats : m->nformats;

	sdp_write_media(out, m, local->rtp.port, &local->guard);
	for (size_t i = 0; i < nformats; i++) {
		buf_char(out, ' ');
		buf_str(out, formats[i].text);
	}
	buf_str(out, STR("\r\n"));
	pass_types(out, m->lines, 'i');
	if (!addr_ip_eq(&local->rtp, session))
		sdp_write_connection(out, &local->rtp);
	pass_types(out, m->lines, 'b');
	for (size_t i = 0; local->formats && !local->is_choice && i < nformats; i++)
		sdp_write_format(out, &formats[i]);
	pass_attributes(out, m->attributes, m->nattributes, is_direct ? NULL : &local->guard, local,
			str_ieq(m->kind, STR("audio")));
	sdp_write_guard(out, &local->guard, &local->rtp);
	sdp_write_direction(out, local->direction);
}

static bool has_ice(const struct sdp_rewrite *rw)
{
	for (size_t i = 0; i < rw->nmedia; i++)
		if (!rw->media[i].is_refused && rw->media[i].guard.ice)
			return true;
	return false;
}

static void write_group(struct buf *out, const struct sdp_rewrite *rw)
{
	bool is_begun = false;

	for (size_t i = 0; i < rw->nmedia; i++) {
		if (rw->media[i].is_refused || !rw->media[i].guard.is_bundled)
			continue;
		buf_str(out, is_begun ? STR(" ") : STR("a=group:BUNDLE "));
		buf_str(out, rw->media[i].guard.mid);
		is_begun = true;
	}
	if (is_begun)
		buf_str(out, STR("\r\n"));
}

int sdp_relay(struct buf *out, const struct sdp *from, const struct sdp_rewrite *rw)
{
	static const struct sdp_guard none = {.rtcp_mux = false};
	const struct sdp_guard *guard = rw->nmedia ? &rw->media[0].guard : &none;
	const struct addr *session;

	if (rw->nmedia != from->nmedia || !rw->origin.family)
		return EINVAL;
	for (size_t i = 0; i < rw->nmedia; i++)
		if (!is_refused(&from->media[i], &rw->media[i]) &&
		    (!rw->media[i].rtp.family || !rw->media[i].rtp.port))
			return EINVAL;
	session = main_address(from, rw);
	sdp_write_head(out, rw->id, rw->version, &rw->origin);
	sdp_write_connection(out, session);
	pass_types(out, from->lines, 'b');
	buf_str(out, STR("t=0 0\r\n"));
	if (has_ice(rw))
		buf_str(out, STR("a=ice-lite\r\n"));
	write_group(out, rw);
	pass_attributes(out, from->attributes, from->nattributes, rw->is_direct ? NULL : guard,
			NULL, false);
	for (size_t i = 0; i < from->nmedia; i++) {
		if (is_refused(&from->media[i], &rw->media[i]))
			sdp_write_refused(out, &from->media[i], &rw->media[i].guard);
		else
			relay_media(out, &from->media[i], &rw->media[i], session, rw->is_direct);
	}
	return out->err;
}
