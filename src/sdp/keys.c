/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sodium.h>
#include <string.h>
#include "sdp/keys.h"
#include "sdp/lines.h"

static const struct suite {
	struct str name;
	uint8_t bytes;
} suites[SDP_NSUITES] = {
#define X(constant, text, size) [SDP_SUITE_##constant] = {{text, sizeof(text) - 1}, size},
#include "sdp/suites.def"
#undef X
};

size_t sdp_suite_bytes(enum sdp_suite suite)
{
	return suite < SDP_NSUITES ? suites[suite].bytes : 0;
}

static struct str profile_of(struct str proto)
{
	struct str last = proto;

	while (proto.p)
		last = str_cut(&proto, '/');
	return last;
}

bool sdp_is_secure_profile(struct str proto)
{
	struct str profile = profile_of(proto);

	return str_ieq(profile, STR("SAVP")) || str_ieq(profile, STR("SAVPF"));
}

bool sdp_has_feedback(struct str proto)
{
	struct str profile = profile_of(proto);

	return str_ieq(profile, STR("AVPF")) || str_ieq(profile, STR("SAVPF"));
}

static enum sdp_suite suite_of(struct str name)
{
	for (unsigned i = 1; i < SDP_NSUITES; i++)
		if (str_ieq(name, suites[i].name))
			return (enum sdp_suite)i;
	return SDP_SUITE_NONE;
}

/* "1:4": an index and how many bytes it has in the packet. */
static int read_mki(struct sdp_crypto *c, struct str text)
{
	struct str number = str_cut(&text, ':');
	uint64_t value;
	uint32_t n;

	if (str_u64(number, &value) || str_u32(text, &n) || !n || n > SDP_MKI_BYTES)
		return ENOTSUP;
	c->nmki = (uint8_t)n;
	for (unsigned i = 0; i < n; i++) {
		c->mki[n - 1 - i] = (uint8_t)value;
		value >>= 8;
	}
	return value ? EINVAL : 0;
}

/* "inline:" base64 ["|" lifetime] ["|" MKI ":" bytes] */
static int read_key(struct sdp_crypto *c, struct str text)
{
	struct str method = str_cut(&text, ':'), key;
	size_t n = 0;
	int err = 0;

	if (!str_ieq(method, STR("inline")))
		return ENOTSUP;
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] == ';')
			return ENOTSUP; /* several keys, told apart by their index */
	key = str_cut(&text, '|');
	if (!key.n ||
	    sodium_base642bin(c->key, sizeof(c->key), key.p, key.n, NULL, &n, NULL,
			      sodium_base64_VARIANT_ORIGINAL) ||
	    n != suites[c->suite].bytes)
		return EINVAL;
	while (text.p && !err) {
		struct str part = str_cut(&text, '|');

		/* A lifetime ("2^20") says when they will come with another key; packets are taken till then. */
		if (memchr(part.p, ':', part.n))
			err = c->nmki ? EINVAL : read_mki(c, part);
	}
	return err;
}

/* Those that change nothing for us; a parameter with "-" before it may be ignored (6.3). */
static bool may_ignore(struct str parameter)
{
	return str_starts(parameter, STR("-")) || str_starts(parameter, STR("WSH=")) ||
	       str_eq(parameter, STR("KDR=0"));
}

static int read_crypto(struct sdp_crypto *c, struct str value)
{
	struct str tag = sdp_word(&value), suite = sdp_word(&value), key = sdp_word(&value);
	int err;

	memset(c, 0, sizeof(*c));
	if (str_u32(tag, &c->tag) || c->tag > SDP_MAX_TAG)
		return EINVAL;
	c->suite = suite_of(suite);
	if (!c->suite)
		return ENOTSUP;
	err = read_key(c, key);
	while (!err && value.n) {
		struct str parameter = sdp_word(&value);

		if (parameter.n && !may_ignore(parameter))
			err = ENOTSUP;
	}
	return err;
}

bool sdp_crypto_next(const struct sdp_media *m, size_t *pos, struct sdp_crypto *c)
{
	while (*pos < m->nattributes) {
		const struct sdp_attribute *a = &m->attributes[(*pos)++];

		if (str_ieq(a->name, STR("crypto")) && !read_crypto(c, a->value))
			return true;
	}
	return false;
}

static bool has_attribute(const struct sdp_attribute *a, size_t n, struct str name)
{
	for (size_t i = 0; i < n; i++)
		if (str_ieq(a[i].name, name))
			return true;
	return false;
}

/* The line whose transport it shares. */
static const struct sdp_media *tag_of(const struct sdp *s, const struct sdp_media *m)
{
	return &s->media[sdp_bundle_tag(s, (size_t)(m - s->media))];
}

enum sdp_protection sdp_protection_of(const struct sdp *s, const struct sdp_media *m)
{
	struct sdp_crypto c;
	size_t pos = 0;
	const struct sdp_media *tag = tag_of(s, m);
	bool has_fingerprint;

	if (!sdp_proto_is_rtp(m->proto))
		return SDP_PLAIN;
	has_fingerprint = has_attribute(m->attributes, m->nattributes, STR("fingerprint")) ||
			  has_attribute(tag->attributes, tag->nattributes, STR("fingerprint")) ||
			  has_attribute(s->attributes, s->nattributes, STR("fingerprint"));
	if (str_starts(m->proto, STR("UDP/TLS/")))
		return has_fingerprint ? SDP_DTLS : SDP_CLOSED;
	if (sdp_crypto_next(m, &pos, &c))
		return SDP_SDES;
	if (!sdp_is_secure_profile(m->proto))
		return SDP_PLAIN;
	return has_fingerprint ? SDP_DTLS : SDP_CLOSED;
}

void sdp_write_crypto(struct buf *out, const struct sdp_crypto *c)
{
	char text[sodium_base64_ENCODED_LEN(SDP_KEY_BYTES, sodium_base64_VARIANT_ORIGINAL)];

	sodium_bin2base64(text, sizeof(text), c->key, suites[c->suite].bytes,
			  sodium_base64_VARIANT_ORIGINAL);
	buf_printf(out, "a=crypto:%u %s inline:%s\r\n", c->tag, suites[c->suite].name.p, text);
}

/* ---- DTLS and ICE ---- */

size_t sdp_hash_bytes(unsigned hash)
{
	return hash == SDP_HASH_SHA256	 ? 32
	       : hash == SDP_HASH_SHA384 ? 48
	       : hash == SDP_HASH_SHA512 ? 64
					 : 0;
}

static const struct str hash_names[] = {
	[SDP_HASH_NONE] = {"", 0},
	[SDP_HASH_SHA256] = {"sha-256", 7},
	[SDP_HASH_SHA384] = {"sha-384", 7},
	[SDP_HASH_SHA512] = {"sha-512", 7},
};

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
				      : -1;
}

/* "sha-256 AB:CD:…" */
static bool read_fingerprint(struct sdp_fingerprint *f, struct str value)
{
	struct str name = sdp_word(&value), hex = str_trim(value);
	unsigned hash = SDP_HASH_SHA512;
	size_t n;

	while (hash && !str_ieq(name, hash_names[hash]))
		hash--;
	n = sdp_hash_bytes(hash);
	if (!hash || hex.n != n * 3 - 1)
		return false;
	for (size_t i = 0; i < n; i++) {
		int high = hex_digit(hex.p[3 * i]), low = hex_digit(hex.p[3 * i + 1]);

		if (high < 0 || low < 0 || (i + 1 < n && hex.p[3 * i + 2] != ':'))
			return false;
		f->bytes[i] = (uint8_t)(high << 4 | low);
	}
	f->hash = (uint8_t)hash;
	return true;
}

static enum sdp_setup setup_of(struct str value)
{
	if (str_ieq(value, STR("active")))
		return SDP_SETUP_ACTIVE;
	if (str_ieq(value, STR("passive")))
		return SDP_SETUP_PASSIVE;
	return str_ieq(value, STR("actpass")) ? SDP_SETUP_ACTPASS : SDP_SETUP_NONE;
}

/* What is known already stays. */
static void read_dtls(struct sdp_dtls *d, const struct sdp_attribute *a, size_t n)
{
	bool has_fingerprint = d->fingerprint.hash != 0;

	for (size_t i = 0; i < n; i++) {
		struct str value = str_trim(a[i].value);

		if (!has_fingerprint && str_ieq(a[i].name, STR("fingerprint"))) {
			struct sdp_fingerprint f = {0};

			if (read_fingerprint(&f, value) && f.hash > d->fingerprint.hash)
				d->fingerprint = f;
		} else if (!d->setup && str_ieq(a[i].name, STR("setup"))) {
			d->setup = setup_of(value);
		} else if (!d->ufrag.n && str_ieq(a[i].name, STR("ice-ufrag"))) {
			d->ufrag = value;
		} else if (!d->password.n && str_ieq(a[i].name, STR("ice-pwd"))) {
			d->password = value;
		}
	}
}

int sdp_dtls_of(const struct sdp *s, const struct sdp_media *m, struct sdp_dtls *d)
{
	const struct sdp_media *tag = tag_of(s, m);

	memset(d, 0, sizeof(*d));
	read_dtls(d, m->attributes, m->nattributes);
	if (tag != m) /* RFC 9143 7.1.3: what all share stands there only */
		read_dtls(d, tag->attributes, tag->nattributes);
	read_dtls(d, s->attributes, s->nattributes);
	d->rtcp_mux = m->rtcp_mux || tag->rtcp_mux;
	if (!d->ufrag.n || !d->password.n)
		d->ufrag = d->password = STR_NONE;
	return d->fingerprint.hash ? 0 : ENOENT;
}

void sdp_write_dtls(struct buf *out, const struct sdp_fingerprint *f, enum sdp_setup setup)
{
	static const char *const names[] = {
		[SDP_SETUP_ACTIVE] = "active",
		[SDP_SETUP_PASSIVE] = "passive",
		[SDP_SETUP_ACTPASS] = "actpass",
	};

	buf_printf(out, "a=fingerprint:%s", hash_names[f->hash].p);
	for (size_t i = 0; i < sdp_hash_bytes(f->hash); i++)
		buf_printf(out, "%c%02X", i ? ':' : ' ', f->bytes[i]);
	buf_printf(out, "\r\na=setup:%s\r\n", names[setup]);
}

void sdp_write_ice(struct buf *out, const struct sdp_ice *ice, const struct addr *rtp,
		   bool rtcp_mux)
{
	char ip[ADDR_STR_BYTES];

	addr_ip_str(ip, rtp);
	buf_printf(out, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\n", ice->ufrag, ice->password);
	/* RFC 8445 5.1.2.1: type preference 126, the only address, component 1 (RTP) or 2 */
	buf_printf(out, "a=candidate:1 1 UDP 2130706431 %s %u typ host\r\n", ip, rtp->port);
	if (!rtcp_mux)
		buf_printf(out, "a=candidate:1 2 UDP 2130706430 %s %u typ host\r\n", ip,
			   rtp->port + 1u);
	buf_str(out, STR("a=end-of-candidates\r\n"));
}
