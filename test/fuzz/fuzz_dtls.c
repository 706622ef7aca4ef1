/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What stands before media: hand-shakes and checks from the device, from strangers and from checked pairs, whole and broken.  Nobody here has
 * the certificate, so nothing may ever give keys.
 *
 * Input: one byte (bit 0: we begin, 1: ICE, 2: somebody has been checked), then packets: a byte (bits 0-1: source, 7: time passes), a
 * byte of length, the bytes.
 */
#include "fuzz.h"
#include "media/dtls.h"
#include "media/check_fixture.h"
#include "media/web.h"

static struct dtls_identity *ours;

static void say_all(struct web *w, bool may_say)
{
	uint8_t p[4096];
	struct addr to;
	size_t n, total = 0;

	while ((n = web_take(w, p, sizeof(p), &to))) {
		MUST(n <= sizeof(p) && to.family && may_say);
		total += n;
		MUST(total < 65536);
	}
}

static struct web *begin(uint8_t how, uint64_t now_us)
{
	const char password[] = "password-of-ours-000000";
	struct media_dtls conf = {.is_client = how & 1, .rtcp_mux = true};
	struct addr peer = {.family = 4, .port = 4000, .ip = {192, 0, 2, 1}};
	uint8_t p[CHECK_MAX_BYTES];
	struct web *w;

	conf.theirs.hash = SDP_HASH_SHA256;
	if (how & 2) {
		str_fit(conf.ours.ufrag, sizeof(conf.ours.ufrag), STR("ours"));
		str_fit(conf.ours.password, sizeof(conf.ours.password), str_of(password));
	}
	if (web_alloc(&w, ours, &conf, &peer))
		return NULL;
	if ((how & 6) == 6)
		MUST(web_packet(w, &peer, false, p, check_make(p, "ours:x", password, 0), now_us) ==
		     WEB_PAIR);
	return w;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	uint64_t now_us = 1000000000;
	struct web *w;
	bool may_say;
	uint8_t how;

	if (!n)
		return 0;
	if (!ours)
		MUST(!dtls_identity_alloc(&ours));
	how = p[0];
	p++;
	n--;
	w = begin(how, now_us);
	MUST(w);
	may_say = (how & 6) != 2; /* with ICE not before a check, which nobody else can make */
	for (unsigned i = 0; n >= 2 && i < 16; i++) {
		struct addr src = {.family = 4, .port = 4000, .ip = {192, 0, 2, 1}};
		size_t take = p[1] < n - 2 ? p[1] : n - 2;
		uint8_t *exact = malloc(take ? take : 1);

		MUST(exact);
		memcpy(exact, p + 2, take);
		src.ip[3] = (uint8_t)(src.ip[3] + (p[0] & 3));
		MUST(web_packet(w, &src, !(p[0] & 3), exact, take, now_us) != WEB_KEYS);
		free(exact);
		if (p[0] & 128) {
			now_us += 1000000;
			(void)!web_sweep(w, now_us);
		}
		say_all(w, may_say);
		p += 2 + take;
		n -= 2 + take;
	}
	web_free(w);
	return 0;
}
