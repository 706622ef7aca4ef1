/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * RFC 9143: m-lines that share one transport, that of the first of their group which is in use.
 */
#include "sdp/lines.h"

struct str sdp_mid(const struct sdp_media *m)
{
	for (size_t i = 0; i < m->nattributes; i++)
		if (str_ieq(m->attributes[i].name, STR("mid")))
			return m->attributes[i].value;
	return STR_NONE;
}

/* The names behind "BUNDLE" in the session's group; empty: none. */
static struct str group_of(const struct sdp *s)
{
	for (size_t i = 0; i < s->nattributes; i++) {
		struct str names = s->attributes[i].value;

		if (str_ieq(s->attributes[i].name, STR("group")) &&
		    str_ieq(sdp_word(&names), STR("BUNDLE")))
			return names;
	}
	return STR_NONE;
}

static size_t line_of(const struct sdp *s, struct str mid)
{
	for (size_t i = 0; mid.n && i < s->nmedia; i++)
		if (str_eq(sdp_mid(&s->media[i]), mid))
			return i;
	return s->nmedia;
}

static bool is_bundle_only(const struct sdp_media *m)
{
	for (size_t i = 0; i < m->nattributes; i++)
		if (str_ieq(m->attributes[i].name, STR("bundle-only")))
			return true;
	return false;
}

bool sdp_is_bundled(const struct sdp *s, size_t i)
{
	struct str names = group_of(s), mid = sdp_mid(&s->media[i]);

	while (names.n && mid.n)
		if (str_eq(sdp_word(&names), mid))
			return true;
	return false;
}

size_t sdp_bundle_tag(const struct sdp *s, size_t i)
{
	struct str names = group_of(s);

	if (!sdp_is_bundled(s, i))
		return i;
	while (names.n) {
		size_t tag = line_of(s, sdp_word(&names));

		if (tag < s->nmedia && s->media[tag].port && !is_bundle_only(&s->media[tag]))
			return tag;
	}
	return i;
}

/* A line with port 0 that may be had with the others only is offered all the same. */
void sdp_bundle_finish(struct sdp *s)
{
	for (size_t i = 0; i < s->nmedia; i++) {
		struct sdp_media *m = &s->media[i];
		size_t tag;

		if (m->port || !is_bundle_only(m))
			continue;
		tag = sdp_bundle_tag(s, i);
		if (tag == i)
			continue;
		m->port = s->media[tag].port;
		m->rtp = s->media[tag].rtp;
		m->rtcp = s->media[tag].rtcp;
		m->is_held = s->media[tag].is_held;
	}
}
