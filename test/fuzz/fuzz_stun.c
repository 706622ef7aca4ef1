/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Connectivity checks, as they come, and with the mac put right so that what stands before it is read to its end.
 *
 * Input: one byte (bit 0: put the mac right), then the message, or its attributes.
 */
#include "fuzz.h"
#include "media/check_fixture.h"

static const char ufrag[] = "ours", password[] = "password-of-ours-000000";

static void judge(const uint8_t *p, size_t n, bool is_signed)
{
	struct addr from = {.family = (uint8_t)(n % 2 ? 4 : 6), .port = (uint16_t)n};
	uint8_t out[CHECK_ANSWER_BYTES];
	struct ice_check c;

	if (check_read(&c, p, n, str_of(ufrag), str_of(password)))
		return;
	MUST(is_signed);
	n = check_answer(out, &c, &from, str_of(password));
	MUST(n > STUN_HEAD_BYTES && n <= sizeof(out) && stun_is(out, n));
	/* An answer is no request: two of us do not talk for ever. */
	MUST(check_read(&c, out, n, str_of(ufrag), str_of(password)) == EBADMSG);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	uint8_t m[1500] = {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42};
	uint8_t mac[20];
	unsigned nmac = sizeof(mac);
	size_t at = STUN_HEAD_BYTES;

	if (!n || n > 1024)
		return 0;
	if (!(p[0] & 1)) {
		judge(p + 1, n - 1, false);
		return 0;
	}
	n = (n - 1) & ~(size_t)3;
	memcpy(m + at, p + 1, n);
	at += n;
	m[2] = (uint8_t)((n + 24) >> 8);
	m[3] = (uint8_t)(n + 24);
	MUST(HMAC(EVP_sha1(), password, (int)strlen(password), m, at, mac, &nmac));
	at += check_attribute(m + at, 0x0008, mac, sizeof(mac));
	judge(m, at, true);
	return 0;
}
