/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sodium.h>
#include <string.h>
#include "base/mem.h"
#include "sip/nonce.h"

enum {
	MAC_BYTES = crypto_shorthash_siphashx24_BYTES,
	CLEAR_BYTES = 12, /* issued_ms, serial: big endian */
	NONCE_BYTES = CLEAR_BYTES + MAC_BYTES,
};
_Static_assert(NONCE_BYTES * 2 == SIP_NONCE_CHARS, "hex text");

struct used {
	uint64_t issued_ms; /* 0: free */
	uint32_t serial;
	uint32_t highest; /* count */
};

struct bucket {
	struct used used[SIP_NONCE_WAYS];
	uint64_t forgotten_ms; /* nonces issued until then, and not found here, are stale */
};

struct sip_nonces {
	uint8_t key[crypto_shorthash_siphashx24_KEYBYTES];
	uint64_t life_ms;
	uint32_t next_serial; /* spreads over the buckets; nobody else can choose it */
	struct bucket *buckets;
};

int sip_nonces_alloc(struct sip_nonces **np, struct rng *rng, uint64_t life_ms)
{
	struct sip_nonces *n = mem_alloc(sizeof(*n));
	int err = 0;

	if (!n)
		return ENOMEM;
	rng->fill(rng, n->key, sizeof(n->key));
	n->life_ms = life_ms;
	n->buckets = mem_alloc(SIP_NONCE_BUCKETS * sizeof(*n->buckets));
	if (!n->buckets)
		err = ENOMEM;
	if (err)
		n = sip_nonces_free(n);
	else
		*np = n;
	return err;
}

struct sip_nonces *sip_nonces_free(struct sip_nonces *n)
{
	if (n) {
		mem_free(n->buckets);
		sodium_memzero(n->key, sizeof(n->key));
		mem_free(n);
	}
	return NULL;
}

static void put(uint8_t *p, uint64_t v, size_t n)
{
	while (n--) {
		p[n] = (uint8_t)v;
		v >>= 8;
	}
}

static uint64_t get(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

static void make_mac(const struct sip_nonces *n, uint8_t mac[MAC_BYTES],
		     const uint8_t clear[CLEAR_BYTES], struct str realm)
{
	uint8_t text[MAC_BYTES + CLEAR_BYTES];
	const unsigned char *p = realm.p ? (const unsigned char *)realm.p : text;

	crypto_shorthash_siphashx24(text, p, realm.n, n->key);
	memcpy(text + MAC_BYTES, clear, CLEAR_BYTES);
	crypto_shorthash_siphashx24(mac, text, sizeof(text), n->key);
}

void sip_nonce_make(struct sip_nonces *n, char dst[SIP_NONCE_CHARS + 1], struct str realm,
		    uint64_t now_ms)
{
	uint8_t bytes[NONCE_BYTES];

	put(bytes, now_ms + 1, 8); /* 0 means none */
	put(bytes + 8, n->next_serial++, 4);
	make_mac(n, bytes + CLEAR_BYTES, bytes, realm);
	sodium_bin2hex(dst, SIP_NONCE_CHARS + 1, bytes, sizeof(bytes));
}

static bool decode(uint8_t bytes[NONCE_BYTES], struct str nonce)
{
	size_t n;

	return nonce.n == SIP_NONCE_CHARS && !hex_decode(bytes, NONCE_BYTES, nonce, &n) &&
	       n == NONCE_BYTES;
}

bool sip_nonce_fresh(const struct sip_nonces *n, struct str nonce, struct str realm,
		     uint64_t now_ms)
{
	uint8_t bytes[NONCE_BYTES], mac[MAC_BYTES];
	uint64_t issued_ms;

	if (!decode(bytes, nonce))
		return false;
	make_mac(n, mac, bytes, realm);
	if (sodium_memcmp(mac, bytes + CLEAR_BYTES, MAC_BYTES))
		return false;
	issued_ms = get(bytes, 8);
	return issued_ms <= now_ms + 1 && now_ms + 1 - issued_ms <= n->life_ms;
}

static struct used *remember(struct bucket *b, uint64_t issued_ms, uint32_t serial)
{
	struct used *oldest = &b->used[0];

	for (size_t i = 0; i < SIP_NONCE_WAYS; i++) {
		struct used *u = &b->used[i];

		if (u->issued_ms == issued_ms && u->serial == serial)
			return u;
		if (u->issued_ms < oldest->issued_ms)
			oldest = u;
	}
	if (issued_ms <= b->forgotten_ms)
		return NULL;
	if (oldest->issued_ms > b->forgotten_ms)
		b->forgotten_ms = oldest->issued_ms;
	*oldest = (struct used){issued_ms, serial, 0};
	return oldest;
}

bool sip_nonce_use(struct sip_nonces *n, struct str nonce, uint32_t count)
{
	uint8_t bytes[NONCE_BYTES];
	struct used *u;
	uint32_t serial;

	if (!decode(bytes, nonce))
		return false;
	serial = (uint32_t)get(bytes + 8, 4);
	u = remember(&n->buckets[serial % SIP_NONCE_BUCKETS], get(bytes, 8), serial);
	if (!u || count <= u->highest)
		return false;
	u->highest = count;
	return true;
}
