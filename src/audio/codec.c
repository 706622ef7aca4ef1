/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "audio/backend.h"

static const struct codec codecs[CODEC_COUNT] = {
#define CODEC(id, name, pt, clock_hz, rate_hz, channels, samples, bytes)                           \
	[CODEC_##id] = {{name, sizeof(name) - 1}, pt, clock_hz, rate_hz, channels, samples, bytes},
#include "audio/codecs.def"
#undef CODEC
};

const struct codec *codec_get(enum codec_id id)
{
	BUG(id >= CODEC_COUNT);
	return id == CODEC_NONE ? NULL : &codecs[id];
}

enum codec_id codec_find(struct str name, uint32_t clock_hz, unsigned channels)
{
	for (unsigned id = CODEC_NONE + 1; id < CODEC_COUNT; id++) {
		const struct codec *c = &codecs[id];

		if (c->clock_hz == clock_hz && c->channels == (channels ? channels : 1) &&
		    str_ieq(c->name, name))
			return id;
	}
	return CODEC_NONE;
}

enum codec_id codec_by_pt(uint8_t pt)
{
	for (unsigned id = CODEC_NONE + 1; id < CODEC_COUNT; id++)
		if (codecs[id].pt == pt && pt != CODEC_DYNAMIC)
			return id;
	return CODEC_NONE;
}

const struct codec_backend *backend_get(enum codec_id id)
{
	switch (id) {
	case CODEC_PCMU:
		return &backend_pcmu;
	case CODEC_PCMA:
		return &backend_pcma;
	case CODEC_G722:
		return &backend_g722;
	case CODEC_G726:
		return &backend_g726;
	case CODEC_G729:
		return &backend_g729;
	case CODEC_GSM:
		return &backend_gsm;
	case CODEC_OPUS:
		return &backend_opus;
	case CODEC_NONE:
	case CODEC_COUNT:
		break;
	}
	BUG(true);
	return NULL;
}

uint32_t backend_rate(enum codec_id id, uint32_t rate_hz)
{
	const struct codec_backend *b = backend_get(id);

	return b->any_rate || b->also_hz == rate_hz ? rate_hz : codec_get(id)->rate_hz;
}
