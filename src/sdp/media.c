/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a media section means, once all its lines are known.
 *
 * Attributes that are not well formed say nothing: a phone that writes "a=ptime:" or maps a payload type twice shall still
 * have its call.  They are passed on as they came.
 */
#include "sdp/lines.h"

static const struct static_format {
	int pt;
	struct str encoding;
	uint32_t clock_hz;
	unsigned channels;
} static_formats[] = {
#define X(pt, name, hz, channels) {pt, {name, sizeof(name) - 1}, hz, channels},
#include "sdp/static_formats.def"
#undef X
};

bool sdp_static_format(struct sdp_format *f, int pt)
{
	for (size_t i = 0; i < ARRAY_LEN(static_formats); i++) {
		if (static_formats[i].pt != pt)
			continue;
		f->encoding = static_formats[i].encoding;
		f->clock_hz = static_formats[i].clock_hz;
		f->channels = static_formats[i].channels;
		return true;
	}
	return false;
}

/* "101 telephone-event/8000/1" */
static void read_rtpmap(struct sdp_format *f, struct str rest)
{
	struct str encoding = str_cut(&rest, '/');
	struct str clock = str_cut(&rest, '/');
	uint32_t hz, channels = 1;

	if (!encoding.n || str_u32(str_trim(clock), &hz))
		return;
	if (rest.p && (str_u32(str_trim(rest), &channels) || !channels || channels > 255))
		channels = 1;
	f->encoding = encoding;
	f->clock_hz = hz;
	f->channels = channels;
}

/* rtpmap and fmtp of one format; the first of each counts. */
static void describe_format(struct sdp_format *f, const struct sdp_media *m)
{
	bool is_mapped = false;

	sdp_static_format(f, f->pt);
	for (size_t i = 0; i < m->nattributes; i++) {
		const struct sdp_attribute *a = &m->attributes[i];
		struct str rest = a->value;
		bool is_map = str_ieq(a->name, STR("rtpmap"));

		if (!is_map && !str_ieq(a->name, STR("fmtp")))
			continue;
		if (!str_eq(sdp_word(&rest), f->text))
			continue;
		rest = str_trim(rest);
		if (!is_map && !f->fmtp.p) {
			f->fmtp = rest;
		} else if (is_map && !is_mapped) {
			read_rtpmap(f, rest);
			is_mapped = true;
		}
	}
}

/* "a=rtcp:53020" or "a=rtcp:53020 IN IP4 192.0.2.9" */
static void read_rtcp(struct sdp_media *m, struct str value)
{
	struct str port_text = sdp_word(&value);
	struct addr a = m->rtp;
	uint32_t port;

	if (str_u32(port_text, &port) || !port || port > 65535)
		return;
	if (str_trim(value).n && sdp_connection(&a, value))
		return;
	a.port = a.family ? (uint16_t)port : 0;
	m->rtcp = a;
}

static void read_ptime(struct sdp_media *m, struct str value)
{
	uint32_t ms;

	/* "20.0" is seen too */
	if (!str_u32(str_trim(str_cut(&value, '.')), &ms) && ms <= 1000)
		m->ptime_ms = ms;
}

static void read_direction(struct sdp_media *m, const struct sdp_attribute *a, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!a[i].value.p && sdp_direction_of(a[i].name, &m->direction))
			return;
}

static bool has_ice(const struct sdp_attribute *a, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_ieq(a[i].name, STR("ice-ufrag")))
			return true;
	return false;
}

static void set_addresses(struct sdp_media *m, const struct sdp *s, const struct addr *connection)
{
	if (!connection->family)
		return;
	if (addr_is_any(connection)) {
		/* With ICE it has no address to tell yet (RFC 8840 4.1.1: trickle). */
		m->is_held = !has_ice(m->attributes, m->nattributes) &&
			     !has_ice(s->attributes, s->nattributes);
		return;
	}
	if (!m->port)
		return;
	m->rtp = m->rtcp = *connection;
	m->rtp.port = m->port;
	m->rtcp.port = (uint16_t)(m->port + 1);
	if (!m->rtcp.port)
		m->rtcp = (struct addr){0};
}

void sdp_media_finish(struct sdp_media *m, const struct sdp *s, const struct addr *connection)
{
	set_addresses(m, s, connection);
	m->direction = SDP_SENDRECV;
	read_direction(m, s->attributes, s->nattributes);
	read_direction(m, m->attributes, m->nattributes);
	for (size_t i = 0; i < m->nattributes; i++) {
		const struct sdp_attribute *a = &m->attributes[i];

		if (str_ieq(a->name, STR("rtcp")))
			read_rtcp(m, a->value);
		else if (str_ieq(a->name, STR("rtcp-mux")))
			m->rtcp_mux = true;
		else if (str_ieq(a->name, STR("ptime")))
			read_ptime(m, a->value);
	}
	if (m->rtcp_mux)
		m->rtcp = m->rtp;
	for (size_t i = 0; i < m->nformats; i++)
		describe_format(&m->formats[i], m);
}
