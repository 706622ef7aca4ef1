/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sdp/keys.h"
#include "sdp/write.h"

static const char *type_of(const struct addr *a)
{
	return a->family == 6 ? "IP6" : "IP4";
}

static const char *ip_of(char dst[ADDR_STR_BYTES], const struct addr *a)
{
	return a->family ? addr_ip_str(dst, a) : "0.0.0.0";
}

void sdp_write_head(struct buf *out, uint64_t id, uint64_t version, const struct addr *origin)
{
	char ip[ADDR_STR_BYTES];

	buf_str(out, STR("v=0\r\no=- "));
	buf_u64(out, id);
	buf_char(out, ' ');
	buf_u64(out, version);
	buf_printf(out, " IN %s %s\r\ns=-\r\n", type_of(origin), ip_of(ip, origin));
}

void sdp_write_connection(struct buf *out, const struct addr *a)
{
	char ip[ADDR_STR_BYTES];

	buf_printf(out, "c=IN %s %s\r\n", type_of(a), ip_of(ip, a));
}

void sdp_write_line(struct buf *out, char type, struct str value)
{
	buf_char(out, type);
	buf_char(out, '=');
	buf_str(out, value);
	buf_str(out, STR("\r\n"));
}

void sdp_write_media(struct buf *out, const struct sdp_media *m, uint16_t port,
		     const struct sdp_guard *guard)
{
	buf_str(out, STR("m="));
	buf_str(out, m->kind);
	buf_char(out, ' ');
	buf_u64(out, port);
	buf_char(out, ' ');
	buf_str(out, guard->proto.n ? guard->proto : m->proto);
}

void sdp_write_guard(struct buf *out, const struct sdp_guard *guard, const struct addr *rtp)
{
	if (guard->has_mid && guard->mid.n) {
		buf_str(out, STR("a=mid:"));
		buf_str(out, guard->mid);
		buf_str(out, STR("\r\n"));
	}
	if (guard->rtcp_mux)
		buf_str(out, STR("a=rtcp-mux\r\n"));
	if (guard->ice)
		sdp_write_ice(out, guard->ice, rtp, guard->rtcp_mux);
	if (guard->fingerprint)
		sdp_write_dtls(out, guard->fingerprint, (enum sdp_setup)guard->setup);
	for (size_t i = 0; i < guard->ncrypto; i++)
		sdp_write_crypto(out, &guard->crypto[i]);
}

void sdp_write_refused(struct buf *out, const struct sdp_media *m, const struct sdp_guard *guard)
{
	sdp_write_media(out, m, 0, guard);
	for (size_t i = 0; i < m->nformats; i++) {
		buf_char(out, ' ');
		buf_str(out, m->formats[i].text);
	}
	buf_str(out, STR("\r\n"));
	if (!guard->has_mid) {
		sdp_write_mid(out, m);
	} else if (guard->mid.n) {
		buf_str(out, STR("a=mid:"));
		buf_str(out, guard->mid);
		buf_str(out, STR("\r\n"));
	}
}

void sdp_write_mid(struct buf *out, const struct sdp_media *m)
{
	for (size_t i = 0; i < m->nattributes; i++) {
		if (!str_ieq(m->attributes[i].name, STR("mid")))
			continue;
		buf_str(out, STR("a=mid:"));
		buf_str(out, m->attributes[i].value);
		buf_str(out, STR("\r\n"));
	}
}

void sdp_write_direction(struct buf *out, enum sdp_direction d)
{
	static const char *const names[] = {
		[SDP_INACTIVE] = "inactive",
		[SDP_SENDONLY] = "sendonly",
		[SDP_RECVONLY] = "recvonly",
		[SDP_SENDRECV] = "sendrecv",
	};

	sdp_write_line(out, 'a', str_of(names[d & SDP_SENDRECV]));
}

void sdp_write_format(struct buf *out, const struct sdp_format *f)
{
	if (f->encoding.n) {
		buf_str(out, STR("a=rtpmap:"));
		buf_str(out, f->text);
		buf_char(out, ' ');
		buf_str(out, f->encoding);
		buf_char(out, '/');
		buf_u64(out, f->clock_hz);
		if (f->channels > 1) {
			buf_char(out, '/');
			buf_u64(out, f->channels);
		}
		buf_str(out, STR("\r\n"));
	}
	if (f->fmtp.n) {
		buf_str(out, STR("a=fmtp:"));
		buf_str(out, f->text);
		buf_char(out, ' ');
		buf_str(out, f->fmtp);
		buf_str(out, STR("\r\n"));
	}
}
