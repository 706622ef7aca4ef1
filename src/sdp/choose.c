/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include "sdp/choose.h"

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

bool sdp_restrict(struct sdp_media *m, struct str list)
{
	struct sdp_format chosen[SDP_MAX_FORMATS];
	size_t n = sdp_choose(m, list, chosen);

	if (!n)
		return false;
	memcpy(m->formats, chosen, n * sizeof(*chosen));
	m->nformats = n;
	return true;
}
