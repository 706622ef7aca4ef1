/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The size of H.264 pictures, as their sequence parameter set has it: ITU-T H.264 7.3.2.1.1, 7.4.2.1.1.
 */
#include "media/video.h"

enum { MAX_DIMENSION = 16384, MACROBLOCK = 16 };

struct bits {
	const uint8_t *p;
	size_t n, at; /* at: bit */
	unsigned zeros;
	bool is_over;
};

/* A byte 3 behind two zeros is no part of what is said. */
static unsigned bit(struct bits *b)
{
	unsigned x;

	if (b->at % 8 == 0 && b->at / 8 < b->n) {
		if (b->zeros >= 2 && b->p[b->at / 8] == 3) {
			b->at += 8;
			b->zeros = 0;
		}
		if (b->at / 8 < b->n)
			b->zeros = b->p[b->at / 8] ? 0 : b->zeros + 1;
	}
	if (b->at / 8 >= b->n) {
		b->is_over = true;
		return 0;
	}
	x = b->p[b->at / 8] >> (7 - b->at % 8) & 1;
	b->at++;
	return x;
}

static uint32_t number(struct bits *b, unsigned n)
{
	uint32_t x = 0;

	while (n--)
		x = x << 1 | bit(b);
	return x;
}

/* Exponential Golomb; more than 16 bits are of no use here. */
static uint32_t golomb(struct bits *b)
{
	unsigned n = 0;

	while (!bit(b) && !b->is_over)
		if (++n > 16)
			b->is_over = true;
	return b->is_over ? 0 : (1u << n) - 1 + number(b, n);
}

static void skip_scaling(struct bits *b, unsigned n)
{
	int32_t last = 8, next = 8;

	for (unsigned i = 0; i < n && !b->is_over; i++) {
		if (next) {
			uint32_t k = golomb(b);
			int32_t delta = k % 2 ? (int32_t)(k / 2 + 1) : -(int32_t)(k / 2);

			next = (last + delta + 256) % 256;
		}
		last = next ? next : last;
	}
}

static bool has_chroma(uint8_t profile)
{
	static const uint8_t high[] = {100, 110, 122, 244, 44,	83, 86,
				       118, 128, 138, 139, 134, 135};

	for (size_t i = 0; i < ARRAY_LEN(high); i++)
		if (high[i] == profile)
			return true;
	return false;
}

static uint32_t skip_chroma(struct bits *b)
{
	uint32_t chroma = golomb(b);
	unsigned lists = chroma == 3 ? 12 : 8;

	if (chroma == 3 && bit(b))
		chroma = 0; /* planes by themselves: cropped as if there was no colour */
	(void)golomb(b);    /* depth of each */
	(void)golomb(b);
	(void)bit(b);
	if (bit(b))
		for (unsigned i = 0; i < lists && !b->is_over; i++)
			if (bit(b))
				skip_scaling(b, i < 6 ? 16 : 64);
	return chroma;
}

static void skip_order(struct bits *b)
{
	uint32_t type = golomb(b), n;

	if (type == 0) {
		(void)golomb(b);
	} else if (type == 1) {
		(void)bit(b);
		(void)golomb(b);
		(void)golomb(b);
		n = golomb(b);
		for (uint32_t i = 0; i < n && !b->is_over; i++)
			(void)golomb(b);
	}
}

static uint32_t cut(uint32_t whole, uint32_t before, uint32_t behind, uint32_t unit)
{
	uint32_t off = (before + behind) * unit;

	return off < whole ? whole - off : 0;
}

bool video_set_size(const uint8_t *p, size_t n, uint16_t *width, uint16_t *height)
{
	struct bits b = {.p = p, .n = n, .at = 8};
	uint32_t chroma = 1, w, h, fields, crop[4] = {0};
	uint8_t profile;

	profile = (uint8_t)number(&b, 8);
	(void)number(&b, 16); /* constraints, level */
	(void)golomb(&b);
	if (has_chroma(profile))
		chroma = skip_chroma(&b);
	(void)golomb(&b); /* how frames are numbered */
	skip_order(&b);
	(void)golomb(&b); /* reference frames */
	(void)bit(&b);
	w = (golomb(&b) + 1) * MACROBLOCK;
	h = (golomb(&b) + 1) * MACROBLOCK;
	fields = bit(&b) ? 1 : 2;
	h *= fields;
	if (fields == 2)
		(void)bit(&b);
	(void)bit(&b);
	if (bit(&b))
		for (size_t i = 0; i < ARRAY_LEN(crop); i++)
			crop[i] = golomb(&b);
	w = cut(w, crop[0], crop[1], chroma == 1 || chroma == 2 ? 2 : 1);
	h = cut(h, crop[2], crop[3], (chroma == 1 ? 2 : 1) * fields);
	if (b.is_over || !w || !h || w > MAX_DIMENSION || h > MAX_DIMENSION)
		return false;
	*width = (uint16_t)w;
	*height = (uint16_t)h;
	return true;
}
