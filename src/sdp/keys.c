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

enum sdp_protection sdp_protection_of(const struct sdp *s, const struct sdp_media *m)
{
	struct sdp_crypto c;
	size_t pos = 0;
	bool has_fingerprint;

	if (!sdp_proto_is_rtp(m->proto))
		return SDP_PLAIN;
	has_fingerprint = has_attribute(m->attributes, m->nattributes, STR("fingerprint")) ||
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
