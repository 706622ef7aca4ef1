/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include "sdp/choose.h"

enum { FIRST_DYNAMIC = 96 };

/* What a codec is called in a list, and its encodings. */
static const struct {
	struct str name, encodings[3];
} codecs[] = {
#define S(text)                                                                                    \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}
	{S("PCMA"), {S("PCMA")}}, {S("PCMU"), {S("PCMU")}},
	{S("G722"), {S("G722")}}, {S("G726"), {S("G726-32"), S("AAL2-G726-32"), S("G721")}},
	{S("G729"), {S("G729")}}, {S("GSM"), {S("GSM")}},
	{S("OPUS"), {S("opus")}}, {S("H261"), {S("H261")}},
	{S("H263"), {S("H263")}}, {S("H263+"), {S("H263-1998"), S("H263-2000")}},
	{S("H264"), {S("H264")}}, {S("VP8"), {S("VP8")}},
#undef S
};

static bool is_codec(size_t i, const struct sdp_format *f)
{
	for (size_t j = 0; j < ARRAY_LEN(codecs[i].encodings); j++)
		if (codecs[i].encodings[j].n && str_ieq(codecs[i].encodings[j], f->encoding))
			return true;
	return false;
}

static size_t codec_named(struct str name)
{
	size_t i = 0;

	while (i < ARRAY_LEN(codecs) && !str_ieq(codecs[i].name, name))
		i++;
	return i;
}

static bool repairs(const struct sdp_format *f)
{
	static const struct str names[] = {
		{"rtx", 3}, {"red", 3}, {"ulpfec", 6}, {"flexfec-03", 10}, {"flexfec", 7}};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_ieq(f->encoding, names[i]))
			return true;
	return false;
}

static bool is_beside(const struct sdp_format *f)
{
	return repairs(f) || str_ieq(f->encoding, STR("telephone-event")) ||
	       str_ieq(f->encoding, STR("CN"));
}

static bool has(const struct sdp_format *all, size_t n, struct str number)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(all[i].text, number))
			return true;
	return false;
}

/* What it repairs, when that is one: "apt=96". */
static struct str repaired(const struct sdp_format *f)
{
	struct str rest = f->fmtp;

	while (rest.n) {
		struct str value = str_trim(str_cut(&rest, ';')), name = str_cut(&value, '=');

		if (str_ieq(name, STR("apt")))
			return value;
	}
	return STR_NONE;
}

size_t sdp_choose(const struct sdp_media *m, struct str list, struct sdp_format *out)
{
	size_t n = 0, ncodecs;

	while (list.n && n < SDP_MAX_FORMATS) {
		size_t codec = codec_named(str_trim(str_cut(&list, ',')));

		for (size_t i = 0; codec < ARRAY_LEN(codecs) && i < m->nformats; i++)
			if (n < SDP_MAX_FORMATS && is_codec(codec, &m->formats[i]) &&
			    !has(out, n, m->formats[i].text))
				out[n++] = m->formats[i];
	}
	ncodecs = n;
	for (size_t i = 0; ncodecs && i < m->nformats; i++) {
		struct str of = repaired(&m->formats[i]);

		if (n < SDP_MAX_FORMATS && is_beside(&m->formats[i]) &&
		    !has(out, n, m->formats[i].text) && (!of.n || has(out, ncodecs, of)))
			out[n++] = m->formats[i];
	}
	return n;
}

bool sdp_is_of_another(const struct sdp_attribute *a, const struct sdp_format *formats, size_t n)
{
	struct str number = a->value;

	if (!str_ieq(a->name, STR("rtpmap")) && !str_ieq(a->name, STR("fmtp")) &&
	    !str_ieq(a->name, STR("rtcp-fb")))
		return false;
	number = str_cut(&number, ' ');
	return !has(formats, n, number) && !str_eq(number, STR("*"));
}

/* What is said of the others goes with them. */
static void keep(struct sdp_media *m, const struct sdp_format *formats, size_t n)
{
	size_t kept = 0;

	memcpy(m->formats, formats, n * sizeof(*formats));
	m->nformats = n;
	for (size_t i = 0; i < m->nattributes; i++)
		if (!sdp_is_of_another(&m->attributes[i], formats, n))
			m->attributes[kept++] = m->attributes[i];
	m->nattributes = kept;
}

bool sdp_restrict(struct sdp_media *m, struct str list)
{
	struct sdp_format chosen[SDP_MAX_FORMATS];
	size_t n = sdp_choose(m, list, chosen);

	if (n)
		keep(m, chosen, n);
	return n != 0;
}

/* A number below 96 says it, whatever else is said of it: devices are wrong about the clock of G.722 (RFC 3551 4.5.2). */
static bool is_format(const struct sdp_format *a, const struct sdp_format *b)
{
	bool is_number = str_eq(a->text, b->text);

	if (is_number && a->pt < FIRST_DYNAMIC)
		return true;
	if (!a->encoding.n || !b->encoding.n)
		return is_number;
	return str_ieq(a->encoding, b->encoding) && a->clock_hz == b->clock_hz;
}

static bool offers(const struct sdp_media *offer, const struct sdp_format *f)
{
	for (size_t i = 0; i < offer->nformats; i++)
		if (is_format(&offer->formats[i], f))
			return true;
	return false;
}

bool sdp_keep_offered(struct sdp_media *answer, const struct sdp_media *offer)
{
	struct sdp_format kept[SDP_MAX_FORMATS];
	size_t n = 0;

	if (!sdp_proto_is_rtp(answer->proto) || !sdp_proto_is_rtp(offer->proto))
		return true;
	for (size_t i = 0; i < answer->nformats; i++)
		if (offers(offer, &answer->formats[i]))
			kept[n++] = answer->formats[i];
	if (n && n < answer->nformats)
		keep(answer, kept, n);
	return n != 0;
}
